//! Counts by key, of bounded size: keys are numbers of names, and two tables are put together under
//! one of both numberings.

use std::collections::HashMap;
use std::hash::Hash;

use super::bytes::order;
use super::hash::Quick;
use super::names::Name;

/// Rows that are told apart in a table; a fleet has some hundreds.
const MOST: usize = 1 << 14;
/// Names of hosts that are kept for a group.
const SAMPLE: usize = 8;

/// Counts by key.
pub struct Table<K, V> {
    rows: HashMap<K, V, Quick>,
    /// Counts that found no room.
    pub beyond: u64,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::default(), beyond: 0 }
    }
}

impl<K: Key, V: Sum> Table<K, V> {
    /// The count of `key`; none where there is no room for a further one.
    pub fn at(&mut self, key: Option<K>) -> Option<&mut V> {
        let room = self.rows.len() < MOST;
        let Some(key) = key.filter(|key| room || self.rows.contains_key(key)) else {
            self.beyond += 1;
            return None;
        };
        Some(self.rows.entry(key).or_default())
    }

    /// Adds the counts of another table; `to` gives its names' numbers here.
    pub fn merge(&mut self, other: &Self, to: &mut Renaming<'_>) {
        self.beyond += other.beyond;
        for (key, theirs) in &other.rows {
            if let Some(ours) = self.at(key.renamed(to)) {
                ours.sum(theirs);
            }
        }
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// The rows as a map.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }
}

/// From one numbering of names to another; `None` where there is no room for a further name.
pub type Renaming<'a> = dyn FnMut(Name) -> Option<Name> + 'a;

/// What is counted by.
pub trait Key: Eq + Hash + Sized {
    /// The same under another numbering.
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self>;
}

impl Key for Name {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        to(*self)
    }
}

impl Key for bool {
    fn renamed(&self, _: &mut Renaming<'_>) -> Option<Self> {
        Some(*self)
    }
}

impl<K: Key> Key for Option<K> {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        match self {
            Some(key) => key.renamed(to).map(Some),
            None => Some(None),
        }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        Some((self.0.renamed(to)?, self.1.renamed(to)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        Some((self.0.renamed(to)?, self.1.renamed(to)?, self.2.renamed(to)?))
    }
}

impl<A: Key, B: Key, C: Key, D: Key> Key for (A, B, C, D) {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        let (a, b, c, d) = self;
        Some((a.renamed(to)?, b.renamed(to)?, c.renamed(to)?, d.renamed(to)?))
    }
}

/// What is counted.
pub trait Sum: Default {
    /// Adds the same of other hosts.
    fn sum(&mut self, other: &Self);
}

impl Sum for u64 {
    fn sum(&mut self, other: &Self) {
        *self = self.saturating_add(*other);
    }
}

/// Hosts of which something is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub hosts: u64,
    /// Some, the first by name.
    pub sample: Vec<Box<str>>,
}

impl Group {
    /// Counts a host.
    pub fn add(&mut self, host: &str) {
        self.hosts += 1;
        self.name(host);
    }

    fn name(&mut self, host: &str) {
        let last = self.sample.get(SAMPLE - 1);
        if last.is_some_and(|last| order(host.as_bytes(), last.as_bytes()).is_ge()) {
            return;
        }
        let at = self.sample.partition_point(|known| &**known < host);
        self.sample.insert(at, host.into());
        self.sample.truncate(SAMPLE);
    }
}

impl Sum for Group {
    fn sum(&mut self, other: &Self) {
        self.hosts += other.hosts;
        for host in &other.sample {
            self.name(host);
        }
    }
}

/// Changes, and the hosts that had them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Hosts.
    pub hosts: u64,
    /// How often.
    pub changes: u64,
}

impl Changes {
    /// Counts a host with its changes.
    pub fn add(&mut self, changes: u64) {
        self.sum(&Self { hosts: 1, changes });
    }
}

impl Sum for Changes {
    fn sum(&mut self, other: &Self) {
        self.hosts += other.hosts;
        self.changes.sum(&other.changes);
    }
}

/// Hosts with a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// All of them.
    pub group: Group,
    /// Those in sync.
    pub in_sync: u64,
    /// Those that have drifted.
    pub drift: u64,
    /// Those on which it asks for something else than what was applied last.
    pub unapplied: u64,
}

impl Sum for Holders {
    fn sum(&mut self, other: &Self) {
        self.group.sum(&other.group);
        self.in_sync += other.in_sync;
        self.drift += other.drift;
        self.unapplied += other.unapplied;
    }
}
