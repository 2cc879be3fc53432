//! Which report of each host is its newest, in 24 bytes a report.

use std::hash::{BuildHasher as _, RandomState};

/// Where a report stands: the source's number, then the byte in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

const OFFSET_BITS: u32 = 40;

impl Place {
    /// Sources that can be told apart.
    pub const SOURCES: usize = 1 << (64 - OFFSET_BITS);

    /// Byte `offset` of a source.
    pub fn new(source: usize, offset: u64) -> Self {
        Self(((source as u64) << OFFSET_BITS) | (offset & ((1 << OFFSET_BITS) - 1)))
    }
}

/// Reports that have been seen: host, time and place of each.
#[derive(Default)]
pub struct Seen {
    /// Hosts are told apart by 64 bits of a keyed hash of their names.
    key: RandomState,
    /// Host, time, place.
    reports: Vec<(u64, u64, Place)>,
    /// How many reports were left after the last time that older ones were dropped.
    hosts: usize,
    /// Reports that were dropped, because a newer one of their host is there.
    older: u64,
}

/// Reports from which on older ones are dropped in between.
const MANY: usize = 1 << 15;

impl Seen {
    /// None yet, to be put together with `self` later on.
    pub fn alike(&self) -> Self {
        Self { key: self.key.clone(), ..Self::default() }
    }

    /// A report of `host`.
    pub fn add(&mut self, host: &str, time: u64, place: Place) {
        if self.reports.len() >= MANY.max(2 * self.hosts) {
            self.settle();
        }
        self.reports.push((self.key.hash_one(host), time, place));
    }

    /// Drops all but each host's newest; of equally old ones the first counts.
    fn settle(&mut self) {
        self.reports.sort_unstable_by(|a, b| (a.0, b.1, a.2).cmp(&(b.0, a.1, b.2)));
        let before = self.reports.len();
        self.reports.dedup_by_key(|report| report.0);
        self.hosts = self.reports.len();
        self.older += (before - self.hosts) as u64;
    }

    /// Takes in what another thread has seen.
    pub fn merge(&mut self, other: Self) {
        self.reports.reserve_exact(other.reports.len());
        self.reports.extend(other.reports);
        self.older += other.older;
        self.settle();
    }

    /// How many reports are not their host's newest.
    pub fn older(&mut self) -> u64 {
        self.settle();
        self.older
    }

    /// The places of each host's newest report.
    pub fn newest(mut self) -> Newest {
        self.settle();
        let mut places: Vec<Place> = self.reports.into_iter().map(|report| report.2).collect();
        places.sort_unstable();
        Newest(places)
    }
}

/// The places of the reports that count.
pub struct Newest(Vec<Place>);

impl Newest {
    /// Whether the report at that place counts.
    pub fn has(&self, place: Place) -> bool {
        self.0.binary_search(&place).is_ok()
    }

    /// How many there are.
    pub fn hosts(&self) -> u64 {
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_newest_of_each_host_counts(
            reports in prop::collection::vec((0..20_u8, 0..5_u64, any::<bool>()), 0..200)
        ) {
            let mut here = Seen::default();
            let mut there = here.alike();
            let mut model: BTreeMap<u8, (u64, usize)> = BTreeMap::new();
            for (at, (host, time, first)) in reports.iter().enumerate() {
                let seen = if *first { &mut here } else { &mut there };
                seen.add(&host.to_string(), *time, Place::new(1, at as u64));
                let known = model.entry(*host).or_insert((*time, at));
                if *time > known.0 {
                    *known = (*time, at);
                }
            }
            here.merge(there);
            prop_assert_eq!(here.older(), (reports.len() - model.len()) as u64);
            let newest = here.newest();
            prop_assert_eq!(newest.hosts(), model.len() as u64);
            for at in 0..reports.len() {
                let counts = model.values().any(|known| known.1 == at);
                prop_assert_eq!(newest.has(Place::new(1, at as u64)), counts);
            }
        }
    }

    #[test]
    fn many_reports_of_few_hosts_take_little_memory() {
        let mut seen = Seen::default();
        for at in 0..10 * MANY as u64 {
            seen.add(&(at % 100).to_string(), at, Place::new(0, at));
        }
        assert!(seen.reports.capacity() <= 2 * MANY);
        assert_eq!(seen.older(), 10 * MANY as u64 - 100);
    }
}
