//! What is told once, however often it is found.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::Key;

use super::Daemon;

/// What was told.
#[derive(Default)]
pub struct Told {
    general: BTreeSet<String>,
    /// Why something is not prevented: of which parameter or pattern, and the reason.
    not_prevented: BTreeSet<(String, String)>,
}

impl Daemon<'_> {
    pub(super) fn tell_once(&mut self, what: String) {
        if self.told_once.general.insert(what.clone()) {
            let mut event = self.general("failed");
            event.detail = Some(what);
            self.records.record(&event);
        }
    }

    /// Tells why parameters cannot be prevented: once for each, or for the pattern that they match, as
    /// long as the baseline has it. Matches come and go all day.
    pub(super) fn tell_not_prevented(&mut self, problems: Vec<(Key, String)>) {
        if problems.is_empty() && self.told_once.not_prevented.is_empty() {
            return;
        }
        let patterns: BTreeMap<&Key, String> = self
            .slots
            .iter()
            .filter_map(|slot| Some((&slot.key, slot.pattern.as_ref()?.to_string())))
            .collect();
        let mut new = Vec::new();
        for (key, why) in problems {
            let own = key.to_string();
            let of = patterns.get(&key).unwrap_or(&own);
            if self.told_once.not_prevented.insert((of.clone(), why.clone())) {
                // The event names the key.
                let of = if *of == own { String::new() } else { format!("{of} ") };
                let what = "cannot be prevented here";
                new.push((key, format!("{of}{what} ({why}), so it is put right afterwards")));
            }
        }
        let patterns = self.force.iter().flat_map(|force| &force.patterns);
        let keys = self.slots.iter().flat_map(|slot| {
            std::iter::once(&slot.key).chain(slot.admitted.iter().map(|(key, _)| key))
        });
        let is: BTreeSet<String> = patterns
            .map(|pattern| pattern.pattern.to_string())
            .chain(keys.map(Key::to_string))
            .collect();
        self.told_once.not_prevented.retain(|(of, _)| is.contains(of));
        for (key, told) in new {
            let mut event = self.event(&key, "failed");
            event.detail = Some(told);
            self.records.record(&event);
        }
    }
}
