//! `tunectl apply --boot`: the host's own baseline, as far as it goes, with a report.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tells the time")]

mod last_good;
mod pass;
mod selected;

use std::time::Instant;

use jiff::Timestamp;

use crate::apply::Remember;
use crate::baseline::DesiredSet;
use crate::bootview::Loader;
use crate::bootview::dropin;
use crate::observed::ConfBody;
use crate::persist::conf::read_conf_tree;
use crate::plan::{DropinOutcome, Plan};
use crate::probe::Fact;
use crate::report::boot::{self, Level, Line, Told};
use crate::sources::HOST_BASELINE;
use crate::wire::{BootReport, LatestPass};

use super::args::{ApplyArgs, Cli, Format};
use super::failure::Failure;
use super::host::{self, Host, Loaded};
use super::reports;
use super::ui::Ui;
use super::{Exit, apply, missed, recovery, trial};

/// Carries out what a unit or a udev rule asks for.
///
/// # Errors
/// The host cannot be looked at, this is not root, or the lock is held: nothing was changed.
pub fn run(cli: &Cli, args: &ApplyArgs, ui: &Ui) -> Result<Exit, Failure> {
    let started = Instant::now();
    let root = nix::unistd::geteuid().is_root();
    let bare = !host::has_baseline(cli);
    if bare && !args.only.is_empty() {
        return Ok(Exit::Done);
    }
    let loaded = if bare { None } else { Some(host::load(cli, None, root)) };
    let mut late = Vec::new();
    if let (Some(Ok(loaded)), false) = (&loaded, args.only.is_empty()) {
        let (any, keys) = selected::among(loaded.selectors(), &args.only);
        if !any {
            log::info!("nothing of this host's baseline is selected");
            return Ok(Exit::Done);
        }
        late = keys;
    }
    let host = host::open(cli, &Fact::ALL)?;
    apply::only_root(&host, "apply a baseline")?;
    selected::wait_for(&host.kernel, &late);
    let _lock = apply::lock(cli, &host.facts, args.lock_timeout)?;
    let settled = recovery::settle(cli, &host, ui);
    // What a trial has changed is left alone while that lasts, as is all that is let go.
    let settled = settled.and_then(|()| trial::settle_dead(cli, &host, ui));
    let unsettled = settled.err().map(|failure| {
        ui.failure(&failure);
        failure.message
    });
    let mut run = Run { cli, args, ui, host: &host, started, unsettled };
    match loaded {
        None => run.bare(),
        Some(loaded) => run.carry_out(loaded),
    }
}

/// One run, with the lock held.
struct Run<'a> {
    cli: &'a Cli,
    args: &'a ApplyArgs,
    ui: &'a Ui,
    host: &'a Host,
    started: Instant,
    /// Why what an earlier run has left behind is not put right.
    unsettled: Option<String>,
}

/// What a pass leads to: the report of it, and the exit code.
struct Ended {
    report: BootReport,
    exit: Exit,
    /// How everything stands in the end.
    plan: Option<Plan>,
    /// Why the baseline could not be used.
    broken: Option<Failure>,
}

