//! Lists and reads the sysctl.d files of a host.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;

use crate::observed::{ConfBody, ConfDir, ConfFile, ConfTree, Errno, SYSCTL_DIRS};

/// A larger file is not looked into, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;
/// The device number of /dev/null.
const NULL_DEVICE: (u64, u64) = (1, 3);

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
        let place = reader.resolve(path);
        let identity = place.as_ref().ok().and_then(|p| fs::metadata(p).ok()).map(|m| id(&m));
        // Where /lib is a link into /usr, /lib/sysctl.d has been listed already.
        if path == "/lib/sysctl.d" && (identity.is_none() || identities.contains(&identity)) {
            continue;
        }
        identities.push(identity);
        let files = place.map(|place| reader.list(path, &place)).unwrap_or_default();
        dirs.push(ConfDir { path: path.to_owned(), files });
    }
    let cmdline = reader.followed("/proc/cmdline");
    let cmdline = String::from_utf8_lossy(cmdline.text().unwrap_or_default());
    let cmdline = cmdline.trim_end().to_owned();
    ConfTree { dirs, sysctl_conf, cmdline }
}

/// Reads below one root, each file once.
struct Reader<'a> {
    root: &'a Path,
    /// The files that were read, by device and inode, with what they hold.
    seen: Vec<((u64, u64), Vec<u8>)>,
}

impl Reader<'_> {
    fn sysctl_conf(&mut self) -> Option<ConfFile> {
        const PATH: &str = "/etc/sysctl.conf";
        let place = self.resolve_parent(PATH).ok()?;
        let kind = fs::symlink_metadata(&place).ok()?.file_type();
        Some(self.entry(PATH.to_owned(), &place, kind))
    }

    fn list(&mut self, dir: &str, place: &Path) -> Vec<ConfFile> {
        let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
            files.push(self.entry(path, &entry.path(), kind));
        }
        files
    }

    /// One directory entry; `place` is where it is found from here.
    fn entry(&mut self, path: String, place: &Path, kind: FileType) -> ConfFile {
        let target = kind.is_symlink().then(|| fs::read_link(place).unwrap_or_default());
        let body = if !path.as_bytes().ends_with(b".conf") {
            ConfBody::NotRead
        } else if target.is_some() {
            self.followed(&path)
        } else if kind.is_dir() {
            ConfBody::Directory
        } else if kind.is_file() {
            self.read(place).unwrap_or_else(unreadable)
        } else {
            special(place)
        };
        let link = target.map(|t| t.to_string_lossy().into_owned());
        ConfFile { path, link, body }
    }

    /// What a link leads to.
    fn followed(&mut self, path: &str) -> ConfBody {
        let place = match self.resolve(path) {
            Ok(place) => place,
            Err(error) => return unreadable(error),
        };
        // In an image /dev/null need not be there to mask.
        if place == self.root.join("dev/null") {
            return ConfBody::Masked;
        }
        match fs::metadata(&place).map(|m| m.file_type()) {
            Ok(kind) if kind.is_file() => self.read(&place).unwrap_or_else(unreadable),
            Ok(kind) if kind.is_dir() => ConfBody::Directory,
            Ok(_) => special(&place),
            Err(error) => unreadable(error),
        }
    }

    /// Reads a file that was regular a moment ago; should it have become a FIFO since, opening it
    /// does not wait.
    fn read(&mut self, place: &Path) -> io::Result<ConfBody> {
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let mut file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(place) {
            // Below `/` links are left to the kernel.
            Err(e) if e.raw_os_error() == Some(Errno::ELOOP.0) && self.is_host() => {
                let flags = flags - OFlag::O_NOFOLLOW;
                OpenOptions::new().read(true).custom_flags(flags.bits()).open(place)?
            }
            opened => opened?,
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(ConfBody::Special);
        }
        let identity = id(&meta);
        if let Some((_, bytes)) = self.seen.iter().find(|(seen, _)| *seen == identity) {
            return Ok(ConfBody::of(bytes.clone()));
        }
        if meta.len() > MAX_FILE_BYTES {
            return Ok(ConfBody::Unreadable(Errno::EFBIG));
        }
        let bytes = read_capped(&mut file, meta.len())?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Ok(ConfBody::Unreadable(Errno::EFBIG));
        }
        self.seen.push((identity, bytes.clone()));
        Ok(ConfBody::of(bytes))
    }

    fn is_host(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where the parent directory of `path` is found from here, with the last component as it is.
    fn resolve_parent(&self, path: &str) -> io::Result<PathBuf> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(self.resolve(parent)?.join(name))
    }

    /// Where `path` is found from here, all links followed. Below `/` that is the path itself;
    /// below another root it is walked link by link, and neither an absolute link nor `..` leads
    /// out. A last component that does not exist is no error.
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if self.is_host() {
            return Ok(PathBuf::from(if path.is_empty() { "/" } else { path }));
        }
        let mut pending = reversed(Path::new(path));
        let mut below = PathBuf::new();
        let mut links = 0;
        while let Some(step) = pending.pop() {
            let Some(name) = step else {
                below.pop();
                continue;
            };
            let next = below.join(name);
            match fs::read_link(self.root.join(&next)) {
                Ok(_) if links == MAX_LINKS => {
                    return Err(io::Error::from_raw_os_error(Errno::ELOOP.0));
                }
                Ok(target) => {
                    links += 1;
                    if target.is_absolute() {
                        below = PathBuf::new();
                    }
                    pending.extend(reversed(&target));
                }
                // Not a link, or not there: whoever opens it will be told.
                Err(_) => below = next,
            }
        }
        Ok(self.root.join(below))
    }
}

/// The steps of a path, last first; `None` is a step up.
fn reversed(path: &Path) -> Vec<Option<PathBuf>> {
    let steps = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(Some(PathBuf::from(name))),
        Component::ParentDir => Some(None),
        _ => None,
    });
    steps.collect()
}

/// The bytes, at most one more than is accepted.
fn read_capped(file: &mut File, expected: u64) -> io::Result<Vec<u8>> {
    // One byte more than expected, so that one read(2) brings the file and the next one its end.
    let room = usize::try_from(expected.min(MAX_FILE_BYTES)).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(room.max(1024));
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A device, FIFO or socket; /dev/null masks.
fn special(place: &Path) -> ConfBody {
    match fs::metadata(place) {
        Ok(m) if m.file_type().is_char_device() && device(m.rdev()) == NULL_DEVICE => {
            ConfBody::Masked
        }
        Ok(_) => ConfBody::Special,
        Err(error) => unreadable(error),
    }
}

fn device(number: u64) -> (u64, u64) {
    (nix::sys::stat::major(number), nix::sys::stat::minor(number))
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

#[allow(clippy::needless_pass_by_value, reason = "as an error handler it is given one")]
fn unreadable(error: io::Error) -> ConfBody {
    ConfBody::Unreadable(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))
}

#[cfg(test)]
mod tests;
