//! What the loop has to do, and when.

use std::time::Duration;

use super::links::Links;

/// What is waiting to be done. Times are monotonic.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing to do of its own")]
pub struct Soon {
    /// Slots are to be looked at.
    pub dirty: bool,
    /// A correction waits for an apply to end.
    pub apply_ends: Option<Duration>,
    /// When corrections have waited last for a baseline that may be another.
    pub waited: Option<Duration>,
    /// The baseline or the drop-in has changed.
    pub reload: Option<Duration>,
    /// The reload was asked for by name.
    pub asked: bool,
    /// Interfaces have come or gone.
    pub links: Links,
    /// Attempts that BPF saw before the value changed: look again then.
    pub again: Option<Duration>,
    /// Parameters whose pause ends, or whose fight may be over.
    pub due: Option<Duration>,
    /// Somebody's time with a parameter is over.
    pub hold_ends: Option<Duration>,
    /// The watchdog is to be fed.
    pub feed: Option<Duration>,
    /// The records are to be tended.
    pub tend: Option<Duration>,
    /// Events were lost.
    pub overflow: bool,
    /// A parameter is gone, and others may be, or the machine has slept: look at all.
    pub look: bool,
    /// Something has changed that no event tells of: the report is to be renewed.
    pub report: bool,
    /// Some raise events no longer: bystanders and BPF are to follow.
    pub watch: bool,
    /// Code and memory were used that holding does not need: they are to be given back.
    pub settle: bool,
}

impl Soon {
    /// When the next of it is due.
    pub fn next(&self) -> Option<Duration> {
        let times = [self.apply_ends, self.reload, self.again, self.due, self.hold_ends, self.feed];
        let others = [self.links.next(), self.tend];
        times.into_iter().chain(others).flatten().min()
    }
}
