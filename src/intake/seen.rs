//! Which report of each host is its newest, in bounded memory: what is too much for it lies on disk,
//! 24 bytes a report.

use std::hash::{BuildHasher as _, RandomState};

use super::scratch::Failed;
use super::sorted::{Merge, Ordered, Sorted, Window};

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

/// Reports that a thread has seen.
pub struct Seen {
    /// Hosts are told apart by 64 bits of a keyed hash of their names.
    key: RandomState,
    /// Host, time, place of each; times so that the newest comes first, and of equally old ones that
    /// at the first place.
    reports: Sorted<3>,
    most: usize,
    count: u64,
}

impl Seen {
    /// None yet, for each of so many threads; together they keep about `most` reports in memory.
    pub fn for_each(threads: usize, most: usize) -> Vec<Self> {
        let (key, most) = (RandomState::new(), most / threads.max(1));
        let one = || Self { key: key.clone(), reports: Sorted::new(most), most, count: 0 };
        (0..threads).map(|_| one()).collect()
    }

    /// A report of `host`.
    ///
    /// # Errors
    /// There is no room on disk.
    pub fn add(&mut self, host: &str, time: u64, place: Place) -> Result<(), Failed> {
        self.count += 1;
        self.reports.add([self.key.hash_one(host), !time, place.0])
    }

    /// How many of all threads' reports are not their host's newest.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn older(all: &mut [Self]) -> Result<u64, Failed> {
        let reports: u64 = all.iter().map(|seen| seen.count).sum();
        let mut merge = Merge::of(all.iter_mut().map(|seen| &mut seen.reports))?;
        let mut hosts = 0;
        while merge.next()?.is_some() {
            hosts += 1;
        }
        Ok(reports - hosts)
    }

    /// The places of each host's newest report.
    ///
    /// # Errors
    /// There is no room on disk, or it cannot be read.
    pub fn newest(mut all: Vec<Self>) -> Result<Newest, Failed> {
        let most = all.iter().map(|seen| seen.most).sum();
        let mut places = Sorted::new(most);
        let mut merge = Merge::of(all.iter_mut().map(|seen| &mut seen.reports))?;
        while let Some([_, _, place]) = merge.next()? {
            places.add([place])?;
        }
        places.finish().map(Newest)
    }
}

/// The places of the reports that count.
pub struct Newest(Ordered<1>);

/// Where a thread looks among the newest reports.
#[derive(Default)]
pub struct Looking(Window);

impl Newest {
    /// Whether the report at that place counts.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn has(&self, place: Place, looking: &mut Looking) -> Result<bool, Failed> {
        self.0.has(place.0, &mut looking.0)
    }

    /// How many there are.
    pub fn hosts(&self) -> u64 {
        self.0.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Whether all of it is in memory or most of it on disk.
        #[test]
        fn the_newest_of_each_host_counts(
            reports in prop::collection::vec((0..40_u8, 0..5_u64, 0..3_usize), 0..300),
            most in prop::sample::select(vec![0, 6, 30, 90, 10_000]),
        ) {
            let mut seen = Seen::for_each(3, most);
            let mut model: BTreeMap<u8, (u64, usize)> = BTreeMap::new();
            for (at, (host, time, thread)) in reports.iter().enumerate() {
                seen[*thread].add(&host.to_string(), *time, Place::new(1, at as u64)).unwrap();
                let known = model.entry(*host).or_insert((*time, at));
                if *time > known.0 {
                    *known = (*time, at);
                }
            }
            prop_assert_eq!(Seen::older(&mut seen).unwrap(), (reports.len() - model.len()) as u64);
            let newest = Seen::newest(seen).unwrap();
            prop_assert_eq!(newest.hosts(), model.len() as u64);
            let mut looking = Looking::default();
            for at in 0..reports.len() {
                let counts = model.values().any(|known| known.1 == at);
                prop_assert_eq!(newest.has(Place::new(1, at as u64), &mut looking).unwrap(), counts);
            }
        }
    }
}
