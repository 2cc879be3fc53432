//! The log of events: one JSON line each, in files of bounded size.

mod follow;
mod log;
mod read;
mod readers;

pub use follow::Follow;
pub use log::{EventLog, Repaired};
pub use read::{Recent, newest};

use std::io;
use std::path::{Path, PathBuf};

use crate::below;

use super::staged::PersistError;

/// The log, below the root of the host that it is of.
pub const EVENTS: &str = "/var/lib/tunectl/events.jsonl";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one file may have.
    pub bytes: u64,
    /// Files, the one that is written among them; at least one.
    pub files: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 20, files: 4 }
    }
}

/// No line is longer, in bytes: what is longer was not written by this program.
const LONGEST_LINE: usize = 64 << 10;

/// Where the log is.
fn place(root: &Path) -> Result<PathBuf, PersistError> {
    below::resolve_parent(root, EVENTS).map_err(PersistError::new("find", Path::new(EVENTS)))
}

/// The file that was written `n` rotations ago.
fn rotated(path: &Path, n: u32) -> PathBuf {
    if n == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
