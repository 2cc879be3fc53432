//! What our files set now, and of which parameters: by a line of their own, or by a pattern.

use crate::bootview::dropin::{self, Setting};
use crate::key::{Key, Pattern, Selector};

use super::persisted::{Own, text};

/// The lines of our files.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// By key, and of one key in the order of a boot.
    keys: Vec<(Key, String)>,
    /// In the order of a boot.
    patterns: Vec<(Pattern, String)>,
    /// What is kept off the patterns.
    fences: Vec<Key>,
}

impl Lines {
    /// Those of our files; none of a file that is not ours.
    pub(super) fn of(own: Own<'_>) -> Self {
        let files = [own.host, own.dropin].into_iter().flatten();
        Self::made_of(files.filter_map(text).filter_map(dropin::parts).flat_map(|p| p.lines))
    }

    /// Those.
    pub(super) fn made_of(all: impl IntoIterator<Item = dropin::Line>) -> Self {
        let mut lines = Self::default();
        for line in all {
            match (line.setting, line.selector) {
                (Setting::Value(value), Selector::Key(key)) => lines.keys.push((key, value)),
                (Setting::Value(value), Selector::Pattern(pattern)) => {
                    lines.patterns.push((pattern, value));
                }
                (Setting::Fence, Selector::Key(key)) => lines.fences.push(key),
                (Setting::Fence | Setting::AtBoot { .. }, _) => {}
            }
        }
        lines.keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines.fences.sort();
        lines
    }

    /// What they set a key to: the last line that names it, else the last pattern.
    pub(super) fn value_of(&self, key: &Key) -> Option<&str> {
        let named = &self.keys[..self.keys.partition_point(|(one, _)| one <= key)];
        if let Some((_, value)) = named.last().filter(|(one, _)| one == key) {
            return Some(value);
        }
        self.by_pattern(key)
    }

    /// What a boot sets a key to that no line names: the last pattern, where nothing keeps patterns
    /// off it.
    pub(super) fn by_pattern(&self, key: &Key) -> Option<&str> {
        let matching = self.patterns.iter().rfind(|(pattern, _)| pattern.matches(key))?;
        self.fences.binary_search(key).is_err().then_some(&matching.1)
    }

    /// Whether one of them names a key.
    pub(super) fn names(&self, key: &Key) -> bool {
        self.keys.binary_search_by(|(one, _)| one.cmp(key)).is_ok()
    }

    /// The parameters that they name.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// The patterns.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().map(|(pattern, _)| pattern)
    }

    /// What they name, keys and patterns.
    pub(super) fn selectors(&self) -> impl Iterator<Item = Selector> {
        let keys = self.keys().cloned().map(Selector::Key);
        keys.chain(self.patterns().cloned().map(Selector::Pattern))
    }
}
