//! What /proc says of a process, read at once into buffers that exist already: the process may be
//! gone a moment later, and a value waits to be restored.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::CStr;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat_raw};

/// Of a command line, more is not read, in bytes.
pub(super) const COMMAND_LINE: usize = 1024;
/// A host with cgroup v1 hierarchies lists a dozen paths, the unified one last.
const CGROUP: usize = 4096;
const EXE: usize = 512;
const STAT: usize = 512;
/// The user ids come within the first lines.
const STATUS: usize = 512;
/// The kernel's word for "nobody logged in".
const NO_LOGIN: u32 = u32::MAX;
/// So many processes are looked at above the writer …
const MOST_ANCESTORS: usize = 4;
/// … until so many names were found: `sudo` is often its own parent.
const ENOUGH_NAMES: usize = 2;

/// A buffer of fixed size, and how much of it is filled.
struct Buffer<const N: usize> {
    bytes: [u8; N],
    filled: usize,
}

impl<const N: usize> Buffer<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], filled: 0 }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn is_full(&self) -> bool {
        self.filled == N
    }

    /// Fills it from a file in that directory; what cannot be read is empty.
    fn read(&mut self, directory: &OwnedFd, name: &CStr) {
        self.filled = 0;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(file) = openat(directory, name, flags, Mode::empty()) else { return };
        // One read gives all that these files have, up to a page.
        self.filled = rustix::io::read(&file, &mut self.bytes[..]).unwrap_or(0);
    }
}

/// One look at a process.
///
/// The files are read below one handle of its directory, so that all of them are of the same
/// process: should it die and its id be given to another, they read as nothing.
pub struct Glance {
    proc: Option<OwnedFd>,
    pid: u32,
    directory: Option<OwnedFd>,
    cmdline: Buffer<{ COMMAND_LINE + 1 }>,
    exe: Buffer<EXE>,
    stat: Buffer<STAT>,
    cgroup: Buffer<CGROUP>,
    loginuid: Buffer<16>,
    status: Buffer<STATUS>,
    ancestors: [Seen; MOST_ANCESTORS],
    found: usize,
}

/// A process above the writer.
#[derive(Clone, Copy)]
struct Seen {
    pid: u32,
    comm: [u8; Stat::COMM],
    length: usize,
}

impl Seen {
    const NOBODY: Self = Self { pid: 0, comm: [0; Stat::COMM], length: 0 };

    fn comm(&self) -> &[u8] {
        &self.comm[..self.length]
    }
}

impl Default for Glance {
    fn default() -> Self {
        Self::new()
    }
}

