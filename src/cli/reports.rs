//! The reports of boots: which one is of this boot, and where it is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::observed::Facts;
use crate::persist::reports;
use crate::plan::Plan;
use crate::report::boot;
use crate::wire::{BOOT_SCHEMA, BootReport, Found, LatestPass};

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

/// Keeps the report of a pass, which ended as `plan` shows: the first one of this boot as it is; a
/// later one is added to it. The settled pass moves it to /var.
///
/// # Errors
/// It cannot be written. What cannot be written to /var lies in /run, if that can be written.
pub fn keep(
    cli: &Cli,
    facts: &Facts,
    pass: &BootReport,
    plan: Option<&Plan>,
    settled: bool,
) -> Result<BootReport, Failure> {
    let time = pass.time.clone();
    let (place, mut report) = match of_boot(cli, facts) {
        Some((place, first)) => (place, merged(first, pass.clone())),
        None if settled => {
            let mut report = pass.clone();
            let note = "there is no report of a first pass at this boot: this one is the first";
            report.notes.push(note.to_owned());
            (Place::Run, report)
        }
        None => (Place::Run, pass.clone()),
    };
    if let Some(plan) = plan {
        boot::mark_set(&mut report.pending, plan, &time);
    }
    if settled {
        report.settled = Some(time);
    } else {
        write(cli, place, &report)?;
        return Ok(report);
    }
    if let Err(failure) = write(cli, Place::Kept, &report) {
        write(cli, Place::Run, &report)?;
        return Err(Failure::new(failure.message.replace("is lost", "stays in /run")));
    }
    reports::remove_run(&cli.root);
    reports::prune(&cli.root, &report.boot_id);
    Ok(report)
}

/// The report of a boot with a later pass added.
fn merged(first: BootReport, pass: BootReport) -> BootReport {
    const WORSE: [&str; 4] = ["in_sync", "corrected", "incomplete", "failed"];
    let rank = |result: &str| WORSE.iter().position(|r| *r == result);
    let mut report = first;
    if rank(&pass.result) > rank(&report.result) {
        report.result = pass.result;
    }
    // The boot keeps its worst; by this one it is seen whether it has been put right since.
    let passes = report.latest.map_or(1, |latest| latest.pass);
    report.latest = pass.latest.map(|latest| LatestPass { pass: passes + 1, ..latest });
    // What was not right before, and is not new.
    let before = report.found.iter_mut().chain(&mut report.since);
    let mut open: BTreeMap<String, &mut Found> =
        before.filter(|f| !f.corrected).map(|f| (f.key.clone(), f)).collect();
    let (known, new): (Vec<Found>, Vec<Found>) =
        pass.found.into_iter().partition(|f| open.contains_key(&f.key));
    for found in known.into_iter().filter(|f| f.corrected) {
        if let Some(old) = open.get_mut(&found.key) {
            old.corrected = true;
            old.error = None;
        }
    }
    let time = &pass.time;
    report.since.extend(new.into_iter().map(|f| Found { time: Some(time.clone()), ..f }));
    let known: BTreeSet<String> = report.pending.iter().map(|p| p.key.clone()).collect();
    report.pending.extend(pass.pending.into_iter().filter(|p| !known.contains(&p.key)));
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
