//! The one daemon of a host: a lock that it holds as long as it runs, and a file that says how it
//! stands.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::below;
use crate::key::Key;
use crate::wire::{WATCH_SCHEMA, Watch};

use super::lock::opened;
use super::{Lock, LockError, PersistError, reports};

/// The file, below the root of the host. It is gone after a reboot.
pub const WATCH: &str = "/run/tunectl/watch.json";
/// The lock: another file, which nobody but root can open. Whoever could open it could hold it.
const RUNS: &str = "/run/tunectl/watch.lock";

/// A daemon that was killed while it began a child leaves the lock to that for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held by the daemon; the kernel gives the lock back if that dies.
#[derive(Debug)]
pub struct Presence {
    file: File,
    path: PathBuf,
    _lock: Lock,
}

impl Presence {
    /// Becomes the host's daemon.
    ///
    /// # Errors
    /// [`LockError::Busy`]: there is another one.
    pub fn take(root: &Path) -> Result<Self, LockError> {
        let presence = Self::within(root, PATIENCE)?;
        // Whoever asks how the host stands may read it.
        let _ = presence.file.set_permissions(Permissions::from_mode(0o644));
        Ok(presence)
    }

    fn within(root: &Path, patience: Duration) -> Result<Self, LockError> {
        let place = |path: &str| {
            let failed = |error| LockError::Failed { path: path.to_owned(), error };
            below::resolve_parent(root, path).map_err(failed)
        };
        let lock = Lock::take(&place(RUNS)?, patience)?;
        let path = place(WATCH)?;
        Ok(Self { file: opened(&path)?, path, _lock: lock })
    }

    /// Says how it stands. In place, which is one system call less than a new file and takes no
    /// space: whoever reads it in between sees no JSON, and asks again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn say(&self, watch: &Watch) -> Result<(), PersistError> {
        let failed = PersistError::new("write", &self.path);
        let text = serde_json::to_vec(watch).map_err(std::io::Error::other);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            self.file.write_all_at(&text, 0)?;
            self.file.set_len(text.len() as u64)
        });
        written.map_err(failed)
    }

    /// Says nothing any more.
    pub fn leave(self) {
        let _ = self.file.set_len(0);
    }
}

/// Says of a daemon that has ended that those are no longer prevented. Where one runs, it says so
/// itself.
pub fn no_longer_prevented(root: &Path, keys: &[Key]) {
    let Some(mut watch) = stands(root) else { return };
    let before = watch.prevented.len();
    watch.prevented.retain(|name| keys.iter().all(|key| key.to_string() != *name));
    if watch.prevented.len() == before {
        return;
    }
    // As the daemon does it, and only while there is none.
    if let Ok(presence) = Presence::within(root, Duration::ZERO) {
        let _ = presence.say(&watch);
    }
}

/// How this boot's daemon stands, or how it stood when it was killed.
pub fn find(root: &Path, boot_id: &str) -> Option<Watch> {
    let mut watch = stands(root)?;
    watch.running = Lock::is_held(&below::resolve_parent(root, RUNS).ok()?)?;
    (watch.schema == WATCH_SCHEMA && watch.boot_id == boot_id).then_some(watch)
}

fn stands(root: &Path) -> Option<Watch> {
    (0..3).find_map(|_| serde_json::from_slice(&reports::read(root, WATCH)?).ok())
}
