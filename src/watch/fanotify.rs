//! Writes to parameters as fanotify tells of them: which inode, and by which process.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno as Raw;
use nix::fcntl::AT_FDCWD;
use nix::sys::fanotify::{EventFFlags, Fanotify as Group, InitFlags, MarkFlags, MaskFlags};
use nix::sys::stat::fstat;
use nix::unistd::read;

use crate::observed::Errno;

/// One write, or several by the same process that came before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// What was written to.
    pub inode: u64,
    /// Who wrote; 0 where that is a process of another pid namespace.
    pub pid: u32,
}

/// What one reading of the queue brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Events, one's own not counted.
    pub events: usize,
    /// Events were lost: everything must be looked at.
    pub overflow: bool,
}

/// Marks on single inodes, and the queue of what happens to them.
///
/// A mark on a mount would see nothing from within a mount namespace, and one on the whole of
/// procfs would see every write below /proc.
#[derive(Debug)]
pub struct Fanotify {
    group: Group,
    own: i32,
    /// Whether events have a handle instead of a descriptor.
    handles: bool,
    /// Whether a mark goes with its inode, instead of keeping it: since Linux 5.19.
    evictable: bool,
    buffer: Box<[u8; BUFFER]>,
}

/// The size of one event without what newer kernels add.
const EVENT: usize = 24;
const BUFFER: usize = 4096;

impl Fanotify {
    /// Opens an empty group. Where the kernel can (for procfs since Linux 6.8), events have a handle
    /// of what was written to: a descriptor costs three system calls more for each.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN, `ENOSYS` on kernels without it.
    pub fn open() -> Result<Self, Errno> {
        match Self::open_with(true) {
            Ok(fanotify) => Ok(fanotify),
            Err(_) => Self::open_with(false),
        }
    }

    /// The same, with handles or with descriptors.
    ///
    /// # Errors
    /// As [`Fanotify::open`], and where the kernel has no handles of procfs.
    pub fn open_with(handles: bool) -> Result<Self, Errno> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_MARKS;
        let reported = InitFlags::from_bits_retain(libc::FAN_REPORT_FID);
        let flags = if handles { flags | reported } else { flags };
        let files = EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC;
        let group = Group::init(flags, files).map_err(number)?;
        let own = nix::unistd::getpid().as_raw();
        let buffer = Box::new([0; BUFFER]);
        let mut fanotify = Self { group, own, handles, evictable: true, buffer };
        // Both show with the first mark: whether procfs has handles, and whether a mark can be one
        // that goes.
        let tried = File::open("/proc/sys/kernel/ostype").map_err(|_| Errno::ENOENT);
        let marked = tried.and_then(|tried| {
            if fanotify.mark(tried.as_fd()).is_err() {
                fanotify.evictable = false;
                fanotify.mark(tried.as_fd())?;
            }
            fanotify.unmark(tried.as_fd());
            Ok(())
        });
        if handles {
            marked?;
        }
        Ok(fanotify)
    }

    /// Tells of writes to what `fd` has open, from now on.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn mark(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let path: Option<&std::path::Path> = None;
        let how = MarkFlags::FAN_MARK_ADD;
        let how = if self.evictable { how | MarkFlags::FAN_MARK_EVICTABLE } else { how };
        self.group.mark(how, MaskFlags::FAN_MODIFY, fd, path).map_err(number)
    }

    /// Tells of them no longer. `false`: its mark stays, with memory of the kernel's, because the
    /// kernel looks at nothing any more whose module or interface is gone; only
    /// [`Fanotify::unmark_all`] takes it away. A mark that goes with its inode does so as `fd` is
    /// closed.
    pub fn unmark(&self, fd: BorrowedFd<'_>) -> bool {
        let path: Option<&std::path::Path> = None;
        let how = MarkFlags::FAN_MARK_REMOVE;
        self.group.mark(how, MaskFlags::FAN_MODIFY, fd, path).is_ok() || self.evictable
    }

    /// Tells of nothing any more. What is in the queue stays there.
    pub fn unmark_all(&self) {
        let path: Option<&std::path::Path> = None;
        let nothing = MaskFlags::empty();
        // There is nothing that it could be refused for.
        let _ = self.group.mark(MarkFlags::FAN_MARK_FLUSH, nothing, AT_FDCWD, path);
    }

    /// Reads the queue once, and calls `each` with each write that is not this process's own.
    /// Allocates nothing; what does not fit stays in the queue.
    pub fn drain(&mut self, each: &mut dyn FnMut(Touched)) -> Drained {
        let mut drained = Drained::default();
        let length = match read(self.group.as_fd(), &mut self.buffer[..]) {
            Ok(length) => length,
            Err(Raw::EAGAIN | Raw::EINTR) => return drained,
            // An event whose file could not be opened for this process is gone with the error.
            Err(_) => return Drained { overflow: true, ..drained },
        };
        let mut rest = &self.buffer[..length];
        while let Some(event) = Event::first(rest) {
            let whole = rest.get(..event.length).unwrap_or(rest);
            rest = rest.get(event.length..).unwrap_or_default();
            if event.mask & MaskFlags::FAN_Q_OVERFLOW.bits() != 0 {
                drained.overflow = true;
            } else if event.pid != self.own {
                drained.events += 1;
                let inode = if self.handles { handle(whole) } else { inode(event.fd) };
                match inode {
                    Some(inode) => {
                        each(Touched { inode, pid: u32::try_from(event.pid).unwrap_or(0) });
                    }
                    // It cannot be told what was written to.
                    None => drained.overflow = true,
                }
            }
            if event.fd >= 0 {
                let _ = nix::unistd::close(event.fd);
            }
        }
        drained
    }
}

impl AsFd for Fanotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// The inode in an event's `struct fanotify_event_info_fid`, whose handle is one that only says
/// which inode it is: 32 bits of it, or 64.
fn handle(event: &[u8]) -> Option<u64> {
    let info = event.get(EVENT..)?;
    if info.first() != Some(&libc::FAN_EVENT_INFO_TYPE_FID) {
        return None;
    }
    let kind = i32::from_ne_bytes(info.get(16..20)?.try_into().ok()?);
    match kind {
        INO32_GEN => Some(u32::from_ne_bytes(info.get(20..24)?.try_into().ok()?).into()),
        INO64_GEN => Some(u64::from_ne_bytes(info.get(20..28)?.try_into().ok()?)),
        _ => None,
    }
}

/// `FILEID_INO32_GEN`.
const INO32_GEN: i32 = 1;
/// `FILEID_INO64_GEN`.
const INO64_GEN: i32 = 0x81;

/// The inode of an event's descriptor.
fn inode(fd: i32) -> Option<u64> {
    #![allow(unsafe_code, reason = "the kernel hands a bare number over")]
    // SAFETY: the kernel has opened it for this event, and it is closed after this call only.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    fstat(fd).ok().map(|stat| stat.st_ino)
}

fn number(raw: Raw) -> Errno {
    Errno(raw as i32)
}

/// `struct fanotify_event_metadata`.
struct Event {
    length: usize,
    mask: u64,
    fd: i32,
    pid: i32,
}

impl Event {
    /// The event that `bytes` begins with.
    fn first(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
        let length = usize::try_from(u32::from_ne_bytes(word(0)?)).ok()?;
        if length < EVENT {
            return None;
        }
        let mask = u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
        let (fd, pid) = (i32::from_ne_bytes(word(16)?), i32::from_ne_bytes(word(20)?));
        Some(Self { length, mask, fd, pid })
    }
}
