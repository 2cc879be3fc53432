//! Which parameters exist: directories listed beneath the root, no link followed.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, RawDir};

use super::beneath::{Access, Beneath, OVER_MOUNTED, SPECIAL_FILE};
use crate::key::{Key, Pattern, glob_matches, has_wildcard};
use crate::observed::{Errno, Matches};

/// A file system of its own behind an automount; its files register binary formats and are no
/// parameters. A listing must not mount it.
const NOT_PARAMETERS: &str = "fs/binfmt_misc";

/// Every file, sorted by its path.
pub(super) fn all(beneath: &Beneath) -> Vec<Key> {
    let mut found = Matches::default();
    if let Ok(root) = beneath.directory(beneath.root(), ".") {
        descend(beneath, &root, "", &mut found);
    }
    found.keys.sort_unstable();
    found.keys
}

/// Every file that `pattern` matches, sorted by its path; only the directories that its
/// components name are opened. One that cannot be listed may have others: that is told.
pub(super) fn matches(beneath: &Beneath, pattern: &Pattern) -> Matches {
    let mut found = Matches::default();
    collect(beneath, beneath.root(), "", pattern.as_path(), &mut found);
    found.keys.sort_unstable();
    found.unnamed.sort_unstable();
    found
}

fn descend(beneath: &Beneath, dir: &OwnedFd, prefix: &str, found: &mut Matches) {
    for (name, kind) in entries(dir, found) {
        let path = join(prefix, &name);
        if kind != Some(FileType::Directory) {
            push_file(beneath, dir.as_fd(), &name, kind, &path, found);
        }
        if matches!(kind, Some(FileType::Directory) | None)
            && !(beneath.procfs() && path == NOT_PARAMETERS)
            && let Some(below) = entered(beneath, dir.as_fd(), &name, found)
        {
            descend(beneath, &below, &path, found);
        }
    }
}

/// Matches `rest` of the pattern below `from`, whose own path is `prefix`.
fn collect(beneath: &Beneath, from: BorrowedFd<'_>, prefix: &str, rest: &str, found: &mut Matches) {
    let (literal, wild) = split_literal(rest);
    let Some(wild) = wild else {
        push_file(beneath, from, literal, None, &join(prefix, literal), found);
        return;
    };
    let path = join(prefix, literal);
    let Some(dir) = entered(beneath, from, if literal.is_empty() { "." } else { literal }, found)
    else {
        return;
    };
    let (component, rest) = wild.split_once('/').map_or((wild, None), |(c, r)| (c, Some(r)));
    for (name, kind) in entries(&dir, found) {
        if !glob_matches(component, &name) {
            continue;
        }
        let path = join(&path, &name);
        match rest {
            None => push_file(beneath, dir.as_fd(), &name, kind, &path, found),
            Some(rest) if matches!(kind, Some(FileType::Directory) | None) => {
                // A literal rest is opened in one go, through this entry.
                let (literal, more) = split_literal(rest);
                if more.is_none() {
                    let below = join(&name, literal);
                    let path = join(&path, literal);
                    push_file(beneath, dir.as_fd(), &below, None, &path, found);
                } else if let Some(below) = entered(beneath, dir.as_fd(), &name, found) {
                    collect(beneath, below.as_fd(), &path, rest, found);
                }
            }
            Some(_) => {}
        }
    }
}

/// The components before the first with a wildcard, and what begins with that one.
fn split_literal(pattern: &str) -> (&str, Option<&str>) {
    let mut start = 0;
    for component in pattern.split('/') {
        if has_wildcard(component) {
            return (pattern[..start].trim_end_matches('/'), Some(&pattern[start..]));
        }
        start += component.len() + 1;
    }
    (pattern, None)
}

/// Adds a regular file; one whose type the listing did not tell is looked at.
///
/// A name that no key can have (a `=`, a control character) is told apart: it could be neither
/// written in a baseline nor read back from a file.
fn push_file(
    beneath: &Beneath,
    dir: BorrowedFd<'_>,
    below: &str,
    kind: Option<FileType>,
    path: &str,
    found: &mut Matches,
) {
    let is_file = match kind {
        Some(kind) => kind == FileType::RegularFile,
        None => match beneath.file(dir, below, Access::Look) {
            Ok(_) => true,
            Err(errno) => {
                miss(errno, found);
                false
            }
        },
    };
    match Key::from_path(path) {
        Ok(key) if is_file => found.keys.push(key),
        // What is not UTF-8 cannot be looked at by this name.
        Err(_) if is_file || path.contains(char::REPLACEMENT_CHARACTER) => {
            found.unnamed.push(path.to_owned());
        }
        _ => {}
    }
}

/// The directory at `path`, to be listed; `None` where there is none, or it cannot be opened.
fn entered(
    beneath: &Beneath,
    from: BorrowedFd<'_>,
    path: &str,
    found: &mut Matches,
) -> Option<OwnedFd> {
    beneath.directory(from, path).map_err(|errno| miss(errno, found)).ok()
}

/// Each entry's name, with its type where that is known; those before the first error, which a
/// listing has again and again.
fn entries(dir: &OwnedFd, found: &mut Matches) -> Vec<(String, Option<FileType>)> {
    let mut room = [MaybeUninit::uninit(); 4096];
    let mut listed = RawDir::new(dir, &mut room);
    let mut names = Vec::new();
    while let Some(entry) = listed.next() {
        match entry {
            Ok(entry) => {
                let name = entry.file_name().to_string_lossy();
                if name != "." && name != ".." {
                    let kind = entry.file_type();
                    let kind = (kind != FileType::Unknown).then_some(kind);
                    names.push((name.into_owned(), kind));
                }
            }
            Err(error) => {
                miss(Errno(error.raw_os_error()), found);
                break;
            }
        }
    }
    names
}

/// Keeps in mind why something could not be looked at. What is not there, or is no parameter by
/// its place or its type, is no match, and nothing is missed.
fn miss(errno: Errno, found: &mut Matches) {
    let is_none =
        matches!(errno, Errno::ENOENT | Errno::EISDIR | Errno::ELOOP | OVER_MOUNTED | SPECIAL_FILE);
    if !is_none {
        found.unseen.get_or_insert(errno);
    }
}

fn join(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{prefix}/{name}"),
    }
}
