//! The arguments, declared; nothing here looks at the environment.

mod apply;
mod fleet;
mod report;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::key::Selector;

pub use apply::ApplyArgs;
pub use fleet::FleetArgs;
pub use report::ReportArgs;

/// Plans, applies and persists kernel-parameter baselines.
#[derive(Debug, Parser)]
#[command(name = "tunectl", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Look for everything below DIR, /proc/sys included
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        value_name = "DIR",
        default_value = "/"
    )]
    pub root: PathBuf,

    /// How to print the result
    #[arg(long, global = true, help_heading = "Everywhere", value_enum, default_value = "text")]
    pub format: Asked,

    /// When to use colours; NO_COLOR turns `auto` off
    #[arg(long, global = true, help_heading = "Everywhere", value_enum, default_value = "auto")]
    pub color: Color,

    /// Say more: sources, meanings, details of what is in sync
    #[arg(short, long, global = true, help_heading = "Everywhere", action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print the result only, no hints and no warnings
    #[arg(short, long, global = true, help_heading = "Everywhere", conflicts_with = "verbose")]
    pub quiet: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 done or in sync; 1 error; 2 with --detailed-exitcode where \
something would change or is not in sync; 3 refused (a guard, a stale plan, the lock held).";

const MARKS: &str = "\
Marks: ~ something changes; = in sync, now and after a reboot; ! cannot be as required; ? not there \
yet, or its next boot is not known; - left alone; < comes back as it was before tunectl.\n\
Words: \"blocked\" is what an apply cannot bring in sync (absent, unreadable, read-only, kept by the \
kernel, overridden at boot by a file that is read later); \"pending\" is not there yet (a module, an \
interface), persisted all the same; \"boot not known\": a file that counts could not be looked into; \
\"drop-in to refresh\": only its words change.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what the kernel runs, what the baseline wants, what the next boot would set
    ///
    /// Changes nothing and needs no root; parameters that only root may read are marked.
    #[command(after_long_help = MARKS)]
    Plan(PlanArgs),
    /// Carry a baseline out: live, and in /etc/sysctl.d/99-tunectl.conf
    ///
    /// All or nothing: where one write is refused, those before it are put back and nothing is
    /// persisted. What this kernel lacks or nobody can write is left out; the others are applied and
    /// persisted, and the exit code is 1. With --boot, as far as it goes.
    Apply(ApplyArgs),
    /// Keep what `apply --confirm-within` has written: persist exactly that
    ///
    /// Without it everything is put back at the end of the time; with --cancel at once.
    Confirm(ConfirmArgs),
    /// Give back what tunectl has written: as it was before, live and at the next boot
    ///
    /// Shows what would come back, and asks. What somebody else has changed since is left alone
    /// and told; what only a reboot undoes is named. The drop-in is taken away, or out of it what
    /// is named; the boot unit and the daemon then leave these alone, also after a reboot, until
    /// the next `tunectl apply`. Where nothing is to come back, this host's own baseline is let go
    /// all the same, if there is one. All or nothing, as an apply.
    Rollback(RollbackArgs),
    /// Hold this host's own baseline: put right within microseconds what anything changes
    ///
    /// Runs until SIGTERM, which leaves every value as it is; SIGHUP reads the baseline again. As
    /// a service: tunectl.service.
    Watch(WatchArgs),
    /// Let a parameter go for a while, so that others may change it
    ///
    /// The daemon neither restores nor prevents it until then, and takes it back by itself; with
    /// --end it does so now.
    #[command(override_usage = "tunectl unlock <KEY> --for <TIME> --reason <TEXT>\n       \
                                tunectl unlock <KEY> --end")]
    Unlock(UnlockArgs),
    /// Show how this host stands, what this boot found and what has changed since
    ///
    /// The baseline is this host's own, /etc/tunectl/baseline.yaml. Changes nothing and needs no root.
    Status(StatusArgs),
    /// Report how this host stands, for readers far away: fleets, Prometheus, CI
    ///
    /// Both axes of each parameter, what is pending, contested or waived, what has drifted since
    /// the boot and in the last 24 hours and who did it, and what the boot found. Changes nothing
    /// and needs no root; drift is for root and the group adm. With --format json it is one line
    /// (`tunectl schema report` has its JSON Schema), with --format prometheus what node_exporter's
    /// textfile collector reads, with --format junit a test case for each parameter.
    Report(ReportArgs),
    /// Put many hosts' reports into one answer, with a gate for rollouts
    ///
    /// Of several reports of a host the newest counts. Exit codes: 0 done, and the gate lets the
    /// rollout go on; 2 it stops it; 1 there is no report, or a file that cannot be read, or cannot
    /// be read to its end. A damaged line costs that line, and so does a file with nothing in it, or
    /// no report: it is told, counted as `unreadable`, and changes the exit code only through the
    /// gate (`unreadable=0`).
    Fleet(FleetArgs),
    /// List the baselines that -b takes by name, or print one
    ///
    /// A name is looked up in /etc/tunectl/baselines, then in /usr/share/tunectl/baselines, then
    /// among the built-in ones. What is printed is its text, to be read, or changed into one's own.
    Baselines(BaselinesArgs),
    /// Print a script that completes the arguments in a shell
    ///
    /// The packages install it; by hand, for bash: `tunectl completions bash` into
    /// /usr/share/bash-completion/completions/tunectl.
    Completions(CompletionsArgs),
    /// Print the JSON Schema of the baseline format or of a report, for editors and CI
    Schema(SchemaArgs),
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Look at every parameter that often, for what raises no event
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub sweep: u32,

    /// Corrections of one writer's changes within seconds that make a fight, as 20/60s, or `off`
    #[arg(long, value_name = "N/Ts", default_value = "20/60s")]
    pub contest_after: ContestAfter,

    /// Do not load the BPF program that names writers and prevents writes
    #[arg(long)]
    pub no_bpf: bool,

    /// Keep preventing what `on_drift: prevent` asks for when the daemon ends, until it starts again
    ///
    /// The BPF program is pinned below /sys/fs/bpf/tunectl. `tunectl unlock` lets a parameter go
    /// then, too. Whatever daemon starts next ends it, and without this option for good.
    #[arg(long, conflicts_with = "no_bpf")]
    pub pin: bool,

    /// Only say whether this host's baseline can be used, as ExecReload does before the daemon is
    /// told to read it again
    #[arg(long)]
    pub check: bool,

    /// Run CMD with /bin/sh for each event, which it gets on standard input as one line of JSON
    #[arg(long, value_name = "CMD")]
    pub on_drift: Option<String>,

    /// Write metrics into DIR for node_exporter's textfile collector; without it, where there is
    /// one, into /var/lib/prometheus/node-exporter
    #[arg(long, value_name = "DIR", help_heading = "Report")]
    pub textfile: Option<String>,

    /// Report further parameters, which the baseline does not set: a key or a pattern; repeatable
    #[arg(long, value_name = "SELECTOR", value_parser = Selector::parse, help_heading = "Report")]
    pub also: Vec<Selector>,
}

