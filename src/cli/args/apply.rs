//! The arguments of `apply`, declared.

use std::path::PathBuf;

use clap::Args;

use crate::key::Selector;

use super::{BaselineArgs, duration};

/// Arguments of `apply`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct ApplyArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "flattened: a doc comment would become help text")]
    pub baseline: BaselineArgs,

    /// A plan that `plan --out` saved: it is done as it was reviewed, or refused where anything
    /// has moved since
    #[arg(value_name = "PLAN", conflicts_with_all = ["baseline", "boot", "live_only"])]
    pub plan: Option<PathBuf>,

    /// Of a saved plan, show what it would be now; change nothing
    #[arg(long, requires = "plan")]
    pub rebase: bool,

    /// Write live values only: persist nothing, adopt nothing
    #[arg(long)]
    pub live_only: bool,

    /// Carry on where a write is refused, and persist what was accepted
    #[arg(long)]
    pub keep_going: bool,

    /// Also run the baseline's actions, such as vm.drop_caches
    #[arg(long)]
    pub run_actions: bool,

    /// Make the baseline this host's own even where it has another one
    #[arg(long, conflicts_with = "live_only")]
    pub adopt: bool,

    /// Write live values only, and put everything back after TIME unless `tunectl confirm` comes
    ///
    /// Also where the shell hangs, the connection drops or this command is killed: a keeper sees to
    /// it, a unit of its own where systemd runs. After a reboot nothing remains, because nothing is
    /// persisted before it is confirmed. TIME as 60s, 10m, 1h; at most 1d.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = trial_time,
        conflicts_with_all = ["live_only", "keep_going", "run_actions", "rebase", "boot"]
    )]
    pub confirm_within: Option<std::time::Duration>,

    /// Confirm by itself where CMD keeps passing during that time
    ///
    /// CMD is given to /bin/sh at once and then every 5 s (every quarter of the time where that is
    /// less). If it fails once, or has not ended by the end, everything is put back at once. This
    /// command returns before, with 0; how it ended: --wait, or later `tunectl confirm`.
    #[arg(long, value_name = "CMD", requires = "confirm_within")]
    pub check: Option<String>,

    /// Stay until the trial has ended: exit code 0 where it was kept, 1 where it was put back
    ///
    /// Says why it ended, too. Killed while it waits, it leaves the trial as it is. With --format
    /// json a second document follows then, as `tunectl confirm` prints it.
    #[arg(long, requires = "confirm_within")]
    pub wait: bool,

    /// Wait that many seconds for another apply to end
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub lock_timeout: u32,

    /// For tunectl-boot.service: this host's own baseline, as far as it goes, with a report
    ///
    /// What cannot be done stops nothing else. The report is /run/tunectl/boot.json; `tunectl
    /// status` shows it. Where the baseline cannot be used, the last good values are those that
    /// the drop-in has. Exit codes: 0 what can be right is right (what is not there yet, or not in
    /// this kernel, does not count), or the host has no baseline; 1 something went wrong;
    /// 3 nothing did, but a guard refuses a parameter, or the lock is held.
    #[arg(
        long,
        help_heading = "At boot",
        conflicts_with_all = ["baseline", "adopt", "live_only", "run_actions"]
    )]
    pub boot: bool,

    /// Only these parameters, live only, waiting up to 2 s for them; for udev rules
    ///
    /// A key or a pattern, in any spelling, such as 'net/ipv4/conf/eth0.100/*'; repeatable.
    #[arg(
        long,
        help_heading = "At boot",
        value_name = "SELECTOR",
        value_parser = Selector::parse,
        requires = "boot",
        conflicts_with = "settled"
    )]
    pub only: Vec<Selector>,

    /// The second pass, once all services are up: what has been changed since the first
    ///
    /// Corrects it, adds it to the report, and keeps that in /var/lib/tunectl/boots.
    #[arg(long, help_heading = "At boot", requires = "boot")]
    pub settled: bool,
}

/// How long a trial lasts: from a second to a day.
///
/// # Errors
/// What is wrong with it.
fn trial_time(text: &str) -> Result<std::time::Duration, String> {
    match duration(text)? {
        time if time.is_zero() || time > std::time::Duration::from_secs(86_400) => {
            Err(format!("{text:?}: from 1s to 1d"))
        }
        time => Ok(time),
    }
}
