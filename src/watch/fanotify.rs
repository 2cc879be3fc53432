//! Writes to parameters as fanotify tells of them: which inode, and by which process.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno as Raw;
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
    buffer: Box<[u8; BUFFER]>,
}

/// The size of one event without what newer kernels add.
const EVENT: usize = 24;
const BUFFER: usize = 4096;
const NO_FD: i32 = -1;

impl Fanotify {
    /// Opens an empty group.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN, `ENOSYS` on kernels without it.
    pub fn open() -> Result<Self, Errno> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_MARKS;
        let files = EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC;
        let group = Group::init(flags, files).map_err(number)?;
        let own = nix::unistd::getpid().as_raw();
        Ok(Self { group, own, buffer: Box::new([0; BUFFER]) })
    }

    /// Tells of writes to what `fd` has open, from now on.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn mark(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let path: Option<&std::path::Path> = None;
        self.group.mark(MarkFlags::FAN_MARK_ADD, MaskFlags::FAN_MODIFY, fd, path).map_err(number)
    }

    /// Tells of them no longer.
    pub fn unmark(&self, fd: BorrowedFd<'_>) {
        let path: Option<&std::path::Path> = None;
        // What is not marked is not told of.
        let _ = self.group.mark(MarkFlags::FAN_MARK_REMOVE, MaskFlags::FAN_MODIFY, fd, path);
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
            rest = rest.get(event.length..).unwrap_or_default();
            if event.mask & MaskFlags::FAN_Q_OVERFLOW.bits() != 0 {
                drained.overflow = true;
            }
            if event.fd == NO_FD {
                continue;
            }
            if event.pid != self.own {
                drained.events += 1;
                if let Some(inode) = inode(event.fd) {
                    each(Touched { inode, pid: u32::try_from(event.pid).unwrap_or(0) });
                }
            }
            let _ = nix::unistd::close(event.fd);
        }
        drained
    }
}

impl AsFd for Fanotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

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
