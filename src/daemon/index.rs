//! Which parameters a write concerns: its own, and those that it changes besides.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{self, Effect, Order, Reach};
use crate::key::{Key, has_wildcard};

use super::bystanders::Bystander;
use super::slot::Slot;

/// Numbers of slots.
type Slots = Box<[usize]>;

/// Finds slots by what an event has of them. Nothing is allocated by a search.
#[derive(Default)]
pub struct Index {
    inodes: Vec<(u64, Slots)>,
    watches: Vec<(i32, Slots)>,
    names: Vec<(Box<[u8]>, Slots)>,
    /// Which slots a write to each slot may change.
    reached: Vec<Slots>,
}

fn found<'a, K: Ord + ?Sized, T: std::borrow::Borrow<K>>(
    sorted: &'a [(T, Slots)],
    key: &K,
) -> &'a [usize] {
    sorted.binary_search_by(|(k, _)| k.borrow().cmp(key)).map_or(&[], |at| &sorted[at].1)
}

impl Index {
    /// Indexes what is watched.
    pub fn of(slots: &[Slot], bystanders: &[Bystander]) -> Self {
        let reached: Vec<Box<[usize]>> = slots.iter().map(|s| reached(&s.key, slots)).collect();
        let mut index = Self::default();
        for (i, slot) in slots.iter().enumerate() {
            let own: Box<[usize]> = std::iter::once(i).chain(reached[i].iter().copied()).collect();
            if let Ok(held) = &slot.held {
                index.inodes.push((held.inode(), own.clone()));
            }
            index.watches.extend(slot.watch.map(|watch| (watch, own.clone())));
            index.names.push((slot.key.as_path().as_bytes().into(), own));
        }
        for other in bystanders {
            let slots: Box<[usize]> = other.concerns.as_slice().into();
            index.inodes.push((other.held.inode(), slots.clone()));
            index.watches.extend(other.watch.map(|watch| (watch, slots.clone())));
            index.names.push((other.key.as_path().as_bytes().into(), slots));
        }
        index.inodes.sort_unstable_by_key(|(inode, _)| *inode);
        index.watches.sort_unstable_by_key(|(watch, _)| *watch);
        index.names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        index.reached = reached;
        index
    }

    /// By inode.
    pub fn inode(&self, inode: u64) -> &[usize] {
        found(&self.inodes, &inode)
    }

    /// By the number of inotify's watch.
    pub fn watch(&self, watch: i32) -> &[usize] {
        found(&self.watches, &watch)
    }

    /// By the path below /proc/sys.
    pub fn name(&self, name: &[u8]) -> &[usize] {
        found(&self.names, name)
    }

    /// The other slots that a write to this one may change.
    pub fn reached(&self, slot: usize) -> &[usize] {
        self.reached.get(slot).map_or(&[], |reached| reached)
    }
}

/// The other half of a pair, and what takes over a value.
fn reached(key: &Key, slots: &[Slot]) -> Box<[usize]> {
    let Some(known) = catalogue::lookup(key) else { return Box::default() };
    let pair = known.pair().map(|leaf| key.sibling(leaf));
    let reach = Reach::of(key);
    if pair.is_none() && reach.is_empty() {
        return Box::default();
    }
    let is_reached =
        |other: &Key| other != key && (pair.as_ref() == Some(other) || reach.covers(other));
    (0..slots.len()).filter(|i| is_reached(&slots[*i].key)).collect()
}

/// The parameters that are not held themselves, and change one that is when they are written.
pub fn movers(slots: &[Slot]) -> BTreeMap<Key, Vec<usize>> {
    let held: BTreeSet<&Key> = slots.iter().map(|slot| &slot.key).collect();
    let mut movers: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut add = |key: Key, slot: usize| {
        if !held.contains(&key) {
            movers.entry(key).or_default().push(slot);
        }
    };
    let reaching: Vec<(&'static str, &'static [Effect])> =
        catalogue::movers().filter(|(key, _)| !has_wildcard(key)).collect();
    for (i, slot) in slots.iter().enumerate() {
        let known = catalogue::lookup(&slot.key);
        if let Some(leaf) = known.and_then(catalogue::Parameter::pair) {
            add(slot.key.sibling(leaf), i);
        }
        for effect in known.map_or(&[][..], |known| known.effects()) {
            // Each of the two names sets the other.
            if let Effect::Rescales(leaf, ..) = effect {
                add(slot.key.sibling(leaf), i);
            }
        }
        for order in known.map_or(&[][..], |known| known.order()) {
            // What goes before it there sets it as well.
            if let Order::AfterBeside(leaf) = order {
                add(slot.key.sibling(leaf), i);
            }
        }
        for (path, effects) in &reaching {
            if effects.iter().any(|effect| effect.reaches(path, &slot.key))
                && let Ok(key) = Key::from_path(path)
            {
                add(key, i);
            }
        }
    }
    movers
}
