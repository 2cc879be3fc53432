//! Lists and reads the sysctl.d files of a host.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, Stat, fstat, lstat, openat, readlink, stat};

use crate::below;
use crate::observed::{ConfBody, ConfDir, ConfFile, ConfTree, Errno, SYSCTL_DIRS, as_text};

/// A larger file is not looked into, in bytes.
pub const MAX_FILE_BYTES: u64 = 8 << 20;
/// The device number of /dev/null.
const NULL_DEVICE: (u32, u32) = (1, 3);

/// Reads what the loaders of the host at `root` would look at at boot.
///
/// `root` is `/`, or the top of another system's files: links are then followed below it, also
/// absolute ones. Paths in the result are as that system sees them. Whatever cannot be read
/// stands in the result as such; a directory that is not there is empty.
pub fn read_conf_tree(root: &Path) -> ConfTree {
    let mut reader = Reader { root, seen: Vec::new() };
    let sysctl_conf = reader.sysctl_conf();
    let mut dirs = Vec::with_capacity(SYSCTL_DIRS.len());
    let mut identities = Vec::with_capacity(SYSCTL_DIRS.len());
    for path in SYSCTL_DIRS {
        let place = below::resolve(root, path);
        let opened = place.and_then(|place| Ok((open_dir(&place)?, place)));
        // Where /lib is a link into /usr, /lib/sysctl.d has been listed already.
        if path == "/lib/sysctl.d"
            && !opened
                .as_ref()
                .is_ok_and(|(fd, _)| identity(fd).is_some_and(|i| !identities.contains(&i)))
        {
            continue;
        }
        let (files, closed) = match opened {
            Ok((fd, place)) => {
                identities.extend(identity(&fd));
                reader.list(path, &place, fd)
            }
            Err(error) => (Vec::new(), hides(&error)),
        };
        dirs.push(ConfDir { path: path.to_owned(), files, closed });
    }
    let cmdline = reader.followed("/proc/cmdline");
    let cmdline = as_text(cmdline.text().unwrap_or_default()).trim_end().to_owned();
    ConfTree { dirs, sysctl_conf, cmdline }
}

/// Reads below one root, each file once.
struct Reader<'a> {
    root: &'a Path,
    /// The files that were read, by device and inode, with what they hold.
    seen: Vec<((u64, u64), ConfBody)>,
}

impl Reader<'_> {
    fn sysctl_conf(&mut self) -> Option<ConfFile> {
        const PATH: &str = "/etc/sysctl.conf";
        let place = below::resolve_parent(self.root, PATH).ok()?;
        let kind = file_type(&lstat(&place).ok()?);
        Some(self.entry(PATH.into(), &place, kind))
    }

    /// The entries of a directory, and why there may be more than these.
    fn list(&mut self, dir: &str, place: &Path, fd: OwnedFd) -> (Vec<ConfFile>, Option<Errno>) {
        // Room for some fifty names of usual length at a time, and always for the longest one.
        let mut room = [MaybeUninit::uninit(); 2048];
        let mut entries = RawDir::new(fd, &mut room);
        let (mut files, mut closed) = (Vec::new(), None);
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return (files, hides(&error.into())),
            };
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let here = below::joined(place, OsStr::from_bytes(name));
            let kind = match entry.file_type() {
                FileType::Unknown => match lstat(&here) {
                    Ok(found) => file_type(&found),
                    Err(error) => {
                        closed = closed.or(hides(&error.into()));
                        continue;
                    }
                },
                kind => kind,
            };
            let path = [dir, "/", &as_text(name)].concat();
            files.push(self.entry(path.into(), &here, kind));
        }
        (files, closed)
    }

    /// One directory entry; `place` is where it is found from here.
    fn entry(&mut self, path: Arc<str>, place: &Path, kind: FileType) -> ConfFile {
        let target = (kind == FileType::Symlink).then(|| link_text(place));
        let body = if !path.as_bytes().ends_with(b".conf") {
            ConfBody::NotRead
        } else if target.is_some() {
            self.followed(&path)
        } else {
            self.body(place, kind)
        };
        let link = target.map(|t| t.to_string_lossy().into_owned());
        ConfFile { path, link, body }
    }

    /// What a link leads to.
    fn followed(&mut self, path: &str) -> ConfBody {
        let place = match below::resolve(self.root, path) {
            Ok(place) => place,
            Err(error) => return unreadable(error),
        };
        // In an image /dev/null need not be there to mask.
        if place == self.root.join("dev/null") {
            return ConfBody::Masked;
        }
        // Looked at before it is opened: opening a device may act.
        match stat(&place) {
            Ok(found) => match self.known(&found) {
                Some(known) => known,
                None => self.body(&place, file_type(&found)),
            },
            Err(error) => unreadable(error.into()),
        }
    }

    fn body(&mut self, place: &Path, kind: FileType) -> ConfBody {
        match kind {
            FileType::RegularFile => self.read(place).unwrap_or_else(unreadable),
            FileType::Directory => ConfBody::Directory,
            _ => special(place),
        }
    }

    /// The body of a file that was read before under another name.
    fn known(&self, found: &Stat) -> Option<ConfBody> {
        let seen = self.seen.iter().find(|(seen, _)| *seen == id(found))?;
        Some(seen.1.clone())
    }

    /// Reads a file that was regular a moment ago; should it have become a FIFO since, opening it
    /// does not wait.
    fn read(&mut self, place: &Path) -> io::Result<ConfBody> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        // Below `/` links are left to the kernel; elsewhere they have been followed.
        let flags = if self.is_host() { flags } else { flags | OFlags::NOFOLLOW };
        let fd = openat(CWD, place, flags, Mode::empty())?;
        let found = fstat(&fd)?;
        if file_type(&found) != FileType::RegularFile {
            return Ok(ConfBody::Special);
        }
        if let Some(known) = self.known(&found) {
            return Ok(known);
        }
        let size = u64::try_from(found.st_size).unwrap_or(0);
        if size > MAX_FILE_BYTES {
            return Ok(ConfBody::Unreadable(Errno::EFBIG));
        }
        let bytes = read_capped(fd.into(), size)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Ok(ConfBody::Unreadable(Errno::EFBIG));
        }
        let body = ConfBody::of(bytes);
        self.seen.push((id(&found), body.clone()));
        Ok(body)
    }

    fn is_host(&self) -> bool {
        self.root == Path::new("/")
    }
}

