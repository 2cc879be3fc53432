//! A file written in two halves: first all that can fail, then a rename that puts it in place.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::below;

use super::made::make_directories;

/// Of a destination, more is not compared, in bytes.
const COMPARED: u64 = 1 << 24;

/// A file that is complete on disk beside its destination, and not yet in place.
///
/// Dropped without [`Staged::commit`], it is removed again.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    /// Locks the temporary: it is in use. Open for reading only, so that it is closed without a word
    /// to those who wait for the file to be written.
    _lock: File,
    destination: PathBuf,
    directory: File,
    /// What stood at the destination when this was written.
    before: Standing,
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
    pub(super) fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self { doing, path, error }
    }
}

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing.
    Nothing,
    /// A regular file of these bytes.
    Bytes(Vec<u8>),
    /// A link, or what else cannot be read: device, inode, and when that was last changed.
    Other(u64, u64, (i64, i64)),
}

impl Standing {
    fn at(path: &Path) -> io::Result<Self> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(error),
        };
        let other = Self::Other(found.dev(), found.ino(), (found.ctime(), found.ctime_nsec()));
        if !found.is_file() || found.len() > COMPARED {
            return Ok(other);
        }
        let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        let mut bytes = Vec::new();
        let read = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)
            .and_then(|file| file.take(COMPARED).read_to_end(&mut bytes));
        Ok(if read.is_ok() { Self::Bytes(bytes) } else { other })
    }
}

impl Staged {
    /// Writes `bytes` beside `destination`, mode 0644, flushed to disk.
    ///
    /// # Errors
    /// As [`Staged::write_as`].
    pub fn write(destination: &Path, bytes: &[u8]) -> Result<Self, PersistError> {
        Self::write_as(destination, bytes, 0o644)
    }

    /// Writes `bytes` beside `destination`, with that mode, flushed to disk. Directories that are
    /// missing are made, mode 0755, and flushed. The temporary's name ends in neither `.conf` nor
    /// `.yaml`, so no loader reads it should a crash leave it behind; the next apply removes it.
    ///
    /// # Errors
    /// No space, a read-only file system, no permission, …: the destination is as it was.
    pub fn write_as(destination: &Path, bytes: &[u8], mode: u32) -> Result<Self, PersistError> {
        let parent = destination.parent().unwrap_or(Path::new("/"));
        make_directories(parent)?;
        let directory = File::open(parent).map_err(PersistError::new("open", parent))?;
        let name = destination.file_name().unwrap_or_default().to_string_lossy();
        remove_left_behind(destination);
        let before =
            Standing::at(destination).map_err(PersistError::new("look at", destination))?;
        let (temporary, mut file, lock) = temporary(parent, &name)?;
        let destination = destination.to_owned();
        let staged =
            Self { temporary, _lock: lock, destination, directory, before, committed: false };
        let failed = |doing| PersistError::new(doing, &staged.destination);
        file.write_all(bytes).map_err(failed("write"))?;
        // The mode is this one whatever the umask says.
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed("write"))?;
        file.sync_all().map_err(failed("write"))?;
        Ok(staged)
    }

    /// Puts the file in place and flushes the directory. Should only that flush fail, the file is
    /// in place all the same, and a warning says that a power failure may undo it.
    ///
    /// # Errors
    /// The destination is no longer what it was when this was written, or the rename failed: it
    /// is left as it is.
    pub fn commit(mut self) -> Result<(), PersistError> {
        self.put_in_place().map_err(PersistError::new("replace", &self.destination))?;
        self.committed = true;
        if let Err(error) = self.directory.sync_all() {
            let path = self.destination.display();
            log::warn!(
                "{path} is written, but its directory cannot be flushed to disk ({error}): \
                 a power failure may undo it"
            );
        }
        Ok(())
    }

    fn put_in_place(&self) -> io::Result<()> {
        match (&self.before, Standing::at(&self.destination)?) {
            (before, now) if *before == now => {}
            (Standing::Nothing, _) => return Err(meanwhile("made")),
            (_, Standing::Nothing) => return Err(meanwhile("removed")),
            _ => return Err(meanwhile("changed")),
        }
        if self.before == Standing::Nothing {
            // The kernel sees to it that nothing appears in between, where the file system can.
            let flags = RenameFlags::NOREPLACE;
            match renameat_with(CWD, &self.temporary, CWD, &self.destination, flags) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::EXIST) => return Err(meanwhile("made")),
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        fs::rename(&self.temporary, &self.destination)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A file that is to be taken away, as it stood when that was decided.
#[derive(Debug)]
pub struct Removal {
    place: PathBuf,
    before: Standing,
}

impl Removal {
    /// Looks at it.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(place: &Path) -> Result<Self, PersistError> {
        let before = Standing::at(place).map_err(PersistError::new("look at", place))?;
        Ok(Self { place: place.to_owned(), before })
    }

    /// Takes it away, as [`remove`].
    ///
    /// # Errors
    /// It is no longer what it was when it was looked at, or it cannot be removed: it is left as it
    /// is.
    pub fn commit(self) -> Result<(), PersistError> {
        let failed = || PersistError::new("remove", &self.place);
        match Standing::at(&self.place).map_err(failed())? {
            Standing::Nothing => return Ok(()),
            now if now == self.before => {}
            _ if self.before == Standing::Nothing => return Err(failed()(meanwhile("made"))),
            _ => return Err(failed()(meanwhile("changed"))),
        }
        remove(&self.place)
    }
}

