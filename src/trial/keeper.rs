//! The keeper of a trial: waits for its end with memory locked, and puts everything back unless
//! somebody has confirmed it by then, or a health command has.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::below;
use crate::persist::trial::{self, KEEPER, State, TRIAL, Trial};
use crate::persist::{LOCK, Lock, LockError, PersistError};
use crate::procsys::ProcSys;
use crate::report;
use crate::spawn::{Health, Verdict};
use crate::watch::clock::{self, Timer};
use crate::watch::inotify::Inotify;
use crate::watch::kmsg;
use crate::watch::poll::Poll;
use crate::watch::priority;
use crate::watch::process::Process;
use crate::watch::signals::{Asked, Signals};

use super::{End, EndError, TO_WRITE};

/// Whoever holds the lock at the end of a trial is waited for so long; then it is put back without.
const PATIENCE: Duration = Duration::from_secs(30);

/// The keeper of a trial that has just ended is waited for so long.
const BEFORE: Duration = Duration::from_secs(5);

/// So long after it could not put everything back it tries again at first, and at last.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often it is looked whether the apply still holds the lock, where its process cannot be held.
const LOOK: Duration = Duration::from_secs(1);

/// Why a trial cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// There is nothing to keep.
    #[error("no trial is pending")]
    Nothing,
    /// Another keeper is at work.
    #[error("the trial has a keeper already")]
    Kept,
    /// The system denies something that keeping needs.
    #[error("cannot {doing}: {error}")]
    Failed {
        /// What was to be done.
        doing: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// The trial cannot be read.
    #[error("{0}")]
    Unreadable(#[from] PersistError),
}

/// Numbers of what is waited for.
mod source {
    pub const SIGNALS: u64 = 0;
    pub const TIME: u64 = 1;
    pub const FILES: u64 = 2;
    pub const CHECK: u64 = 3;
    pub const BEGINNER: u64 = 4;
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> KeeperError {
    move |error| KeeperError::Failed { doing, error }
}

/// Keeps the trial below `root` until it ends; `ready` is called once it is certain to be put back,
/// before any value is written. How it ended, a line each.
///
/// # Errors
/// There is nothing to keep, or it cannot be kept: then `ready` was not called, or has failed.
pub fn keep(
    root: &Path,
    boot_id: &str,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result<Vec<String>, KeeperError> {
    let other = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let place = below::resolve_parent(root, KEEPER).map_err(failed("find the keeper's lock"))?;
    let _alone = Lock::take(&place, BEFORE).map_err(|error| match error {
        LockError::Busy(_) => KeeperError::Kept,
        error @ LockError::Failed { .. } => failed("lock")(other(&error)),
    })?;
    let trial = trial::read(root, boot_id)?.filter(Trial::is_open).ok_or(KeeperError::Nothing)?;
    let kernel = ProcSys::open(root).map_err(|e| failed("open the parameters")(other(&e)))?;
    let signals = Signals::open().map_err(failed("wait for signals"))?;
    let files = Inotify::open().map_err(failed("watch files"))?;
    let lock = below::resolve_parent(root, LOCK).map_err(failed("find the lock"))?;
    files.watch_directory(lock.parent().unwrap_or(root)).map_err(failed("watch files"))?;
    let beginner = Process::open(trial.pid);
    let mut keeper =
        Keeper { root: root.to_owned(), boot_id: boot_id.to_owned(), kernel, lock, trial };
    // Everything reads as before still, so this writes nothing. It brings all that putting back
    // needs into memory, where it then stays.
    if let Some(unfinished) = keeper.trial.unfinished() {
        let _ = crate::apply::put_back(&keeper.kernel, root, unfinished);
    }
    if let Err(error) = priority::lock_memory() {
        log::info!("memory is not locked: {error}");
    }
    ready().map_err(failed("say that it is ready"))?;
    // From here on somebody counts on it: whatever fails, everything is put back.
    let ended = keeper.see_through(&beginner, &signals, &files);
    Ok(ended.unwrap_or_else(|error| keeper.end(&format!("its keeper failed: {error}"), &signals)))
}

/// Why the waiting is over.
enum Why {
    Keep(String),
    PutBack(String),
}

struct Keeper {
    root: PathBuf,
    boot_id: String,
    kernel: ProcSys,
    lock: PathBuf,
    trial: Trial,
}

impl Keeper {
    /// Keeps the trial to its end. How it ended, a line each.
    fn see_through(
        &mut self,
        beginner: &Process,
        signals: &Signals,
        files: &Inotify,
    ) -> Result<Vec<String>, KeeperError> {
        if !self.wait_for_values(beginner, files)? {
            return Ok(Vec::new());
        }
        if self.trial.state == State::Writing {
            return Ok(self.end("the apply was killed", signals));
        }
        Ok(match self.wait(signals, files)? {
            Some(Why::Keep(why)) => self.confirm(&why, signals),
            Some(Why::PutBack(why)) => self.end(&why, signals),
            None => Vec::new(),
        })
    }

    /// Waits until the values are written, or until whoever writes them is gone. One that hangs is
    /// ended. Whether the trial is still this keeper's to end.
    fn wait_for_values(
        &mut self,
        beginner: &Process,
        files: &Inotify,
    ) -> Result<bool, KeeperError> {
        let poll = Poll::new().map_err(failed("wait"))?;
        let most = Duration::from_secs(self.trial.seconds).saturating_add(TO_WRITE);
        let time = Timer::every(most).map_err(failed("set a timer"))?;
        poll.add(&time, source::TIME).map_err(failed("wait for the end"))?;
        poll.add(files, source::FILES).map_err(failed("wait for files"))?;
        if let Some(process) = beginner.held() {
            poll.add(process, source::BEGINNER).map_err(failed("wait for the apply"))?;
        }
        // Where processes cannot be held, the lock tells that this one is gone.
        let look = beginner.held().is_none().then_some(LOOK);
        loop {
            let mut ready: u64 = 0;
            poll.wait(look, &mut |number| ready |= 1 << number).map_err(failed("wait"))?;
            let has = |number: u64| ready & (1 << number) != 0;
            if has(source::TIME) {
                beginner.kill();
                log::warn!("the apply hangs and is killed");
                return Ok(self.reread());
            }
            let gone = has(source::BEGINNER)
                || (look.is_some() && Lock::take(&self.lock, Duration::ZERO).is_ok());
            let touched = has(source::FILES) && touches_trial(files);
            if (gone || touched) && !self.reread() {
                return Ok(false);
            }
            if gone || self.trial.state == State::Pending {
                return Ok(true);
            }
        }
    }

    /// Looks at how the trial stands; whether it is still this keeper's to end. One that somebody
    /// has removed is. What it checks, writes and replaces stays as it was when this began.
    fn reread(&mut self) -> bool {
        match trial::read(&self.root, &self.boot_id) {
            Ok(Some(now)) if now.pid == self.trial.pid => {
                self.trial.follow(now);
                self.trial.is_open()
            }
            Ok(Some(_)) => false,
            // Called off before it began, or taken away while it lasts.
            Ok(None) => self.trial.state == State::Pending,
            Err(error) => {
                log::warn!("{error}");
                true
            }
        }
    }

    /// Waits for the end of the time, for whoever ends the trial before, or for the health command.
    fn wait(&mut self, signals: &Signals, files: &Inotify) -> Result<Option<Why>, KeeperError> {
        let poll = Poll::new().map_err(failed("wait"))?;
        let left = self.trial.left(clock::since_boot()).max(Duration::from_millis(1));
        let time = Timer::every(left).map_err(failed("set a timer"))?;
        let every = self.trial.check.as_ref().map_or(1, |check| check.every.max(1));
        let again = Timer::every(Duration::from_secs(every)).map_err(failed("set a timer"))?;
        let mut health = self.trial.check.as_ref().map(|check| Health::new(&check.command));
        poll.add(signals, source::SIGNALS).map_err(failed("wait for signals"))?;
        poll.add(&time, source::TIME).map_err(failed("wait for the end"))?;
        poll.add(files, source::FILES).map_err(failed("wait for files"))?;
        if let Some(health) = &mut health {
            poll.add(&again, source::CHECK).map_err(failed("wait"))?;
            if let Err(error) = health.start() {
                return Ok(Some(Why::PutBack(format!("the check cannot be started: {error}"))));
            }
        }
        let (mut passed, mut began) = (0_u32, clock::since_boot());
        let mut longest = Duration::ZERO;
        loop {
            let mut ready: u64 = 0;
            poll.wait(None, &mut |number| ready |= 1 << number).map_err(failed("wait"))?;
            let has = |number: u64| ready & (1 << number) != 0;
            if has(source::FILES) && touches_trial(files) && !self.reread() {
                return Ok(None);
            }
            if has(source::SIGNALS) {
                while let Some(asked) = signals.next() {
                    if asked == Asked::End {
                        return Ok(Some(Why::PutBack("its keeper was told to end".into())));
                    }
                }
            }
            let over = has(source::TIME) && time.went_off();
            let Some(health) = &mut health else {
                if over {
                    return Ok(Some(Why::PutBack("it was not confirmed in time".into())));
                }
                continue;
            };
            match health.ended() {
                Some(Verdict::Failed(how)) => {
                    return Ok(Some(Why::PutBack(format!("the check failed ({how})"))));
                }
                Some(Verdict::Passed) => {
                    passed += 1;
                    longest = longest.max(clock::since_boot().saturating_sub(began));
                }
                None => {}
            }
            if over {
                let late = health.is_running();
                health.kill();
                return Ok(Some(if late {
                    Why::PutBack("the check did not end in time".into())
                } else {
                    Why::Keep(format!("the check passed {}", report::counted(passed, "time")))
                }));
            }
            if has(source::CHECK) && again.went_off() && !health.is_running() {
                began = clock::since_boot();
                // One that passes must not be cut off only because it began too late.
                let fits = self.trial.left(began) >= longest * 2;
                if fits && let Err(error) = health.start() {
                    return Ok(Some(Why::PutBack(format!("the check cannot be started: {error}"))));
                }
            }
        }
    }

    /// Ends the trial as the health command says.
    fn confirm(&mut self, why: &str, signals: &Signals) -> Vec<String> {
        let lock = Lock::take(&self.lock, PATIENCE);
        if !self.reread() {
            return Vec::new();
        }
        if lock.is_err() {
            return self.end("another apply hangs, so that it could not be kept", signals);
        }
        match super::confirm(&self.kernel, &self.root, &mut self.trial, why) {
            Ok(()) => vec![format!("kept: {why}")],
            Err(error) => {
                drop(lock);
                self.end(&format!("it could not be kept: {error}"), signals)
            }
        }
    }

    /// Puts everything back, and tries again until it is: nobody else does it unasked. Told to end,
    /// it leaves what is left to the next command.
    fn end(&mut self, why: &str, signals: &Signals) -> Vec<String> {
        let mut pause = PAUSE;
        loop {
            let (is_whole, lines) = self.put_back(why).unwrap_or_else(|error| {
                (false, vec![format!("the trial is not put back yet: {error}")])
            });
            if is_whole {
                return lines;
            }
            if pause == PAUSE {
                self.cry(&lines.join("; "));
            }
            clock::pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            while let Some(asked) = signals.next() {
                if asked == Asked::End {
                    return lines;
                }
            }
        }
    }

    /// Puts everything back, if it is still this keeper's to do; whether all is, and what came of
    /// it, a line each. What was promised is done even where the lock is not to be had.
    fn put_back(&mut self, why: &str) -> Result<(bool, Vec<String>), EndError> {
        let lock = Lock::take(&self.lock, PATIENCE);
        if let Err(error) = &lock {
            log::warn!("{error}: put back all the same");
        }
        if !self.reread() {
            return Ok((true, Vec::new()));
        }
        let end = super::put_back(&self.kernel, &self.root, &mut self.trial, why)?;
        let mut lines = vec![format!("the trial of {} has ended: {why}", self.trial.baseline)];
        let End::PutBack(recovered) = end else { return Ok((true, lines)) };
        lines.extend(super::told(&recovered));
        Ok((recovered.is_whole(), lines))
    }

    /// Says what stands in the way where somebody will find it: nobody reads what a keeper writes.
    fn cry(&self, what: &str) {
        log::warn!("{what}");
        if self.root == Path::new("/") {
            kmsg::say(&format!("{what}; it is tried again"));
        }
    }
}

/// Whether the trial's own file has changed; what else lies beside it does not matter.
fn touches_trial(files: &Inotify) -> bool {
    let name = Path::new(TRIAL).file_name().unwrap_or_default().as_encoded_bytes();
    let mut touched = false;
    let lost = files.drain(&mut |happened| touched |= happened.name == name);
    touched || lost
}