/// The mode of a file of ours that takes the place of what lies at `place`. An administrator may have
/// taken others' right to read it; a secret is nobody's to read but root's and a group's.
pub fn mode_at(place: &Path, has_secret: bool) -> u32 {
    let found = lstat(place).ok().filter(|found| file_type(found) == FileType::RegularFile);
    let mode = found.map_or(OPEN, |found| found.st_mode & OPEN);
    if has_secret && is_open(mode) { CLOSED } else { mode }
}

/// A file of ours, as a rule.
const OPEN: u32 = 0o644;
/// One with a secret.
const CLOSED: u32 = 0o600;

fn is_open(mode: u32) -> bool {
    mode & 0o004 != 0
}

/// What is wrong with the rights of a file of ours at `path`: others than root can change it, or
/// read the secret that it has. `None`: nothing, or there is no file.
pub fn wrong_rights(root: &Path, path: &str, has_secret: bool) -> Option<String> {
    let found = lstat(below::resolve_parent(root, path).ok()?).ok()?;
    let (mode, uid) = (found.st_mode & 0o7777, found.st_uid);
    let ours = below::is_ours(uid);
    let right = mode & !OPEN == 0 && !(has_secret && is_open(mode));
    if file_type(&found) != FileType::RegularFile || (right && ours) {
        return None;
    }
    let (most, why) = if has_secret { (CLOSED, ", with a secret in it") } else { (OPEN, "") };
    let owner = if ours { String::new() } else { format!(" and owned by user {uid}") };
    Some(format!("{path} has mode {mode:04o}{owner}{why}, not {most:04o} and root's"))
}

/// Why a directory that may have files in it cannot be opened, or not be listed to its end.
fn hides(error: &io::Error) -> Option<Errno> {
    let nothing = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    (!nothing).then_some(Errno(error.raw_os_error()?))
}

fn open_dir(place: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    Ok(openat(CWD, place, flags, Mode::empty())?)
}

fn link_text(place: &Path) -> OsString {
    let text = readlink(place, Vec::with_capacity(256)).unwrap_or_default();
    OsString::from_vec(text.into_bytes())
}

/// The bytes of a file of `size` bytes, at most one more than is accepted.
fn read_capped(mut file: File, size: u64) -> io::Result<Vec<u8>> {
    // One byte more than expected, so that one read(2) brings the file and shows its end. The
    // files of procfs tell no size: there only an empty read is the end.
    let room = usize::try_from(size.min(MAX_FILE_BYTES)).unwrap_or(0) + 1;
    let mut bytes = vec![0; room.max(1024)];
    let length = file.read(&mut bytes)?;
    let filled = length == bytes.len();
    bytes.truncate(length);
    if filled || size == 0 {
        file.take(MAX_FILE_BYTES + 1 - length as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// A device, FIFO or socket; /dev/null masks.
fn special(place: &Path) -> ConfBody {
    match stat(place) {
        Ok(found)
            if file_type(&found) == FileType::CharacterDevice
                && device(found.st_rdev) == NULL_DEVICE =>
        {
            ConfBody::Masked
        }
        Ok(_) => ConfBody::Special,
        Err(error) => unreadable(error.into()),
    }
}

fn device(number: u64) -> (u32, u32) {
    (rustix::fs::major(number), rustix::fs::minor(number))
}

fn file_type(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

fn id(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

fn identity(fd: &OwnedFd) -> Option<(u64, u64)> {
    fstat(fd).ok().map(|found| id(&found))
}

#[allow(clippy::needless_pass_by_value, reason = "as an error handler it is given one")]
fn unreadable(error: io::Error) -> ConfBody {
    ConfBody::Unreadable(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))
}

#[cfg(test)]
mod tests;
