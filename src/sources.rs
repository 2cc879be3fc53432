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
/// The same as many would name it, and as nothing reads it.
pub const MISNAMED_BASELINE: &str = "/etc/tunectl/baseline.yml";
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
    /// Whether its mode keeps others from reading it.
    pub private: bool,
}

impl FileText {
    /// Whether nothing of it may be shown, because it may be a key or a password: others cannot read
    /// it, and no line of it begins with one of these fields. Messages quote what they are about, and
    /// stand in logs and reports that others read.
    pub fn is_secret(&self, fields: &[&str]) -> bool {
        let begins = |entry: &str| {
            let entry =
                entry.trim_start_matches(|c: char| c.is_whitespace() || "\u{feff}\"'".contains(c));
            fields.iter().filter_map(|field| entry.strip_prefix(field)).any(|rest| {
                let rest = rest.trim_start_matches(['"', '\'', ' ']);
                rest.strip_prefix(':').is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace())
                })
            })
        };
        self.private && !self.text.split(['\n', '{', ',']).any(begins)
    }
}

/// The files of a directory of baselines, as paths on the host, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The `*.yaml` files.
    pub yaml: Vec<String>,
    /// The `*.yml` files, which nothing reads.
    pub yml: Vec<String>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not exist.
    #[error("there is no file {0}")]
    Missing(String),
    /// It is a link, and what that leads to does not exist.
    #[error("{path} is a link to {to}, and there is no such file")]
    Dangling {
        /// The link.
        path: String,
        /// What it says.
        to: String,
    },
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
    /// It is something else, and nothing of it may be shown.
    #[error("{0} is no {1}, and others may not read it: nothing of it is shown")]
    Secret(String, &'static str),
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
            io::ErrorKind::NotFound => self.missing(path),
            _ => SourceError::Unreadable { path: named(), error },
        };
        // A FIFO must not block the open; what is not a file is refused below. A relative path is
        // the operator's, not the host's.
        let opened = if path.starts_with('/') {
            below::open(&self.root, path)
        } else {
            let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            openat(AT_FDCWD, path, flags, Mode::empty()).map(File::from).map_err(io::Error::from)
        };
        let file = match opened {
            Err(error) if below::is_no_file(&error) => {
                return Err(SourceError::NotAFile(named()));
            }
            // In a sticky directory the kernel follows no other user's link.
            Err(error) if self.strict_owner && error.kind() == io::ErrorKind::PermissionDenied => {
                self.check_way(path, false)?;
                return Err(unreadable(error));
            }
            opened => opened.map_err(unreadable)?,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(SourceError::NotAFile(named()));
        }
        if self.strict_owner {
            self.check_owner(path, &file)?;
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
            Ok(text) => {
                let private = metadata.mode() & 0o004 == 0;
                Ok(FileText { path: named(), text, private })
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..at].split(|b| *b == b'\n').count();
                Err(SourceError::NotText { path: named(), line, at })
            }
        }
    }

    /// Whether a file is there. One that cannot be looked at is, and so is a link to nowhere: only
    /// reading tells what is wrong with it.
    pub fn exists(&self, path: &str) -> bool {
        let found = self.entry(path).and_then(std::fs::symlink_metadata);
        !matches!(found, Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The `*.yaml` files of a directory: [`Self::list`].
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn list_yaml(&self, dir: &str) -> Result<Vec<String>, SourceError> {
        Ok(self.list(dir)?.yaml)
    }

    /// The files of a directory. One that does not exist has none. Whoever can write in it can also
    /// take one away, so that it is judged whatever is in it.
    ///
    /// # Errors
    /// It exists and cannot be read, or is not root's alone, or a name in it is not UTF-8.
    pub fn list(&self, dir: &str) -> Result<Listing, SourceError> {
        let unreadable = |error| SourceError::Unreadable { path: dir.to_owned(), error };
        let entries = match self.place(dir).and_then(std::fs::read_dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match self.missing(dir) {
                    SourceError::Missing(_) => Ok(Listing::default()),
                    dangling => Err(dangling),
                };
            }
            Err(error) => return Err(unreadable(error)),
        };
        self.check_directory(dir)?;
        let mut found = Listing::default();
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            let shown = name.to_string_lossy();
            let (is_yaml, is_yml) = (shown.ends_with(".yaml"), shown.ends_with(".yml"));
            if !(is_yaml || is_yml) || shown.starts_with('.') {
                continue;
            }
            let path = format!("{dir}/{shown}");
            if is_yml {
                found.yml.push(path);
                continue;
            }
            if name.to_str().is_none() {
                let error = io::Error::other("its name is not UTF-8");
                return Err(SourceError::Unreadable { path, error });
            }
            found.yaml.push(path);
        }
        found.yaml.sort();
        found.yml.sort();
        Ok(found)
    }

    /// Why nothing was found at a path: there is nothing, or a link to nowhere.
    fn missing(&self, path: &str) -> SourceError {
        match self.entry(path).and_then(std::fs::read_link) {
            Ok(to) => SourceError::Dangling { path: path.to_owned(), to: to.display().to_string() },
            Err(_) => SourceError::Missing(path.to_owned()),
        }
    }

    /// The same as [`Self::place`] for the last component itself, should that be a link.
    fn entry(&self, path: &str) -> io::Result<PathBuf> {
        if path.starts_with('/') {
            below::resolve_parent(&self.root, path)
        } else {
            Ok(path.into())
        }
    }

    /// Where a path is found from here; a relative one is the operator's, not the host's.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        if path.starts_with('/') { below::resolve(&self.root, path) } else { Ok(path.into()) }
    }

    /// Judges a directory in which something was not found, or all of it: whoever can write in it
    /// may have taken that away. It need not exist; then what is above it counts.
    ///
    /// # Errors
    /// [`SourceError::NotRoots`], or it cannot be looked at.
    pub fn check_directory(&self, dir: &str) -> Result<(), SourceError> {
        if self.strict_owner { self.check_way(dir, true) } else { Ok(()) }
    }

    /// Judges the opened file, and every directory and link that led to it: whoever can write in
    /// one of them can have another file opened next time.
    fn check_owner(&self, path: &str, file: &File) -> Result<(), SourceError> {
        let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
        let metadata = file.metadata().map_err(unreadable)?;
        match not_roots(&metadata) {
            Some(why) => Err(SourceError::NotRoots { path: path.to_owned(), why }),
            None => self.check_way(path, false),
        }
    }

    /// Judges every directory and link on the way to a path; `may_miss`: as far as there are any.
    fn check_way(&self, path: &str, may_miss: bool) -> Result<(), SourceError> {
        let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
        let refused =
            |path: &Path, why| Err(SourceError::NotRoots { path: path.display().to_string(), why });
        // A relative path is the operator's: it is judged up to `/`.
        let (top, path) = if path.starts_with('/') {
            (self.root.canonicalize().map_err(unreadable)?, PathBuf::from(path))
        } else {
            (PathBuf::from("/"), std::path::absolute(path).map_err(unreadable)?)
        };
        let mut passed = below::trail(&top, &path).map_err(unreadable)?;
        passed.insert(0, top);
        for place in passed {
            let found = match place.symlink_metadata() {
                Err(error) if may_miss && error.kind() == io::ErrorKind::NotFound => break,
                found => found.map_err(unreadable)?,
            };
            if found.is_dir() {
                match not_roots(&found) {
                    // In a sticky directory nobody can exchange what is root's.
                    Some(OTHERS_WRITE) if found.mode() & 0o1000 != 0 => {}
                    Some(why) => return refused(&place, why),
                    None => {}
                }
            } else if found.uid() != 0 {
                // A link: its mode says nothing, its owner may exchange it in a sticky directory.
                return refused(&place, NOT_ROOTS);
            }
        }
        Ok(())
    }
}

const NOT_ROOTS: &str = "does not belong to root";
const OTHERS_WRITE: &str = "can be written by others";

/// Why what was looked at is not root's alone, if it is not.
fn not_roots(found: &std::fs::Metadata) -> Option<&'static str> {
    match found.mode() & 0o022 {
        _ if found.uid() != 0 => Some(NOT_ROOTS),
        0 => None,
        _ => Some(OTHERS_WRITE),
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
