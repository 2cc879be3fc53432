//! What a plan must have seen besides the parameters that it is about.

use crate::baseline::DesiredSet;
use crate::catalogue;
use crate::key::{Key, has_wildcard, same};

use super::{names, preflight};

/// Whether it matters if the loader expands patterns, and which modules are there before it runs.
pub fn asks_of_boot(set: &DesiredSet) -> (bool, bool) {
    (
        set.patterns.iter().any(|pattern| pattern.requirement.exact().is_some()),
        set.parameters.iter().any(|desired| desired.module.is_some()),
    )
}

/// Parameters beyond the desired ones that a plan must have seen: other halves, bounds of an
/// order, and what a write changes besides. Patterns are given as globs.
pub fn also_needed(set: &DesiredSet) -> (Vec<Key>, Vec<&'static str>) {
    also_needed_of(set.parameters.iter().map(|desired| (&desired.key, desired.known)))
}

/// The same of parameters that are given back.
pub fn also_needed_to_return(keys: &[Key]) -> (Vec<Key>, Vec<&'static str>) {
    also_needed_of(keys.iter().map(|key| (key, catalogue::lookup(key))))
}

fn also_needed_of<'k>(
    parameters: impl Iterator<Item = (&'k Key, Option<catalogue::Parameter>)>,
) -> (Vec<Key>, Vec<&'static str>) {
    let mut keys = Vec::new();
    let mut globs = Vec::new();
    let mut of_dirty_pages = false;
    let limits: Vec<_> = catalogue::limits().collect();
    for (key, known) in parameters {
        keys.extend(preflight::also_needed(key));
        keys.extend(names::known_in(key));
        let Some(known) = known else { continue };
        keys.extend(known.pair().map(|leaf| key.sibling(leaf)));
        for order in known.order() {
            match order {
                catalogue::Order::RefusedWhile(other, _)
                | catalogue::Order::ZeroWhileZero(other) => keys.extend(Key::from_path(other)),
                catalogue::Order::NeedsSecret(_, leaf, other) => {
                    keys.push(key.sibling(leaf));
                    keys.extend(Key::from_path(other));
                }
                // Of the others below.
                catalogue::Order::AtMost(other, _, catalogue::Checked::Lately) => {
                    keys.extend(Key::from_path(other));
                }
                _ => {}
            }
        }
        for (lower, upper) in &limits {
            if same(lower, key.as_path()) {
                keys.extend(Key::from_path(upper));
            } else if same(upper, key.as_path()) {
                keys.extend(Key::from_path(lower));
            }
        }
        for effect in known.effects() {
            match effect {
                catalogue::Effect::Copies(glob) if has_wildcard(glob) => globs.push(*glob),
                catalogue::Effect::CopiesToInterfaces(glob)
                | catalogue::Effect::ClearsInterfaces(glob)
                | catalogue::Effect::SetsInterfaces(glob, _) => globs.push(*glob),
                catalogue::Effect::Copies(other)
                | catalogue::Effect::Inverts(other)
                | catalogue::Effect::Gates(other) => {
                    keys.extend(Key::from_path(other));
                }
                catalogue::Effect::Rescales(leaf, ..)
                | catalogue::Effect::SetsBeside(leaf, _)
                | catalogue::Effect::AddsWordBeside(leaf) => {
                    keys.push(key.sibling(leaf));
                }
            }
        }
        of_dirty_pages |= key.as_path().starts_with("vm/dirty_");
    }
    if of_dirty_pages {
        let dirty = [
            "vm/dirty_ratio",
            "vm/dirty_bytes",
            "vm/dirty_background_ratio",
            "vm/dirty_background_bytes",
        ];
        keys.extend(dirty.into_iter().flat_map(Key::from_path));
    }
    keys.sort();
    keys.dedup();
    globs.sort_unstable();
    globs.dedup();
    (keys, globs)
}
