//! The path of a control group whose id is known: the process may be gone, its group seldom is.
#![allow(unsafe_code, reason = "no crate in the tree wraps open_by_handle_at(2)")]

use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fstatfs, openat, readlinkat};

/// `CGROUP2_SUPER_MAGIC`.
const CGROUP2: u64 = 0x6367_7270;
/// `FILEID_KERNFS`: the handle is the group's id.
const BY_ID: i32 = 0xfe;
/// So many paths are remembered, for groups that end with their process.
const REMEMBERED: usize = 16;

/// The unified hierarchy, opened once.
pub struct Cgroups {
    root: Option<(OwnedFd, String)>,
    remembered: Vec<(u64, String)>,
}

/// `struct file_handle` with an id of 64 bits behind it.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    id: u64,
}

impl Cgroups {
    /// Opens the unified hierarchy where systemd mounts it, alone or beside the older ones. Where
    /// there is none, no path is ever found.
    pub fn open() -> Self {
        let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let root = places.into_iter().find_map(|place| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = openat(CWD, place, flags, Mode::empty()).ok()?;
            let magic = u64::try_from(fstatfs(&root).ok()?.f_type).ok()?;
            (magic == CGROUP2).then(|| (root, place.to_owned()))
        });
        Self { root, remembered: Vec::with_capacity(REMEMBERED) }
    }

    /// The path below the root of the group with that id.
    pub fn path(&mut self, id: u64) -> Option<String> {
        if id == 0 {
            return None;
        }
        if let Some((_, path)) = self.remembered.iter().find(|r| r.0 == id) {
            return Some(path.clone());
        }
        let path = self.look_up(id)?;
        if self.remembered.len() == REMEMBERED {
            self.remembered.remove(0);
        }
        self.remembered.push((id, path.clone()));
        Some(path)
    }

    fn look_up(&self, id: u64) -> Option<String> {
        let (root, place) = self.root.as_ref()?;
        let mut handle = Handle { bytes: 8, kind: BY_ID, id };
        // SAFETY: the kernel reads the header and as many bytes behind it as `bytes` says, which
        // is what `Handle` has; it is alive during the call.
        let fd = unsafe {
            let handle = std::ptr::from_mut(&mut handle).cast();
            libc::open_by_handle_at(root.as_raw_fd(), handle, libc::O_PATH | libc::O_CLOEXEC)
        };
        if fd < 0 {
            return None;
        }
        // SAFETY: a descriptor that was just opened and that nobody else has.
        let group = unsafe { OwnedFd::from_raw_fd(fd) };
        let own = format!("/proc/self/fd/{}", group.as_fd().as_raw_fd());
        let path = readlinkat(CWD, own, Vec::new()).ok()?.into_string().ok()?;
        let below = Path::new(&path).strip_prefix(place).ok()?.to_str()?;
        Some(format!("/{below}"))
    }
}
