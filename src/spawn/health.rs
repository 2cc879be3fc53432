//! Runs the operator's health command, one at a time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::process::{Child, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};

use super::group::{kill_group, shell, start_group};

/// Of what it prints so much is looked at for its last line, in bytes.
const LOOKED_AT: u64 = 4096;
/// What is found without a path, whoever started the keeper.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A health command that may be running.
#[derive(Debug)]
pub struct Health {
    command: String,
    running: Option<(Child, File)>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With 0.
    Passed,
    /// Otherwise, in words, with the last line that it printed.
    Failed(String),
}

impl Health {
    /// `command` is given to `/bin/sh -c`.
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), running: None }
    }

    /// Starts it in `/`, as a group of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&mut self) -> io::Result<()> {
        // A file in memory takes whatever it prints, and nobody has to read it meanwhile.
        let said = File::from(memfd_create("tunectl-check", MemfdFlags::CLOEXEC)?);
        let mut shell = shell(&self.command);
        shell.env("PATH", PATH);
        shell.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
        self.running = Some((start_group(&mut shell)?, said));
        Ok(())
    }

    /// Whether it is running.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How the run ended, once it has.
    pub fn ended(&mut self) -> Option<Verdict> {
        let (mut child, said) = self.running.take()?;
        match child.try_wait() {
            Ok(None) => {
                self.running = Some((child, said));
                None
            }
            Ok(Some(status)) if status.success() => Some(Verdict::Passed),
            Ok(Some(status)) => {
                let how = match status.code() {
                    Some(code) => format!("exit status {code}"),
                    None => status.to_string(),
                };
                Some(Verdict::Failed(how + &last_line(said)))
            }
            Err(error) => Some(Verdict::Failed(error.to_string())),
        }
    }

    /// Kills what is running, with all that it has started.
    pub fn kill(&mut self) {
        let Some((mut child, _)) = self.running.take() else { return };
        kill_group(&child);
        let _ = child.wait();
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.kill();
    }
}

fn last_line(mut said: File) -> String {
    let mut bytes = Vec::new();
    let length = said.metadata().map_or(0, |m| m.len());
    let read = said
        .seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))
        .and_then(|_| said.take(LOOKED_AT).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.filter(|_| read.is_ok()).map(|line| format!(": {line}")).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn verdict(command: &str) -> Verdict {
        let mut health = Health::new(command);
        health.start().unwrap();
        loop {
            if let Some(verdict) = health.ended() {
                return verdict;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    #[test]
    fn what_it_says_last_is_told() {
        assert_eq!(verdict("echo fine"), Verdict::Passed);
        let failed = |why: &str| Verdict::Failed(why.into());
        assert_eq!(verdict("echo a; echo b >&2; echo; exit 3"), failed("exit status 3: b"));
        assert_eq!(verdict("exit 1"), failed("exit status 1"));
        assert_eq!(verdict("pwd; kill -9 $$"), failed("signal: 9 (SIGKILL): /"));
    }

    #[test]
    fn a_run_that_hangs_is_killed_with_what_it_started() {
        let mut health = Health::new("sleep 1000 & echo $!; wait");
        health.start().unwrap();
        assert!(health.is_running() && health.ended().is_none());
        health.kill();
        assert!(!health.is_running() && health.ended().is_none());
    }
}
