//! Has the program itself renew the host's report, in a process of its own that is never waited for:
//! a disk that stalls, or memory that is short, holds up the report and not the corrections.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::spawn::{kill_group, start_group};

use super::Settled;
use super::command::how;

/// What takes longer is killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that renews the report, one at a time.
#[derive(Debug)]
pub struct Renewal {
    program: PathBuf,
    args: Vec<OsString>,
    running: Option<(Child, Instant)>,
}

impl Renewal {
    /// `args` are given to the program that is running now.
    ///
    /// # Errors
    /// Its file cannot be found.
    pub fn new(args: Vec<OsString>) -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, args, running: None })
    }

    /// Starts it; `false` where the one before is still at it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&mut self) -> io::Result<bool> {
        if self.running.is_some() {
            return Ok(false);
        }
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::null());
        self.running = Some((start_group(&mut command)?, Instant::now() + PATIENCE));
        Ok(true)
    }

    /// Takes leave of it once it has ended, and kills it where it takes too long; how it ended,
    /// where that is worth a word. To be called when a child has ended, and now and then.
    pub fn settle(&mut self) -> Option<Settled> {
        let (child, until) = self.running.as_mut()?;
        let late = Instant::now() >= *until;
        let (pid, ended) = (child.id(), child.try_wait());
        if let Ok(None) = ended {
            if late {
                kill_group(child);
            }
            return None;
        }
        self.running = None;
        // Where somebody else has waited for it, how it ended is not known.
        let status = ended.ok().flatten()?;
        (!status.success()).then(|| Settled { pid, how: how(status, late, PATIENCE) })
    }
}
