//! The signals that a process is told with, read like anything else, or outlived.
#![allow(unsafe_code, reason = "a handler of a signal")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end: `SIGTERM`, `SIGINT`.
    End,
    /// To read the baseline again: `SIGHUP`.
    Reload,
    /// To see which child has ended: `SIGCHLD`.
    Child,
}

/// Signals that arrive on a descriptor from now on.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks the signals, and opens the descriptor.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn open() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD] {
            set.add(signal);
        }
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// The next that has arrived.
    pub fn next(&self) -> Option<Asked> {
        let info = self.0.read_signal().ok()??;
        let signal = i32::try_from(info.ssi_signo).ok()?;
        match Signal::try_from(signal).ok()? {
            Signal::SIGTERM | Signal::SIGINT => Some(Asked::End),
            Signal::SIGHUP => Some(Asked::Reload),
            _ => Some(Asked::Child),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Has a file that gets larger than this process may write (`ulimit -f`) fail as a full disk does,
/// rather than end the process midway.
pub fn outlive_file_limit() {
    extern "C" fn nothing(_: libc::c_int) {}
    // A handler rather than to ignore or to block it: programs that are started have it as usual.
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: a handler that does nothing may run at any time.
    let _ = unsafe { sigaction(Signal::SIGXFSZ, &action) };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod tests {
    use std::process::Command;

    #[test]
    fn what_is_started_has_the_signal_as_usual() {
        super::outlive_file_limit();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let mask = |status: &str, name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line[name.len()..].trim(), 16).unwrap() >> 24 & 1
        };
        assert_eq!(mask(&status, "SigCgt:"), 1, "{status}");
        let output = Command::new("cat").arg("/proc/self/status").output().unwrap();
        let status = String::from_utf8(output.stdout).unwrap();
        for name in ["SigCgt:", "SigIgn:", "SigBlk:"] {
            assert_eq!(mask(&status, name), 0, "{status}");
        }
    }
}