impl Glance {
    /// Empty buffers, and a handle of /proc. Where there is no /proc, nobody is ever seen.
    pub fn new() -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self {
            proc: openat(CWD, c"/proc", flags, Mode::empty()).ok(),
            pid: 0,
            directory: None,
            cmdline: Buffer::new(),
            exe: Buffer::new(),
            stat: Buffer::new(),
            cgroup: Buffer::new(),
            loginuid: Buffer::new(),
            status: Buffer::new(),
            ancestors: [Seen::NOBODY; MOST_ANCESTORS],
            found: 0,
        }
    }

    /// Looks at a process, at what vanishes first before what outlives it: a process that has
    /// ended has neither command line nor program, and keeps the rest until its parent asks.
    /// Allocates nothing. `true` where it is still there.
    pub fn take(&mut self, pid: u32) -> bool {
        self.clear();
        self.pid = pid;
        let Some(directory) = self.open(pid) else { return false };
        self.cmdline.read(&directory, c"cmdline");
        let exe = readlinkat_raw(&directory, c"exe", &mut self.exe.bytes[..]);
        self.exe.filled = exe.unwrap_or(0);
        self.stat.read(&directory, c"stat");
        self.directory = Some(directory);
        self.stat.filled > 0
    }

    /// Looks at what can wait until the value is restored, because it outlives the process until
    /// its parent has asked for it: group, users, and who is above. Allocates nothing.
    pub fn take_rest(&mut self) {
        if let Some(directory) = self.directory.take() {
            self.cgroup.read(&directory, c"cgroup");
            self.loginuid.read(&directory, c"loginuid");
            self.status.read(&directory, c"status");
        }
        self.climb();
    }

    /// The process that was looked at.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    fn clear(&mut self) {
        self.directory = None;
        for filled in [
            &mut self.cmdline.filled,
            &mut self.exe.filled,
            &mut self.stat.filled,
            &mut self.cgroup.filled,
            &mut self.loginuid.filled,
            &mut self.status.filled,
            &mut self.found,
        ] {
            *filled = 0;
        }
    }

    fn open(&self, pid: u32) -> Option<OwnedFd> {
        let mut name = [0_u8; 16];
        // What is left of the buffer is zeros, so the name ends where it should.
        write!(&mut name[..15], "{pid}").ok()?;
        let name = CStr::from_bytes_until_nul(&name).ok()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(self.proc.as_ref()?.as_fd(), name, flags, Mode::empty()).ok()
    }

    /// Reads the names above the writer.
    fn climb(&mut self) {
        self.found = 0;
        let Some(mut below) = self.stat() else { return };
        let mut names = 0;
        let mut buffer = Buffer::<STAT>::new();
        while below.parent > 0 && names < ENOUGH_NAMES && self.found < MOST_ANCESTORS {
            let pid = below.parent;
            let Some(directory) = self.open(pid) else { return };
            buffer.read(&directory, c"stat");
            let Some(stat) = Stat::parse(buffer.get()) else { return };
            // A parent that began later than its child is another process under its old id.
            if stat.start > below.start {
                return;
            }
            let mut seen = Seen { pid, ..Seen::NOBODY };
            seen.length = stat.comm.len().min(Stat::COMM);
            seen.comm[..seen.length].copy_from_slice(&stat.comm[..seen.length]);
            let before = self.found.checked_sub(1).map(|i| &self.ancestors[i]);
            if before.is_none_or(|b| b.comm() != seen.comm()) {
                names += 1;
            }
            self.ancestors[self.found] = seen;
            self.found += 1;
            below = Stat { comm: &[], ..stat };
        }
    }

    pub(super) fn stat(&self) -> Option<Stat<'_>> {
        Stat::parse(self.stat.get())
    }

    /// Its name; empty where it was gone.
    pub fn comm(&self) -> &[u8] {
        self.stat().map_or(&[], |stat| stat.comm)
    }

    /// Its real user id; known once [`Glance::take_rest`] has looked.
    pub fn uid(&self) -> Option<u32> {
        let mut lines = self.status.get().split(|&b| b == b'\n');
        number(lines.find_map(|line| line.strip_prefix(b"Uid:"))?)
    }

    pub(super) fn login_uid(&self) -> Option<u32> {
        number(self.loginuid.get()).filter(|&uid| uid != NO_LOGIN)
    }

    /// The arguments, each ended by NUL; and whether there are more than were read.
    pub(super) fn command_line(&self) -> (&[u8], bool) {
        (self.cmdline.get(), self.cmdline.is_full())
    }

    /// The program file, unless its path is longer than what is read.
    pub(super) fn exe(&self) -> &[u8] {
        if self.exe.is_full() { &[] } else { self.exe.get() }
    }

    pub(super) fn cgroup(&self) -> &[u8] {
        self.cgroup.get()
    }

    pub(super) fn ancestors(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.ancestors[..self.found].iter().map(|seen| (seen.pid, seen.comm()))
    }
}

/// The first number of a text.
fn number(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

/// What is used of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat<'a> {
    pub comm: &'a [u8],
    pub parent: u32,
    /// When it began, in ticks since the boot.
    pub start: u64,
}

impl<'a> Stat<'a> {
    /// Bytes of a name that are kept; a kernel worker's is longer than a process's.
    const COMM: usize = 32;

    /// The name stands in parentheses and may itself have any: the last one ends it.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let open = text.iter().position(|&b| b == b'(')?;
        let close = text.iter().rposition(|&b| b == b')')?;
        let comm = text.get(open + 1..close)?;
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        // Fields 3 (state), 4 (parent) and 22 (start).
        let parent = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(17)?.parse().ok()?;
        Some(Self { comm, parent, start })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn the_name_may_have_what_separates_fields() {
        let stat = b"4711 (a) S 1 (b\n) R 17 4711 17 0 -1 4194304 96 0 0 0 0 0 0 0 20 0 1 0 \
                     123456 2 3";
        let expected = Stat { comm: b"a) S 1 (b\n", parent: 17, start: 123_456 };
        assert_eq!(Stat::parse(stat), Some(expected));
    }

    #[test]
    fn what_is_cut_is_not_guessed() {
        for text in ["", "4711", "4711 (a", "4711 (a)", "4711 (a) S", "4711 (a) S 17 1 1 0 -1 4"] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Stat::parse(b")("), None);
    }
}
