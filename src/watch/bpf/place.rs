//! Where this process stands: its namespaces, and the root of the cgroup v2 hierarchy.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::BpfError;

/// The number of the first pid namespace, fixed in the kernel (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: u32 = 0xefff_fffc;

/// The namespaces in which this process reads and writes parameters, by their numbers; 0 is not
/// known. A write in another one changes nothing that it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as above")]
pub struct Home {
    pub net: u32,
    pub ipc: u32,
    pub uts: u32,
    pub user: u32,
    pub pid: u32,
}

impl Home {
    /// This process's own.
    pub fn of_this_process() -> Self {
        let own = |name| number("self", name).unwrap_or_default();
        Self {
            net: own("net"),
            ipc: own("ipc"),
            uts: own("uts"),
            user: own("user"),
            pid: own("pid"),
        }
    }

    /// This process's id as the kernel's programs see it, which is the one in the first pid
    /// namespace; in another namespace it is not known.
    pub fn process(self) -> Option<u32> {
        (self.pid == FIRST_PID_NAMESPACE).then(std::process::id)
    }
}

/// The number of the mount namespace of pid 1, or else of this process; 0 is not known.
pub fn host_mounts() -> u32 {
    number("1", "mnt").or_else(|| number("self", "mnt")).unwrap_or_default()
}

fn number(process: &str, namespace: &str) -> Option<u32> {
    let found = fs::metadata(format!("/proc/{process}/ns/{namespace}")).ok();
    found.and_then(|m| u32::try_from(m.ino()).ok())
}

/// Opens a cgroup's directory, by default the root of the cgroup v2 hierarchy.
pub fn open_cgroup(path: Option<&Path>) -> Result<(File, PathBuf), BpfError> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => cgroup_root()?,
    };
    let mut options = File::options();
    let opened = options.read(true).custom_flags(libc::O_DIRECTORY).open(&path);
    match opened {
        Ok(cgroup) => Ok((cgroup, path)),
        Err(source) => Err(BpfError::Cgroup { path, source }),
    }
}

fn cgroup_root() -> Result<PathBuf, BpfError> {
    let table = "/proc/self/mountinfo";
    let text = fs::read(table)
        .map_err(|source| BpfError::Cgroup { path: PathBuf::from(table), source })?;
    find_root(&text).ok_or(BpfError::NoCgroup2)
}

/// The mount point of the whole cgroup v2 hierarchy in a `mountinfo`, before one of a part of it.
fn find_root(mountinfo: &[u8]) -> Option<PathBuf> {
    let mounts = mountinfo.split(|b| *b == b'\n').filter_map(|line| {
        let mut fields = line.split(|b| *b == b' ');
        let (root, point) = (fields.nth(3)?, fields.next()?);
        let kind = fields.skip_while(|f| *f != b"-").nth(1)?;
        (kind == b"cgroup2").then_some((root, point))
    });
    let best = mounts.min_by_key(|(root, _)| *root != b"/")?;
    Some(PathBuf::from(OsString::from_vec(unescape(best.1))))
}

/// Blanks and the like stand as `\040` there.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let octal = after.first_chunk::<3>().and_then(|d| std::str::from_utf8(d).ok());
        let code = octal.and_then(|d| u8::from_str_radix(d, 8).ok());
        if let Some(byte) = code.filter(|_| *first == b'\\') {
            plain.push(byte);
            rest = &after[3..];
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

/// What the kernel is locked down to, where it says so.
pub fn lockdown() -> Option<String> {
    let text = fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    let (_, chosen) = text.split_once('[')?;
    let (chosen, _) = chosen.split_once(']')?;
    (chosen != "none").then(|| chosen.to_owned())
}

/// Whether an error is the kernel's "operation not permitted".
pub fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_root_of_the_hierarchy_is_found_among_the_mounts() {
        let hybrid = b"23 1 0:21 / /proc rw,nosuid - proc proc rw\n\
            30 29 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
            31 29 0:27 /a/part /mnt/part rw shared:10 - cgroup2 cgroup2 rw\n\
            32 29 0:27 / /sys/fs/cgroup/with\\040blank rw shared:10 master:1 - cgroup2 cgroup2 rw\n";
        assert_eq!(find_root(hybrid).unwrap(), Path::new("/sys/fs/cgroup/with blank"));
        let part = b"31 29 0:27 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(find_root(part).unwrap(), Path::new("/sys/fs/cgroup"));
        assert_eq!(find_root(b"30 29 0:26 / /cgroup2 rw - cgroup cgroup2 rw\n"), None);
        assert_eq!(find_root(b""), None);
    }
}
