//! The program kept in a bpf file system, where it stays attached when this process ends.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::key::Key;

use super::{Bpf, BpfError, sys, wanted};

/// Where bpf file systems are mounted.
const MOUNT: &str = "/sys/fs/bpf";
/// Its directory, and what is in it.
const DIRECTORY: &str = "/sys/fs/bpf/tunectl";
const LINK: &str = "link";
const NAMES: &str = "names";

impl Bpf {
    /// Keeps the program attached when this process ends, until [`unpin`].
    ///
    /// # Errors
    /// There is no bpf file system, or it takes nothing.
    pub fn pin(&mut self) -> Result<(), BpfError> {
        let failed =
            |source| BpfError::Failed { what: "keep its BPF program in /sys/fs/bpf", source };
        if statfs(MOUNT).map_or(true, |found| found.filesystem_type() != BPF_FS_MAGIC) {
            return Err(failed(io::Error::other(
                "no bpf file system is mounted there: `mount -t bpf bpf /sys/fs/bpf`",
            )));
        }
        unpin()?;
        fs::DirBuilder::new().mode(0o700).create(DIRECTORY).map_err(failed)?;
        // The names first: what is attached can always be let go.
        for (name, fd) in [(NAMES, self.names.fd()), (LINK, self.link.as_fd())] {
            sys::pin(fd, &place(name)).map_err(failed)?;
        }
        self.pinned = true;
        Ok(())
    }
}

/// Detaches what was kept, if anything was.
///
/// # Errors
/// It cannot be removed.
pub fn unpin() -> Result<(), BpfError> {
    // Once its file is gone the kernel takes its time, and writes are refused meanwhile. What cannot
    // be detached at once, before Linux 5.9, leaves that to the first sweep.
    if let Ok(link) = sys::pinned(&place(LINK)) {
        let _ = sys::detach(link.as_fd());
    }
    for name in [LINK, NAMES] {
        match fs::remove_file(place(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let what = "take its BPF program out of /sys/fs/bpf/tunectl";
                return Err(BpfError::Failed { what, source: error });
            }
            _ => {}
        }
    }
    // Anything else in there is not ours.
    let _ = fs::remove_dir(DIRECTORY);
    Ok(())
}

/// Whether nothing is kept there, as far as this user may see.
pub fn is_unpinned() -> bool {
    let found = fs::symlink_metadata(place(LINK));
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Lets anybody write to `keys` again where a program was kept; whether one was. A daemon that runs
/// takes them back as it sees fit.
///
/// # Errors
/// This process may not.
pub fn let_go(keys: &[Key]) -> Result<bool, BpfError> {
    let failed = |source| BpfError::Failed {
        what: "change what the BPF program in /sys/fs/bpf prevents",
        source,
    };
    let names = match sys::pinned(&place(NAMES)) {
        Ok(fd) => sys::Map::of(fd),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    for key in keys {
        sys::remove_element::<{ wanted::NAME_BYTES }, { wanted::ENTRY_BYTES }>(
            &names,
            &wanted::name(key),
        )
        .map_err(failed)?;
    }
    Ok(true)
}

fn place(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}
