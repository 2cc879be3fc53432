//! Reads the files that say what is to be put back, kept or left alone: whoever can write one has
//! a command of root's do so, so only what nobody else could have written is obeyed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use nix::unistd::geteuid;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, stat as look, statat};

use crate::below::{self, is_closed, is_ours, others_write};
use crate::observed::exact_text;

use super::PersistError;
use super::reports::MAX_BYTES;

/// The files that a trial or a journal may replace: those that an apply does. With what stands in
/// one of them nothing else comes to be written.
pub const REPLACED: [&str; 8] = [
    "/etc/sysctl.d/99-tunectl.conf",
    "/run/sysctl.d/99-tunectl-host.conf",
    "/etc/tunectl/baseline.yaml",
    "/etc/tunectl/baseline.yaml.replaced",
    super::originals::FIRST,
    super::originals::OF_BOOT,
    super::holds::HOLDS,
    super::holds::KEPT,
];

/// Of what has no text to be kept.
pub(super) const NO_FILE: &str = "it is no regular file";

/// Why a file is not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another user could have written it.
    #[error("it is not obeyed, because {0}")]
    Foreign(&'static str),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

impl From<StateError> for io::Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unreadable(error) => error,
            foreign @ StateError::Foreign(_) => Self::other(foreign),
        }
    }
}

/// The bytes of such a file; `None`: there is none.
///
/// # Errors
/// It cannot be read, is too large, or could be another user's.
pub fn read(root: &Path, path: &str) -> Result<Option<Vec<u8>>, StateError> {
    read_up_to(root, path, MAX_BYTES)
}

/// The same of one with at most so many bytes.
///
/// # Errors
/// As [`read`].
pub fn read_up_to(root: &Path, path: &str, most: u64) -> Result<Option<Vec<u8>>, StateError> {
    match opened(root, path) {
        Ok((file, size)) if size <= most => {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
            file.take(most).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Ok(_) => Err(io::Error::from(io::ErrorKind::FileTooLarge).into()),
        Err(StateError::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same, with a warning where it is not obeyed. What is root's alone is nothing to others.
///
/// # Errors
/// It is there and cannot be read: it is not for that as if it were not there.
pub fn obeyed(root: &Path, path: &str) -> Result<Option<Vec<u8>>, PersistError> {
    match read(root, path) {
        Ok(found) => Ok(found),
        Err(foreign @ StateError::Foreign(_)) => {
            log::warn!("{path}: {foreign}");
            Ok(None)
        }
        Err(StateError::Unreadable(error))
            if error.kind() == io::ErrorKind::PermissionDenied && !is_readable(root, path) =>
        {
            Ok(None)
        }
        Err(StateError::Unreadable(error)) => {
            Err(PersistError::new("read", Path::new(path))(error))
        }
    }
}

/// Whether this user's own file may be read by its owner: who else forbids that, such as a security
/// module, hides what is there.
fn is_readable(root: &Path, path: &str) -> bool {
    let place = below::resolve_parent(root, path).ok();
    let found = place.and_then(|place| statat(CWD, place, AtFlags::SYMLINK_NOFOLLOW).ok());
    found.is_some_and(|found| {
        found.st_uid == geteuid().as_raw() && Mode::from(found.st_mode).contains(Mode::RUSR)
    })
}

/// Refuses to judge by the boot what lies at `path`, where it is not known which this one is: by no
/// comparison with nothing is it another's.
///
/// # Errors
/// It is not known.
pub fn of_known_boot(path: &str, boot_id: &str) -> Result<(), PersistError> {
    if !boot_id.is_empty() {
        return Ok(());
    }
    let why = "this boot's id, /proc/sys/kernel/random/boot_id, is not known";
    Err(PersistError::new("judge", Path::new(path))(io::Error::other(why)))
}

fn opened(root: &Path, path: &str) -> Result<(File, u64), StateError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (file, above) = if root == Path::new("/") {
        // What is above /run/tunectl and /var/lib/tunectl is root's on every host.
        let file = openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
        (file, look(parent).map_err(io::Error::from)?)
    } else {
        let entered = below::enter(root, Path::new(parent))?;
        let found = statat(&entered.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let found = found.map_err(io::Error::from)?;
        // A device acts when it is opened.
        judge(&found)?;
        if !entered.alone {
            return Err(StateError::Foreign("others can write in a directory above it"));
        }
        let above = fstat(&entered.directory).map_err(io::Error::from)?;
        let file = openat(&entered.directory, name, flags, Mode::empty());
        (file.map_err(io::Error::from)?, above)
    };
    let found = fstat(&file).map_err(io::Error::from)?;
    judge(&found)?;
    if !is_closed(&above) {
        return Err(StateError::Foreign("others can write in its directory"));
    }
    Ok((file.into(), u64::try_from(found.st_size).unwrap_or(0)))
}

fn judge(found: &Stat) -> Result<(), StateError> {
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(StateError::Foreign(NO_FILE));
    }
    if !is_ours(found.st_uid) {
        return Err(StateError::Foreign("it belongs to another user than root"));
    }
    if found.st_mode & others_write() != 0 {
        return Err(StateError::Foreign("others can write it"));
    }
    Ok(())
}

/// What a file that was to be replaced reads now, as [`exact_text`] has it; `None` where there is
/// none. It may be a link of an operator's: what that leads to is read, and not out of the root.
///
/// # Errors
/// It cannot be read: then nobody can say what it was replaced by.
pub fn text_of(root: &Path, path: &str) -> Result<Option<String>, PersistError> {
    match below::bytes(root, path, MAX_BYTES) {
        Ok(bytes) => Ok(Some(exact_text(&bytes))),
        // What is no file was put there by nobody who replaces one.
        Err(error) if error.kind() == io::ErrorKind::NotFound || below::is_no_file(&error) => {
            Ok(None)
        }
        Err(error) => Err(PersistError::new("read", Path::new(path))(error)),
    }
}
