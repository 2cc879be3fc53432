//! Another process, held so that its number cannot become somebody else's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process that may have ended.
#[derive(Debug)]
pub struct Process(Option<OwnedFd>);

impl Process {
    /// The process that has that number now. Before Linux 5.3 it cannot be held.
    pub fn open(pid: u32) -> Self {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        Self(pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()))
    }

    /// What can be waited for: there is something to read once it has ended.
    pub fn held(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// Kills it, if it is held and still there.
    pub fn kill(&self) {
        if let Some(held) = &self.0 {
            let _ = pidfd_send_signal(held, Signal::KILL);
        }
    }
}
