//! Who may read the log: root, and the group `adm` where there is one, as of the system's log.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr};

use crate::below;

/// Commands and users stand in it.
pub(super) const MODE: u32 = 0o640;

/// A longer list is not looked into, in bytes.
const LONGEST: u64 = 1 << 26;

/// The group's id, from that host's own list.
pub(super) fn group(root: &Path) -> Option<u32> {
    let groups = below::text(root, "/etc/group", LONGEST).ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == "adm").then(|| fields.nth(1)?.parse().ok())?
    })
}

/// Lets them read a log that was just made; whoever is not root keeps a group of its own.
///
/// # Errors
/// The file's mode cannot be set.
pub(super) fn admit(file: &File, group: Option<u32>) -> io::Result<()> {
    if fchown(file, None, group).is_ok() {
        return file.set_permissions(Permissions::from_mode(MODE));
    }
    // The unit has no right to give files away. A list of who may read its own takes none.
    if let Some(group) = group
        && nix::unistd::geteuid().is_root()
        && let Err(error) =
            fsetxattr(file, "system.posix_acl_access", &list(group), XattrFlags::empty())
    {
        log::warn!("only root can read the events: {error}");
    }
    Ok(())
}

/// An access control list as the kernel takes it: the mode, and the group as a reader.
fn list(group: u32) -> Vec<u8> {
    const NOBODY_BY_NAME: u32 = u32::MAX;
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 0o6, NOBODY_BY_NAME), // the owner
        (0x04, 0o4, NOBODY_BY_NAME), // the owning group
        (0x08, 0o4, group),
        (0x10, 0o4, NOBODY_BY_NAME), // the most that groups have
        (0x20, 0o0, NOBODY_BY_NAME), // everybody else
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, may, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(may.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}
