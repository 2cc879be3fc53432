//! Selectors in the order of their paths, so that what one of them covers is found among thousands.

use crate::key::Selector;

/// Selectors, sorted by their paths.
pub(super) struct Sorted<'a>(Vec<&'a Selector>);

impl<'a> FromIterator<&'a Selector> for Sorted<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Selector>>(selectors: I) -> Self {
        let mut sorted: Vec<&Selector> = selectors.into_iter().collect();
        sorted.sort_unstable_by_key(|selector| selector.as_path());
        Self(sorted)
    }
}

impl<'a> Sorted<'a> {
    /// The keys that `by` names or matches, and `by` itself.
    pub(super) fn covered(&self, by: &Selector) -> impl Iterator<Item = &'a Selector> {
        let beginning = match by {
            Selector::Key(key) => key.as_path(),
            Selector::Pattern(pattern) => pattern.beginning(),
        };
        let from = self.0.partition_point(|selector| selector.as_path() < beginning);
        let below = self.0[from..].iter().take_while(move |s| s.as_path().starts_with(beginning));
        below.copied().filter(move |selector| match selector {
            Selector::Key(key) => by.covers(key),
            Selector::Pattern(_) => *selector == by,
        })
    }

    /// Their paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|selector| selector.as_path())
    }
}
