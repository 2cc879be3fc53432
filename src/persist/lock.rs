//! The lock that lets one apply run at a time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::staged::make_directories;

/// Where the lock is, below the root of the host.
pub const LOCK: &str = "/run/tunectl/lock";

/// Holds the lock until it is dropped; the kernel releases it if the process dies.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held, not read")] File);

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another apply holds it.
    #[error("another apply is running{}", .0.as_deref().map(|w| format!(" ({w})")).unwrap_or_default())]
    Busy(Option<String>),
    /// The lock file cannot be used.
    #[error("cannot use the lock {path}: {error}")]
    Failed {
        /// The lock file.
        path: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl Lock {
    /// Whether somebody holds the lock at `path`; `None` where that cannot be seen.
    pub fn is_held(path: &Path) -> Option<bool> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(path)
            .ok()?;
        Some(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock at `path`, waiting up to `patience` for another holder.
    ///
    /// # Errors
    /// [`LockError::Busy`] names the holder where it said who it is.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |error| LockError::Failed { path: path.display().to_string(), error };
        let mut file = opened(path)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = (&mut file).take(200).read_to_string(&mut holder);
                    let holder = holder.trim().to_owned();
                    return Err(LockError::Busy((!holder.is_empty()).then_some(holder)));
                }
            }
        }
        // Who holds it is told to whoever waits; that it cannot be told is no failure.
        let _ = file.set_len(0);
        let _ = write!(&mut file, "pid {}", std::process::id());
        Ok(Self(file))
    }
}

pub(super) fn opened(path: &Path) -> Result<File, LockError> {
    let failed = |error| LockError::Failed { path: path.display().to_string(), error };
    if let Some(parent) = path.parent() {
        // Whatever the umask: others look there for trials and holds.
        make_directories(parent).map_err(|error| failed(error.error))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(failed)
}

/// The lock as the daemon uses it: for the moment of a correction, shared, and never waited for.
///
/// While an apply has the lock, a correction could undo a step that the apply has just taken; so
/// it waits until the apply has ended, whose baseline may be another by then. An apply, for its
/// part, waits for a correction, which is over within microseconds. Both cost one system call.
#[derive(Debug)]
pub struct Turn(File);

impl Turn {
    /// Opens the lock file, and makes it where it is missing.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn open(path: &Path) -> Result<Self, LockError> {
        opened(path).map(Self)
    }

    /// Takes the lock if no apply has it.
    pub fn begin(&self) -> bool {
        self.0.try_lock_shared().is_ok()
    }

    /// Gives it back.
    pub fn end(&self) {
        // A lock that is not held needs no giving back.
        let _ = self.0.unlock();
    }
}
