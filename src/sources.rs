//! Reads baseline files: found by name or path, judged by owner and mode, read once.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use crate::below;

/// The host's own baseline.
pub const HOST_BASELINE: &str = "/etc/tunectl/baseline.yaml";
/// Further layers on it.
pub const HOST_LAYERS: &str = "/etc/tunectl/baseline.d";
/// Where baselines are looked up by name, in this order, before the built-in ones.
pub const SEARCH: [&str; 2] = ["/etc/tunectl/baselines", "/usr/share/tunectl/baselines"];

/// A baseline's text and the path it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// The path as on the host.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not exist.
    #[error("there is no file {0}")]
    Missing(String),
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's answer.
        error: io::Error,
    },
    /// It is a directory, a FIFO, a device, ….
    #[error("{0} is not a regular file")]
    NotAFile(String),
    /// It is larger than a baseline may be.
    #[error("{path} has more than {limit} bytes, the most that a baseline may have")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// It is not UTF-8.
    #[error("{path}:{line} is not UTF-8 text (byte {at} of the file)")]
    NotText {
        /// The file.
        path: String,
        /// The line that it is on, counted from 1.
        line: usize,
        /// The first byte that is not.
        at: usize,
    },
    /// Somebody else than root could have written it.
    #[error("{path} {why}, and root will not act on what others can write")]
    NotRoots {
        /// The file, or a directory above it.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Where files are looked for, and how strictly.
#[derive(Clone, Debug)]
pub struct Sources {
    /// All paths lie below this directory.
    pub root: PathBuf,
    /// The most bytes a file may have.
    pub max_bytes: usize,
    /// Whether the files and the directories above them must be root's, and root's alone.
    pub strict_owner: bool,
}

impl Sources {
    /// Reads the file at `path`, as named on the host.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn read(&self, path: &str) -> Result<FileText, SourceError> {
        let named = || path.to_owned();
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::Missing(named()),
            _ => SourceError::Unreadable { path: named(), error },
        };
        let full = self.place(path).map_err(unreadable)?;
        // A FIFO must not block the open; what is not a file is refused below.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(AT_FDCWD, &full, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| unreadable(errno.into()))?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(SourceError::NotAFile(named()));
        }
        if self.strict_owner {
            self.check_owner(path, &full, &file)?;
        }
        let mut bytes = Vec::with_capacity(
            usize::try_from(metadata.len()).unwrap_or(0).min(self.max_bytes) + 1,
        );
        let limit = u64::try_from(self.max_bytes).unwrap_or(u64::MAX);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > self.max_bytes {
            return Err(SourceError::TooLarge { path: named(), limit: self.max_bytes });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(FileText { path: named(), text }),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..at].split(|b| *b == b'\n').count();
                Err(SourceError::NotText { path: named(), line, at })
            }
        }
    }

    /// Whether a file is there.
    pub fn exists(&self, path: &str) -> bool {
        self.place(path).is_ok_and(|place| place.exists())
    }

    /// The `*.yaml` files of a directory, as paths on the host, in the order of their names.
    pub fn list_yaml(&self, dir: &str) -> Vec<String> {
        let Ok(entries) = self.place(dir).and_then(std::fs::read_dir) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|n| n.ends_with(".yaml") && !n.starts_with('.'))
            .map(|n| format!("{dir}/{n}"))
            .collect();
        names.sort();
        names
    }

    /// Where a path is found from here; a relative one is the operator's, not the host's.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        if path.starts_with('/') { below::resolve(&self.root, path) } else { Ok(path.into()) }
    }

    fn check_owner(&self, path: &str, full: &Path, file: &File) -> Result<(), SourceError> {
        let judge = |path: &Path, uid: u32, mode: u32, sticky_dir: bool| {
            let why = if uid != 0 {
                "does not belong to root"
            } else if mode & 0o022 != 0 && !(sticky_dir && mode & 0o1000 != 0) {
                "can be written by others"
            } else {
                return Ok(());
            };
            Err(SourceError::NotRoots { path: path.display().to_string(), why })
        };
        let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
        let metadata = file.metadata().map_err(unreadable)?;
        judge(Path::new(path), metadata.uid(), metadata.mode(), false)?;
        // Links are resolved: what counts is who can exchange the file that was opened.
        let real = full.canonicalize().map_err(unreadable)?;
        for directory in real.ancestors().skip(1) {
            if !directory.starts_with(&self.root) {
                break;
            }
            let metadata = directory.metadata().map_err(unreadable)?;
            // In a sticky directory nobody can exchange another's file.
            judge(directory, metadata.uid(), metadata.mode(), true)?;
        }
        Ok(())
    }
}

/// `name` as seen from the file that extends it: absolute, or beside that file.
pub fn relative_to(from: Option<&str>, name: &str) -> String {
    let base = match from.and_then(|f| Path::new(f).parent()) {
        Some(parent) if !name.starts_with('/') => parent.join(name),
        _ => PathBuf::from(name),
    };
    let mut plain = PathBuf::new();
    for component in base.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain.display().to_string()
}

/// Whether a baseline is asked for by path rather than by name.
pub fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml")
}
