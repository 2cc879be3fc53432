//! The signals that a daemon is told with, read like anything else.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
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
