//! A file that is read once and is large: into memory that goes back to the system as a whole.
//!
//! The kernel's BTF has some 6 MB. In the allocator's memory they would stay with a process that
//! runs for months.
#![allow(unsafe_code, reason = "mmap(2) has no safe form in the crates at hand")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file, in a mapping of their own.
pub struct Aside {
    start: *mut libc::c_void,
    /// Of the mapping, and of the file.
    room: usize,
    length: usize,
}

impl Aside {
    /// Reads a file whose size its metadata tell.
    ///
    /// # Errors
    /// As reading; a file that has grown meanwhile is not read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // One byte more, so that the end of the file is seen.
        let room = length + 1;
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, wherever the kernel likes; nothing else is in it.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), room, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mut aside = Self { start, room, length: 0 };
        // SAFETY: the mapping has that many bytes, all of them zero, and only this slice of it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start.cast::<u8>(), room) };
        while aside.length < room {
            match file.read(&mut bytes[aside.length..]) {
                Ok(0) => return Ok(aside),
                Ok(more) => aside.length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("it has grown while it was read"))
    }
}

impl Deref for Aside {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes of the mapping are filled, and nobody writes to them any more.
        unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.length) }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // SAFETY: it is the whole mapping, and no borrow of it outlives this.
        unsafe { libc::munmap(self.start, self.room) };
    }
}
