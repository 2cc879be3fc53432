//! A parameter that is held open, so that a look costs one pread(2) and a write one pwrite(2).

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno as Raw;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::sys::uio::{pread, pwrite};
use rustix::process::{Resource, getrlimit};

use super::beneath::{Access, Opened, number};
use super::live::ProcSys;
use crate::key::Key;
use crate::observed::Errno;

/// One parameter's descriptors, opened as every parameter is: beneath the root, through no link,
/// on procfs.
///
/// They stay with the parameter that was opened. Where its module is unloaded or its interface
/// goes, they read and write `ENOENT` for ever, even if another of the same name comes.
#[derive(Debug)]
pub struct Held {
    read: OwnedFd,
    write: Way,
    inode: u64,
}

/// How a parameter that is held is written.
#[derive(Debug)]
enum Way {
    /// By the descriptor that it is read through.
    TheSame,
    /// By one of its own, where one for both was refused.
    Own(OwnedFd),
    /// Not at all, and why.
    Refused(Errno),
}

/// Descriptors that are left to everything else: a host may have more parameters than files may be
/// open, and records are still to be written then.
const SPARE: u64 = 64;

impl ProcSys {
    /// Opens one parameter to be held.
    ///
    /// # Errors
    /// The number that opening it for reading was refused with; `EACCES` where it has no read
    /// permission at all, `EMFILE` where nearly all the files are open that may be. One that cannot
    /// be written is held all the same.
    pub fn hold(&self, key: &Key) -> Result<Held, Errno> {
        // An image's file would let root in, whatever its mode says.
        let both = self.file(key, Access::Both).ok();
        let both = both.filter(|both| both.mode & 0o444 != 0 && both.mode & 0o222 != 0);
        let (read, write) =
            both.map_or_else(|| self.by_two(key), |both| Ok((both.fd, Way::TheSame)))?;
        let last = if let Way::Own(write) = &write { write.as_fd() } else { read.as_fd() };
        // The kernel gives the lowest number that is free.
        let number_of = u64::try_from(last.as_raw_fd()).unwrap_or(0);
        let most = getrlimit(Resource::Nofile).current;
        if most.is_some_and(|most| number_of + SPARE >= most) {
            return Err(Errno::EMFILE);
        }
        let inode = fstat(&read).map_err(number)?.st_ino;
        Ok(Held { read, write, inode })
    }

    /// The descriptor that it is read through, and how it is written.
    fn by_two(&self, key: &Key) -> Result<(OwnedFd, Way), Errno> {
        let Opened { fd, mode, .. } = self.file(key, Access::Read)?;
        if mode & 0o444 == 0 {
            return Err(Errno::EACCES);
        }
        let write = self.writable(key).map(|opened| opened.fd);
        Ok((fd, write.map_or_else(Way::Refused, Way::Own)))
    }

    /// The inode that a parameter has now; nothing is opened for reading or writing.
    ///
    /// # Errors
    /// The number that looking at it was refused with.
    pub fn inode(&self, key: &Key) -> Result<u64, Errno> {
        let opened = self.file(key, Access::Look)?;
        Ok(fstat(&opened.fd).map_err(number)?.st_ino)
    }
}

impl Held {
    /// What reads as nothing, and can be written to without any effect.
    ///
    /// # Errors
    /// The number that opening /dev/null was refused with.
    pub fn nothing() -> Result<Self, Errno> {
        let open = |flags| open("/dev/null", flags | OFlag::O_CLOEXEC, Mode::empty());
        let read = open(OFlag::O_RDWR).map_err(number)?;
        Ok(Self { read, write: Way::TheSame, inode: 0 })
    }

    /// The whole text in one pread(2), into the beginning of `buffer`. A filled buffer has perhaps
    /// not taken all of it.
    ///
    /// # Errors
    /// The number that it was refused with; `ENOENT` once the parameter is gone.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match pread(&self.read, buffer, 0) {
                Err(Raw::EINTR) => {}
                other => return other.map_err(number),
            }
        }
    }

    /// Writes `bytes` with exactly one pwrite(2) at offset 0.
    ///
    /// # Errors
    /// The number that it was refused with; `EIO` where the kernel took only part of the bytes.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        let fd = match &self.write {
            Way::TheSame => &self.read,
            Way::Own(fd) => fd,
            Way::Refused(errno) => return Err(*errno),
        };
        loop {
            match pwrite(fd, bytes, 0) {
                Ok(taken) if taken == bytes.len() => return Ok(()),
                Ok(_) => return Err(Errno::EIO),
                Err(Raw::EINTR) => {}
                Err(raw) => return Err(number(raw)),
            }
        }
    }

    /// The descriptor that it is read through, to be watched.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// What tells this parameter from another of the same name, before or after it.
    pub fn inode(&self) -> u64 {
        self.inode
    }
}
