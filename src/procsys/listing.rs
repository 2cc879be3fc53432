//! Which parameters exist: directories listed beneath the root, no link followed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::{Dir, Type};

use super::beneath::{Access, Beneath};
use crate::key::{Key, Pattern, glob_matches, has_wildcard};
use crate::observed::Matches;

/// A file system of its own behind an automount; its files register binary formats and are no
/// parameters. A listing must not mount it.
const NOT_PARAMETERS: &str = "fs/binfmt_misc";

/// Every file, sorted by its path.
pub(super) fn all(beneath: &Beneath) -> Vec<Key> {
    let mut found = Matches::default();
    if let Ok(root) = beneath.directory(beneath.root(), ".") {
        descend(beneath, root, "", &mut found);
    }
    found.keys.sort_unstable();
    found.keys
}

/// Every file that `pattern` matches, sorted by its path; only the directories that its
/// components name are opened.
pub(super) fn matches(beneath: &Beneath, pattern: &Pattern) -> Matches {
    let mut found = Matches::default();
    collect(beneath, beneath.root(), "", pattern.as_path(), &mut found);
    found.keys.sort_unstable();
    found.unnamed.sort_unstable();
    found
}

fn descend(beneath: &Beneath, dir: OwnedFd, prefix: &str, found: &mut Matches) {
    for_each_entry(dir, |dir, name, kind| {
        let path = join(prefix, name);
        if kind != Some(Type::Directory) {
            push_file(beneath, dir, name, kind, &path, found);
        }
        if matches!(kind, Some(Type::Directory) | None)
            && !(beneath.procfs() && path == NOT_PARAMETERS)
            && let Ok(below) = beneath.directory(dir, name)
        {
            descend(beneath, below, &path, found);
        }
    });
}

/// Matches `rest` of the pattern below `from`, whose own path is `prefix`.
fn collect(beneath: &Beneath, from: BorrowedFd<'_>, prefix: &str, rest: &str, found: &mut Matches) {
    let (literal, wild) = split_literal(rest);
    let Some(wild) = wild else {
        push_file(beneath, from, literal, None, &join(prefix, literal), found);
        return;
    };
    let path = join(prefix, literal);
    let Ok(dir) = beneath.directory(from, if literal.is_empty() { "." } else { literal }) else {
        return;
    };
    let (component, rest) = wild.split_once('/').map_or((wild, None), |(c, r)| (c, Some(r)));
    for_each_entry(dir, |dir, name, kind| {
        if !glob_matches(component, name) {
            return;
        }
        let path = join(&path, name);
        match rest {
            None => push_file(beneath, dir, name, kind, &path, found),
            Some(rest) if matches!(kind, Some(Type::Directory) | None) => {
                // A literal rest is opened in one go, through this entry.
                let (literal, more) = split_literal(rest);
                if more.is_none() {
                    let below = join(name, literal);
                    push_file(beneath, dir, &below, None, &join(&path, literal), found);
                } else if let Ok(below) = beneath.directory(dir, name) {
                    collect(beneath, below.as_fd(), &path, rest, found);
                }
            }
            Some(_) => {}
        }
    });
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
    kind: Option<Type>,
    path: &str,
    found: &mut Matches,
) {
    let is_file = match kind {
        Some(kind) => kind == Type::File,
        None => beneath.file(dir, below, Access::Look).is_ok(),
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

/// Calls `each` with the directory, the name of an entry and its type where that is known.
/// A directory that cannot be read has no entries.
fn for_each_entry(dir: OwnedFd, mut each: impl FnMut(BorrowedFd<'_>, &str, Option<Type>)) {
    let Ok(mut listed) = Dir::from_fd(dir) else { return };
    let names: Vec<(String, Option<Type>)> = listed
        .iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy();
            (name != "." && name != "..").then(|| (name.into_owned(), entry.file_type()))
        })
        .collect();
    for (name, kind) in names {
        each(listed.as_fd(), &name, kind);
    }
}

fn join(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{prefix}/{name}"),
    }
}
