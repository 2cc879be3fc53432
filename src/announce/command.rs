//! Runs the operator's command with an event on its standard input, and never waits for it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::spawn::{kill_group, shell, start_group};
use crate::wire::event::Event;

/// So many run at once …
const MOST_RUNNING: usize = 4;
/// … so many events wait for one to end; what comes on top is skipped.
const MOST_WAITING: usize = 32;
/// While events are skipped without end, that is said so often.
const SAID: Duration = Duration::from_secs(60);
/// So long the last ones may go on when the daemon ends.
const PARTING: Duration = Duration::from_secs(2);
/// A command that runs longer is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that is run for each event.
#[derive(Debug)]
pub struct OnDrift {
    command: String,
    patience: Duration,
    running: Vec<Running>,
    waiting: VecDeque<Vec<u8>>,
    /// Events that were skipped, of which nothing is said yet.
    skipped: u64,
    /// When the first of those was.
    since: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    until: Instant,
    is_killed: bool,
}

/// A command's end, where that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The process.
    pub pid: u32,
    /// What became of it, such as `exit status: 3`.
    pub how: String,
}

impl OnDrift {
    /// `command` is given to `/bin/sh -c`.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            patience: PATIENCE,
            running: Vec::with_capacity(MOST_RUNNING),
            waiting: VecDeque::with_capacity(MOST_WAITING),
            skipped: 0,
            since: None,
        }
    }

    /// The same with another time after which a command is killed.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts the command with the event as one line of JSON, or lets the event wait for its turn.
    ///
    /// # Errors
    /// The command could not be started.
    pub fn tell(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        if self.running.len() < MOST_RUNNING && self.waiting.is_empty() {
            return self.start(&line);
        }
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(line);
        } else {
            self.skipped += 1;
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// To be called when a child has ended (SIGCHLD) and at [`OnDrift::due`]: takes leave of what
    /// has ended, kills what takes too long, starts what waits. What failed is returned.
    pub fn settle(&mut self) -> Vec<Settled> {
        let now = Instant::now();
        let mut failures = Vec::new();
        self.running.retain_mut(|running| match running.child.try_wait() {
            Ok(None) => {
                if now >= running.until && !running.is_killed {
                    running.is_killed = true;
                    kill_group(&running.child);
                }
                true
            }
            Ok(Some(status)) if status.success() => false,
            Ok(Some(status)) => {
                let how = how(status, running.is_killed, self.patience);
                failures.push(Settled { pid: running.child.id(), how });
                false
            }
            // Somebody else has waited for it: how it ended is not known.
            Err(_) => false,
        });
        while self.running.len() < MOST_RUNNING
            && let Some(line) = self.waiting.pop_front()
        {
            if let Err(error) = self.start(&line) {
                failures.push(Settled { pid: 0, how: format!("cannot be started: {error}") });
            }
        }
        failures
    }

    /// When [`OnDrift::settle`] is to be called at the latest.
    pub fn due(&self) -> Option<Instant> {
        self.running.iter().filter(|r| !r.is_killed).map(|r| r.until).min()
    }

    /// How many events were skipped because too many waited, each counted once: told when none
    /// waits any more, and every minute until then.
    pub fn skipped(&mut self) -> Option<u64> {
        let is_over = self.waiting.is_empty();
        self.since.take_if(|since| is_over || since.elapsed() >= SAID)?;
        Some(std::mem::take(&mut self.skipped))
    }

    fn start(&mut self, line: &[u8]) -> io::Result<()> {
        let child = start(&self.command, line)?;
        let until = Instant::now() + self.patience;
        self.running.push(Running { child, until, is_killed: false });
        Ok(())
    }
}

impl Drop for OnDrift {
    /// Nobody is left who would kill what takes too long: it has a moment to end by itself.
    fn drop(&mut self) {
        let until = Instant::now() + PARTING;
        while self.running.iter_mut().any(|r| matches!(r.child.try_wait(), Ok(None)))
            && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        for running in &mut self.running {
            if matches!(running.child.try_wait(), Ok(None)) {
                log::warn!("the command of --on-drift (pid {}) is cut off", running.child.id());
                kill_group(&running.child);
                let _ = running.child.wait();
            }
        }
        let left = self.waiting.len() as u64 + self.skipped;
        if left > 0 {
            let s = if left == 1 { "" } else { "s" };
            log::warn!("the command of --on-drift was not told of {left} event{s}");
        }
    }
}

fn start(command: &str, line: &[u8]) -> io::Result<Child> {
    // A file in memory rather than a pipe: it takes the whole event whatever the command does,
    // and a command that does not read its input harms nobody.
    let mut input = File::from(memfd_create("tunectl-event", MemfdFlags::CLOEXEC)?);
    input.write_all(line)?;
    input.rewind()?;
    let mut shell = shell(command);
    shell.stdin(Stdio::from(input));
    start_group(&mut shell)
}

pub(super) fn how(status: ExitStatus, is_killed: bool, patience: Duration) -> String {
    if is_killed && status.signal().is_some() {
        return format!("killed: it took longer than {} s", patience.as_secs());
    }
    status.to_string()
}
