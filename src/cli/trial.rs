//! `tunectl apply --confirm-within`: begins a trial; what the other commands do about one.

use std::time::Duration;

use crate::apply::{self, Options, Remember};
use crate::observed::Unfinished;
use crate::persist::holds::{Holds, TRIAL};
use crate::persist::trial::{self as record, Check, State, Trial};
use crate::persist::{Lock, originals};
use crate::plan::{self, DropinOutcome, Outcome, Plan, Untryable};
use crate::probe::{self, Fact};
use crate::procsys::ProcSys;
use crate::report;
use crate::spawn::{self, Held};
use crate::trial::{self, End};
use crate::watch::clock;
use crate::wire;

use super::Exit;
use super::adoption::Adoption;
use super::args::{ApplyArgs, Cli, Format};
use super::failure::Failure;
use super::host::Host;
use super::ramp::Pace;
use super::trial_end;
use super::ui::Ui;

/// The health command is run that often, in seconds, or four times where that is more.
const CHECK_EVERY: u64 = 5;

/// Writes a plan's values for a while. The lock is given back before anything is told: a terminal
/// that hangs must not keep others from ending the trial.
///
/// # Errors
/// Something of it cannot be tried, persisted later or kept: nothing was changed.
pub fn begin(
    cli: &Cli,
    args: &ApplyArgs,
    ui: &Ui,
    (host, plan): (&Host, &Plan),
    adoption: &Adoption,
    (time, lock): (Duration, Lock),
) -> Result<Exit, Failure> {
    refuse(plan)?;
    let root = &cli.root;
    let boot_id = &host.facts.boot_id;
    let pid = nix::unistd::Pid::this().as_raw().unsigned_abs();
    // With it confirmed it is remembered what there was before.
    let mut records = if plan.changes() { apply::records(plan, root) } else { Vec::new() };
    records.retain(|file| {
        let kept = apply::could_keep(root, std::slice::from_ref(file));
        let needed = file.path != originals::FIRST;
        if let (false, Err(error)) = (needed, &kept) {
            log::warn!("after a reboot a rollback will not know what there was before: {error}");
        }
        needed || kept.is_ok()
    });
    let further = records.into_iter().chain(adoption.files(cli)?).collect();
    let unfinished = plan::trial(plan, boot_id, pid, further);
    if unfinished.writes.is_empty() && unfinished.files.is_empty() {
        drop(lock);
        let outcome = Outcome::default();
        ui.hint("Nothing would change, so there is nothing to try.");
        show(ui, plan, host, &outcome, None)?;
        return Ok(super::apply::exit(plan, &outcome));
    }
    apply::could_keep(root, &unfinished.files).map_err(|error| {
        Failure::new(format!("it could not be persisted afterwards, so nothing was tried: {error}"))
    })?;
    let (mut trial, held) = kept(cli, args, &unfinished, time)?;
    let mut pace = Pace::hold(cli, ui, plan, host.facts.mem_total_kb);
    let options = Options {
        live_only: true,
        boot_id: Some(boot_id.clone()),
        remember: Remember::Nowhere,
        ..Options::default()
    };
    let mut outcome =
        apply::apply(plan, &host.kernel, root, &options, &mut |when, step| pace.step(when, step));
    outcome.dropin = DropinOutcome::OnTrial;
    if !outcome.succeeded() {
        // What was written is taken back, or stands in the journal.
        outcome.dropin = DropinOutcome::LeftAlone;
        trial::call_off(root, &mut trial);
        drop(lock);
        show(ui, plan, host, &outcome, None)?;
        return Ok(super::apply::exit(plan, &outcome));
    }
    if let Err(error) = trial::set_pending(root, &mut trial) {
        let end = trial::put_back(&host.kernel, root, &mut trial, "it could not be written down");
        let told = match &end {
            Ok(End::PutBack(recovered)) => trial::told(recovered).join("; "),
            Ok(End::Kept) => String::new(),
            Err(error) => error.to_string(),
        };
        return Err(Failure::new(format!("the trial could not go on: {error}; {told}")));
    }
    drop(lock);
    show(ui, plan, host, &outcome, Some(&trial)).map_err(|failure| {
        let left = trial.left(clock::since_boot()).as_secs();
        failure.help(format!(
            "the trial runs all the same, for {left} s: `tunectl confirm` keeps it, and \
             `tunectl confirm --cancel` puts it back"
        ))
    })?;
    tell(ui, &trial, held);
    if args.wait {
        return trial_end::wait(cli, ui, &trial);
    }
    Ok(super::apply::exit(plan, &outcome))
}

