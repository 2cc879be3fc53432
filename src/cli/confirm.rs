//! `tunectl confirm`.

use std::time::Duration;

use crate::observed::Replaced;
use crate::persist::trial::{self as record, State, Trial};
use crate::persist::{LOCK, Lock, LockError, damaged, originals};
use crate::procsys::ProcSys;
use crate::report;
use crate::sources::HOST_BASELINE;
use crate::trial::{self, EndError};
use crate::watch::clock;
use crate::wire::{CONFIRMED_SCHEMA, Confirmed};

use super::Exit;
use super::apply::this_boot;
use super::args::{Cli, ConfirmArgs, Format};
use super::failure::Failure;
use super::trial::{finish, open_trial, put_back, seen};
use super::ui::Ui;

/// How long another holder of the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the trial that is pending: persists exactly what was tried. Or puts it back.
///
/// # Errors
/// None is pending, or it comes too late, or what was tried cannot be persisted or put back.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &ConfirmArgs, ui: &Ui) -> Result<Exit, Failure> {
    let kernel = ProcSys::open(&cli.root).map_err(|e| Failure::new(e.to_string()))?;
    if kernel.is_procfs() && !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("only root can confirm a trial"));
    }
    let boot_id = this_boot(cli)?;
    let place = crate::below::resolve_parent(&cli.root, LOCK)
        .map_err(|error| Failure::new(format!("cannot find {LOCK}: {error}")))?;
    let lock = Lock::take(&place, PATIENCE).map_err(|error| match error {
        LockError::Busy(_) => Failure::refused(error.to_string()).help("wait for it"),
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })?;
    damaged::set_aside(&cli.root);
    let Some(mut trial) = open_trial(cli, &boot_id)? else {
        return Err(nothing(cli, &boot_id));
    };
    if args.cancel {
        return cancel(cli, ui, &kernel, &mut trial);
    }
    let over = trial.left(clock::since_boot()).is_zero();
    if over || trial.state == State::Writing {
        finish(cli, ui, &kernel, &mut trial)?;
        return Err(nothing(cli, &boot_id));
    }
    let changed = trial::changed_since(&kernel, &trial);
    trial::confirm(&kernel, &cli.root, &mut trial, "confirmed").map_err(|error| {
        let left = trial.left(clock::since_boot()).as_secs();
        let message = format!("not confirmed: {error}; the trial goes on for {left} s");
        match error {
            EndError::NotKept(crate::apply::KeepError::Moved(_)) => Failure::refused(message)
                .help("let it be put back, look at what has changed, and try again"),
            _ => Failure::new(message),
        }
    })?;
    drop(lock);
    let told = match ui.format() {
        Format::Json => {
            let changed: Vec<String> = changed.iter().map(|(key, _)| key.to_string()).collect();
            ui.json(&ended(&trial, &changed, Vec::new()))
        }
        Format::Text => {
            let keys = seen(&trial, None).keys;
            ui.result(&report::confirmed(&trial.baseline, &keys, &persisted(&trial)))
        }
    };
    told.map_err(|failure| failure.after("the trial was confirmed, and is persisted"))?;
    for (key, now) in changed {
        let now = report::harmless(report::shown(&key, &now));
        ui.warning(&format!(
            "{key} was changed since to {now} by somebody else; what was tried is persisted"
        ));
    }
    Ok(Exit::Done)
}

/// Puts the trial back before its end. The lock is held.
fn cancel(cli: &Cli, ui: &Ui, kernel: &ProcSys, trial: &mut Trial) -> Result<Exit, Failure> {
    let Some(lines) = put_back(cli, kernel, trial, "it was cancelled")? else {
        return Err(nothing(cli, &trial.boot_id));
    };
    let told = match ui.format() {
        Format::Json => ui.json(&ended(trial, &[], lines)),
        Format::Text => ui.result(&report::cancelled(&trial.baseline, &lines)),
    };
    told.map_err(|failure| failure.after("the trial was put back"))?;
    Ok(Exit::Done)
}

/// The files that a trial puts in place where it is kept. What there was before is remembered as
/// well, and nothing that a boot sets.
fn persisted(trial: &Trial) -> Vec<Replaced> {
    let mut files = trial.files();
    files.retain(|file| ![originals::FIRST, originals::OF_BOOT].contains(&file.path.as_str()));
    files
}

/// A trial that has ended, for scripts.
pub fn ended(trial: &Trial, changed: &[String], put_back: Vec<String>) -> Confirmed {
    let is_kept = trial.state == State::Confirmed;
    let files = if is_kept { persisted(trial) } else { Vec::new() };
    Confirmed {
        schema: CONFIRMED_SCHEMA.into(),
        result: if is_kept { "confirmed" } else { "put_back" }.into(),
        baseline: trial.baseline.clone(),
        keys: seen(trial, None).keys,
        persisted: files.iter().map(|file| file.path.clone()).collect(),
        adopted: files.iter().any(|file| file.path == HOST_BASELINE),
        changed: changed.to_vec(),
        put_back,
    }
}

/// Says that no trial is pending, and what became of the last one.
fn nothing(cli: &Cli, boot_id: &str) -> Failure {
    let last = record::read(&cli.root, boot_id).ok().flatten();
    let failure = Failure::new("no trial is pending: there is nothing to confirm");
    let Some((trial, ended)) = last.and_then(|trial| Some((trial.clone(), trial.ended?))) else {
        return failure.help("`tunectl apply --confirm-within 60s` begins one");
    };
    let name = report::harmless(&trial.baseline);
    let at = report::harmless(&ended.at);
    failure.help(match trial.state {
        State::Confirmed => format!("the trial of {name} was confirmed at {at}"),
        _ => format!(
            "the trial of {name} was put back at {at}: {}; begin it again",
            report::harmless(&ended.why)
        ),
    })
}
