//! `tunectl report`.
#![allow(clippy::disallowed_methods, reason = "it tells the time")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::below;
use crate::key::Selector;
use crate::observed::Errno;
use crate::persist::events::newest;
use crate::persist::holds::Holds;
use crate::persist::{Lock, placed, presence, reports as files};
use crate::plan::Plan;
use crate::probe::{self, Fact};
use crate::procsys::Kernel as _;
use crate::report::host::{self as report, Seen};
use crate::report::{Made, errno_text, host_text, junit, prometheus, shown};
use crate::watch::clock;
use crate::wire::report::{Pressure, Report, ReportLetGo, ReportWatch};
use crate::wire::{TALLY_SCHEMA, Tally};

use super::args::{Asked, Cli, ReportArgs};
use super::failure::Failure;
use super::host::{self, Host};
use super::ui::Ui;
use super::{Exit, missed, reports};

/// So many lines of the log are looked at, the newest first.
const LOOKED_AT: usize = 5_000;
/// So many further parameters a report has.
const MOST_OTHERS: usize = 1000;
/// What is said of further parameters that are not there.
const NO_SUCH: &str = "this kernel has no such parameter";
/// How long another process that saves the report is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reports how this host stands; changes nothing but, with `--save`, the report itself.
///
/// # Errors
/// The host cannot be looked at, its baseline cannot be used, or the report cannot be saved.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &ReportArgs, ui: &Ui) -> Result<Exit, Failure> {
    if args.save && !nix::unistd::geteuid().is_root() {
        return Err(
            Failure::new("only root can save the report").help("without --save it is printed")
        );
    }
    let host = host::open(cli, &Fact::ALL)?;
    let now = Timestamp::now();
    let tally = tally(cli, &host.facts.boot_id);
    let (report, failure) = look(cli, args, ui, &host, tally.as_ref(), now);
    let made = Made { at: u64::try_from(now.as_second()).unwrap_or(0), every: args.every };
    if args.save {
        let paths = save(cli, args, &report, &prometheus(&report, tally.as_ref(), made))?;
        ui.hint(&format!("saved: {}", paths.join(", ")));
        return Ok(Exit::Done);
    }
    match args.format {
        Asked::Text => ui.result(&host_text(&report, ui.layout()))?,
        Asked::Json => ui.json_line(&report).map(|_| ())?,
        Asked::Prometheus => ui.result(&prometheus(&report, tally.as_ref(), made))?,
        Asked::Junit => ui.result(&junit(&report))?,
    }
    match failure {
        Some(failure) => Err(failure),
        None if args.detailed_exitcode && report.result != "in_sync" => Ok(Exit::Differs),
        None => Ok(Exit::Done),
    }
}

/// The report, and why there is no more in it, where the baseline cannot be used.
fn look(
    cli: &Cli,
    args: &ReportArgs,
    ui: &Ui,
    host: &Host,
    tally: Option<&Tally>,
    now: Timestamp,
) -> (Report, Option<Failure>) {
    let boot_id = host.facts.boot_id.as_str();
    let yesterday = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
    let yesterday = format!("{yesterday:.6}");
    let log = newest(&cli.root, LOOKED_AT, LOOKED_AT, &|event| {
        event.boot_id == boot_id || event.time >= yesterday
    });
    let boot = reports::of_boot(cli, &host.facts).map(|(_, report)| report);
    let named = args.baseline.as_deref();
    let mut seen = Seen {
        boot: boot.as_ref(),
        tally,
        events: log.as_ref().ok().map(|log| log.events.as_slice()),
        partial: log.as_ref().is_ok_and(|log| log.events.len() == LOOKED_AT),
        yesterday: &yesterday,
        watch: watch(cli, boot_id),
        let_go: BTreeMap::new(),
        is_own: named.is_none(),
    };
    let time = format!("{now:.0}");
    let failed = |failure: Failure| {
        let mut report = report::unplanned(&host.facts, &seen, &time, "failed");
        report.errors = failure.problems();
        (report, Some(failure))
    };
    // By another baseline nothing is to be given back.
    let by = if named.is_none() { host::By::Nobody } else { host::By::LiveOnly };
    let mut planned = None;
    let (mut report, failure) = if named.is_some() || host::has_baseline(cli) {
        let strict = named.is_none() && nix::unistd::geteuid().is_root();
        let made = host::load(cli, named, strict).and_then(|loaded| {
            let (roles, shared) = (loaded.roles(), loaded.layers.shared_sha256());
            let set = host::resolve(loaded, host, ui)?;
            let plan = host::plan(cli, host, set, by);
            missed::refuse_plan(&plan, host)?;
            Ok((plan, roles, shared))
        });
        match made {
            Ok((plan, roles, shared)) => {
                seen.let_go = let_go(cli, boot_id, &plan);
                let mut report = report::report(&plan, shared, &host.facts, &seen, &time);
                report.host.roles = roles;
                planned = Some(plan);
                (report, None)
            }
            Err(failure) => failed(failure),
        }
    } else {
        match host::no_orphan(cli, boot_id) {
            Ok(()) => {
                if let Some(misnamed) = host::misnamed(cli) {
                    ui.warning(&misnamed);
                }
                (report::unplanned(&host.facts, &seen, &time, "no_baseline"), None)
            }
            Err(failure) => failed(failure),
        }
    };
    let (others, missing) = others(host, &args.also, planned.as_ref());
    report.others = others;
    // As text the report itself says so.
    if args.save || args.format != Asked::Text {
        for why in &missing {
            ui.warning(why);
        }
    }
    report.errors.extend(missing);
    let pressure = probe::memory_pressure(&cli.root);
    report.pressure = pressure.map(|memory_some_avg10| Pressure { memory_some_avg10 });
    if let Err(error) = log {
        report.errors.push(format!("drift is not told: {error}"));
    }
    (report, failure)
}