/// Writes the trial down and has it kept, before any value is written.
fn kept(
    cli: &Cli,
    args: &ApplyArgs,
    unfinished: &Unfinished,
    time: Duration,
) -> Result<(Trial, Held), Failure> {
    let every = CHECK_EVERY.min(time.as_secs() / 4).max(1);
    let check = args.check.clone().map(|command| Check { command, every });
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("the trial cannot be written down, so nothing was: {error}"))
    };
    let mut trial =
        trial::begin(&cli.root, unfinished, time, check).map_err(|error| failed(&error))?;
    match spawn::start(&cli.root) {
        Ok(held) => Ok((trial, held)),
        Err(why) => {
            trial::call_off(&cli.root, &mut trial);
            let message = format!("nobody would put the trial back, so nothing was written: {why}");
            Err(Failure::new(message))
        }
    }
}

fn refuse(plan: &Plan) -> Result<(), Failure> {
    let lines: Vec<String> = plan::untryable(plan)
        .into_iter()
        .map(|(key, why)| match why {
            Untryable::OneWay => format!("{key} cannot be taken back without a reboot"),
            Untryable::Unknown => format!("{key} cannot be read, so it could not be put back"),
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!("this cannot be tried; nothing was changed\n{}", lines.join("\n"));
    Err(Failure::refused(message).help("apply it without --confirm-within, or leave these out"))
}

fn show(
    ui: &Ui,
    plan: &Plan,
    host: &Host,
    outcome: &Outcome,
    trial: Option<&Trial>,
) -> Result<(), Failure> {
    let result = match (outcome.succeeded(), outcome.moved.is_empty(), trial) {
        (_, false, _) => "refused",
        (false, ..) => "failed",
        (true, _, Some(_)) => "on_trial",
        (true, _, None) => "in_sync",
    };
    match ui.format() {
        Format::Json => {
            let mut json = report::outcome_json(plan, &host.facts, outcome, result);
            json.trial = trial.map(|trial| seen(trial, Some(true)));
            ui.json(&json)
        }
        Format::Text => ui.result(&report::outcome_text(plan, outcome, ui.layout())),
    }
}

fn tell(ui: &Ui, trial: &Trial, held: Held) {
    let ends = report::moment(&trial.ends);
    let s = trial.seconds;
    ui.hint(&match &trial.check {
        None => format!(
            "Everything is put back by itself in {s} s, at {ends}, unless `tunectl confirm` comes first."
        ),
        Some(check) => format!(
            "The check is run every {} s: if it fails, everything is put back at once; if it keeps \
             passing, this is kept in {s} s, at {ends}. `tunectl confirm` keeps it before.",
            check.every
        ),
    });
    if held == Held::Itself {
        log::info!("the keeper is a process of its own");
    }
}

/// A trial as it is shown.
pub fn seen(trial: &Trial, is_kept: Option<bool>) -> wire::Trial {
    wire::Trial {
        baseline: trial.baseline.clone(),
        ends: Some(trial.ends.clone()),
        left_s: Some(trial.left(clock::since_boot()).as_secs()),
        keys: trial.unfinished().map(|unfinished| written(&unfinished)).unwrap_or_default(),
        check: trial.check.as_ref().map(|check| check.command.clone()),
        kept: is_kept,
    }
}

/// The keys that are written, once each.
fn written(unfinished: &Unfinished) -> Vec<String> {
    let mut keys: Vec<String> = unfinished.writes.iter().map(|w| w.key.to_string()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The trial that is pending, as far as this user may see it: the holds tell everybody that there
/// is one.
pub fn pending(cli: &Cli, boot_id: &str) -> Option<wire::Trial> {
    if !record::exists(&cli.root) {
        return None;
    }
    let is_kept = trial::is_kept(&cli.root);
    if let Ok(trial) = record::read(&cli.root, boot_id) {
        return trial.filter(Trial::is_open).map(|trial| seen(&trial, is_kept));
    }
    let since_boot = clock::since_boot();
    let holds = Holds::told(&cli.root, boot_id).holds;
    let mut tried = holds.iter().filter(|(_, hold)| hold.kind == TRIAL).peekable();
    let (_, hold) = *tried.peek()?;
    Some(wire::Trial {
        baseline: hold.baseline().unwrap_or_default().to_owned(),
        ends: hold.until.clone(),
        left_s: hold.until_since_boot.map(|until| until.saturating_sub(since_boot.as_secs())),
        keys: tried.map(|(key, _)| key.clone()).collect(),
        check: None,
        kept: is_kept,
    })
}

/// What is to be done before anything else is applied.
pub const FIRST: &str = "A trial is pending: `tunectl confirm` keeps it, `tunectl confirm --cancel` \
                         puts it back now; nothing else is applied before.";

/// Whether an apply is refused for a trial; one that nobody keeps it puts back first.
pub fn is_in_the_way(trial: &wire::Trial) -> bool {
    trial.kept != Some(false)
}

/// Whether there is such a trial.
pub fn bars(cli: &Cli) -> bool {
    has_been(cli)
        && probe::probe_for(&cli.root, &[Fact::BootId])
            .is_ok_and(|facts| pending(cli, &facts.boot_id).as_ref().is_some_and(is_in_the_way))
}

/// What became of the last trial where it was put back, for whoever was not there to see it.
pub fn last_put_back(cli: &Cli, boot_id: &str) -> Option<String> {
    let trial = record::read(&cli.root, boot_id).ok().flatten()?;
    let ended = trial.ended.filter(|_| trial.state == State::PutBack)?;
    let lines = ended.lines.join("; ");
    Some(format!(
        "a trial of {} was put back at {}, because {}; {lines}",
        trial.baseline,
        report::moment(&ended.at),
        ended.why
    ))
}

/// Says that what is shown is tried, to whoever only looks.
pub fn mention(cli: &Cli, ui: &Ui) {
    let Ok(facts) = probe::probe_for(&cli.root, &[Fact::BootId]) else { return };
    if let Err(error) = record::read(&cli.root, &facts.boot_id)
        && nix::unistd::geteuid().is_root()
    {
        ui.warning(&format!("whether a trial is pending cannot be told: {error}"));
    }
    if let Some(trial) = pending(cli, &facts.boot_id) {
        ui.warning(&report::pending(&trial));
    }
}

/// Refuses to change more while a trial is pending. One that nobody keeps any more is put back
/// first. The lock is held.
///
/// # Errors
/// A trial is pending, or cannot be put back.
pub fn settle(cli: &Cli, host: &Host, ui: &Ui) -> Result<(), Failure> {
    let Some(trial) = settle_dead(cli, host, ui)? else { return Ok(()) };
    let left = trial.left(clock::since_boot()).as_secs();
    let message = format!(
        "a trial of {} is pending, for {left} s more: nothing was changed",
        report::harmless(&trial.baseline)
    );
    Err(Failure::refused(message).help(
        "`tunectl confirm` keeps it, `tunectl confirm --cancel` puts it back now; without \
         either it is put back at its end",
    ))
}

/// Puts a trial back that nobody keeps any more, and leaves one that is kept, which is returned.
/// The lock is held.
///
/// # Errors
/// It cannot be put back.
pub fn settle_dead(cli: &Cli, host: &Host, ui: &Ui) -> Result<Option<Trial>, Failure> {
    let Some(mut trial) = open_trial(cli, &host.facts.boot_id)? else { return Ok(None) };
    if trial.state == State::Pending
        && trial::is_kept(&cli.root) == Some(true)
        && !trial.is_overdue(clock::since_boot())
    {
        return Ok(Some(trial));
    }
    host.forget();
    finish(cli, ui, &host.kernel, &mut trial).map(|()| None)
}

/// Whether there has been a trial since the boot.
pub fn has_been(cli: &Cli) -> bool {
    record::exists(&cli.root)
}

/// Puts back a trial that nobody keeps any more, whatever command comes next, and says so. Who
/// may not, or finds the lock held, leaves it to another.
///
/// # Errors
/// It cannot be put back.
pub fn settle_orphan(cli: &Cli, ui: &Ui) -> Result<(), Failure> {
    let Ok(facts) = probe::probe_for(&cli.root, &[Fact::BootId]) else { return Ok(()) };
    if trial::is_kept(&cli.root) != Some(false) {
        return Ok(());
    }
    let Ok(place) = crate::below::resolve_parent(&cli.root, crate::persist::LOCK) else {
        return Ok(());
    };
    if !matches!(record::read(&cli.root, &facts.boot_id), Ok(Some(trial)) if trial.is_open()) {
        return Ok(());
    }
    let Ok(_lock) = Lock::take(&place, Duration::ZERO) else { return Ok(()) };
    let Some(mut trial) = open_trial(cli, &facts.boot_id)? else { return Ok(()) };
    if trial::is_kept(&cli.root) != Some(false) {
        return Ok(());
    }
    let kernel = ProcSys::open(&cli.root).map_err(|e| Failure::new(e.to_string()))?;
    finish(cli, ui, &kernel, &mut trial)
}

/// The trial of this boot that has not ended.
///
/// # Errors
/// It cannot be read.
pub fn open_trial(cli: &Cli, boot_id: &str) -> Result<Option<Trial>, Failure> {
    let trial = record::read(&cli.root, boot_id).map_err(|error| {
        Failure::new(format!("whether a trial is pending cannot be told: {error}"))
            .help(format!("look at {} and remove it once all is well", record::TRIAL))
    })?;
    Ok(trial.filter(Trial::is_open))
}

/// Ends a trial that nobody keeps: puts it back and says so.
///
/// # Errors
/// Something could not be put back.
pub fn finish(cli: &Cli, ui: &Ui, kernel: &ProcSys, trial: &mut Trial) -> Result<(), Failure> {
    let why = match trial.state {
        State::Writing => "the apply was killed",
        _ if trial.left(clock::since_boot()).is_zero() => "it was not confirmed in time",
        _ => "its keeper was killed",
    };
    let message = if let Some(lines) = put_back(cli, kernel, trial, why)? {
        was_put_back(trial, why, &lines)
    } else {
        let name = report::harmless(&trial.baseline);
        format!("a trial of {name} was confirmed, though not to its end")
    };
    ui.warning(&message);
    Ok(())
}

fn was_put_back(trial: &Trial, why: &str, lines: &[String]) -> String {
    let name = report::harmless(&trial.baseline);
    format!("a trial of {name} was put back, because {why}; {}", lines.join("; "))
}

/// Puts a trial back, and tells what came of it, a line each; `None` where it had been kept. The
/// lock is held.
///
/// # Errors
/// Something could not be put back.
pub fn put_back(
    cli: &Cli,
    kernel: &ProcSys,
    trial: &mut Trial,
    why: &str,
) -> Result<Option<Vec<String>>, Failure> {
    let end = trial::put_back(kernel, &cli.root, trial, why).map_err(|error| {
        let name = report::harmless(&trial.baseline);
        Failure::new(format!("a trial of {name} cannot be put back: {error}"))
    })?;
    let End::PutBack(recovered) = end else { return Ok(None) };
    let lines = trial::told(&recovered);
    if recovered.is_whole() {
        Ok(Some(lines))
    } else {
        Err(Failure::new(was_put_back(trial, why, &lines)))
    }
}
