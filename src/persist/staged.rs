//! A file written in two halves: first all that can fail, then a rename that puts it in place.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A file that is complete on disk beside its destination, and not yet in place.
///
/// Dropped without [`Staged::commit`], it is removed again.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    destination: PathBuf,
    directory: File,
    committed: bool,
}

/// What went wrong with a file, and which.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {error}")]
pub struct PersistError {
    /// What was being done, such as `write`.
    pub doing: &'static str,
    /// The file.
    pub path: String,
    /// The system's answer.
    pub error: io::Error,
}

impl PersistError {
    fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self { doing, path, error }
    }
}

impl Staged {
    /// Writes `bytes` beside `destination`, mode 0644, flushed to disk. Directories that are
    /// missing are made, mode 0755. The temporary's name ends in neither `.conf` nor `.yaml`, so
    /// no loader reads it should a crash leave it behind.
    ///
    /// # Errors
    /// No space, a read-only file system, no permission, …: the destination is as it was.
    pub fn write(destination: &Path, bytes: &[u8]) -> Result<Self, PersistError> {
        let parent = destination.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(PersistError::new("create", parent))?;
        let directory = File::open(parent).map_err(PersistError::new("open", parent))?;
        let name = destination.file_name().unwrap_or_default().to_string_lossy();
        let temporary = parent.join(format!(".{name}.{}.tmp", std::process::id()));
        // One of the same process id was left behind by a crash.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)
            .map_err(PersistError::new("create", &temporary))?;
        let staged =
            Self { temporary, destination: destination.to_owned(), directory, committed: false };
        let failed = |doing| PersistError::new(doing, destination);
        file.write_all(bytes).map_err(failed("write"))?;
        // The mode is 0644 whatever the umask says.
        file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed("write"))?;
        file.sync_all().map_err(failed("write"))?;
        Ok(staged)
    }

    /// Puts the file in place and flushes the directory.
    ///
    /// # Errors
    /// The rename failed, and the destination is as it was; or only the flush did.
    pub fn commit(mut self) -> Result<(), PersistError> {
        fs::rename(&self.temporary, &self.destination)
            .map_err(PersistError::new("replace", &self.destination))?;
        self.committed = true;
        self.directory.sync_all().map_err(PersistError::new("flush", &self.destination))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
