//! From events to corrections: nothing here allocates or tells before the values are right.

use std::time::Duration;

use crate::drift::{OnDrift, Verdict};
use crate::observed::{Namespace, fingerprint};
use crate::watch::clock;

use super::eyes::Marks;
use super::slot::{Done, Look, Slot, TEXT, Trouble, What};
use super::witness::{Sought, Wrote};
use super::{APPLY, Daemon};

/// Whoever an event does not name.
const NOBODY: u32 = 0;
/// An event is of a write that was seen at most this long ago.
const RECENT: Duration = Duration::from_secs(5);
/// An edit of files is waited for at most that often.
const AGAIN_OUTDATED: Duration = Duration::from_secs(1);
/// When a parameter is looked at again after an attempt that raised no event by itself.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(20), Duration::from_millis(1)];

impl Daemon<'_> {
    /// Takes in what has happened.
    pub(super) fn see(&mut self, now: Duration) {
        self.witness.look_anew();
        self.see_attempts(now);
        let Self { eyes, slots, index, soon, .. } = self;
        let mut touch = |of: &[usize], pid: Option<u32>| {
            for &i in of {
                slots[i].dirty = true;
                slots[i].again = 0;
                slots[i].touched_by = pid.or(slots[i].touched_by);
                soon.dirty = true;
            }
        };
        match &mut eyes.marks {
            Marks::Fanotify(fanotify) => {
                let drained = fanotify.drain(&mut |t| touch(index.inode(t.inode), Some(t.pid)));
                soon.overflow |= drained.overflow;
            }
            Marks::Inotify(inotify) => {
                soon.overflow |= inotify.drain(&mut |h| touch(index.watch(h.watch), Some(NOBODY)));
            }
            Marks::None => {}
        }
    }

    /// Takes in what BPF has seen.
    fn see_attempts(&mut self, now: Duration) {
        let Self { eyes, witness, slots, index, soon, .. } = self;
        let Some(bpf) = &mut eyes.bpf else { return };
        bpf.drain(&mut |attempt| {
            if attempt.namespace == Some(Namespace::Other) {
                return;
            }
            for &i in index.name(attempt.name) {
                if attempt.denied && !slots[i].prevents(attempt.name) {
                    continue;
                }
                witness.saw(slots[i].id, attempt);
                if attempt.denied {
                    let refused = &mut slots[i].refused;
                    if refused.count == 0 {
                        refused.since = Duration::from_nanos(attempt.time_ns);
                    }
                    refused.count += 1;
                    slots[i].calm = false;
                    soon.dirty = true;
                    continue;
                }
                slots[i].wrote = Some(Wrote::of(attempt));
                if slots[i].armed || slots[i].again > 0 {
                    slots[i].again = u8::try_from(AGAIN.len()).unwrap_or(1);
                    soon.again = Some(now + AGAIN[AGAIN.len() - 1]);
                }
            }
        });
    }

    /// Looks at what is dirty and puts it right, then tells; `swept`: that is everything.
    pub(super) fn correct(&mut self, began: Duration, swept: bool) {
        self.soon.dirty = false;
        let mut turn = None;
        let mut told = false;
        for i in 0..self.slots.len() {
            let slot = &mut self.slots[i];
            if !std::mem::take(&mut slot.dirty) || slot.let_go {
                continue;
            }
            match slot.look(&mut self.buffer) {
                Look::Right => {
                    (slot.touched_by, slot.taken_back, slot.is_new) = (None, false, false);
                    slot.trouble = None;
                    if slot.state.in_sync(began) {
                        let what = What::Settled;
                        slot.done = Some(Done { what, took: None, pid: None, at: began });
                    }
                    slot.calm =
                        slot.state.is_held() && slot.done.is_none() && slot.refused.count == 0;
                }
                Look::Wrong => {
                    slot.calm = false;
                    if turn.is_none() {
                        // After an apply the baseline is read anew first.
                        let permitted = self.soon.apply_ends.is_none() && self.turn.begin();
                        turn = Some(permitted && !self.is_outdated(began));
                        if permitted && turn == Some(false) {
                            self.turn.end();
                        }
                    }
                    let slot = &mut self.slots[i];
                    if slot.let_go {
                        continue;
                    }
                    if turn == Some(true) {
                        self.wrong(i, began);
                    } else {
                        slot.dirty = true;
                        self.soon.apply_ends.get_or_insert(began + APPLY);
                    }
                }
                Look::Gone(errno) => {
                    slot.calm = false;
                    if slot.held.is_ok() {
                        slot.close(&self.eyes, errno);
                        // Nobody fights over what is not there.
                        slot.state.reset();
                        self.soon.look |= !swept;
                    }
                }
            }
            told |= self.slots[i].done.is_some();
        }
        if turn == Some(true) {
            self.turn.end();
        }
        // Of the slots before it, a correction takes the one line of the cache that says whether
        // they are dirty; this takes others.
        told |= self.slots.iter().any(|slot| slot.refused.count > 0);
        if told || swept {
            self.tell(began, swept);
        }
        self.soon.due = self.slots.iter().filter_map(|slot| slot.state.due()).min();
        if turn == Some(false) {
            // What waits for an apply is not due before that has had a while.
            self.soon.due = self.soon.due.map(|due| due.max(began + APPLY));
        }
    }

    /// Whether an apply that has ended before its writes were seen may have left another baseline.
    /// It may have let parameters go as well. The lock is held, so nothing changes meanwhile;
    /// whoever edits files without end is waited for once in a while only.
    pub(super) fn is_outdated(&mut self, now: Duration) -> bool {
        let again = self.soon.waited.is_some_and(|then| now.saturating_sub(then) < AGAIN_OUTDATED);
        let outdated = self.heed_files(now) && !again;
        if outdated {
            self.soon.waited = Some(now);
        }
        outdated
    }

    /// A parameter is not as required.
    pub(super) fn wrong(&mut self, i: usize, began: Duration) {
        // The attempt is in the ring before the value changes, but maybe since the ring was read:
        // whoever opens a parameter to empty it, as sysctl(8) does, raises an event that comes
        // before the write.
        self.see_attempts(began);
        let pid = self.slots[i].touched_by.take();
        let sought = self.sought(i, pid, began);
        let slot = &mut self.slots[i];
        let paused = slot.state.is_contested();
        // While a fight was left alone, no event has told of writes.
        if pid.is_none() && !paused && is_told(slot) && is_kept_again(slot, &mut self.buffer) {
            return;
        }
        let who = self.witness.id(sought, slot.wrote);
        // What is only watched is told as it is.
        let is_new = std::mem::take(&mut slot.is_new) && slot.state.policy() != OnDrift::Report;
        let verdict = if is_new {
            Verdict::Restore
        } else {
            slot.state.drifted(who, fingerprint(&slot.wrong), began)
        };
        let what = match verdict {
            Verdict::Quiet => return,
            Verdict::Restore => match slot.restore() {
                Ok(()) => {
                    slot.trouble = None;
                    if is_new { What::Set } else { What::Restored }
                }
                Err(errno) => {
                    let trouble = Some(Trouble::Refused(errno));
                    if slot.trouble == trouble {
                        return;
                    }
                    slot.trouble = trouble;
                    What::Failed(errno)
                }
            },
            Verdict::Report => What::Reported,
            Verdict::ReportOnce { pause } => What::ReportedOnce(pause),
            Verdict::Yield => What::Yielded,
            Verdict::Contest { pause } => What::Contested(pause),
        };
        // The clock of the attempt is this one: the time that the writer's value has stood.
        let attempt = || self.witness.when(sought);
        let from = if paused { None } else { attempt().or(pid.map(|_| began)) };
        let at = clock::monotonic();
        let took = from.map(|from| at.saturating_sub(from));
        slot.done = Some(Done { what, took, pid, at });
        if matches!(what, What::Restored | What::Set) {
            for &other in self.index.reached(i) {
                self.slots[other].dirty = true;
                self.slots[other].touched_by = pid;
                self.soon.dirty = true;
            }
        }
    }

    /// The write that may have led to what is found: since the last look at everything, where no
    /// event has told of it.
    pub(super) fn sought(&self, i: usize, pid: Option<u32>, began: Duration) -> Sought {
        let since = if pid.is_some() { began.saturating_sub(RECENT) } else { self.counts.swept };
        Sought { slot: self.slots[i].id, pid, since, denied: false }
    }

    /// Attempts have become changes by now, or never will.
    pub(super) fn look_again(&mut self, now: Duration) {
        let mut next = 0;
        for slot in &mut self.slots {
            if slot.again > 0 {
                slot.again -= 1;
                slot.dirty = true;
                next = next.max(slot.again);
            }
        }
        if next > 0 {
            self.soon.again = Some(now + AGAIN[usize::from(next) - 1]);
        }
        self.correct(now, false);
    }

    /// Looks at what is fought over once its pause is over.
    pub(super) fn end_pauses(&mut self, now: Duration) {
        for slot in &mut self.slots {
            slot.dirty |= slot.state.due().is_some_and(|due| due <= now);
        }
        self.see_again(now);
        self.correct(now, false);
    }

    /// Raises events again for what was left alone for a while, however that has ended.
    pub(super) fn see_again(&mut self, now: Duration) {
        let mut armed = false;
        for slot in self.slots.iter_mut().filter(|slot| slot.is_blind) {
            if !slot.let_go && !slot.state.is_paused(now) {
                slot.is_blind = false;
                armed |= arm(slot, &self.eyes);
                // What happened meanwhile raised none.
                slot.dirty = true;
                self.soon.dirty = true;
            }
        }
        if armed {
            self.watch_bystanders();
            self.look_with_bpf();
        }
    }

    /// Ends the events of what is fought over, so that a storm of them costs nothing. Bystanders and
    /// BPF follow once all of a batch is told: each time takes as long as there are parameters.
    pub(super) fn blind(&mut self, i: usize) {
        let slot = &mut self.slots[i];
        if let Ok(held) = &slot.held {
            self.eyes.disarm(held, slot.watch);
        }
        (slot.armed, slot.again, slot.touched_by) = (false, 0, None);
        slot.is_blind = true;
        self.soon.watch = true;
    }

    /// A bystander is watched as long as one of those that it concerns is.
    pub(super) fn watch_bystanders(&mut self) {
        for other in &mut self.bystanders {
            let wanted = other.concerns.iter().any(|i| self.slots[*i].armed);
            if wanted && !other.armed {
                if let Ok(watch) = self.eyes.arm(&other.held) {
                    (other.watch, other.armed) = (watch, true);
                }
            } else if !wanted && other.armed {
                self.eyes.disarm(&other.held, other.watch);
                other.armed = false;
            }
        }
    }
}

/// Raises events for a slot again, where none are raised; whether that was so.
pub(super) fn arm(slot: &mut Slot, eyes: &super::Eyes) -> bool {
    let (false, Ok(held)) = (slot.armed, &slot.held) else { return false };
    match eyes.arm(held) {
        Ok(watch) => (slot.watch, slot.armed) = (watch, true),
        Err(error) => log::warn!("{}: writes raise no event: {error}", slot.key),
    }
    slot.armed
}

/// Whether this is what the kernel made of the last write, and nobody has written since.
fn is_told(slot: &Slot) -> bool {
    matches!(&slot.trouble, Some(Trouble::Kept(kept)) if *kept == slot.wrong)
}

/// Whether the kernel still takes the write and keeps its value. Nothing is told of the try, and it
/// is no blow of a fight.
fn is_kept_again(slot: &mut Slot, buffer: &mut [u8; TEXT]) -> bool {
    slot.restore().is_err() || (slot.look(buffer) == Look::Wrong && is_told(slot))
}
