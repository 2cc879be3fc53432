//! Any number of small records in order, in bounded memory: what is too much for it lies in runs on
//! disk, which are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::scratch::{Failed, Scratch};

/// Runs of a level that are merged into one of the next.
const FAN: usize = 64;
/// Bytes that are written at once.
const WRITTEN: usize = 32 << 10;
/// Bytes that all runs of a merge have read ahead, and one of them at least.
const AHEAD: usize = 512 << 10;
const LEAST_AHEAD: usize = 512;

/// A record: words that are compared one after the other. Of those with the same first word only
/// the first counts.
pub type Record<const N: usize> = [u64; N];

/// Records, put into order as they come.
pub struct Sorted<const N: usize> {
    /// So many are kept in memory.
    most: usize,
    records: Vec<Record<N>>,
    /// Runs of about so many records, of `FAN` times as many, and so on.
    levels: Vec<Runs>,
}

/// Runs behind each other in a file.
struct Runs {
    file: Scratch,
    /// The bytes where each ends; the next begins there.
    ends: Vec<u64>,
}

impl Runs {
    fn new() -> Result<Self, Failed> {
        Ok(Self { file: Scratch::new()?, ends: Vec::new() })
    }

    fn end(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Appends a run.
    fn put<const N: usize>(
        &mut self,
        mut next: impl FnMut() -> Result<Option<Record<N>>, Failed>,
    ) -> Result<(), Failed> {
        let mut bytes = Vec::with_capacity(WRITTEN);
        let mut at = self.end();
        while let Some(record) = next()? {
            bytes.extend(record.iter().flat_map(|word| word.to_le_bytes()));
            if bytes.len() > WRITTEN - 8 * N {
                self.file.write(&bytes, at)?;
                at += bytes.len() as u64;
                bytes.clear();
            }
        }
        self.file.write(&bytes, at)?;
        self.ends.push(at + bytes.len() as u64);
        Ok(())
    }

    fn parts<const N: usize>(&self) -> impl Iterator<Item = Part<'_, N>> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(at, end)| Part::Run { file: &self.file, at, end: *end })
    }
}

impl<const N: usize> Sorted<N> {
    /// None yet; of at most `most` nothing is written to disk.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), records: Vec::new(), levels: Vec::new() }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// There is no room on disk.
    pub fn add(&mut self, record: Record<N>) -> Result<(), Failed> {
        if self.records.len() >= self.most {
            self.settle();
            if self.records.len() > self.most / 2 {
                self.spill()?;
            }
        }
        self.records.push(record);
        Ok(())
    }

    fn settle(&mut self) {
        self.records.sort_unstable();
        self.records.dedup_by_key(|record| record[0]);
    }

    /// Puts what is in memory, settled, on disk.
    fn spill(&mut self) -> Result<(), Failed> {
        let mut records = self.records.drain(..);
        put(&mut self.levels, 0, || Ok(records.next()))?;
        for level in 0.. {
            if self.levels[level].ends.len() < FAN {
                break;
            }
            let full = std::mem::replace(&mut self.levels[level], Runs::new()?);
            let mut merge = Merge::<N>::new(full.parts().collect())?;
            put(&mut self.levels, level + 1, || merge.next())?;
        }
        Ok(())
    }

    /// The parts that a merge puts into order.
    fn parts(&mut self) -> impl Iterator<Item = Part<'_, N>> {
        self.settle();
        let runs = self.levels.iter().flat_map(Runs::parts);
        runs.chain(std::iter::once(Part::Memory(&self.records)))
    }

    /// The records in order.
    ///
    /// # Errors
    /// There is no room on disk, or it cannot be read.
    pub fn finish(mut self) -> Result<Ordered<N>, Failed> {
        if self.levels.is_empty() {
            self.settle();
            return Ok(Ordered::Memory(self.records));
        }
        let mut merge = Merge::new(self.parts().collect())?;
        let mut all = Runs::new()?;
        all.put(|| merge.next())?;
        Ok(Ordered::Disk { records: all.end() / (8 * N as u64), file: all.file })
    }
}

