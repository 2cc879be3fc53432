//! The program kept in a bpf file system, where it stays attached when this process ends.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
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

/// Whose the directory is.
enum Whose {
    Nobodys,
    Ours,
    /// Where everybody may make files, somebody has made it to be in our way.
    Foreign(BpfError),
}

fn whose() -> Whose {
    let why = match fs::symlink_metadata(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Whose::Nobodys,
        Ok(found) if !found.is_dir() => "is no directory",
        Ok(found) if found.uid() != 0 => "does not belong to root",
        Ok(found) if found.mode() & 0o022 != 0 => "can be written by others",
        // What cannot be looked at is told by what is done with it.
        Ok(_) | Err(_) => return Whose::Ours,
    };
    let why = format!("it {why}: remove it, and `chmod go-w {MOUNT}`");
    Whose::Foreign(BpfError::Failed {
        what: "use /sys/fs/bpf/tunectl",
        source: io::Error::other(why),
    })
}

/// Detaches what was kept, if anything was.
///
/// # Errors
/// It cannot be removed, or somebody else has put something in its place.
pub fn unpin() -> Result<(), BpfError> {
    match whose() {
        Whose::Nobodys => return Ok(()),
        Whose::Ours => {}
        Whose::Foreign(error) => return Err(error),
    }
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
    if matches!(whose(), Whose::Foreign(_)) {
        return true;
    }
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
    if let Whose::Foreign(error) = whose() {
        log::warn!("nothing is kept there by tunectl: {error}");
        return Ok(false);
    }
    let names = match sys::pinned(&place(NAMES)) {
        Ok(fd) => sys::Map::of(fd).map_err(failed)?,
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
