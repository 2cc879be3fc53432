//! The live kernel's parameters: read, written and listed below an opened root.

use crate::key::{Key, Pattern};
use crate::observed::{Errno, Reading};

/// A kernel whose parameters can be read and written: the running one, or a scripted one.
pub trait Kernel {
    /// Looks at one parameter. Failure is part of the reading.
    fn read(&self, key: &Key) -> Reading;

    /// Writes `bytes` with exactly one write(2) at offset 0.
    ///
    /// # Errors
    /// The number that the kernel refused it with.
    fn write(&self, key: &Key, bytes: &[u8]) -> Result<(), Errno>;

    /// Opens one parameter for writing and closes it again: would a write be permitted?
    ///
    /// # Errors
    /// The number that the kernel refused it with.
    fn probe_write(&self, key: &Key) -> Result<(), Errno>;

    /// The existing parameters that match, sorted.
    fn expand(&self, pattern: &Pattern) -> Vec<Key>;

    /// Every existing parameter, sorted.
    fn list(&self) -> Vec<Key>;
}
