//! Parameters as they were before tunectl first wrote to them, and those that it was told to let go.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::{Key, Pattern};

/// A parameter as it was before tunectl's first write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// What it read; `None`: what a drop-in of ours had put there, or what could not be read.
    pub value: Option<String>,
    /// The other half of its pair with what that read, where that half was the one in force; the other
    /// name of its variable, where that alone told all.
    pub half: Option<(Key, String)>,
    /// What tunectl has left in it last.
    pub left: String,
    /// The parameter whose write has changed this one besides; `None`: it was written itself.
    pub because_of: Option<Key>,
    /// The boot.
    pub boot_id: String,
    /// That boot's `MemTotal`, in kB.
    pub mem_total_kb: u64,
    /// The day, UTC, as `YYYY-MM-DD`.
    pub day: String,
}

/// What is remembered of the time before tunectl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Originals {
    /// From this boot.
    pub of_boot: BTreeMap<Key, Original>,
    /// The first of each key, from whatever boot.
    pub first: BTreeMap<Key, Original>,
}

impl Originals {
    /// Nothing.
    pub const NONE: Self = Self { of_boot: BTreeMap::new(), first: BTreeMap::new() };

    /// What has come to be remembered in this boot.
    pub fn since_boot(&self, boot_id: &str) -> impl Iterator<Item = &Key> {
        let first = self.first.iter().filter(move |(_, original)| original.boot_id == boot_id);
        self.of_boot.keys().chain(first.map(|(key, _)| key))
    }
}

/// Parameters that were rolled back: nobody sets them until the next explicit apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Everything was.
    pub all: bool,
    /// Those that were named, and those that came back.
    pub keys: BTreeSet<Key>,
    /// Those that match one of these.
    pub patterns: Vec<Pattern>,
}

impl Released {
    /// Nothing.
    pub const NONE: Self = Self { all: false, keys: BTreeSet::new(), patterns: Vec::new() };

    /// Whether there is nothing.
    pub fn is_none(&self) -> bool {
        !self.all && self.keys.is_empty() && self.patterns.is_empty()
    }

    /// Whether a parameter is let go.
    pub fn covers(&self, key: &Key) -> bool {
        self.all
            || self.keys.contains(key)
            || self.patterns.iter().any(|pattern| pattern.matches(key))
    }
}
