//! Paths by number, in little memory: of each what it has more than the one before, and on disk what
//! is much of that.

use super::scratch::{Failed, Scratch};

/// Paths of a block, of which the first is whole.
const BLOCK: u64 = 64;
/// So much is kept in memory, in bytes.
const FEW: usize = 1 << 20;

/// Paths, or any bytes.
#[derive(Debug, Default)]
pub struct Paths {
    count: u64,
    /// The last path.
    last: Vec<u8>,
    /// The bytes where each block ends.
    ends: Vec<u64>,
    /// The bytes that `memory` begins at; those before are on disk.
    base: u64,
    memory: Vec<u8>,
    disk: Option<Scratch>,
}

impl Paths {
    /// How many there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    fn end(&self) -> u64 {
        self.base + self.memory.len() as u64
    }

    /// Adds a path of fewer than 65,536 bytes, which no kernel exceeds; of a longer one the rest is
    /// left out.
    ///
    /// # Errors
    /// There is no room on disk.
    pub fn add(&mut self, path: &[u8]) -> Result<(), Failed> {
        let path = &path[..path.len().min(usize::from(u16::MAX))];
        let mut common = 0;
        if self.count.is_multiple_of(BLOCK) {
            if self.count > 0 {
                self.ends.push(self.end());
            }
            if self.memory.len() > FEW {
                let disk = match self.disk.take() {
                    Some(disk) => disk,
                    None => Scratch::new()?,
                };
                disk.write(&self.memory, self.base)?;
                self.disk = Some(disk);
                self.base = self.end();
                self.memory.clear();
            }
        } else {
            common = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        }
        for length in [common, path.len() - common] {
            self.memory.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        }
        self.memory.extend(&path[common..]);
        self.last.truncate(common);
        self.last.extend(&path[common..]);
        self.count += 1;
        Ok(())
    }

    /// The path of that number; empty where there is none.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn get(&self, number: usize) -> Result<Vec<u8>, Failed> {
        let number = number as u64;
        let block = usize::try_from(number / BLOCK).unwrap_or(usize::MAX);
        let begin = block.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let Some(begin) = begin.filter(|_| number < self.count) else { return Ok(Vec::new()) };
        let end = self.ends.get(block).copied().unwrap_or_else(|| self.end());
        let length = usize::try_from(end - begin).unwrap_or(0);
        let mut bytes = vec![0; length];
        match (&self.disk, begin.checked_sub(self.base)) {
            (_, Some(at)) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                if let Some(block) = self.memory.get(at..).and_then(|rest| rest.get(..length)) {
                    bytes.copy_from_slice(block);
                }
            }
            (Some(disk), None) => disk.read(&mut bytes, begin)?,
            (None, None) => {}
        }
        let (mut path, mut rest) = (Vec::new(), bytes.as_slice());
        for _ in 0..=number % BLOCK {
            let Some((lengths, more)) = rest.split_first_chunk::<4>() else { break };
            let [a, b, c, d] = *lengths;
            path.truncate(u16::from_le_bytes([a, b]).into());
            let (own, more) = more.split_at(more.len().min(u16::from_le_bytes([c, d]).into()));
            path.extend(own);
            rest = more;
        }
        Ok(path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_paths_come_out(all in prop::collection::vec("[ab/]{0,6}", 0..300)) {
            let mut paths = Paths::default();
            for path in &all {
                paths.add(path.as_bytes()).unwrap();
            }
            prop_assert_eq!(paths.len(), all.len());
            for (number, path) in all.iter().enumerate() {
                prop_assert_eq!(paths.get(number).unwrap(), path.as_bytes());
            }
            prop_assert_eq!(paths.get(all.len()).unwrap(), b"");
        }
    }

    #[test]
    fn many_take_little_memory() {
        let mut paths = Paths::default();
        let path = |n: u32| {
            format!("/srv/reports/{:09}.dc1.example.net/report.json", n.wrapping_mul(2_654_435_761))
        };
        for n in 0..100_000 {
            paths.add(path(n).as_bytes()).unwrap();
        }
        assert!(paths.disk.is_some() && paths.memory.capacity() < 3 * FEW);
        for n in (0..100_000).step_by(37) {
            assert_eq!(paths.get(n as usize).unwrap(), path(n).as_bytes());
        }
    }
}