impl Run<'_> {
    /// There is nothing that this host is to hold.
    fn bare(&mut self) -> Result<Exit, Failure> {
        let mut report = self.report();
        let then = host::misnamed(self.cli)
            .unwrap_or_else(|| "`tunectl apply -b NAME` gives it one".to_owned());
        report.notes.push(format!("this host has no {HOST_BASELINE}: {then}"));
        let exit = exit(!report.errors.is_empty(), false);
        if exit != Exit::Done {
            report.result = "incomplete".into();
        }
        let title = if self.args.settled { "settled" } else { "boot" };
        self.finish(
            Ended { report, exit, plan: None, broken: None },
            Some(format!("{title}: nothing to hold")),
        )
    }

    fn report(&self) -> BootReport {
        let loader = if self.host.facts.systemd { Loader::Systemd } else { Loader::Procps };
        let mut report = boot::report(&self.host.facts, loader);
        report.errors.extend(self.unsettled.clone());
        report
    }

    fn carry_out(&mut self, loaded: Result<Loaded, Failure>) -> Result<Exit, Failure> {
        let resolved = loaded.and_then(|loaded| host::resolve(loaded, self.host, self.ui));
        let mut report = self.report();
        let (mut set, broken) = match resolved {
            Ok(set) => (set, None),
            Err(failure) => {
                report.errors.extend(failure.problems());
                (self.last_good(&mut report), Some(failure))
            }
        };
        if !self.args.only.is_empty() {
            selected::restrict(&mut set, &self.args.only);
        }
        // What was not seen of a pattern's matches is left as it is, in our files as well.
        let unseen = missed::unseen(&set);
        let live_only = broken.is_some() || !self.args.only.is_empty() || !unseen.is_empty();
        // The first pass is there before /var is.
        let remember = if self.args.settled { Remember::Always } else { Remember::InRun };
        let pass = pass::run(self.cli, self.host, &set, live_only, remember);
        report.errors.extend(unseen);
        let wrong = broken.is_some() || !pass.errors.is_empty() || !report.errors.is_empty();
        let uncorrected = pass.found.iter().any(|f| !f.corrected);
        report.result = match () {
            () if broken.is_some() => "failed",
            () if wrong || uncorrected || !pass.refused.is_empty() => "incomplete",
            () if !pass.found.is_empty() => "corrected",
            () => "in_sync",
        }
        .into();
        report.baseline = broken.is_none().then(|| crate::report::baseline_json(&pass.plan));
        report.right = pass.right;
        report.waived = pass.plan.summary().waived;
        report.notes.extend(crate::report::remarks(&pass.plan.baseline));
        report.pending = boot::pending(&pass.plan);
        report.dropin = file_outcome(&pass.dropin);
        report.host_file = file_outcome(&pass.host_file);
        let exit = exit(wrong, !pass.refused.is_empty());
        report.errors.extend(pass.errors.into_iter().chain(pass.refused));
        report.found = pass.found;
        let ended = Ended { report, exit, plan: Some(pass.plan), broken };
        if self.args.only.is_empty() { self.finish(ended, None) } else { self.only(ended) }
    }

    /// What the drop-in says, where the baseline cannot be used.
    fn last_good(&self, report: &mut BootReport) -> DesiredSet {
        let tree = read_conf_tree(&self.cli.root);
        let text = tree.entry(dropin::PATH).and_then(|file| match &file.body {
            ConfBody::Text(bytes) => last_good::baseline(bytes, self.host.facts.mem_total_kb),
            _ => None,
        });
        let Some(text) = text else {
            report.notes.push(format!("{} has no last good values", dropin::PATH));
            return DesiredSet::default();
        };
        report.notes.push(format!("the values of {} stand in for the baseline", dropin::PATH));
        let loaded = Loaded::from_text(last_good::NAME, &text);
        host::resolve(loaded, self.host, self.ui).unwrap_or_else(|failure| {
            report.errors.extend(failure.problems());
            DesiredSet::default()
        })
    }

    /// Ends a run for selected parameters: the report of this boot only learns which of the
    /// pending ones are there now.
    fn only(&mut self, ended: Ended) -> Result<Exit, Failure> {
        let Ended { mut report, mut exit, plan, broken } = ended;
        self.stamp(&mut report);
        let mut kept = Ok(());
        if let (Some((place, mut first)), Some(plan)) =
            (reports::of_boot(self.cli, &self.host.facts), plan)
            && boot::mark_set(&mut first.pending, &plan, &report.time)
        {
            kept = reports::write(self.cli, place, &first);
        }
        if let Err(failure) = kept {
            exit = Exit::Error;
            report.errors.push(failure.message);
        }
        self.tell(&report, &boot::lines(&told("boot, selected", &report)), broken)?;
        Ok(exit)
    }

    /// Keeps the report and tells of it. `title` stands in for the counts.
    fn finish(&mut self, ended: Ended, title: Option<String>) -> Result<Exit, Failure> {
        let Ended { mut report, mut exit, plan, broken } = ended;
        self.stamp(&mut report);
        report.latest = Some(LatestPass {
            pass: 1,
            time: report.time.clone(),
            result: report.result.clone(),
            successful: exit == Exit::Done,
        });
        let pass = if self.args.settled { "settled" } else { "boot" };
        let mut lines = boot::lines(&told(pass, &report));
        match (title, lines.first_mut()) {
            (Some(title), Some(first)) => first.text = title,
            (None, Some(first)) if broken.is_some() => {
                let counts = first.text.split_once(": ").map_or("", |(_, counts)| counts);
                first.text = format!(
                    "{pass}: the baseline {HOST_BASELINE} cannot be used; \
                     of the last good values {counts}"
                );
            }
            _ => {}
        }
        let settled = self.args.settled;
        match reports::keep(self.cli, &self.host.facts, &report, plan.as_ref(), settled) {
            Ok(kept) => report = kept,
            Err(failure) => {
                exit = Exit::Error;
                lines.push(Line { level: Level::Error, text: failure.message.clone() });
                report.errors.push(failure.message);
            }
        }
        self.tell(&report, &lines, broken)?;
        Ok(exit)
    }

    fn stamp(&self, report: &mut BootReport) {
        report.time = now();
        report.took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
    }

    /// Prints what was asked for: the report, or the lines.
    fn tell(
        &self,
        report: &BootReport,
        lines: &[Line],
        broken: Option<Failure>,
    ) -> Result<(), Failure> {
        match self.ui.format() {
            Format::Json => self.ui.json(report)?,
            Format::Text => self.ui.lines(lines)?,
        }
        if let Some(failure) = broken {
            self.ui.diagnostics(&failure.diagnostics, &failure.sources);
        }
        Ok(())
    }
}

fn told<'a>(pass: &'a str, report: &'a BootReport) -> Told<'a> {
    Told {
        pass,
        right: report.right,
        waived: report.waived,
        found: &report.found,
        pending: &report.pending,
        dropin: &report.dropin,
        errors: &report.errors,
        notes: &report.notes,
    }
}

/// What became of a file; what was not asked for was left as it is.
fn file_outcome(outcome: &DropinOutcome) -> String {
    match outcome {
        DropinOutcome::NotAsked => "left_alone".to_owned(),
        outcome => crate::report::file_outcome(outcome).to_owned(),
    }
}

fn exit(wrong: bool, refused: bool) -> Exit {
    match (wrong, refused) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Done,
    }
}

/// This moment, RFC 3339, UTC, to the second.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
