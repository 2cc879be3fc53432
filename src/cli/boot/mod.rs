//! `tunectl apply --boot`: the host's own baseline, as far as it goes, with a report.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tells the time")]

mod last_good;
mod pass;
mod selected;

use std::time::Instant;

use jiff::Timestamp;

use crate::baseline::DesiredSet;
use crate::bootview::Loader;
use crate::bootview::dropin;
use crate::diagnostic::Position;
use crate::observed::ConfBody;
use crate::persist::conf::read_conf_tree;
use crate::plan::DropinOutcome;
use crate::probe::Fact;
use crate::report::boot::{self, Level, Line, Told};
use crate::sources::HOST_BASELINE;
use crate::wire::BootReport;

use super::args::{ApplyArgs, Cli, Format};
use super::failure::Failure;
use super::host::{self, Host, Loaded};
use super::reports::{self, Place};
use super::ui::Ui;
use super::{Exit, apply};

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
    apply::only_root(&host)?;
    selected::wait_for(&host.kernel, &late);
    let _lock = apply::lock(cli, args)?;
    let mut run = Run { cli, args, ui, host: &host, started };
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
}

/// What a pass leads to: the report of it, and the exit code.
struct Ended {
    report: BootReport,
    exit: Exit,
    /// Why the baseline could not be used.
    broken: Option<Failure>,
}

impl Run<'_> {
    /// There is nothing that this host is to hold.
    fn bare(&mut self) -> Result<Exit, Failure> {
        let mut report = self.report();
        report.notes.push(format!(
            "this host has no {HOST_BASELINE}: `tunectl apply -b NAME` gives it one"
        ));
        let title = if self.args.settled { "settled" } else { "boot" };
        self.finish(
            Ended { report, exit: Exit::Done, broken: None },
            Some(format!("{title}: nothing to hold")),
        )
    }

    fn report(&self) -> BootReport {
        let loader = if self.host.facts.systemd { Loader::Systemd } else { Loader::Procps };
        boot::report(&self.host.facts, loader)
    }

    fn carry_out(&mut self, loaded: Result<Loaded, Failure>) -> Result<Exit, Failure> {
        let resolved = loaded.and_then(|loaded| host::resolve(loaded, self.host, self.ui));
        let mut report = self.report();
        let (mut set, broken) = match resolved {
            Ok(set) => (set, None),
            Err(failure) => {
                report.errors.extend(problems(&failure));
                (self.last_good(&mut report), Some(failure))
            }
        };
        if !self.args.only.is_empty() {
            selected::restrict(&mut set, &self.args.only);
        }
        let live_only = broken.is_some() || !self.args.only.is_empty();
        let pass = pass::run(self.cli, self.host, &set, live_only);
        if !self.args.only.is_empty() {
            return self.only(&pass, broken);
        }
        let wrong = broken.is_some() || !pass.errors.is_empty();
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
        report.pending = boot::pending(&pass.plan);
        report.dropin = match &pass.dropin {
            DropinOutcome::NotAsked => "left_alone".into(),
            outcome => crate::report::file_outcome(outcome).into(),
        };
        report.host_file = "unchanged".into();
        let exit = exit(wrong, !pass.refused.is_empty());
        report.errors.extend(pass.errors.into_iter().chain(pass.refused));
        report.found = pass.found;
        self.finish(Ended { report, exit, broken }, None)
    }

    /// What the drop-in says, where the baseline cannot be used.
    fn last_good(&self, report: &mut BootReport) -> DesiredSet {
        let tree = read_conf_tree(&self.cli.root);
        let ours = tree.dirs.iter().flat_map(|d| &d.files).find(|f| f.path == dropin::PATH);
        let text = ours.and_then(|file| match &file.body {
            ConfBody::Text(bytes) => last_good::baseline(bytes),
            _ => None,
        });
        let Some(text) = text else {
            report.notes.push(format!("{} has no last good values", dropin::PATH));
            return DesiredSet::default();
        };
        report.notes.push(format!("the values of {} stand in for the baseline", dropin::PATH));
        let loaded = Loaded::from_text(last_good::NAME, &text);
        host::resolve(loaded, self.host, self.ui).unwrap_or_else(|failure| {
            report.errors.extend(problems(&failure));
            DesiredSet::default()
        })
    }

    /// Ends a run for selected parameters: the report only learns which of the pending ones are
    /// there now.
    fn only(&mut self, pass: &pass::Pass, broken: Option<Failure>) -> Result<Exit, Failure> {
        let wrong = broken.is_some() || !pass.errors.is_empty();
        if let Some((place, mut report)) = reports::of_boot(self.cli, &self.host.facts)
            && boot::mark_set(&mut report.pending, &pass.plan, &now())
        {
            reports::write(self.cli, place, &report)?;
        }
        let errors: Vec<String> = pass.errors.iter().chain(&pass.refused).cloned().collect();
        let told = Told {
            pass: "boot, selected",
            right: pass.right,
            waived: 0,
            found: &pass.found,
            pending: &boot::pending(&pass.plan),
            dropin: "not_asked",
            errors: &errors,
            notes: &[],
        };
        self.ui.lines(&boot::lines(&told))?;
        if let Some(failure) = broken {
            self.ui.failure(&failure);
        }
        Ok(exit(wrong, !pass.refused.is_empty()))
    }

    /// Keeps the report and tells of it. `title` stands in for the counts.
    fn finish(&mut self, ended: Ended, title: Option<String>) -> Result<Exit, Failure> {
        let Ended { mut report, mut exit, broken } = ended;
        report.time = now();
        report.took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let pass = if self.args.settled { "settled" } else { "boot" };
        let mut lines = boot::lines(&Told {
            pass,
            right: report.right,
            waived: report.waived,
            found: &report.found,
            pending: &report.pending,
            dropin: &report.dropin,
            errors: &report.errors,
            notes: &report.notes,
        });
        match (title, lines.first_mut()) {
            (Some(title), Some(first)) => first.text = title,
            (None, Some(first)) if broken.is_some() => {
                let counts = first.text.split_once(": ").map_or("", |(_, counts)| counts);
                first.text = format!(
                    "{pass}: the baseline {HOST_BASELINE} cannot be used; of the last good values {counts}"
                );
            }
            _ => {}
        }
        let kept = if self.args.settled {
            reports::settle(self.cli, &self.host.facts, report)
        } else {
            reports::write(self.cli, Place::Run, &report).map(|()| report)
        };
        let report = match kept {
            Ok(report) => Some(report),
            Err(failure) => {
                exit = Exit::Error;
                lines.push(Line { level: Level::Error, text: failure.message });
                None
            }
        };
        match (self.ui.format(), report) {
            (Format::Json, Some(report)) => self.ui.json(&report)?,
            _ => self.ui.lines(&lines)?,
        }
        if let Some(failure) = broken {
            self.ui.failure(&failure);
        }
        Ok(exit)
    }
}

fn exit(wrong: bool, refused: bool) -> Exit {
    match (wrong, refused) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Done,
    }
}

/// Why a baseline cannot be used, a line each with its place.
fn problems(failure: &Failure) -> Vec<String> {
    let errors: Vec<String> = failure
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .map(|d| match d.span {
            Some(span) => format!("{}: {}", Position::of(span, &failure.sources), d.message),
            None => d.message.clone(),
        })
        .collect();
    if errors.is_empty() { vec![failure.message.clone()] } else { errors }
}

/// This moment, RFC 3339, UTC, to the second.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
