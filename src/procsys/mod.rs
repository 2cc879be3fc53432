//! The live kernel's parameters: read, written and listed below an opened root.

mod beneath;
mod held;
mod listing;
mod live;

pub use beneath::{OVER_MOUNTED, Opener, SPECIAL_FILE};
pub use held::Held;
pub use live::{OpenError, ProcSys};

use crate::key::{Key, Pattern};
use crate::observed::{Errno, Matches, Reading};

/// A kernel whose parameters can be read and written: the running one, or a scripted one.
///
/// It knows nothing of what a parameter means. Who calls it must not ask it to read a parameter
/// whose *reading* acts (`vm.stat_refresh`): the catalogue names those.
pub trait Kernel {
    /// Looks at one parameter. Failure is part of the reading.
    ///
    /// A parameter without any read permission is not opened for reading: its reading has its
    /// mode, and `EACCES` for a value.
    fn read(&self, key: &Key) -> Reading;

    /// Writes `bytes` with exactly one write(2) at offset 0.
    ///
    /// Success says that the kernel took the bytes, not that it holds the value: read it back.
    /// No bytes at all are a write too, and change nothing.
    ///
    /// # Errors
    /// The number that the kernel refused it with; `EIO` where it took only part of the bytes.
    fn write(&self, key: &Key, bytes: &[u8]) -> Result<(), Errno>;

    /// Opens one parameter for writing and closes it again: would a write be permitted?
    ///
    /// # Errors
    /// The number that the kernel refused it with.
    fn probe_write(&self, key: &Key) -> Result<(), Errno>;

    /// The existing parameters that match, sorted; where not all could be looked at, the others.
    fn expand(&self, pattern: &Pattern) -> Vec<Key>;

    /// The same, with those that no key can name, and with why there may be others.
    fn matches(&self, pattern: &Pattern) -> Matches {
        Matches { keys: self.expand(pattern), ..Matches::default() }
    }

    /// Every existing parameter, sorted.
    fn list(&self) -> Vec<Key>;
}
