//! The reports of boots: which one is of this boot, and where it is kept.

use crate::observed::Facts;
use crate::persist::reports;
use crate::wire::{BOOT_SCHEMA, BootReport, Found};

use super::args::Cli;
use super::failure::Failure;

/// Where a report lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In /run: the boot is not settled.
    Run,
    /// In /var, with those of the boots before.
    Kept,
}

impl Place {
    fn path(self, boot_id: &str) -> Option<String> {
        match self {
            Self::Run => Some(reports::RUN.to_owned()),
            Self::Kept => reports::kept(boot_id),
        }
    }
}

/// The report of this boot; one of another boot is none.
pub fn of_boot(cli: &Cli, facts: &Facts) -> Option<(Place, BootReport)> {
    if facts.boot_id.is_empty() {
        return None;
    }
    [Place::Run, Place::Kept].into_iter().find_map(|place| {
        let bytes = reports::read(&cli.root, &place.path(&facts.boot_id)?)?;
        let report: BootReport = serde_json::from_slice(&bytes).ok()?;
        let is_ours = report.schema == BOOT_SCHEMA && report.boot_id == facts.boot_id;
        is_ours.then_some((place, report))
    })
}

/// Writes a report.
///
/// # Errors
/// It cannot be written.
pub fn write(cli: &Cli, place: Place, report: &BootReport) -> Result<(), Failure> {
    let failed =
        |why: &dyn std::fmt::Display| Failure::new(format!("the boot report is lost: {why}"));
    let path = place.path(&report.boot_id).ok_or_else(|| failed(&"this boot has no id"))?;
    let mut text = serde_json::to_string_pretty(report).map_err(|error| failed(&error))?;
    text.push('\n');
    reports::write(&cli.root, &path, text.as_bytes()).map_err(|error| failed(&error))
}

/// Adds the settled pass to the report of this boot, and moves that to /var. Where there is no
/// report, the settled pass is the first.
///
/// # Errors
/// It cannot be written to /var; it then lies in /run, if that can be written.
pub fn settle(cli: &Cli, facts: &Facts, pass: BootReport) -> Result<BootReport, Failure> {
    let report = if let Some((_, first)) = of_boot(cli, facts) {
        merged(first, pass)
    } else {
        let mut report = pass;
        report.settled = Some(report.time.clone());
        let note = "there is no report of a first pass at this boot: this one is the first";
        report.notes.push(note.to_owned());
        report
    };
    match write(cli, Place::Kept, &report) {
        Ok(()) => {
            reports::remove_run(&cli.root);
            reports::prune(&cli.root);
            Ok(report)
        }
        Err(failure) => {
            write(cli, Place::Run, &report)?;
            let message = failure.message.replace("is lost", "stays in /run");
            Err(Failure::new(message))
        }
    }
}

/// The report of both passes.
fn merged(first: BootReport, pass: BootReport) -> BootReport {
    const WORSE: [&str; 4] = ["in_sync", "corrected", "incomplete", "failed"];
    let rank = |result: &str| WORSE.iter().position(|r| *r == result);
    let mut report = first;
    if rank(&pass.result) > rank(&report.result) {
        report.result = pass.result;
    }
    let still = |f: &Found| report.found.iter().any(|old| old.key == f.key && !old.corrected);
    let (known, new): (Vec<Found>, Vec<Found>) = pass.found.into_iter().partition(still);
    for found in &mut report.found {
        let same = known.iter().find(|f| f.key == found.key);
        if !found.corrected && same.is_some_and(|f| f.corrected) {
            found.corrected = true;
            found.error = None;
        }
    }
    let time = &pass.time;
    report.since.extend(new.into_iter().map(|f| Found { time: Some(time.clone()), ..f }));
    for pending in report.pending.iter_mut().filter(|p| p.set_at.is_none()) {
        if pass.pending.iter().all(|p| p.key != pending.key) {
            pending.set_at = Some(time.clone());
        }
    }
    report.pending.extend(
        pass.pending
            .into_iter()
            .filter(|p| first_has_not(&report.pending, &p.key))
            .collect::<Vec<_>>(),
    );
    report.settled = Some(pass.time);
    if report.baseline.is_none() {
        report.baseline = pass.baseline;
    }
    for (old, new) in [(&mut report.dropin, pass.dropin), (&mut report.host_file, pass.host_file)] {
        if new != "unchanged" {
            *old = new;
        }
    }
    for (old, new) in [(&mut report.errors, pass.errors), (&mut report.notes, pass.notes)] {
        for line in new {
            if !old.contains(&line) {
                old.push(line);
            }
        }
    }
    report
}

fn first_has_not(pending: &[crate::wire::Pending], key: &str) -> bool {
    pending.iter().all(|p| p.key != key)
}
