//! How a file below /proc/sys is opened: beneath a held directory, through no link, on procfs.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno as Raw;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, Statfs, fstatfs};
use nix::sys::statvfs::FsFlags;

use crate::observed::Errno;

/// The number (`EXDEV`) for a parameter over whose file, or over one of whose directories,
/// something else is mounted: what would be read there is not the kernel's word.
///
/// systemd-nspawn does that to `kernel.random.boot_id`, an attacker to whatever it likes.
pub const OVER_MOUNTED: Errno = Errno(18);

/// The number (`ENXIO`) for what is neither a file nor a directory: a FIFO, a socket, a device.
pub const SPECIAL_FILE: Errno = Errno(6);

/// The system calls that a parameter is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// openat2(2), since Linux 5.6: the kernel itself keeps the lookup beneath the root.
    Openat2,
    /// openat(2) of one component after the other, for older kernels and for seccomp filters
    /// that do not know openat2(2).
    Walk,
}

/// What a file is opened for.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
    Both,
    /// Neither: its mode and its mount are asked for.
    Look,
}

/// A regular file that was found where it belongs.
pub(super) struct Opened {
    pub fd: OwnedFd,
    /// Permission bits.
    pub mode: u32,
    /// Whether its mount is read-only.
    pub read_only: bool,
}

/// The directory that no lookup leaves.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
    opener: Opener,
    procfs: bool,
    /// Whether the root's mount is read-only.
    read_only: bool,
}

/// A file as it was found, before its type is known.
struct Found {
    fd: OwnedFd,
    /// Whether it is certainly on the mount of the directory that the lookup started from.
    same_mount: bool,
}

/// Whether `files` is procfs.
pub(super) fn is_procfs(files: &Statfs) -> bool {
    files.filesystem_type() == PROC_SUPER_MAGIC
}

fn is_read_only(files: &Statfs) -> bool {
    files.flags().contains(FsFlags::ST_RDONLY)
}

