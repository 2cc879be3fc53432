//! The running kernel's parameters, through the files below an opened /proc/sys.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno as Raw;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{ftruncate, write};

use super::beneath::{Access, Beneath, Opened, Opener, number};
use super::{Kernel, listing};
use crate::key::{Key, Pattern};
use crate::observed::{Errno, Matches, Reading, as_text};

/// Takes nearly every parameter in one read(2), as the page that the kernel once had for it.
const PAGE: usize = 4096;
/// Takes the longest text that the kernel has: a bitmap of all 65536 ports, every other one set.
const LONGEST: usize = 256 * 1024;
/// A text that is longer than any parameter's (`EFBIG`).
const TOO_LONG: Errno = Errno(27);

/// The parameters of the running kernel, or of an image, below `ROOT/proc/sys`.
///
/// Every parameter is opened anew beneath the directory that was opened first, through no link,
/// and must be a regular file. Where that directory is procfs, the file must be procfs too and
/// nothing may be mounted over it: see [`OVER_MOUNTED`](super::OVER_MOUNTED).
///
/// A directory on the way may be a mount of its own, as containers have for /proc/sys/net; then
/// it must be procfs.
#[derive(Debug)]
pub struct ProcSys {
    beneath: Beneath,
}

/// Why the parameters of a root cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `ROOT/proc/sys` is not there, is not a directory, or is behind a symbolic link.
    #[error("{} cannot be opened: {}", path.display(), source.desc())]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// Why it was not.
        source: Raw,
    },
    /// This host's own /proc/sys is something else: nothing read there would be the kernel's.
    #[error("/proc/sys is not procfs: something else is mounted there")]
    NotProcfs,
}

impl OpenError {
    /// The failed system call, where it was one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Open { source, .. } => Some(number(*source)),
            Self::NotProcfs => None,
        }
    }
}

impl ProcSys {
    /// Opens `proc/sys` below `root`. Below `/` it must be procfs; below another directory it
    /// may be an image's ordinary files.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        Self::open_by(root, None)
    }

    /// As [`ProcSys::open`], with the system calls that are named instead of the best there are.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(root: &Path, opener: Opener) -> Result<Self, OpenError> {
        Self::open_by(root, Some(opener))
    }

    fn open_by(root: &Path, opener: Option<Opener>) -> Result<Self, OpenError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = openat(AT_FDCWD, root, flags, Mode::empty())
            .map_err(|source| OpenError::Open { path: root.to_owned(), source })?;
        let beneath = Beneath::open(fd.as_fd(), opener)
            .map_err(|source| OpenError::Open { path: root.join("proc/sys"), source })?;
        if root == Path::new("/") && !beneath.procfs() {
            return Err(OpenError::NotProcfs);
        }
        Ok(Self { beneath })
    }

    /// Whether these are a kernel's parameters rather than an image's ordinary files.
    pub fn is_procfs(&self) -> bool {
        self.beneath.procfs()
    }

    /// The system calls that parameters are opened with.
    pub fn opener(&self) -> Opener {
        self.beneath.opener()
    }

    pub(super) fn file(&self, key: &Key, access: Access) -> Result<Opened, Errno> {
        self.beneath.file(self.beneath.root(), key.as_path(), access)
    }

    pub(super) fn writable(&self, key: &Key) -> Result<Opened, Errno> {
        let opened = self.file(key, Access::Write)?;
        // The kernel refuses this itself; an image's file would let root in.
        if opened.mode & 0o222 == 0 { Err(Errno::EACCES) } else { Ok(opened) }
    }
}

impl Kernel for ProcSys {
    fn read(&self, key: &Key) -> Reading {
        let (value, looked) = match self.file(key, Access::Read) {
            Ok(opened) if opened.mode & 0o444 == 0 => (Err(Errno::EACCES), Ok(opened)),
            Ok(opened) => (text(&opened), Ok(opened)),
            Err(Errno::ENOENT) => return Reading::missing(Errno::ENOENT),
            Err(errno) => (Err(errno), self.file(key, Access::Look)),
        };
        match looked {
            Ok(Opened { mode, read_only, .. }) => {
                Reading { value, mode: Some(mode), read_only_mount: read_only }
            }
            Err(_) => Reading { value, mode: None, read_only_mount: false },
        }
    }

    fn write(&self, key: &Key, bytes: &[u8]) -> Result<(), Errno> {
        let opened = self.writable(key)?;
        loop {
            match write(&opened.fd, bytes) {
                Ok(taken) if taken == bytes.len() => break,
                // A second write(2) would be another value at another offset (case E55).
                Ok(_) => return Err(Errno::EIO),
                Err(Raw::EINTR) => {}
                Err(raw) => return Err(number(raw)),
            }
        }
        if !self.is_procfs() && !bytes.is_empty() {
            // An ordinary file would keep the tail of its longer, older text.
            let length = i64::try_from(bytes.len()).map_err(|_| TOO_LONG)?;
            ftruncate(&opened.fd, length).map_err(number)?;
        }
        Ok(())
    }

    fn probe_write(&self, key: &Key) -> Result<(), Errno> {
        self.writable(key).map(drop)
    }

    fn expand(&self, pattern: &Pattern) -> Vec<Key> {
        self.matches(pattern).keys
    }

    fn matches(&self, pattern: &Pattern) -> Matches {
        listing::matches(&self.beneath, pattern)
    }

    fn list(&self) -> Vec<Key> {
        listing::all(&self.beneath)
    }
}

/// The whole text in one read(2). A filled buffer has perhaps not taken all of it, and most
/// handlers in the kernel have nothing more to say at a later offset: the file is then read
/// anew, from its start, into a larger buffer.
fn text(opened: &Opened) -> Result<String, Errno> {
    // Not zeroed first: that would take longer than to read what most are.
    let mut page = [MaybeUninit::<u8>::uninit(); PAGE];
    let (page, _) = rustix::io::read(&opened.fd, &mut page).map_err(|e| Errno(e.raw_os_error()))?;
    if page.len() < PAGE {
        return Ok(decode(page));
    }
    let mut large = vec![0; LONGEST];
    let length = nix::sys::uio::pread(&opened.fd, &mut large, 0).map_err(number)?;
    if length < LONGEST { Ok(decode(&large[..length])) } else { Err(TOO_LONG) }
}

fn decode(bytes: &[u8]) -> String {
    as_text(bytes.strip_suffix(b"\n").unwrap_or(bytes)).into_owned()
}
