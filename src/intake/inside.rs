//! Opens what was found in a directory, where others may put anything: a regular file of that
//! directory, and nothing that holds whoever reads it or acts when it is opened.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens `file` of `directory`, which leads its path. No link out of the directory is followed,
/// whatever is exchanged meanwhile.
///
/// # Errors
/// It cannot be opened, is no regular file, lies on procfs, or such a link leads there.
pub fn open(directory: &Path, file: &Path) -> io::Result<File> {
    let within = file.strip_prefix(directory).map_err(io::Error::other)?;
    let top = openat(CWD, directory, DIRECTORY, Mode::empty())?;
    let opened = match openat2(&top, within, READ, Mode::empty(), ResolveFlags::BENEATH) {
        // Before Linux 5.6, and in containers whose filter does not know it.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(top, within),
        opened => opened,
    };
    let opened = opened.map_err(|errno| match errno {
        Errno::XDEV | Errno::LOOP => io::Error::other(format!(
            "a link leads out of {}: name the file itself",
            directory.display()
        )),
        // Something was moved on the way meanwhile.
        Errno::AGAIN => io::Error::other("it was moved meanwhile: try again"),
        errno => errno.into(),
    })?;
    let found = fstat(&opened)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    // Files there have no size, and some have no end.
    if found.st_size == 0 && fstatfs(&opened)?.filesystem_type() == PROC_SUPER_MAGIC {
        return Err(io::Error::other("it is the kernel's, and no report"));
    }
    Ok(opened.into())
}

/// The same, where no link at all is followed.
fn step_by_step(top: OwnedFd, within: &Path) -> rustix::io::Result<OwnedFd> {
    let mut at = top;
    let mut steps = within.components().peekable();
    while let Some(Component::Normal(step)) = steps.next() {
        let how = if steps.peek().is_some() { DIRECTORY } else { READ };
        at = match openat(&at, step, how | OFlags::NOFOLLOW, Mode::empty()) {
            // What is no directory is a link here.
            Err(Errno::NOTDIR) => return Err(Errno::LOOP),
            opened => opened?,
        };
    }
    Ok(at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_is_opened_but_a_regular_file_of_the_directory() {
        let base = std::env::temp_dir().join(format!("tunectl-inside-{}", std::process::id()));
        let dir = base.join("dir");
        fs::create_dir_all(dir.join("below")).unwrap();
        fs::write(dir.join("below/a.json"), "").unwrap();
        fs::write(base.join("out.json"), "").unwrap();
        let fifo = dir.join("fifo.json");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (name, to) in [
            ("in.json", "below/a.json".as_ref()),
            ("lower", "below".as_ref()),
            ("out.json", "../out.json".as_ref()),
            ("absolute.json", dir.join("below/a.json").as_path()),
            ("kmsg.json", "/proc/kmsg".as_ref()),
            ("whole", "/".as_ref()),
        ] {
            symlink(to, dir.join(name)).unwrap();
        }
        let told = |name: &str| open(&dir, &dir.join(name)).map_err(|e| e.to_string()).err();
        let stepped = |name: &str| {
            let top = openat(CWD, &dir, DIRECTORY, Mode::empty()).unwrap();
            step_by_step(top, name.as_ref()).err()
        };
        assert_eq!((told("below/a.json"), stepped("below/a.json")), (None, None));
        assert_eq!((told("in.json"), told("lower/a.json")), (None, None));
        let leads_out =
            Some(format!("a link leads out of {}: name the file itself", dir.display()));
        for name in ["out.json", "absolute.json", "kmsg.json", "whole/proc/kmsg"] {
            assert_eq!(
                (told(name), stepped(name)),
                (leads_out.clone(), Some(Errno::LOOP)),
                "{name}"
            );
        }
        assert_eq!(told("fifo.json").as_deref(), Some("it is not a regular file"));
        assert_eq!(told("below").as_deref(), Some("it is not a regular file"));
        fs::remove_dir_all(base).unwrap();

        let own = Path::new("/proc/self");
        let told = open(own, &own.join("environ")).unwrap_err().to_string();
        assert_eq!(told, "it is the kernel's, and no report");
    }
}
