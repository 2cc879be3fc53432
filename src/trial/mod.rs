//! A trial from its beginning to its end: kept, or everything put back.
//!
//! Whoever begins one writes it down, has a keeper started and writes the values. Whoever ends it
//! holds the lock, and does the same whether it is the keeper, `tunectl confirm`, or the next
//! command after the keeper was killed.

mod keeper;

pub use keeper::{KeeperError, keep};

use std::path::Path;
use std::time::Duration;

use crate::apply::{self, KeepError, Recovered};
use crate::below;
use crate::key::Key;
use crate::observed::{Errno, Unfinished};
use crate::persist::holds::{Hold, Holds, TRIAL, TRIED};
use crate::persist::trial::{self, Check, Ended, KEEPER, State, Trial};
use crate::persist::{Lock, PersistError};
use crate::plan::{Recovery, tried};
use crate::procsys::Kernel;
use crate::report;
use crate::watch::clock;

/// The writes may take so much longer than the trial lasts, before whoever makes them is taken to
/// hang: a reserve of memory is raised in steps.
pub const TO_WRITE: Duration = Duration::from_secs(60);

/// Why a trial cannot be ended as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// What stands in it makes no sense.
    #[error("{} is not of tunectl's form", trial::TRIAL)]
    NotOurs,
    /// What is to be kept cannot be put in place; the trial goes on.
    #[error("{0}")]
    NotKept(#[from] KeepError),
    /// A file cannot be read or written.
    #[error("{0}")]
    Failed(#[from] PersistError),
}

/// How a trial ended.
#[derive(Debug)]
pub enum End {
    /// It was kept before: its files were in place already.
    Kept,
    /// Everything was put back, or what was not is named.
    PutBack(Box<Recovered>),
}

/// Writes down a trial that is about to begin, and lets its parameters go. The lock is held.
///
/// # Errors
/// It cannot be written down: nothing was.
pub fn begin(
    root: &Path,
    unfinished: &Unfinished,
    time: Duration,
    check: Option<Check>,
) -> Result<Trial, PersistError> {
    let mut trial = Trial::new(unfinished, time.as_secs(), check);
    end_at(&mut trial, clock::since_boot().saturating_add(time).saturating_add(TO_WRITE));
    let since_boot = clock::since_boot();
    let mut holds = Holds::read(root, &trial.boot_id)?;
    let keys = tried(unfinished);
    trial.let_go_before = holds.begin_trial(keys.iter(), &hold(&trial));
    trial.write(root)?;
    if let Err(error) = holds.write(root, since_boot) {
        forget(root);
        return Err(error);
    }
    Ok(trial)
}

/// Its values are live: from now on its time counts. The lock is held.
///
/// # Errors
/// It cannot be written down, so everything is to be put back.
pub fn set_pending(root: &Path, trial: &mut Trial) -> Result<(), PersistError> {
    let since_boot = clock::since_boot();
    end_at(trial, since_boot.saturating_add(Duration::from_secs(trial.seconds)));
    trial.state = State::Pending;
    trial.write(root)?;
    let mut holds = Holds::read(root, &trial.boot_id)?;
    let hold = hold(trial);
    for held in holds.holds.values_mut().filter(|held| held.kind == TRIAL) {
        *held = hold.clone();
    }
    holds.write(root, since_boot)
}

/// Nothing was written after all: it is as if it had never begun. The lock is held.
pub fn call_off(root: &Path, trial: &mut Trial) {
    end_holds(root, trial, false);
    forget(root);
}

/// Keeps a trial: puts its files in place, once what a `confirm` that was killed has left behind is
/// taken back, or was all of it. The lock is held.
///
/// # Errors
/// They cannot be put in place: the trial goes on.
pub fn confirm(
    kernel: &dyn Kernel,
    root: &Path,
    trial: &mut Trial,
    why: &str,
) -> Result<(), EndError> {
    let unfinished = trial.unfinished().ok_or(EndError::NotOurs)?;
    let kept = was_kept(root, trial)?;
    apply::recover(kernel, root, &trial.boot_id)?;
    if kept {
        return Ok(());
    }
    let mut end = || ended(root, trial, State::Confirmed, why, Vec::new());
    if unfinished.files.is_empty() {
        end();
    } else {
        apply::keep(root, unfinished, end)?;
    }
    Ok(())
}

/// Whether a trial was kept by a `confirm` that was killed before it could say so: then it is said
/// now. Its journal tells so, and must not be cleared before. The lock is held.
///
/// # Errors
/// The journal cannot be read.
pub fn was_kept(root: &Path, trial: &mut Trial) -> Result<bool, PersistError> {
    // The values were written by the same process; that journal has no files.
    let kept = apply::carried_out(root, &trial.boot_id)?.is_some_and(|of| of.pid == trial.pid);
    if kept {
        ended(root, trial, State::Confirmed, "confirmed", Vec::new());
    }
    Ok(kept)
}

/// Puts everything back, unless the trial was kept already; first whatever an apply or a
/// `confirm` has left behind that was killed. The lock is held. Done twice, it does nothing the
/// second time.
///
/// # Errors
/// It cannot be known what is to be put back.
pub fn put_back(
    kernel: &dyn Kernel,
    root: &Path,
    trial: &mut Trial,
    why: &str,
) -> Result<End, EndError> {
    let unfinished = trial.unfinished().ok_or(EndError::NotOurs)?;
    let kept = was_kept(root, trial)?;
    // What was begun of it and is taken back by the journal counts as put back all the same.
    let before = apply::recover(kernel, root, &trial.boot_id)?;
    if kept {
        return Ok(End::Kept);
    }
    // That none of its files was put in place is known by now, whether they can be read or not.
    let mut recovered = apply::put_values_back(kernel, root, unfinished);
    if let Recovery::Finished = recovered.recovery {
        ended(root, trial, State::Confirmed, "confirmed", Vec::new());
        return Ok(End::Kept);
    }
    if let Some(before) = before {
        if let Recovery::Undo { unread, .. } = &mut recovered.recovery {
            unread.extend(before.unread().iter().cloned());
        }
        recovered.restored.splice(0..0, before.restored);
        recovered.files.extend(before.files);
    }
    // What could not be put back is tried again by the next command.
    if recovered.is_whole() {
        ended(root, trial, State::PutBack, why, told(&recovered));
    }
    Ok(End::PutBack(Box::new(recovered)))
}

/// Whether the trial's keeper is alive; `None` where this user cannot see it.
pub fn is_kept(root: &Path) -> Option<bool> {
    Lock::is_held(&below::resolve_parent(root, KEEPER).ok()?)
}

/// The parameters that no longer read as they were tried, with what they read.
pub fn changed_since(kernel: &dyn Kernel, trial: &Trial) -> Vec<(Key, String)> {
    let Some(unfinished) = trial.unfinished() else { return Vec::new() };
    let mut last: Vec<(&Key, &str)> = Vec::new();
    for write in unfinished.writes.iter().rev() {
        if !last.iter().any(|(key, _)| **key == write.key) {
            last.push((&write.key, &write.to));
        }
    }
    let moved = last.into_iter().rev().filter_map(|(key, wanted)| {
        let now = kernel.read(key).text()?.to_owned();
        (!crate::plan::reads_as(key, wanted, &now)).then(|| (key.clone(), now))
    });
    moved.collect()
}

/// What putting back came to, a line each.
pub fn told(recovered: &Recovered) -> Vec<String> {
    let good = recovered.restored.iter().filter(|(_, result)| result.is_ok()).count();
    let mut lines = vec![format!("{} put back", report::counted(good, "value"))];
    lines.extend(not_put_back(recovered));
    lines
}

/// What is not as before, and why, a line each.
pub fn not_put_back(recovered: &Recovered) -> Vec<String> {
    let stuck = |(key, result): &(Key, Result<(), Errno>)| {
        let errno = result.err()?;
        Some(format!("{key} could not be put back: {}", report::errno_text(errno)))
    };
    let mut lines: Vec<String> = recovered.restored.iter().filter_map(stuck).collect();
    if let Recovery::Undo { left, lost, .. } = &recovered.recovery {
        lines.extend(left.iter().map(|(key, now)| {
            let now = report::harmless(report::shown(key, now));
            format!("{key} was changed since, to {now}: left alone")
        }));
        lines.extend(lost.iter().map(|key| format!("{key}: its value of before is not known")));
    }
    lines.extend(recovered.unread().iter().map(|(key, errno)| {
        let why = report::errno_text(*errno);
        format!("{key} cannot be read, and so is not put back yet: {why}")
    }));
    lines.extend(recovered.files.iter().map(ToString::to_string));
    lines
}

fn end_at(trial: &mut Trial, since_boot: Duration) {
    let left = since_boot.saturating_sub(clock::since_boot());
    trial.ends = clock::utc_in(left);
    trial.ends_since_boot_ms = u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX);
}