/// Appends a run to a level.
fn put<const N: usize>(
    levels: &mut Vec<Runs>,
    level: usize,
    next: impl FnMut() -> Result<Option<Record<N>>, Failed>,
) -> Result<(), Failed> {
    if levels.len() == level {
        levels.push(Runs::new()?);
    }
    levels[level].put(next)
}

/// What is in order already.
enum Part<'s, const N: usize> {
    Memory(&'s [Record<N>]),
    Run { file: &'s Scratch, at: u64, end: u64 },
}

/// Parts that are read side by side.
pub struct Merge<'s, const N: usize> {
    parts: Vec<(Part<'s, N>, Vec<u8>)>,
    /// The next record of each part that has one, its number, and where the one behind it is in
    /// what has been read ahead.
    next: BinaryHeap<Reverse<(Record<N>, usize, usize)>>,
    ahead: usize,
    last: Option<u64>,
}

impl<'s, const N: usize> Merge<'s, N> {
    /// Everything that several have, in order.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(all: impl IntoIterator<Item = &'s mut Sorted<N>>) -> Result<Self, Failed> {
        Self::new(all.into_iter().flat_map(Sorted::parts).collect())
    }

    fn new(parts: Vec<Part<'s, N>>) -> Result<Self, Failed> {
        let ahead = (AHEAD / parts.len().max(1)).max(LEAST_AHEAD) / (8 * N) * (8 * N);
        let parts: Vec<_> = parts.into_iter().map(|part| (part, Vec::new())).collect();
        let count = parts.len();
        let mut merge = Self { parts, next: BinaryHeap::with_capacity(count), ahead, last: None };
        for part in 0..count {
            merge.pull(part, 0)?;
        }
        Ok(merge)
    }

    /// Takes a part's next record, which is at `at` in what has been read ahead.
    fn pull(&mut self, number: usize, at: usize) -> Result<(), Failed> {
        let Some((part, ahead)) = self.parts.get_mut(number) else { return Ok(()) };
        let (record, at) = match part {
            Part::Memory(records) => (records.get(at).copied(), at + 1),
            Part::Run { file, at: from, end } => {
                let mut at = at;
                if at >= ahead.len() {
                    let length =
                        usize::try_from(*end - *from).unwrap_or(usize::MAX).min(self.ahead);
                    ahead.resize(length, 0);
                    file.read(ahead, *from)?;
                    *from += length as u64;
                    at = 0;
                }
                (words(&ahead[at..]), at + 8 * N)
            }
        };
        if let Some(record) = record {
            self.next.push(Reverse((record, number, at)));
        }
        Ok(())
    }

    /// The next record; `None` behind the last.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn next(&mut self) -> Result<Option<Record<N>>, Failed> {
        while let Some(Reverse((record, part, at))) = self.next.pop() {
            self.pull(part, at)?;
            if self.last != Some(record[0]) {
                self.last = Some(record[0]);
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

/// The record that bytes begin with.
fn words<const N: usize>(bytes: &[u8]) -> Option<Record<N>> {
    let (words, _) = bytes.get(..8 * N)?.as_chunks::<8>();
    let mut record = [0; N];
    for (to, word) in record.iter_mut().zip(words) {
        *to = u64::from_le_bytes(*word);
    }
    Some(record)
}

/// Records in order, to look first words up in.
pub enum Ordered<const N: usize> {
    /// In memory.
    Memory(Vec<Record<N>>),
    /// On disk.
    Disk {
        /// How many.
        records: u64,
        /// One behind the other.
        file: Scratch,
    },
}

/// The first words of records that were read from a disk: who looks words up in order finds most of
/// them here.
#[derive(Default)]
pub struct Window {
    words: Vec<u64>,
    bytes: Vec<u8>,
}

/// Records in a window.
const WINDOW: u64 = 512;

impl Window {
    /// Reads the records from number `first` on, of so many of `size` bytes.
    fn fill(
        &mut self,
        file: &Scratch,
        first: u64,
        records: u64,
        size: usize,
    ) -> Result<(), Failed> {
        let count = usize::try_from(WINDOW.min(records - first)).unwrap_or(0);
        self.bytes.resize(count * size, 0);
        self.words.clear();
        file.read(&mut self.bytes, first * size as u64)?;
        let words = self.bytes.chunks_exact(size).filter_map(<[u8]>::first_chunk);
        self.words.extend(words.map(|word| u64::from_le_bytes(*word)));
        Ok(())
    }
}

impl<const N: usize> Ordered<N> {
    /// How many there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(records) => records.len() as u64,
            Self::Disk { records, .. } => *records,
        }
    }

    /// Whether one begins with `word`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has(&self, word: u64, window: &mut Window) -> Result<bool, Failed> {
        let (file, records) = match self {
            Self::Memory(all) => {
                return Ok(all.binary_search_by_key(&word, |record| record[0]).is_ok());
            }
            Self::Disk { file, records } => (file, *records),
        };
        let known = window.words.first().zip(window.words.last());
        if known.is_none_or(|(first, last)| word < *first || word > *last) {
            // The last window that begins with no greater word.
            let (mut low, mut high) = (0, records.div_ceil(WINDOW));
            while high - low > 1 {
                let middle = low.midpoint(high);
                let mut first = [0; 8];
                file.read(&mut first, middle * WINDOW * 8 * N as u64)?;
                if u64::from_le_bytes(first) <= word { low = middle } else { high = middle }
            }
            window.fill(file, low * WINDOW, records, 8 * N)?;
        }
        Ok(window.words.binary_search(&word).is_ok())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn all<const N: usize>(several: &mut [Sorted<N>]) -> Vec<Record<N>> {
        let mut merge = Merge::of(several).unwrap();
        let mut all = Vec::new();
        while let Some(record) = merge.next().unwrap() {
            all.push(record);
        }
        all
    }

    proptest! {
        #[test]
        fn any_bound_gives_the_same(
            records in prop::collection::vec((0..60_u64, 0..4_u64, 0..3_usize), 0..400),
            most in 0..80_usize,
        ) {
            let mut several = [Sorted::new(most), Sorted::new(most), Sorted::new(most)];
            let mut model: BTreeMap<u64, Record<2>> = BTreeMap::new();
            for (a, b, to) in records {
                several[to].add([a, b]).unwrap();
                let known = model.entry(a).or_insert([a, b]);
                *known = [a, b].min(*known);
            }
            let expected: Vec<_> = model.values().copied().collect();
            prop_assert_eq!(all(&mut several), expected.clone());
            // It can be read again, and each is in order by itself.
            prop_assert_eq!(all(&mut several), expected);
            let [first, ..] = several;
            let mut first = [first];
            let expected = all(&mut first);
            let ordered = first.into_iter().next().unwrap().finish().unwrap();
            prop_assert_eq!(ordered.len(), expected.len() as u64);
            let mut window = Window::default();
            for word in 0..60 {
                let has = expected.iter().any(|record| record[0] == word);
                prop_assert_eq!(ordered.has(word, &mut window).unwrap(), has);
            }
        }
    }

    #[test]
    fn many_lie_on_disk_in_several_levels() {
        const MOST: usize = 16;
        let many = (MOST * FAN * FAN * 2) as u64;
        let mut sorted = Sorted::new(MOST);
        // Odd numbers, in an order of which no run has much.
        for n in 0..many {
            sorted.add([(n * 7919) % many * 2 + 1]).unwrap();
            assert!(sorted.records.capacity() <= MOST);
        }
        assert!(
            sorted.levels.len() == 3 && sorted.levels.iter().all(|level| level.ends.len() < FAN)
        );
        let ordered = sorted.finish().unwrap();
        assert!(matches!(ordered, Ordered::Disk { .. }) && ordered.len() == many);
        let mut window = Window::default();
        for word in (0..2 * many + 3).chain((0..2 * many).rev().step_by(997)) {
            assert_eq!(ordered.has(word, &mut window).unwrap(), word % 2 == 1 && word < 2 * many);
        }
    }

    #[test]
    fn few_touch_no_disk_and_neither_do_many_of_few() {
        let mut sorted = Sorted::new(1000);
        for n in 0..100_000 {
            sorted.add([n % 500, n]).unwrap();
        }
        assert!(sorted.levels.is_empty() && sorted.records.capacity() <= 1024);
        assert!(matches!(sorted.finish().unwrap(), Ordered::Memory(all) if all.len() == 500));
    }
}
