//! Which of a loader's writes may concern a parameter: of thousands a few are looked at for each.

use std::ops::Range;
use std::slice::Iter;

use super::{Changes, Outcome};
use crate::catalogue::Effect;
use crate::key::Key;

/// Up to so many writes all are looked at: to sort them would cost more.
const FEW: usize = 64;

/// Places in the sequence of a loader's writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Those of lines that concern one directory, directory by directory.
    near: Vec<usize>,
    /// Those of lines that may concern any parameter.
    wide: Vec<usize>,
    /// Those that are in neither.
    few: Range<usize>,
}

impl Index {
    /// That of all writes of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let all = 0..outcome.sequence.len();
        if all.len() <= FEW {
            return Self { few: all, ..Self::default() };
        }
        let (wide, mut near): (Vec<usize>, _) = all.partition(|place| is_wide(outcome, *place));
        // Stable, so that those of one directory stay in order.
        near.sort_by_key(|place| directory(path(outcome, *place)));
        Self { near, wide, few: 0..0 }
    }

    /// The places of the writes that may concern `key`, in order.
    pub fn about<'i>(&'i self, outcome: &Outcome, key: &Key) -> Places<'i> {
        let wanted = directory(key.as_path());
        let of = |place: &usize| directory(path(outcome, *place));
        let start = self.near.partition_point(|place| of(place) < wanted);
        let end = self.near[start..].partition_point(|place| of(place) == wanted);
        let near = self.near[start..start + end].iter();
        Places { near, wide: self.wide.iter(), few: self.few.clone() }
    }
}

/// Places in their order, from either end.
pub(super) struct Places<'i> {
    near: Iter<'i, usize>,
    wide: Iter<'i, usize>,
    few: Range<usize>,
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let (near, wide) = (self.near.as_slice().first(), self.wide.as_slice().first());
        let first = match (near, wide) {
            (Some(near), Some(wide)) if wide < near => self.wide.next(),
            (Some(_), _) => self.near.next(),
            (None, _) => self.wide.next(),
        };
        first.copied().or_else(|| self.few.next())
    }
}

impl DoubleEndedIterator for Places<'_> {
    fn next_back(&mut self) -> Option<usize> {
        let (near, wide) = (self.near.as_slice().last(), self.wide.as_slice().last());
        let last = match (near, wide) {
            (Some(near), Some(wide)) if wide > near => self.wide.next_back(),
            (Some(_), _) => self.near.next_back(),
            (None, _) => self.wide.next_back(),
        };
        last.copied().or_else(|| self.few.next_back())
    }
}

fn path(outcome: &Outcome, place: usize) -> &str {
    &outcome.lines[outcome.sequence[place]].selector_text
}

/// Whether the write may concern more than its own directory.
fn is_wide(outcome: &Outcome, place: usize) -> bool {
    let line = &outcome.lines[outcome.sequence[place]];
    match &line.changes {
        _ if line.is_glob => true,
        Changes::Of(effects) => !effects.iter().all(|e| matches!(e, Effect::Rescales(..))),
        Changes::OfEach(_) => true,
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use crate::bootview::{BootView, Loader, with_file};
    use crate::key::Key;
    use crate::observed::ConfTree;

    const PATHS: [&str; 9] = [
        "vm/swappiness",
        "vm/dirty_ratio",
        "top",
        "net/ipv4/ip_forward",
        "net/ipv4/conf/all/forwarding",
        "net/ipv4/conf/lo/forwarding",
        "net/ipv4/conf/lo/rp_filter",
        "net/ipv4/neigh/lo/base_reachable_time",
        "net/ipv4/neigh/lo/base_reachable_time_ms",
    ];

    proptest! {
        #[test]
        fn what_an_index_leaves_out_concerns_nothing(
            // As many as that an index is made, or is not.
            lines in prop::collection::vec((0..PATHS.len() + 2, 0..3_u8), 1..200),
        ) {
            let globs = ["net/ipv4/conf/*/rp_filter", "net/ipv4/conf/*/forwarding"];
            let line = |(at, value): &(usize, u8)| {
                let path = PATHS.iter().chain(&globs).nth(*at).unwrap();
                format!("{path} = {value}\n")
            };
            let text: String = lines.iter().map(line).collect();
            let tree = with_file(&ConfTree::default(), "/etc/sysctl.d/a.conf", Some(&text));
            let view = BootView::new(&tree);
            for path in PATHS {
                let key = Key::from_path(path).unwrap();
                for loader in Loader::ALL {
                    let outcome = view.of(loader);
                    let all = 0..outcome.sequence.len();
                    let about: Vec<usize> = outcome.index.about(outcome, &key).collect();
                    prop_assert!(about.is_sorted() && about.iter().all(|at| all.contains(at)));
                    let mut behind: Vec<usize> = outcome.index.about(outcome, &key).rev().collect();
                    behind.reverse();
                    prop_assert_eq!(&about, &behind);
                    for (place, write) in view.each_write(loader).enumerate() {
                        let concerns = write.gets_to(&key)
                            || write.gets_to_sibling(&key, "base_reachable_time")
                            || !write.changes_of(&key).is_empty();
                        prop_assert!(!concerns || about.contains(&place), "{path}: {place}");
                    }
                }
            }
        }
    }
}