fn hold(trial: &Trial) -> Hold {
    Hold {
        kind: TRIAL.into(),
        by: format!("tunectl apply --confirm-within, pid {}", trial.pid),
        reason: Some(format!("{TRIED}{}", trial.baseline)),
        until: Some(trial.ends.clone()),
        // Whole seconds, the begun one included.
        until_since_boot: Some(trial.ends_since_boot_ms.div_ceil(1000)),
    }
}

/// Writes down that a trial has ended, and gives its parameters back.
fn ended(root: &Path, trial: &mut Trial, state: State, why: &str, lines: Vec<String>) {
    trial.state = state;
    trial.ended = Some(Ended { at: clock::utc_in(Duration::ZERO), why: why.to_owned(), lines });
    if let Err(error) = trial.write(root) {
        log::warn!("{error}");
        // What stands there still says that it is pending: better nothing.
        forget(root);
    }
    end_holds(root, trial, state == State::Confirmed);
}

fn end_holds(root: &Path, trial: &mut Trial, kept: bool) {
    let before = std::mem::take(&mut trial.let_go_before);
    let written = Holds::read(root, &trial.boot_id).and_then(|mut holds| {
        holds.end_trial(before, kept);
        holds.write(root, clock::since_boot())
    });
    if let Err(error) = written {
        log::warn!("the daemon leaves the trial's parameters alone for a while: {error}");
    }
}

fn forget(root: &Path) {
    if let Err(error) = trial::remove(root) {
        log::warn!("{error}");
    }
}
