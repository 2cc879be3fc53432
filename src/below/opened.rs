//! Opens files below a root to be read: out of it leads no link, and nothing but a regular file is
//! opened, because a device acts when it is, and a FIFO or an endless one holds whoever reads it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::{is_host, joined, resolve, resolve_parent};

const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// What is to be read is a directory, a FIFO, a device, ….
#[derive(Debug, thiserror::Error)]
#[error("it is not a regular file")]
pub struct NotAFile;

/// Whether that is why something was not opened.
pub fn is_no_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<NotAFile>)
}

/// Opens the file at `path`, links followed. Of the host itself it costs one system call, and
/// whoever reads it looks at what it is.
///
/// # Errors
/// It cannot be opened; below another root, it is no regular file: [`NotAFile`].
pub fn open(root: &Path, path: &str) -> io::Result<File> {
    if is_host(root) {
        // musl's open(3), unlike its openat(3), asks the kernel a second time for O_CLOEXEC.
        return Ok(openat(CWD, joined(root, path), READ, Mode::empty())?.into());
    }
    regular(root, path, LOOK)
}

/// The same of a file that is no link itself.
///
/// # Errors
/// As [`open`]; ELOOP, of the host itself, where it is one.
pub fn open_itself(root: &Path, path: &str) -> io::Result<File> {
    if is_host(root) {
        return Ok(openat(CWD, path, READ | OFlags::NOFOLLOW, Mode::empty())?.into());
    }
    regular(root, path, LOOK | OFlags::NOFOLLOW)
}

/// The text of a file, where it has at most so many bytes.
///
/// # Errors
/// As [`open`]; it is larger, or no text.
pub fn text(root: &Path, path: &str, most: u64) -> io::Result<String> {
    let bytes = bytes(root, path, most)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The same of a file that may be no text.
///
/// # Errors
/// As [`open`]; it is larger.
pub fn bytes(root: &Path, path: &str, most: u64) -> io::Result<Vec<u8>> {
    let file = open(root, path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(NotAFile));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn regular(root: &Path, path: &str, how: OFlags) -> io::Result<File> {
    let held = look(root, path, how)?;
    if FileType::from_raw_mode(fstat(&held)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other(NotAFile));
    }
    // What was looked at is what is opened, whatever has its name by now.
    let own = format!("/proc/self/fd/{}", held.as_raw_fd());
    Ok(openat(CWD, own, READ, Mode::empty())?.into())
}

fn look(root: &Path, path: &str, how: OFlags) -> io::Result<OwnedFd> {
    let top = openat(CWD, root, LOOK | OFlags::DIRECTORY, Mode::empty())?;
    match openat2(&top, path, how, Mode::empty(), ResolveFlags::IN_ROOT) {
        // Before Linux 5.6, and in containers whose filter does not know it.
        Err(Errno::NOSYS | Errno::PERM) => {
            let follows = !how.contains(OFlags::NOFOLLOW);
            let place = if follows { resolve(root, path) } else { resolve_parent(root, path) };
            Ok(openat(CWD, &place?, how | OFlags::NOFOLLOW, Mode::empty())?)
        }
        // Something was moved on the way meanwhile.
        Err(Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
        looked => Ok(looked?),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_leads_out_and_nothing_but_a_file_is_opened() {
        let base = std::env::temp_dir().join(format!("tunectl-opened-{}", std::process::id()));
        let root = base.join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(base.join("out"), "out").unwrap();
        fs::write(root.join("in"), "in").unwrap();
        for (name, to) in [("out", "../../out"), ("whole", "/in"), ("up", "../../../../in")] {
            symlink(to, root.join("etc").join(name)).unwrap();
        }
        symlink(base.join("out"), root.join("etc/absolute")).unwrap();
        symlink("/", root.join("etc/dir")).unwrap();
        symlink("/dev/zero", root.join("etc/zero")).unwrap();
        nix::unistd::mkfifo(&root.join("etc/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let read = |path: &str| text(&root, path, 9);
        for path in ["/in", "in", "/etc/whole", "/etc/up"] {
            assert_eq!(read(path).unwrap(), "in", "{path}");
        }
        for path in ["/etc/out", "/etc/absolute", "/etc/zero", "/etc/none"] {
            assert_eq!(read(path).unwrap_err().kind(), io::ErrorKind::NotFound, "{path}");
        }
        for path in ["/etc/fifo", "/etc/dir", "/etc"] {
            assert!(is_no_file(&read(path).unwrap_err()), "{path}");
        }
        assert!(open_itself(&root, "/etc/whole").is_err() && open_itself(&root, "/in").is_ok());
        assert!(text(&root, "/in", 1).is_err() && text(&root, "/in", 2).is_ok());
        fs::remove_dir_all(base).unwrap();
    }
}
