//! The sysctl.d files of a host with their text, as they were found.

use std::sync::Arc;

use super::Errno;

/// The directories that are searched, in order of precedence. `/lib/sysctl.d` counts only where
/// `/lib` is not a link into `/usr`.
pub const SYSCTL_DIRS: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

/// Everything that a boot loader of parameters would look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfTree {
    /// The searched directories, in order of precedence, with what they hold.
    pub dirs: Vec<ConfDir>,
    /// `/etc/sysctl.conf`, where it exists.
    pub sysctl_conf: Option<ConfFile>,
    /// The kernel command line.
    pub cmdline: String,
}

impl ConfTree {
    /// What stands at `path` in one of the directories.
    pub fn entry(&self, path: &str) -> Option<&ConfFile> {
        self.dirs.iter().flat_map(|dir| &dir.files).find(|file| *file.path == *path)
    }

    /// The directory that `path` is in.
    pub fn dir_of(&self, path: &str) -> Option<&ConfDir> {
        let (dir, _) = path.rsplit_once('/')?;
        self.dirs.iter().find(|d| d.path == dir)
    }
}

/// One of the sysctl.d directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfDir {
    /// Its path, such as `/etc/sysctl.d`.
    pub path: String,
    /// Its entries in no particular order: every name, `.conf` or not, but for `.` and `..`.
    pub files: Vec<ConfFile>,
    /// Why there may be others, where they cannot be listed, or not all of them.
    pub closed: Option<Errno>,
}

/// One directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfFile {
    /// Where it was found, such as `/etc/sysctl.d/99-sysctl.conf`.
    pub path: Arc<str>,
    /// Where it leads, if it is a symbolic link: the link's own text.
    pub link: Option<String>,
    /// What is there once links are followed.
    pub body: ConfBody,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfBody {
    /// A regular file's bytes, which need not be UTF-8.
    Text(Arc<[u8]>),
    /// An empty file or `/dev/null`, which masks files of the same name in later directories.
    Masked,
    /// A directory.
    Directory,
    /// Neither file nor directory (a FIFO, a socket, a device other than /dev/null).
    Special,
    /// It could not be read: a dangling link (ENOENT), no permission (EACCES), too large to be
    /// looked into (EFBIG), ….
    Unreadable(Errno),
    /// Its name does not end in `.conf`, so that no loader opens it and neither did we.
    NotRead,
}

impl ConfBody {
    /// The body of a regular file with these bytes; an empty one masks.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Masked } else { Self::Text(bytes.into()) }
    }

    /// What a loader that opens it would read; `None` where it would read nothing.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl ConfFile {
    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}
