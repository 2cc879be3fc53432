//! What an apply would do besides bringing single parameters in sync: the baseline asks for
//! something else than what was applied last.

use std::collections::BTreeSet;

use crate::bootview::dropin::{self, Line, Setting};
use crate::key::{Key, Selector};

use super::{Fate, Item, Plan};

/// What of a baseline no apply has carried out yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unapplied {
    /// Whether the drop-in was written for another text of the baseline.
    pub edited: bool,
    /// Whether it was written for this text, and says something else all the same: somebody has
    /// edited it, or the host or tunectl is not what it was.
    pub altered: bool,
    /// What would be given back.
    pub given_back: BTreeSet<Key>,
    /// What the drop-in sets and the baseline does not ask for.
    pub leaving: BTreeSet<Selector>,
    /// What the baseline asks for and the drop-in does not set, or not so.
    pub missing: BTreeSet<Selector>,
}

impl Unapplied {
    /// Whether there is nothing of the kind. That the drop-in would be worded anew is nothing.
    pub fn is_none(&self) -> bool {
        self.given_back.is_empty() && self.leaving.is_empty() && self.missing.is_empty()
    }

    /// All of it.
    pub fn selectors(&self) -> BTreeSet<Selector> {
        let given_back = self.given_back.iter().cloned().map(Selector::Key);
        given_back.chain(self.leaving.clone()).chain(self.missing.clone()).collect()
    }
}

impl Plan {
    /// What no apply has carried out yet, as far as this user can see it. Of a host without a
    /// drop-in of ours nothing is known to have been applied.
    pub fn unapplied(&self) -> Unapplied {
        let restored = self.returned.iter().filter(|one| one.verdict == Fate::Restore);
        let given_back = restored.map(|one| one.key.clone()).collect();
        let mut unapplied = Unapplied { given_back, ..Unapplied::default() };
        let before = self.dropin.before.as_ref().filter(|_| self.dropin.foreign.is_none());
        let Some(parts) = before.and_then(|text| dropin::parts(text)) else { return unapplied };
        unapplied.edited = !parts.sha256.is_empty() && parts.sha256 != self.baseline.sha256;
        let leaving = parts.lines.iter().filter(|line| !self.still_asks(line, unapplied.edited));
        let planned = |selector: &Selector| {
            self.dropin.lines.iter().any(|l| l.selector == *selector && l.value().is_some())
        };
        // What will be there with another value does not leave.
        (unapplied.missing, unapplied.leaving) =
            leaving.map(|line| line.selector.clone()).partition(planned);
        let differs = !unapplied.missing.is_empty() || !unapplied.leaving.is_empty();
        unapplied.altered = differs && parts.sha256 == self.baseline.sha256;
        if unapplied.edited {
            unapplied.missing.extend(self.missing(&parts.lines));
        }
        unapplied
    }

    /// Whether the baseline still asks for what a line of the drop-in says.
    fn still_asks(&self, line: &Line, edited: bool) -> bool {
        let value = match &line.setting {
            // It sets nothing.
            Setting::Fence => return true,
            Setting::Value(value) => Some(value.as_str()),
            // The number follows the RAM, and not the baseline alone.
            Setting::AtBoot { .. } => None,
        };
        match &line.selector {
            Selector::Key(key) => match super::item_of(&self.items, key) {
                // Of what is refused, or cannot be looked at, it is not known what would be said.
                Some(item) if !item.refusals.is_empty() || item.live.is_none() => true,
                Some(item) if item.waived() => false,
                Some(item) => value.is_none_or(|value| {
                    item.desired.requirement.satisfied_by(item.desired.shape, value)
                }),
                None => self.is_gone(key, value),
            },
            Selector::Pattern(pattern) => {
                let same = |one: &&_| Self::asks_of(one, value);
                let mut asked = self.baseline.patterns.iter().filter(|one| one.pattern == *pattern);
                // A waiver, too, takes the line of a pattern out.
                let planned = self.dropin.lines.iter().any(|one| one.selector == line.selector);
                asked.find(same).is_some_and(|one| planned || !edited || one.matches.is_empty())
            }
        }
    }

    /// Whether that is what is asked of each match of a pattern.
    fn asks_of(pattern: &crate::baseline::DesiredPattern, value: Option<&str>) -> bool {
        let asked = pattern.requirement.exact();
        asked.is_some_and(|asked| value.is_none_or(|value| asked.trim() == value))
    }

    /// Whether a key that is asked for by no item has merely gone with its interface.
    fn is_gone(&self, key: &Key, value: Option<&str>) -> bool {
        let excluded = self.baseline.excludes.iter().any(|exclude| exclude.covers(key));
        !excluded
            && self
                .baseline
                .patterns
                .iter()
                .filter(|one| one.pattern.matches(key) && !one.matches.contains(key))
                .any(|one| Self::asks_of(one, value))
    }

    /// What would be persisted and has no line yet.
    fn missing(&self, lines: &[Line]) -> BTreeSet<Selector> {
        let set: BTreeSet<&Selector> = lines
            .iter()
            .filter(|line| line.setting != Setting::Fence)
            .map(|line| &line.selector)
            .collect();
        // An interface that has come since is no edit.
        let by_pattern = |item: &Item| {
            let pattern = item.desired.pattern.clone().map(Selector::Pattern);
            pattern.is_some_and(|pattern| set.contains(&pattern))
        };
        // What has no line of its own is set by a pattern.
        let planned = self.dropin.lines.iter().filter(|line| line.setting != Setting::Fence);
        let keys = planned.filter_map(|line| match &line.selector {
            Selector::Key(key) => super::item_of(&self.items, key),
            Selector::Pattern(_) => None,
        });
        let keys = keys.filter(|item| item.refusals.is_empty() && !by_pattern(item));
        let keys = keys.map(|item| Selector::Key(item.desired.key.clone()));
        let patterns =
            self.dropin.lines.iter().filter(|line| {
                matches!(line.selector, Selector::Pattern(_)) && line.value().is_some()
            });
        let patterns = patterns.map(|line| line.selector.clone());
        keys.chain(patterns).filter(|selector| !set.contains(selector)).collect()
    }
}
