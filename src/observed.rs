//! What was seen of a host, as inert values that edges construct and core rooms read.
#![forbid(unsafe_code)]

mod conf;
mod exact;
mod facts;
mod fingerprint;
mod original;
mod strain;
mod text;
mod unfinished;
mod usage;
mod writer;

pub use conf::{ConfBody, ConfDir, ConfFile, ConfTree, SYSCTL_DIRS};
pub use exact::{exact_bytes, exact_text};
pub use facts::{Facts, NumaNode, Release, ReleaseError, Virtualization};
pub use fingerprint::fingerprint;
pub use original::{Original, Originals, Released};
pub use strain::Strain;
pub use text::{as_text, breaks_line, first_of, is_hidden, turns_text};
pub use unfinished::{Begun, Replaced, Unfinished};
pub use usage::{Usage, UsageNeeded};
pub use writer::{Ancestor, Cause, Namespace, Via, Writer};

use std::collections::BTreeMap;

use crate::key::Key;

/// A failed system call, as the kernel numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// Whether it says that another user may.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::EACCES | Self::EPERM)
    }

    /// Operation not permitted.
    pub const EPERM: Self = Self(1);
    /// No such file or directory.
    pub const ENOENT: Self = Self(2);
    /// Input/output error.
    pub const EIO: Self = Self(5);
    /// Permission denied.
    pub const EACCES: Self = Self(13);
    /// Is a directory.
    pub const EISDIR: Self = Self(21);
    /// Invalid argument.
    pub const EINVAL: Self = Self(22);
    /// Too many open files.
    pub const EMFILE: Self = Self(24);
    /// File too large.
    pub const EFBIG: Self = Self(27);
    /// Read-only file system.
    pub const EROFS: Self = Self(30);
    /// Too many levels of symbolic links.
    pub const ELOOP: Self = Self(40);
}

/// The existing parameters that a pattern matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Those that a key can name, sorted.
    pub keys: Vec<Key>,
    /// Paths of those whose names no key can have (a `=`, a quote): of interfaces that were named
    /// so. Sorted; bytes that are not UTF-8 stand as U+FFFD.
    pub unnamed: Vec<String>,
    /// Why there may be others, where a directory could not be listed, or not to its end.
    pub unseen: Option<Errno>,
}

/// One look at one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The text without its final newline, or why it could not be read.
    pub value: Result<String, Errno>,
    /// The file's permission bits, where it exists: `0o644`, `0o200`, ….
    pub mode: Option<u32>,
    /// Whether /proc/sys is mounted read-only at this key.
    pub read_only_mount: bool,
}

impl Reading {
    /// A parameter that reads that text and can be written by root.
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: Ok(value.into()), mode: Some(0o644), read_only_mount: false }
    }

    /// A parameter that could not be opened.
    pub fn missing(errno: Errno) -> Self {
        Self { value: Err(errno), mode: None, read_only_mount: false }
    }

    /// The text, where there is one.
    pub fn text(&self) -> Option<&str> {
        self.value.as_deref().ok()
    }

    /// Whether the parameter exists at all.
    pub fn exists(&self) -> bool {
        self.mode.is_some()
    }

    /// Whether no one can write it: no write bit, or a read-only mount.
    pub fn is_read_only(&self) -> bool {
        self.read_only_mount || self.is_fixed()
    }

    /// Whether the kernel lets no one write it, however it is mounted: it has no write bit.
    pub fn is_fixed(&self) -> bool {
        self.mode.is_some_and(|m| m & 0o222 == 0)
    }
}

/// The parameters that were looked at, by canonical key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    readings: BTreeMap<Key, Reading>,
}

impl Snapshot {
    /// Records one reading; a later one of the same key replaces it.
    pub fn insert(&mut self, key: Key, reading: Reading) {
        self.readings.insert(key, reading);
    }

    /// The reading of `key`, if it was looked at.
    pub fn get(&self, key: &Key) -> Option<&Reading> {
        self.readings.get(key)
    }

    /// The text that `key` read, if it was looked at and readable.
    pub fn text(&self, key: &Key) -> Option<&str> {
        self.get(key).and_then(Reading::text)
    }

    /// All readings in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Reading)> {
        self.readings.iter()
    }
}

impl FromIterator<(Key, Reading)> for Snapshot {
    fn from_iter<T: IntoIterator<Item = (Key, Reading)>>(iter: T) -> Self {
        Self { readings: iter.into_iter().collect() }
    }
}
