//! Changes to files and directories as inotify tells of them, without saying by whom.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened<'a> {
    /// The number of the watch.
    pub watch: i32,
    /// The entry of a watched directory; empty where it is the watched thing itself.
    pub name: &'a [u8],
    /// The watched thing is gone, and so is the watch.
    pub gone: bool,
}

/// A set of watches.
#[derive(Debug)]
pub struct Inotify(OwnedFd);

const BUFFER: usize = 4096;

impl Inotify {
    /// An empty set.
    ///
    /// # Errors
    /// There are no more descriptors, or no more sets for this user.
    pub fn open() -> io::Result<Self> {
        Ok(Self(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?))
    }

    /// Watches for writes to what `fd` has open. Returns the watch's number.
    ///
    /// # Errors
    /// The kernel's answer; `ENOSPC` where there are too many watches.
    pub fn watch_open(&self, fd: BorrowedFd<'_>) -> io::Result<i32> {
        // The link leads to the very file that is open, whatever its name leads to by now.
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        Ok(inotify::add_watch(&self.0, path, WatchFlags::MODIFY)?)
    }

    /// Watches a directory for entries that come, go, or are changed.
    ///
    /// # Errors
    /// The kernel's answer; `ENOENT` where there is no such directory.
    pub fn watch_directory(&self, path: &Path) -> io::Result<i32> {
        let what = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ATTRIB
            | WatchFlags::ONLYDIR;
        Ok(inotify::add_watch(&self.0, path, what)?)
    }

    /// Ends a watch.
    pub fn unwatch(&self, watch: i32) {
        // It may have ended by itself.
        let _ = inotify::remove_watch(&self.0, watch);
    }

    /// Calls `each` with everything that has happened; `true` where something was lost.
    pub fn drain(&self, each: &mut dyn FnMut(Happened<'_>)) -> bool {
        let mut lost = false;
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.0, &mut buffer);
        while let Ok(event) = reader.next() {
            let what = event.events();
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                lost = true;
                continue;
            }
            each(Happened {
                watch: event.wd(),
                name: event.file_name().map_or(&[][..], std::ffi::CStr::to_bytes),
                gone: what.contains(ReadFlags::IGNORED),
            });
        }
        lost
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