/// What the daemon has counted in this boot.
pub fn tally(cli: &Cli, boot_id: &str) -> Option<Tally> {
    let bytes = files::read(&cli.root, files::TALLY)?;
    let tally: Tally = serde_json::from_slice(&bytes).ok()?;
    (tally.schema == TALLY_SCHEMA && tally.boot_id == boot_id).then_some(tally)
}

/// Whether the daemon runs: by its lock, because one that was killed leaves all else behind.
fn watch(cli: &Cli, boot_id: &str) -> ReportWatch {
    let found = presence::find(&cli.root, boot_id);
    let running = found.as_ref().filter(|watch| watch.running);
    ReportWatch {
        running: running.is_some(),
        expected: found.is_some() || probe::daemon_unit(&cli.root),
        sweep_every: running.map(|watch| watch.sweep_every),
    }
}

/// Those parameters of the plan that nobody holds now.
fn let_go(cli: &Cli, boot_id: &str, plan: &Plan) -> BTreeMap<String, ReportLetGo> {
    let (holds, now) = (Holds::told(&cli.root, boot_id), clock::since_boot());
    let held = plan.items.iter().filter_map(|item| {
        let hold = holds.of(&item.desired.key, now)?;
        let let_go = ReportLetGo {
            kind: hold.kind.clone(),
            by: hold.by.clone(),
            reason: hold.reason.clone(),
            until: hold.until.clone(),
        };
        Some((item.desired.key.to_string(), let_go))
    });
    held.collect()
}

/// What further parameters read, and of which of them that cannot be told, with why.
fn others(
    host: &Host,
    also: &[Selector],
    plan: Option<&Plan>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut others, mut missing) = (BTreeMap::new(), Vec::new());
    for selector in also {
        let keys = match selector {
            Selector::Key(key) => vec![key.clone()],
            Selector::Pattern(pattern) => host.kernel.expand(pattern),
        };
        if keys.is_empty() {
            missing.push(format!("--also {selector}: {NO_SUCH}"));
        }
        for key in keys {
            let held = |plan: &Plan| plan.item(&key).is_some_and(|item| !plan.gives_back(item));
            if plan.is_some_and(held) {
                continue;
            }
            match (host.kernel.read(&key).value, selector) {
                (Ok(value), _) => {
                    others.insert(key.to_string(), shown(&key, value.trim_end()).to_owned());
                }
                (Err(errno), Selector::Key(_)) => {
                    let absent = errno == Errno::ENOENT;
                    let why = if absent { NO_SUCH.to_owned() } else { errno_text(errno) };
                    missing.push(format!("--also {key}: {why}"));
                }
                // Among those of a pattern there are some that can only be written.
                (Err(_), Selector::Pattern(_)) => {}
            }
        }
    }
    let beyond = others.len().saturating_sub(MOST_OTHERS);
    for _ in 0..beyond {
        others.pop_last();
    }
    if beyond > 0 {
        missing.push(format!("--also: {beyond} more are left out, a report has {MOST_OTHERS}"));
    }
    (others, missing)
}

/// Saves the report, and the metrics where somebody collects them; the paths of what was saved.
fn save(
    cli: &Cli,
    args: &ReportArgs,
    report: &Report,
    metrics: &str,
) -> Result<Vec<String>, Failure> {
    let failed =
        |why: &dyn std::fmt::Display| Failure::new(format!("cannot save the report: {why}"));
    let place = below::resolve_parent(&cli.root, files::REPORT_LOCK).map_err(|e| failed(&e))?;
    let _lock = Lock::take(&place, PATIENCE).map_err(|e| failed(&e))?;
    let mut line = serde_json::to_string(report).map_err(|error| failed(&error))?;
    line.push('\n');
    files::write(&cli.root, files::LATEST, line.as_bytes()).map_err(|error| failed(&error))?;
    let mut paths = vec![files::LATEST.to_owned()];
    let named = args.textfile.as_deref();
    let directory = named.unwrap_or(files::COLLECTOR);
    let written = placed::write_into(&cli.root, directory, files::METRICS, metrics.as_bytes());
    if written.map_err(|error| failed(&error))? {
        paths.push(format!("{}/{}", directory.trim_end_matches('/'), files::METRICS));
    } else if named.is_some() {
        return Err(failed(&format!("{directory} is no directory"))
            .help("make it, or give node_exporter's --collector.textfile.directory"));
    }
    Ok(paths)
}
