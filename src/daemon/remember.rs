//! What the daemon writes down besides its records: what a parameter was before the daemon first wrote
//! to it, where no plan could tell, and what was left to another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::below;
use crate::catalogue::shape_of;
use crate::key::Key;
use crate::observed::{Original, Originals};
use crate::persist::holds::{Hold, Holds, YIELDED};
use crate::persist::{LOCK, Lock, damaged, originals};
use crate::plan::{Outcome, Plan};
use crate::value::completed;
use crate::watch::clock;

use super::Daemon;
use super::slot::text;

/// What was left in each parameter, as it is written down.
pub fn left(plan: &Plan, outcome: &Outcome) -> BTreeMap<Key, String> {
    let remembered = plan.remembered(&outcome.failed_keys());
    remembered.of_boot.into_iter().map(|(key, original)| (key, original.left)).collect()
}

/// What is written down once all of a batch is told: each file is read and written as a whole. Where
/// somebody has the lock it waits for the next sweep.
#[derive(Default)]
pub struct Unwritten {
    originals: BTreeMap<Key, Original>,
    yielded: BTreeSet<Key>,
    /// That it has to wait is told.
    told: bool,
}

impl Daemon<'_> {
    /// Has written down what a correction leaves, where that is not known yet: a parameter that came
    /// late, and a bound, which leaves another number than stood there before.
    pub(super) fn remember(&mut self, i: usize, time: &str) {
        let slot = &self.slots[i];
        let Some(target) = slot.wanted.target(&text(&slot.wrong)) else { return };
        let left = completed(shape_of(&slot.key), &text(&slot.wrong), &text(target));
        if let Some(waiting) = self.unwritten.originals.get_mut(&slot.key) {
            waiting.left = left;
            return;
        }
        if self.left.get(&slot.key) == Some(&left) {
            return;
        }
        let known = [&slot.right, &slot.wrong].into_iter().find(|bytes| !bytes.is_empty());
        let original = Original {
            // What the drop-in has set when it came is none of before.
            value: known.map(|b| text(b).trim().to_owned()).filter(|value| *value != left),
            half: None,
            left,
            because_of: None,
            boot_id: self.host.boot_id().to_owned(),
            mem_total_kb: self.mem_total_kb.unwrap_or(0),
            day: time.split('T').next().unwrap_or_default().to_owned(),
        };
        self.unwritten.originals.insert(slot.key.clone(), original);
        self.unwritten.told = false;
    }

    /// Has written down that a parameter was left to another, so that a restart does not take it back.
    pub(super) fn keep_yielded(&mut self, i: usize) {
        self.unwritten.yielded.insert(self.slots[i].key.clone());
        self.unwritten.told = false;
    }

    /// Writes down what there is to be, if nobody has the lock.
    pub(super) fn write_down(&mut self) {
        if self.unwritten.originals.is_empty() && self.unwritten.yielded.is_empty() {
            return;
        }
        let locked = below::resolve_parent(&self.root, LOCK)
            .map_err(|e| e.to_string())
            .and_then(|path| Lock::take(&path, Duration::ZERO).map_err(|e| e.to_string()));
        let (kept, yielded) = match &locked {
            Ok(_lock) => {
                damaged::set_aside(&self.root);
                (self.keep_originals(), self.keep_yields())
            }
            Err(busy) => (Err(busy.clone()), Err(busy.clone())),
        };
        let Self { unwritten, left, .. } = self;
        match kept {
            Ok(()) => {
                let kept = std::mem::take(&mut unwritten.originals).into_iter();
                left.extend(kept.map(|(key, original)| (key, original.left)));
            }
            Err(why) if !unwritten.told => {
                for key in unwritten.originals.keys() {
                    log::info!("what {key} was before is not written down yet: {why}");
                }
            }
            Err(_) => {}
        }
        match yielded {
            Ok(()) => unwritten.yielded.clear(),
            Err(why) if !unwritten.told => {
                for key in &unwritten.yielded {
                    log::info!("that {key} is left to another is not written down yet: {why}");
                }
            }
            Err(_) => {}
        }
        unwritten.told = true;
    }

    fn keep_originals(&self) -> Result<(), String> {
        if self.unwritten.originals.is_empty() {
            return Ok(());
        }
        let read = originals::read(&self.root, &|| self.host.boot_id().to_owned());
        let before = read.map_err(|error| error.to_string())?;
        let mut after: Originals = before.clone();
        for (key, original) in &self.unwritten.originals {
            if let Some(known) = after.of_boot.get_mut(key) {
                known.left.clone_from(&original.left);
            } else {
                after.first.entry(key.clone()).or_insert_with(|| original.clone());
                after.of_boot.insert(key.clone(), original.clone());
            }
        }
        originals::write(&self.root, &before, &after).map_err(|e| e.to_string())
    }

    fn keep_yields(&self) -> Result<(), String> {
        if self.unwritten.yielded.is_empty() {
            return Ok(());
        }
        let read = Holds::read(&self.root, self.host.boot_id());
        let mut holds = read.map_err(|error| error.to_string())?;
        for key in &self.unwritten.yielded {
            let hold = Hold {
                kind: YIELDED.into(),
                by: "the daemon, as the baseline says (on_drift: yield)".into(),
                reason: None,
                until: None,
                until_since_boot: None,
            };
            holds.holds.insert(key.to_string(), hold);
        }
        holds.write(&self.root, clock::since_boot()).map_err(|e| e.to_string())
    }

    /// What is held no longer is nothing to be written down, nor is what yields no longer: another
    /// may have come to have it meanwhile.
    pub(super) fn forget_unwritten(&mut self) {
        let Self { unwritten, slots, .. } = self;
        let is = |key: &Key, yields: bool| {
            slots.iter().any(|s| s.key == *key && (!yields || s.state.has_yielded()))
        };
        unwritten.originals.retain(|key, _| is(key, false));
        unwritten.yielded.retain(|key| is(key, true));
    }
}
