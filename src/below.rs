//! Finds the paths of another system's tree below its root, links included.
#![allow(clippy::disallowed_methods, reason = "an edge")]

mod entered;
mod opened;

pub use entered::{Entered, enter, is_closed, is_ours, others_write};
pub use opened::{NotAFile, bytes, is_no_file, open, open_itself, text};

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// Where `path` is found from here, all links followed. Below `/` that is the path itself, and
/// nothing is looked at; below another root it is walked link by link, and neither an absolute
/// link nor `..` leads out. What does not exist is no error: it may be about to be made.
///
/// # Errors
/// ELOOP: more links than the kernel would follow.
pub fn resolve(root: &Path, path: &str) -> io::Result<PathBuf> {
    if is_host(root) {
        return Ok(PathBuf::from(if path.is_empty() { "/" } else { path }));
    }
    walk(root, Path::new(path), &mut |_| {})
}

/// The same for the directory that `path` stands in, with the last component as it is: where a
/// file is to be put, or a link itself is looked at.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_parent(root: &Path, path: &str) -> io::Result<PathBuf> {
    if is_host(root) {
        return Ok(PathBuf::from(path));
    }
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    Ok(resolve(root, parent)?.join(name))
}

/// Every entry that is looked up on the way to `path`: directories, links, and what it leads to,
/// each where it is found from here. Walked below `/` as well.
///
/// # Errors
/// As [`resolve`].
pub fn trail(root: &Path, path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut passed = Vec::new();
    walk(root, path, &mut |place| passed.push(place.to_owned()))?;
    Ok(passed)
}

/// `path` below `root`, in memory of just that size.
pub fn joined(root: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    let mut whole = PathBuf::with_capacity(root.as_os_str().len() + 1 + path.as_os_str().len());
    whole.push(root);
    whole.push(path);
    whole
}

fn is_host(root: &Path) -> bool {
    root == Path::new("/")
}

fn walk(root: &Path, path: &Path, pass: &mut dyn FnMut(&Path)) -> io::Result<PathBuf> {
    let mut pending = reversed(path);
    let mut below = PathBuf::new();
    let mut links = 0;
    while let Some(step) = pending.pop() {
        let Some(name) = step else {
            below.pop();
            continue;
        };
        let next = below.join(name);
        let place = root.join(&next);
        pass(&place);
        match fs::read_link(place) {
            Ok(_) if links == MAX_LINKS => {
                return Err(nix::errno::Errno::ELOOP.into());
            }
            Ok(target) => {
                links += 1;
                if target.is_absolute() {
                    below = PathBuf::new();
                }
                pending.extend(reversed(&target));
            }
            // Not a link, or not there: whoever opens it will be told.
            Err(_) => below = next,
        }
    }
    Ok(root.join(below))
}

fn as_path(text: &CStr) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(text.to_bytes())
}

/// The steps of a path, last first; `None` is a step up.
fn reversed(path: &Path) -> Vec<Option<PathBuf>> {
    let steps = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(Some(PathBuf::from(name))),
        Component::ParentDir => Some(None),
        _ => None,
    });
    steps.collect()
}
