//! What a loader stumbles over in the files: the line or file, and why.

use std::fmt;

use crate::diagnostic::Position;
use crate::key::{KeyError, Selector, has_wildcard, is_plain};
use crate::observed::Errno;

/// A line or file that a loader does not carry out as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as listed and the line; line 1 where it concerns the whole file.
    pub source: Position,
    /// What is wrong.
    pub what: ProblemKind,
}

/// What can be wrong with a line or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// No `=`, and not an exclusion: the line is skipped.
    NotAnAssignment(String),
    /// The file cannot be read.
    Unreadable(Errno),
    /// A directory stands where a file is looked for; it hides files of its name elsewhere.
    Directory,
    /// A link to nothing, with its target; it hides files of its name elsewhere.
    DanglingLink(String),
    /// A FIFO, socket or device: the loader may wait at it for ever.
    Special,
    /// The file starts with a byte order mark, which becomes part of the first line.
    ByteOrderMark,
    /// The selector cannot name a parameter.
    NotAKey {
        /// The path as the loader forms it.
        path: String,
        /// Why.
        error: KeyError,
    },
    /// `- key = value`, a blank after the dash: procps looks for a key that starts with a blank.
    BlankAfterDash(String),
    /// An exclusion with a wildcard: systemd, and procps before 4.0.5, ignore it.
    GlobExclusion(String),
    /// An exclusion that takes back an explicit assignment made earlier (systemd only).
    TakenBack {
        /// The key.
        path: String,
        /// The assignment that is lost.
        earlier: Position,
    },
    /// The file's name has wildcards, which procps expands instead of opening the file.
    WildcardName,
    /// A glob that stands for more globs than are looked into.
    TooManyForms(String),
    /// One glob more than are looked into, and all that come later.
    TooManyGlobs(usize),
    /// A line at which systemd-sysctl gives the file up, what came before aside.
    LongLine,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A value of that many bytes, which procps writes in pieces where the kernel refuses it as a
    /// whole.
    LongValue(usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAssignment(text) => {
                write!(f, "no `=` in {text:?}; the line is skipped")
            }
            Self::Unreadable(errno) if errno.is_denial() => {
                f.write_str("cannot be read: no permission")
            }
            Self::Unreadable(Errno::EFBIG) => f.write_str("too large to be looked into"),
            Self::Unreadable(Errno::ELOOP) => {
                f.write_str("cannot be read: too many levels of symbolic links")
            }
            Self::Unreadable(Errno(number)) => write!(f, "cannot be read (errno {number})"),
            Self::Directory => f.write_str("is a directory, not a file"),
            Self::DanglingLink(target) => write!(f, "is a link to {target:?}, which is not there"),
            Self::Special => f.write_str("is a FIFO, socket or device, not a file"),
            Self::ByteOrderMark => {
                f.write_str("starts with a byte order mark, which spoils the first line")
            }
            Self::NotAKey { path, error } => {
                write!(f, "{path:?} names no parameter: {error}")?;
                match error.instead() {
                    Some(instead) => write!(f, "; write {instead}"),
                    None => Ok(()),
                }
            }
            Self::BlankAfterDash(text) => {
                write!(f, "the blank after the dash in {text:?} becomes part of the key")
            }
            Self::GlobExclusion(text) => write!(
                f,
                "the exclusion {text:?} has a wildcard: systemd and procps before 4.0.5 ignore it"
            ),
            Self::TakenBack { path, earlier } => {
                write!(f, "the exclusion of {path} takes back the assignment at {earlier}")
            }
            Self::WildcardName => {
                f.write_str("the file's name has wildcards, which procps expands")
            }
            Self::LongValue(bytes) => write!(
                f,
                "the value has {bytes} bytes: procps may write it in pieces, of which the last stays"
            ),
            Self::TooManyForms(text) => write!(
                f,
                "{text:?} stands for so many patterns that nobody looked into what they match"
            ),
            Self::TooManyGlobs(most) => write!(
                f,
                "more than {most} patterns: nobody looked into what this one and those after it match"
            ),
            Self::LongLine => f.write_str(
                "the line has a mebibyte or more: systemd-sysctl reads no further in this file",
            ),
            Self::NotUtf8 => f.write_str("has bytes that are not UTF-8"),
        }
    }
}

/// Why no parameter can have the path that a loader formed, if none can.
pub(super) fn not_a_key(path: &str) -> Option<ProblemKind> {
    // `proc/sys/…` is plain, too, and no key.
    if is_plain(path) && path.contains('/') && !path.starts_with("proc/") {
        return None;
    }
    let error = match Selector::parse(path).err()? {
        // A glob may quote what no key has, or have it between brackets.
        KeyError::BadCharacter(c)
            if has_wildcard(path) && (c == '\\' || path.contains('[') && !"{}".contains(c)) =>
        {
            return None;
        }
        error => error,
    };
    Some(ProblemKind::NotAKey { path: path.to_owned(), error })
}
