//! Puts a file into a directory that may be another user's: held open, so that what is exchanged on
//! the way to it meanwhile changes nothing, and made in no case.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fchmod, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::below;

use super::PersistError;
use super::staged::is_left_behind;

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Names that are tried for a temporary.
const TRIES: u32 = 100;

/// Writes `bytes` to `place`, mode 0644, whole or not at all; links in its path are followed, and
/// none that stands at its end.
///
/// # Errors
/// There is no such directory, or it cannot be written: what was there stays.
pub fn write(place: &Path, bytes: &[u8]) -> Result<(), PersistError> {
    let parent = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = openat(CWD, parent, DIRECTORY, Mode::empty());
    let written = directory
        .map_err(io::Error::from)
        .and_then(|directory| put(&directory, place.file_name().unwrap_or_default(), bytes));
    written.map_err(PersistError::new("write", place))
}

/// Writes `name` into the directory `path` below `root` in the same way, through no link that
/// another user than root could have put there. `false`: there is no such directory.
///
/// # Errors
/// It cannot be written, or such a link leads there.
pub fn write_into(root: &Path, path: &str, name: &str, bytes: &[u8]) -> Result<bool, PersistError> {
    let failed = |error| PersistError { doing: "write", path: format!("{path}/{name}"), error };
    // From where the operator stands, as other relative paths.
    let whole = if root == Path::new("/") { std::path::absolute(path) } else { Ok(path.into()) };
    let directory = whole.and_then(|whole| {
        let entered = below::enter(root, &whole)?;
        Ok(openat(&entered.directory, ".", DIRECTORY, Mode::empty())?)
    });
    match directory {
        Ok(directory) => put(&directory, name.as_ref(), bytes).map(|()| true).map_err(failed),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn put(directory: &OwnedFd, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    remove_left_behind(directory, name);
    let (temporary, mut file, _lock) = temporary(directory, name)?;
    let written = file.write_all(bytes).and_then(|()| {
        // The mode is this one whatever the umask says.
        fchmod(&file, Mode::from_raw_mode(0o644))?;
        file.sync_all()?;
        Ok(renameat(directory, &temporary, directory, name)?)
    });
    if written.is_err() {
        let _ = unlinkat(directory, &temporary, AtFlags::empty());
    }
    written?;
    if let Err(error) = rustix::fs::fsync(directory) {
        log::warn!(
            "{} is written, but its directory cannot be flushed to disk ({error})",
            name.display()
        );
    }
    Ok(())
}

/// Makes a temporary, and locks it: whoever removes what killed runs have left sees that it is in
/// use, as in `staged`. No other user can open it before, and keep it from that; nor is its name to
/// be guessed, and taken, beforehand.
fn temporary(directory: &OwnedFd, name: &OsStr) -> io::Result<(OsString, File, File)> {
    let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}{:09}.tmp", std::process::id(), random()));
        let file = match openat(directory, &temporary, made, Mode::from_raw_mode(0o600)) {
            Ok(file) => File::from(file),
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(error.into()),
        };
        // It is another one, or none, where somebody has removed it before it was locked.
        if let Ok(lock) = openat(directory, &temporary, READ, Mode::empty()).map(File::from)
            && is_same(&file, &lock)
        {
            // Where a file system has no locks, nobody removes it.
            if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
                return Ok((temporary, file, lock));
            }
            let _ = unlinkat(directory, &temporary, AtFlags::empty());
        }
    }
    let why = "somebody else takes each temporary file beside it: choose a directory that nobody \
               else writes to";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
}

fn is_same(one: &File, other: &File) -> bool {
    let place = |file: &File| file.metadata().ok().map(|found| (found.dev(), found.ino()));
    place(one).is_some_and(|one| place(other) == Some(one))
}

/// Nine digits that nobody can guess.
fn random() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

/// Removes what killed runs have begun to write of it; what cannot be removed does no harm.
fn remove_left_behind(directory: &OwnedFd, name: &OsStr) {
    let Some(name) = name.to_str() else { return };
    for entry in Dir::read_from(directory.as_fd()).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_ok_and(|entry| is_left_behind(entry, name)) {
            continue;
        }
        let opened = openat(directory, entry.file_name(), READ, Mode::empty()).map(File::from);
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = unlinkat(directory, entry.file_name(), AtFlags::empty());
        }
    }
}
