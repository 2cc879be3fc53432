//! What a parameter was before the daemon first wrote to it, where no plan could tell.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::below;
use crate::catalogue::shape_of;
use crate::key::Key;
use crate::observed::{Original, Originals};
use crate::persist::{LOCK, Lock, originals};
use crate::plan::{Outcome, Plan};
use crate::value::completed;

use super::Daemon;
use super::slot::text;

/// What was left in each parameter, as it is written down.
pub fn left(plan: &Plan, outcome: &Outcome) -> BTreeMap<Key, String> {
    let remembered = plan.remembered(&outcome.failed_keys());
    remembered.of_boot.into_iter().map(|(key, original)| (key, original.left)).collect()
}

impl Daemon<'_> {
    /// Writes down what a correction leaves, where that is not known yet: a parameter that came
    /// late, and a bound, which leaves another number than stood there before.
    pub(super) fn remember(&mut self, i: usize, time: &str) {
        let slot = &self.slots[i];
        let Some(target) = slot.wanted.target(&text(&slot.wrong)) else { return };
        let left = completed(shape_of(&slot.key), &text(&slot.wrong), &text(target));
        if self.left.get(&slot.key) == Some(&left) {
            return;
        }
        let known = [&slot.right, &slot.wrong].into_iter().find(|bytes| !bytes.is_empty());
        let original = Original {
            // What the drop-in has set when it came is none of before.
            value: known.map(|b| text(b).trim().to_owned()).filter(|value| *value != left),
            half: None,
            left: left.clone(),
            because_of: None,
            boot_id: self.host.boot_id().to_owned(),
            mem_total_kb: self.mem_total_kb.unwrap_or(0),
            day: time.split('T').next().unwrap_or_default().to_owned(),
        };
        let key = slot.key.clone();
        if let Err(why) = self.keep(&key, original) {
            log::warn!("a rollback will not know what {key} was before: {why}");
        }
        self.left.insert(key, left);
    }

    fn keep(&self, key: &Key, original: Original) -> Result<(), String> {
        let path = below::resolve_parent(&self.root, LOCK).map_err(|e| e.to_string())?;
        let _lock = Lock::take(&path, Duration::ZERO).map_err(|e| e.to_string())?;
        let before = originals::read(&self.root, &|| self.host.boot_id().to_owned());
        let mut after: Originals = before.clone();
        if let Some(known) = after.of_boot.get_mut(key) {
            known.left = original.left;
        } else {
            after.first.entry(key.clone()).or_insert_with(|| original.clone());
            after.of_boot.insert(key.clone(), original);
        }
        originals::write(&self.root, &before, &after).map_err(|e| e.to_string())
    }
}
