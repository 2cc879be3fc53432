//! The look at everything: the truth for whatever raises no event.

use std::time::Duration;

use crate::observed::Errno;
use crate::procsys::Kernel as _;
use crate::watch::{clock, memory};

use super::correct::arm;
use super::index::Index;
use super::reload::Why;
use super::{Daemon, Swept};

/// At each sweep that share of the parameters is opened anew, to see whether it still is the same.
const SHARE: usize = 512;

impl Daemon<'_> {
    /// Looks at every parameter, arms anew what has lost its mark, and finds what has come.
    /// `wholly`: events were lost, so that nothing is taken for granted.
    pub(super) fn sweep(&mut self, wholly: bool) {
        let now = clock::monotonic();
        self.turn.renew();
        self.look_at_memory();
        self.look_at_the_day(now);
        self.see(now);
        let mut calm = self.is_calm();
        let asleep = clock::since_boot().saturating_sub(now);
        let slept = asleep > self.asleep + Duration::from_secs(1);
        self.asleep = asleep;
        // A parameter that is gone reads ENOENT for ever: what this finds is opened anew below.
        if !calm {
            self.correct(now, true);
        }
        if self.find_lost(wholly || slept) {
            calm = false;
            self.reindex();
            self.correct(now, true);
        }
        self.see_again(now);
        self.write_down();
        if self.has_new_matches() {
            self.soon.links.match_anew(now);
        }
        // What a broken baseline lacks may have come without a word.
        if self.refused.is_some() {
            self.soon.reload = Some(now);
        }
        if self.files.is_none() || slept {
            self.end_holds();
        }
        self.tell_missed();
        self.counts.swept = now;
        self.counts.sweeps += 1;
        self.memory_changed = false;
        if !self.real_time && now.saturating_sub(self.counts.wakes.1) > Duration::from_secs(1) {
            self.set_real_time(true);
        }
        if !calm || self.standing.is_none_or(|said| said.corrections != self.counts.restored) {
            self.stands();
        }
    }

    /// Looks at what was calm. Where that is all there is and nothing has changed, the sweep is
    /// over; whatever else there is, is to be looked at.
    fn is_calm(&mut self) -> bool {
        let mut calm = !self.soon.dirty;
        for slot in &mut self.slots {
            if !slot.calm || slot.dirty || !slot.is_as_it_was(&mut self.buffer) {
                slot.dirty = true;
                calm = false;
            }
        }
        calm
    }

    /// Waivers end with a day.
    fn look_at_the_day(&mut self, now: Duration) {
        let day = clock::day();
        if std::mem::replace(&mut self.day, day) != day {
            self.soon.reload = Some(now);
        }
    }

    fn look_at_memory(&mut self) {
        let total = memory::total_kb();
        if total.is_some() && self.mem_total_kb != total {
            self.memory_changed = self.mem_total_kb.is_some();
            self.mem_total_kb = total;
            // Shares of it are other numbers now.
            self.reload(Why::Changed);
        }
    }

    /// Opens anew what is gone or is another by now: its module was loaded again, its interface
    /// came back. Whether there was any.
    fn find_lost(&mut self, wholly: bool) -> bool {
        let mut found = false;
        let turn = usize::try_from(self.counts.sweeps).unwrap_or(0);
        for (i, slot) in self.slots.iter_mut().enumerate() {
            let lost = match &slot.held {
                Ok(held) if wholly || (i + turn).is_multiple_of(SHARE) => {
                    self.kernel.inode(&slot.key).is_ok_and(|inode| inode != held.inode())
                }
                Ok(_) => false,
                Err(_) => true,
            };
            if !lost {
                continue;
            }
            let held = self.kernel.hold(&slot.key);
            found |= held.is_ok() || slot.held.is_ok();
            slot.is_new = held.is_ok();
            // Another one by that name: nobody fights over it yet.
            slot.state.reset();
            (slot.trouble, slot.is_blind) = (None, false);
            slot.close(&self.eyes, Errno::ENOENT);
            slot.held = held;
            slot.right.clear();
            (slot.dirty, slot.calm) = (true, false);
            arm(slot, &self.eyes);
        }
        found
    }

    /// Whether a pattern matches what it did not match, or no longer matches what it did.
    fn has_new_matches(&self) -> bool {
        let Some(force) = &self.force else { return false };
        force.patterns.iter().any(|p| {
            let now = self.kernel.matches(&p.pattern);
            now.unseen.is_none() && (p.unseen.is_some() || now.keys != p.matches)
        })
    }

    /// Finds slots by what they are now.
    pub(super) fn reindex(&mut self) {
        let before = std::mem::take(&mut self.bystanders);
        self.bystanders = super::bystanders::held(before, &self.slots, &self.kernel, &self.eyes);
        if self.eyes.bury() {
            self.arm_anew();
        }
        self.watch_bystanders();
        self.index = Index::of(&self.slots, &self.bystanders);
        self.look_with_bpf();
    }

    /// Raises events again for all that has raised some, and looks at what was written meanwhile.
    fn arm_anew(&mut self) {
        for slot in &mut self.slots {
            if std::mem::take(&mut slot.armed) {
                arm(slot, &self.eyes);
                slot.dirty = true;
                self.soon.dirty = true;
            }
        }
        for other in &mut self.bystanders {
            other.armed = false;
        }
    }

    /// Lets BPF look at what is watched now.
    pub(super) fn look_with_bpf(&mut self) {
        let others: Vec<_> =
            self.bystanders.iter().filter(|b| b.armed).map(|b| b.key.clone()).collect();
        let not_prevented = if self.options.bpf {
            self.eyes.look_at(&self.slots, &others, &self.poll)
        } else {
            self.eyes.look_without_bpf(&self.slots)
        };
        self.tell_not_prevented(not_prevented);
    }

    /// Says what a report of this host is to say that nothing else does.
    pub(super) fn tell_swept(&mut self) {
        let Self { slots, records, eyes, soon, standing, .. } = self;
        // Nothing is allocated, or even looked at, while nobody fights.
        let fights = standing.is_none_or(|said| said.contested > 0);
        let contested: Vec<_> =
            slots.iter().filter(|s| fights && s.state.is_contested()).map(|s| &s.key).collect();
        records.swept(&Swept {
            contested: &contested,
            seen_by: eyes.name(),
            changed: std::mem::take(&mut soon.report),
        });
    }
}