/// Arguments of `baselines`.
#[derive(Debug, Args)]
pub struct BaselinesArgs {
    /// Print this one: a name or a path
    pub name: Option<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value = "baseline")]
    pub of: SchemaOf,
}

/// What there is a JSON Schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The baseline format, version 1.
    Baseline,
    /// The host report, `tunectl/report/1`.
    Report,
}

/// When corrections become a fight; `None`: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContestAfter(pub Option<(u32, std::time::Duration)>);

impl std::str::FromStr for ContestAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let wrong = || format!("{text:?} is neither `off` nor a number and a time such as 20/60s");
        let (count, time) = text.split_once('/').ok_or_else(wrong)?;
        let count: u32 = count.parse().map_err(|_| wrong())?;
        let time = duration(time)?;
        if count == 0 || count > 10_000 || time.is_zero() {
            return Err(format!("{text:?}: from 1 to 10000 corrections, within more than no time"));
        }
        Ok(Self(Some((count, time))))
    }
}

/// A time such as `90s`, `10m`, `2h`, `1d`.
///
/// # Errors
/// What is wrong with it.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{text:?} is no time such as 90s, 10m, 2h or 1d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(std::time::Duration::from_secs(u64::from(count) * seconds))
}

/// Arguments of `unlock`.
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// The parameter
    #[arg(value_name = "KEY")]
    pub key: String,

    /// For how long, as 90s, 10m, 2h; at most 7d
    #[arg(
        long = "for",
        value_name = "TIME",
        value_parser = duration,
        required_unless_present = "end"
    )]
    pub time: Option<std::time::Duration>,

    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", required_unless_present = "end")]
    pub reason: Option<String>,

    /// Take it back now, before its time has ended
    #[arg(long, conflicts_with_all = ["time", "reason"])]
    pub end: bool,
}

/// Arguments of `confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// Do not keep it: put everything back now
    #[arg(long)]
    pub cancel: bool,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Only these: keys or patterns, such as 'net.ipv4.conf.*.rp_filter'; without any, everything
    #[arg(value_name = "KEY", value_parser = Selector::parse)]
    pub keys: Vec<Selector>,

    /// Show what would come back; change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Do not ask; without a terminal it is needed
    #[arg(short, long)]
    pub yes: bool,

    /// Give back the others where one is refused
    #[arg(long)]
    pub keep_going: bool,

    /// Override a guard, such as takes-memory; repeatable
    #[arg(long, value_name = "GUARD", value_parser = PossibleValuesParser::new(crate::catalogue::Hazard::GUARDS))]
    pub allow: Vec<String>,

    /// Wait that many seconds for another apply to end
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub lock_timeout: u32,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells that arguments are completed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash, with the package bash-completion.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Which baseline.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// A name or a path; without it, this host's own /etc/tunectl/baseline.yaml
    ///
    /// A name is looked up in /etc/tunectl/baselines, then in /usr/share/tunectl/baselines, then
    /// among the built-in ones.
    #[arg(short, long, value_name = "BASELINE")]
    pub baseline: Option<String>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "flattened: a doc comment would become help text")]
    pub baseline: BaselineArgs,

    /// Plan for another host, whose facts are in FILE (YAML)
    ///
    /// Its fields: hostname; kernel, a release; mem_total, a size as 64GiB; numa_nodes, a list of
    /// sizes or a number; virtualization, as none, kvm or container:docker; page_size and
    /// huge_page_size; thp_min_free, what khugepaged wants kept free, or none; systemd and
    /// boot_unit (tunectl-boot is enabled), true or false; today, a date; boot_id; description, any
    /// text. What FILE does not say is this machine's, as are live values and the next boot.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,

    /// Save the plan in FILE, for review: `tunectl apply FILE` then does exactly that, or nothing
    #[arg(long, value_name = "FILE", conflicts_with = "facts")]
    pub out: Option<PathBuf>,

    /// Exit with 2 when something would change or is not in sync
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Go on with each event as it happens, until interrupted; with --format json, only events, one
    /// a line
    #[arg(long, conflicts_with = "detailed_exitcode")]
    pub follow: bool,

    /// Exit with 2 when something is not in sync, now or after a reboot, or the host has no baseline
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Output formats, as they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Asked {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// For Prometheus: what node_exporter's textfile collector reads.
    #[value(hide = true)]
    Prometheus,
    /// For CI systems: a test case for each parameter.
    #[value(hide = true)]
    Junit,
}

/// Output formats that every command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
