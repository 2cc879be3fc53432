//! Enters the directories of a path one by one, each held open and looked at: by nobody's leave but
//! root's, or this user's, is a link on the way followed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};

use super::{MAX_LINKS, reversed};

const HELD: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory, held open.
#[derive(Debug)]
pub struct Entered {
    /// For lookups in it, and nothing else.
    pub directory: OwnedFd,
    /// Whether nobody but root and this user could have put it where it is, or something in it
    /// that is theirs: judged of it, and of all directories from the root on.
    pub alone: bool,
}

/// Enters `path` below `root`, which it does not leave, whatever is exchanged meanwhile.
///
/// # Errors
/// One of the directories is not there or is none; a link on the way could be another user's.
pub fn enter(root: &Path, path: &Path) -> io::Result<Entered> {
    let top = openat(CWD, root, HELD.difference(OFlags::NOFOLLOW), Mode::empty())?;
    let found = fstat(&top)?;
    let mut held = vec![Entered { directory: top, alone: is_closed(&found) }];
    let mut pending = reversed(path);
    let mut links = 0;
    while let Some(step) = pending.pop() {
        let Some(name) = step else {
            held.truncate(held.len().saturating_sub(1).max(1));
            continue;
        };
        let Some(at) = held.last() else { break };
        let entry = openat(&at.directory, &name, HELD, Mode::empty())?;
        let found = fstat(&entry)?;
        let stays = at.alone && is_ours(found.st_uid);
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                held.push(Entered { directory: entry, alone: stays && is_closed(&found) });
            }
            FileType::Symlink if !stays => {
                let why = format!("{} is a link that another user can exchange", name.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            FileType::Symlink if links == MAX_LINKS => {
                return Err(nix::errno::Errno::ELOOP.into());
            }
            FileType::Symlink => {
                links += 1;
                let target = readlinkat(&entry, "", Vec::new())?;
                if target.as_bytes().starts_with(b"/") {
                    held.truncate(1);
                }
                pending.extend(reversed(Path::new(super::as_path(&target))));
            }
            _ => return Err(nix::errno::Errno::ENOTDIR.into()),
        }
    }
    held.pop().ok_or_else(|| nix::errno::Errno::ENOENT.into())
}

/// Whether what is in such a directory can be exchanged by root and this user alone; where it is
/// sticky, that holds of what is theirs.
pub fn is_closed(found: &Stat) -> bool {
    is_ours(found.st_uid) && (found.st_mode & others_write() == 0 || found.st_mode & 0o1000 != 0)
}

/// Whether that is root, or the user who runs this.
pub fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// The bits by which others can write. For an ordinary user, whose umask may leave the group its
/// bit, what the group may do is nobody's concern: such a run has no rights that others lack.
pub fn others_write() -> u32 {
    if rustix::process::geteuid().is_root() { 0o022 } else { 0o002 }
}
