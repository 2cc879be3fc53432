//! The same tree with other files: what a drop-in of our own would change, or a reboot takes away.

use crate::observed::{ConfBody, ConfDir, ConfFile, ConfTree, Errno, SYSCTL_DIRS};

/// The tree as it would be with `text` in a regular file at `path`, or with nothing there
/// (`None`). Links that lead to `path` follow; a link at `path` itself is replaced.
///
/// A path outside the searched directories, other than `/etc/sysctl.conf`, changes nothing but
/// links that lead to it.
pub fn with_file(tree: &ConfTree, path: &str, text: Option<&str>) -> ConfTree {
    let mut tree = tree.clone();
    let body = text.map(|t| ConfBody::of(t.as_bytes()));
    let file = body.clone().map(|body| ConfFile { path: path.into(), link: None, body });
    for entry in tree.dirs.iter_mut().flat_map(|d| &mut d.files).chain(&mut tree.sysctl_conf) {
        if leads_to(entry, path) {
            let missing = ConfBody::Unreadable(Errno::ENOENT);
            entry.body = body.clone().unwrap_or(missing);
        }
    }
    let (parent, _) = path.rsplit_once('/').unwrap_or(("", path));
    if path == "/etc/sysctl.conf" {
        tree.sysctl_conf = file;
    } else if let Some(rank) = SYSCTL_DIRS.iter().position(|d| *d == parent) {
        let at = tree.dirs.iter().position(|d| d.path == parent).unwrap_or_else(|| {
            let ranks = |d: &ConfDir| SYSCTL_DIRS.iter().position(|s| *s == d.path);
            let at = tree.dirs.iter().position(|d| ranks(d) > Some(rank));
            let at = at.unwrap_or(tree.dirs.len());
            tree.dirs
                .insert(at, ConfDir { path: parent.to_owned(), files: Vec::new(), closed: None });
            at
        });
        let files = &mut tree.dirs[at].files;
        files.retain(|f| *f.path != *path);
        files.extend(file);
    }
    tree
}

/// The tree without those of its files whose path `goes`; a link that leads to one leads nowhere.
pub fn without(tree: &ConfTree, goes: impl Fn(&str) -> bool) -> ConfTree {
    let mut tree = tree.clone();
    for dir in &mut tree.dirs {
        dir.files.retain(|file| !goes(&file.path));
    }
    for entry in tree.dirs.iter_mut().flat_map(|d| &mut d.files).chain(&mut tree.sysctl_conf) {
        if entry.link.as_deref().is_some_and(|link| goes(&target(&entry.path, link))) {
            entry.body = ConfBody::Unreadable(Errno::ENOENT);
        }
    }
    tree
}

fn leads_to(entry: &ConfFile, path: &str) -> bool {
    entry.link.as_deref().is_some_and(|link| target(&entry.path, link) == path)
}

/// Where the text of a link at `path` leads, without a look at further links.
fn target(path: &str, link: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if link.starts_with('/') {
        parts.clear();
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.retain(|p| !p.is_empty());
    format!("/{}", parts.join("/"))
}