fn meanwhile(how: &str) -> io::Error {
    io::Error::other(format!("another program has {how} it meanwhile"))
}

/// Removes a file and flushes its directory; that there is none is no error. Should only that flush
/// fail, the file is gone all the same, and a warning says that a power failure may bring it back.
///
/// # Errors
/// It is still there.
pub fn remove(path: &Path) -> Result<(), PersistError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.map_err(PersistError::new("remove", path))?,
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    if let Err(error) = File::open(parent).and_then(|directory| directory.sync_all()) {
        log::warn!(
            "{} is removed, but its directory cannot be flushed to disk ({error}): \
             a power failure may bring it back",
            path.display()
        );
    }
    Ok(())
}

/// The rights of the file at `place`, at most 0644: whoever could not read it cannot read what takes
/// its place. Of `X.replaced` they are X's. `None`: there is no such file.
pub fn rights(place: &Path) -> Option<u32> {
    let kept = place.extension().is_some_and(|end| end == "replaced");
    let of = if kept { place.with_extension("") } else { place.to_owned() };
    fs::metadata(of).ok().map(|found| found.mode() & 0o644)
}

/// Whether this is the file at `path`, where whoever comes next looks for it.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let found = file.metadata().and_then(|ours| Ok((ours, fs::symlink_metadata(path)?)));
    found.is_ok_and(|(ours, there)| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Removes what killed runs have begun to write of these files, given as paths on the host.
pub fn clear_away<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) {
    for place in paths.filter_map(|path| below::resolve_parent(root, path).ok()) {
        remove_left_behind(&place);
    }
}

/// Makes a temporary, locked: whoever removes what killed runs have left sees by that, in whichever
/// pid namespace, that this one is in use. No other user can open it before, and keep it from that.
fn temporary(parent: &Path, name: &str) -> Result<(PathBuf, File, File), PersistError> {
    let pid = std::process::id();
    let mut more = 0..100;
    let mut path = parent.join(format!(".{name}.{pid}.tmp"));
    loop {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(file) => match File::open(&path) {
                Ok(lock) => {
                    // Where a file system has no locks, nobody removes it.
                    let _ = lock.lock();
                    if is_at(&file, &path) && is_at(&lock, &path) {
                        return Ok((path, file, lock));
                    }
                    // It was removed before it was locked.
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let _ = fs::remove_file(&path);
                    return Err(PersistError::new("create", &path)(error));
                }
            },
            // Another process has this number in another namespace.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let Some(n) = more.next() else {
                    return Err(PersistError::new("create", &path)(error));
                };
                path = parent.join(format!(".{name}.{pid}{n:02}.tmp"));
            }
            Err(error) => return Err(PersistError::new("create", &path)(error)),
        }
    }
}

/// Removes the temporaries that killed runs have left of the file at `destination`; one that cannot
/// be removed does no harm.
fn remove_left_behind(destination: &Path) {
    let directory = destination.parent().unwrap_or(Path::new("/"));
    let name = destination.file_name().unwrap_or_default().to_string_lossy();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(|entry| is_left_behind(entry, &name)) {
            continue;
        }
        let path = entry.path();
        let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&path);
        // The lock of whoever writes it goes with that process.
        if opened.is_ok_and(|file| file.try_lock().is_ok() && is_at(&file, &path)) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether an entry is a temporary of the file `name`, of whichever process.
pub(super) fn is_left_behind(entry: &str, name: &str) -> bool {
    entry
        .strip_prefix('.')
        .and_then(|rest| rest.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".tmp"))
        .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
}