pub(super) fn number(raw: Raw) -> Errno {
    Errno(raw as i32)
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const DIRECTORY_PATH: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

impl Access {
    /// `O_NONBLOCK` and `O_NOCTTY` mean nothing to procfs; they keep a FIFO or a terminal in a
    /// foreign root from holding the program up before its type is known.
    fn flags(self) -> OFlag {
        let plain = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        match self {
            Self::Read => OFlag::O_RDONLY | plain,
            Self::Write => OFlag::O_WRONLY | plain,
            Self::Both => OFlag::O_RDWR | plain,
            Self::Look => OFlag::O_PATH | OFlag::O_CLOEXEC,
        }
    }
}

impl Beneath {
    /// Opens `proc/sys` below `root`. With no opener named, openat2(2) is taken where it works:
    /// `ENOSYS` comes from an older kernel, `EPERM` from a seccomp filter that does not know it.
    pub fn open(root: BorrowedFd<'_>, opener: Option<Opener>) -> Result<Self, Raw> {
        let found = match opener {
            Some(Opener::Walk) => Err(Raw::ENOSYS),
            _ => resolve(root, "proc/sys", DIRECTORY_PATH, ResolveFlag::empty()),
        };
        let (fd, opener) = match found {
            Ok(fd) => (fd, Opener::Openat2),
            Err(Raw::ENOSYS | Raw::EPERM) if opener != Some(Opener::Openat2) => {
                let proc = step(root, "proc", DIRECTORY_PATH)?;
                (step(proc.as_fd(), "sys", DIRECTORY_PATH)?, Opener::Walk)
            }
            Err(raw) => return Err(raw),
        };
        let files = fstatfs(&fd)?;
        let read_only = is_read_only(&files);
        Ok(Self { root: fd, opener, procfs: is_procfs(&files), read_only })
    }

    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub fn opener(&self) -> Opener {
        self.opener
    }

    /// Whether the root is procfs, so that everything below it must be.
    pub fn procfs(&self) -> bool {
        self.procfs
    }

    /// Opens the regular file at `path` below `from`, the root or a directory below it.
    pub fn file(&self, from: BorrowedFd<'_>, path: &str, access: Access) -> Result<Opened, Errno> {
        let opened = match self.opener {
            Opener::Openat2 => self.file_by_openat2(from, path, access.flags()),
            Opener::Walk => self.file_by_walk(from, path, access.flags()),
        };
        let Found { fd, same_mount } = opened.map_err(absent)?;
        let stat = fstat(&fd).map_err(number)?;
        check_regular(&stat)?;
        let read_only = if same_mount && from.as_raw_fd() == self.root.as_raw_fd() {
            self.read_only
        } else {
            let files = fstatfs(&fd).map_err(number)?;
            if self.procfs && !is_procfs(&files) {
                return Err(OVER_MOUNTED);
            }
            is_read_only(&files)
        };
        Ok(Opened { fd, mode: stat.st_mode & 0o7777, read_only })
    }

    /// Opens the directory at `path` below `from`, to be listed.
    pub fn directory(&self, from: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
        self.raw_directory(from, path, DIRECTORY).map_err(absent)
    }

    fn raw_directory(&self, from: BorrowedFd<'_>, path: &str, how: OFlag) -> Result<OwnedFd, Raw> {
        match self.opener {
            Opener::Openat2 => {
                let fd = resolve(from, path, how, ResolveFlag::empty())?;
                self.on_procfs(fd)
            }
            Opener::Walk => {
                let (parents, leaf) = path.rsplit_once('/').unwrap_or(("", path));
                let parent = self.walk(from, parents)?;
                let fd = step(parent.as_ref().map_or(from, AsFd::as_fd), leaf, how)?;
                self.on_procfs(fd)
            }
        }
    }

    /// On procfs the lookup may not cross into another mount. Where it would, a directory on the
    /// way may be a mount of procfs (containers mount /proc/sys/net apart), the file itself not:
    /// a file of procfs mounted over another, `/proc/sysrq-trigger` say, has the right magic.
    fn file_by_openat2(
        &self,
        from: BorrowedFd<'_>,
        path: &str,
        flags: OFlag,
    ) -> Result<Found, Raw> {
        let elsewhere = |fd| Found { fd, same_mount: false };
        if !self.procfs {
            return resolve(from, path, flags, ResolveFlag::empty()).map(elsewhere);
        }
        match resolve(from, path, flags, ResolveFlag::RESOLVE_NO_XDEV) {
            Err(Raw::EXDEV) => {}
            other => return other.map(|fd| Found { fd, same_mount: true }),
        }
        let (parents, leaf) = path.rsplit_once('/').ok_or(Raw::EXDEV)?;
        let parent = self.raw_directory(from, parents, DIRECTORY_PATH)?;
        resolve(parent.as_fd(), leaf, flags, ResolveFlag::RESOLVE_NO_XDEV).map(elsewhere)
    }

    fn file_by_walk(&self, from: BorrowedFd<'_>, path: &str, flags: OFlag) -> Result<Found, Raw> {
        let found = self.walked_file(from, path, flags);
        found.map(|fd| Found { fd, same_mount: false })
    }

    fn walked_file(&self, from: BorrowedFd<'_>, path: &str, flags: OFlag) -> Result<OwnedFd, Raw> {
        let (parents, leaf) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.walk(from, parents)?;
        let parent = parent.as_ref().map_or(from, AsFd::as_fd);
        if !self.procfs {
            return step(parent, leaf, flags);
        }
        // Looked at before it is opened: opening may act where the file is another's.
        let looked = step(parent, leaf, Access::Look.flags())?;
        if mount_id(parent)? != mount_id(looked.as_fd())? {
            return Err(Raw::EXDEV);
        }
        step(parent, leaf, flags)
    }

    /// The last of the directories in `path`; `None` for an empty path.
    fn walk(&self, from: BorrowedFd<'_>, path: &str) -> Result<Option<OwnedFd>, Raw> {
        let mut at: Option<OwnedFd> = None;
        for component in path.split('/').filter(|c| !c.is_empty()) {
            let next = step(at.as_ref().map_or(from, AsFd::as_fd), component, DIRECTORY_PATH)?;
            at = Some(self.on_procfs(next)?);
        }
        Ok(at)
    }

    fn on_procfs(&self, fd: OwnedFd) -> Result<OwnedFd, Raw> {
        if self.procfs && !is_procfs(&fstatfs(&fd)?) { Err(Raw::EXDEV) } else { Ok(fd) }
    }
}

/// A whole path by openat2(2). Mounts may be crossed unless `more` forbids it.
fn resolve(
    from: BorrowedFd<'_>,
    path: &str,
    flags: OFlag,
    more: ResolveFlag,
) -> Result<OwnedFd, Raw> {
    let guard = ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_MAGICLINKS
        | ResolveFlag::RESOLVE_NO_SYMLINKS;
    openat2(from, path, OpenHow::new().flags(flags).resolve(guard | more))
}

/// One component by openat(2), which is `ELOOP` where it is a link, whatever it leads to.
fn step(from: BorrowedFd<'_>, component: &str, flags: OFlag) -> Result<OwnedFd, Raw> {
    let opened = openat(from, component, flags | OFlag::O_NOFOLLOW, Mode::empty());
    match opened {
        // O_DIRECTORY finds a link to be no directory before O_NOFOLLOW finds it to be a link.
        Err(Raw::ENOTDIR) => {
            let look = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let fd = openat(from, component, look, Mode::empty())?;
            Err(if is_link(&fstat(&fd)?) { Raw::ELOOP } else { Raw::ENOTDIR })
        }
        other => other,
    }
}

/// The mount that a descriptor is on; without openat2(2) nothing else tells a file that is
/// mounted over another of the same file system.
fn mount_id(fd: BorrowedFd<'_>) -> Result<u64, Raw> {
    std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))
        .ok()
        .and_then(|info| info.lines().find_map(|l| l.strip_prefix("mnt_id:")?.trim().parse().ok()))
        .ok_or(Raw::EXDEV)
}

fn file_type(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

fn is_link(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFLNK
}

fn check_regular(stat: &FileStat) -> Result<(), Errno> {
    match file_type(stat) {
        SFlag::S_IFREG => Ok(()),
        SFlag::S_IFDIR => Err(Errno::EISDIR),
        SFlag::S_IFLNK => Err(Errno::ELOOP),
        _ => Err(SPECIAL_FILE),
    }
}

/// A parameter below something that is no directory is as absent as any other.
fn absent(raw: Raw) -> Errno {
    if raw == Raw::ENOTDIR { Errno::ENOENT } else { number(raw) }
}
