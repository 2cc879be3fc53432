//! Signals that ask for an end, held back so that an apply ends between two writes.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a terminal, a manager of services or a closed session sends.
const ASK: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// The signals, which from now on wait to be asked for.
pub struct Signals(Option<SignalFd>);

impl Signals {
    /// Holds them back to the end of the process: it ends by itself once its work is whole. Where
    /// the kernel does not let it, they end the process at once, and the journal tells of it.
    pub fn hold() -> Self {
        let set: SigSet = ASK.into_iter().collect();
        let held = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
        Self(held.ok().filter(|_| set.thread_block().is_ok()))
    }

    /// The name of one that has come.
    pub fn asked_to_end(&self) -> Option<&'static str> {
        let came = self.0.as_ref()?.read_signal().ok().flatten()?;
        let number = i32::try_from(came.ssi_signo).ok()?;
        Some(Signal::try_from(number).map_or("a signal", Signal::as_str))
    }
}
