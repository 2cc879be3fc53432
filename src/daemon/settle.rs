//! Holding needs little: what start-up and events have used is given back, and what a correction
//! needs is fetched before there is one, by a rehearsal.

use std::hint::black_box;
use std::time::Duration;

use crate::drift::{OnDrift, State};
use crate::procsys::Held;
use crate::watch::{clock, resident};

use super::slot::{Look, Slot, text};
use super::{Daemon, DaemonError};

impl Daemon<'_> {
    /// Gives back what is not needed for holding. All that is, is gone through once.
    ///
    /// # Errors
    /// Waiting fails.
    pub(super) fn settle(&mut self) -> Result<(), DaemonError> {
        self.soon.settle = false;
        let apart = resident::shed();
        self.rehearse();
        self.sweep(false);
        self.records.tend();
        self.tell_swept();
        self.feed(clock::monotonic());
        self.turn(Some(Duration::ZERO))?;
        drop(apart);
        Ok(())
    }

    /// Puts right what is no parameter, up to the write, so that the code for it is in memory.
    fn rehearse(&mut self) {
        let now = clock::monotonic();
        self.see(now);
        self.is_outdated(now);
        self.correct(now, false);
        for slot in &self.slots {
            black_box(slot.wanted.satisfied_by(&text(&slot.right)));
        }
        let (Some(first), Ok(nothing)) = (self.slots.first(), Held::nothing()) else { return };
        let state = State::new(OnDrift::Enforce, None);
        let (key, wanted) = (first.key.clone(), first.wanted.clone());
        let mut slot = Slot::new(u64::MAX, key, wanted, String::new(), state);
        slot.held = Ok(nothing);
        // Whom BPF has not seen is looked for in /proc.
        slot.touched_by = Some(self.service.process());
        let i = self.slots.len();
        self.slots.push(slot);
        if self.slots[i].look(&mut self.buffer) == Look::Wrong && self.turn.begin() {
            self.wrong(i, now);
            self.turn.end();
        }
        // Nothing is told of it.
        self.slots.truncate(i);
    }
}
