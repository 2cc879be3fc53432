//! The hash of the tables: a multiplication for every eight bytes, under a secret of this run, so
//! that no report can be made to fill one place of a table.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers that agree.
#[derive(Clone)]
pub struct Quick {
    begin: u64,
    factor: u64,
}

impl Default for Quick {
    fn default() -> Self {
        let secret = RandomState::new();
        Self { begin: secret.hash_one(1), factor: secret.hash_one(2) | 1 }
    }
}

impl BuildHasher for Quick {
    type Hasher = Hashed;

    fn build_hasher(&self) -> Hashed {
        Hashed { state: self.begin, factor: self.factor }
    }
}

/// What has been hashed so far.
pub struct Hashed {
    state: u64,
    factor: u64,
}

impl Hashed {
    /// Both halves of the product, folded into one.
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        #[allow(clippy::cast_possible_truncation, reason = "the lower half, then the upper one")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.state = low ^ high.rotate_left(23);
    }
}

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64).rotate_left(56));
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = Self { state: self.state, factor: self.factor };
        last.mix(0x9e37_79b9_7f4a_7c15);
        last.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn texts_spread_over_a_table() {
        let quick = Quick::default();
        let texts: Vec<String> =
            (0..4096).map(|n| format!("net.ipv4.conf.eth{n}.rp_filter")).collect();
        let all: BTreeSet<u64> = texts.iter().map(|t| quick.hash_one(t.as_str())).collect();
        assert_eq!(all.len(), texts.len());
        // In as many places as there are texts, some 63 % are taken where they fall by chance.
        for shift in [0, 7, 52] {
            let places: BTreeSet<u64> = all.iter().map(|h| (h >> shift) & 4095).collect();
            assert!((2400..2800).contains(&places.len()), "{shift}: {}", places.len());
        }
        assert_ne!(quick.hash_one("a\0"), quick.hash_one("a"));
        assert_ne!(Quick::default().hash_one("a"), quick.hash_one("a"));
    }
}
