//! Hosts by name, as many as are asked for: the first of those of which something is true.

use std::collections::BTreeMap;

/// An error of a host is cut behind so many characters.
const LONGEST: usize = 500;

/// Hosts, and what there is to say of each.
#[derive(Debug, Default)]
pub struct Roster<V = ()> {
    /// How many.
    pub hosts: u64,
    /// The first by name.
    names: BTreeMap<Box<str>, V>,
}

impl<V> Roster<V> {
    /// Counts a host, and keeps its name where it is among the first `most`.
    pub fn add(&mut self, host: &str, most: usize, said: impl FnOnce() -> V) {
        self.hosts += 1;
        let is_full = self.names.len() >= most;
        if !is_full || self.names.last_key_value().is_some_and(|(last, _)| host < &**last) {
            self.names.insert(host.into(), said());
            self.cut(most);
        }
    }

    fn cut(&mut self, most: usize) {
        while self.names.len() > most {
            self.names.pop_last();
        }
    }

    /// Adds what another thread has counted.
    pub fn merge(&mut self, other: Self, most: usize) {
        self.hosts += other.hosts;
        self.names.extend(other.names);
        self.cut(most);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// The names, in order, with what was said.
    pub fn said(&self) -> impl Iterator<Item = (&str, &V)> {
        self.names.iter().map(|(name, said)| (&**name, said))
    }
}

/// The begin of an error, which may be as long as a report.
pub fn begin(error: &str) -> Box<str> {
    let end = error.char_indices().nth(LONGEST).map_or(error.len(), |(at, _)| at);
    error[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_kept() {
        let mut several = [Roster::default(), Roster::default()];
        for n in 0..100_u32 {
            let host = format!("{:03}", n * 37 % 100);
            several[n as usize % 2].add(&host, 3, || n);
        }
        let [mut all, other] = several;
        all.merge(other, 3);
        let said: Vec<_> = all.said().map(|(name, said)| (name, *said)).collect();
        assert_eq!((all.hosts, said), (100, vec![("000", 0), ("001", 73), ("002", 46)]));
        let mut none = Roster::default();
        none.add("a", 0, || ());
        assert_eq!((none.hosts, none.names().count()), (1, 0));
        assert_eq!(&*begin(&"ü".repeat(501)), "ü".repeat(500));
    }
}
