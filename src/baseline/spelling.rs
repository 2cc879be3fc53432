//! Names that nobody knows: guards and keys that are most likely misspelt.

use std::borrow::Cow;

use crate::catalogue::{self, Hazard, Parameter};
use crate::diagnostic::Diagnostic;
use crate::key::{Key, edits_within, nearest, swap_separators};

use super::schema::{Entry, Wish};

/// So many edits, or fewer, are a slip of the hand.
const SLIP: usize = 2;

/// Parameters that other kernels have and mainline never had: like one that is known, and not
/// meant to be it.
const OF_OTHERS: [&str; 2] = ["vm/extra_free_kbytes", "vm/shrink_inodes_with_pagecache"];

/// The guards that an entry overrides have to exist.
pub(super) fn guards(entry: &Entry, problems: &mut Vec<Diagnostic>) {
    for allow in &entry.terms.allow {
        if Hazard::GUARDS.contains(&allow.value.as_str()) {
            continue;
        }
        let help = match nearest(&allow.value, Hazard::GUARDS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of: {}", Hazard::GUARDS.join(", ")),
        };
        let message = format!("there is no guard {:?}", allow.value);
        problems.push(Diagnostic::error(allow.span, message).help(help));
    }
}

/// For how many unknown names of a baseline the one that was meant is looked for: more are of a
/// generated file.
const GUESSES: usize = 500;

/// Judges keys that nobody knows.
pub(super) struct Speller<'a> {
    /// Whether the kernel has a key.
    exists: &'a dyn Fn(&Key) -> bool,
    guesses: usize,
}

impl<'a> Speller<'a> {
    pub(super) fn new(exists: &'a dyn Fn(&Key) -> bool) -> Self {
        Self { exists, guesses: GUESSES }
    }

    /// A key that neither the catalogue nor the kernel knows, and that is one slip away from one
    /// that is known, is taken for a slip. One that is merely like another may be of another
    /// kernel. The one that it is like is given back, in dots.
    pub(super) fn key(
        &mut self,
        key: &Key,
        entry: &Entry,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<String> {
        let spoken_for = entry.terms.module.is_some() || matches!(entry.terms.wish, Wish::Leave);
        if catalogue::kind_of(key).is_some() || spoken_for || (self.exists)(key) {
            return None;
        }
        let message = format!("there is no parameter {key}");
        if let Some(dotted) = dotted_interface(key) {
            let help = format!("for an interface with a dot in its name write {dotted}");
            problems.push(Diagnostic::error(entry.span, message).help(help));
            return None;
        }
        // An interface may come later; what every one has this kernel shows for those to come.
        if of_interface(key, "default").is_some_and(|usual| (self.exists)(&usual)) {
            return None;
        }
        if OF_OTHERS.contains(&key.as_path()) {
            let help = "kernels of Android and of some distributions have it";
            problems.push(Diagnostic::warning(entry.span, message).help(help));
            return None;
        }
        self.guess()?;
        let near = nearest_path(key)?;
        let same_leaf = near.rsplit('/').next().is_some_and(|leaf| key.leaf() == leaf);
        let slip = same_leaf || edits_within(key.as_path(), &near, SLIP).is_some();
        let path = swap_separators(&near);
        problems.push(if slip {
            Diagnostic::error(entry.span, message)
                .help(format!("did you mean {path}? If it comes with a module, say `module: NAME`"))
        } else {
            Diagnostic::warning(entry.span, message).help(format!("did you mean {path}?"))
        });
        Some(path)
    }

    /// Whether another name may be looked for, which costs a walk through the catalogue.
    pub(super) fn guess(&mut self) -> Option<()> {
        self.guesses = self.guesses.checked_sub(1)?;
        Some(())
    }
}

/// The key that was meant where an interface's dot was written as one that divides (case E1): the
/// kernel has nothing that deep.
fn dotted_interface(key: &Key) -> Option<Key> {
    let parts: Vec<&str> = key.components().collect();
    let ["net", "ipv4" | "ipv6", "conf" | "neigh", name, vlan, leaf] = parts[..] else {
        return None;
    };
    let dotted = format!("net/{}/{}/{name}.{vlan}/{leaf}", parts[1], parts[2]);
    let dotted = Key::from_path(&dotted).ok()?;
    catalogue::kind_of(&dotted).is_some().then_some(dotted)
}

/// The same parameter of another interface, where it is one of an interface's.
fn of_interface(key: &Key, other: &str) -> Option<Key> {
    let parts: Vec<&str> = key.components().collect();
    let ["net", family, kind @ ("conf" | "neigh"), _, leaf] = parts[..] else { return None };
    Key::from_path(&format!("net/{family}/{kind}/{other}/{leaf}")).ok()
}

/// The catalogued key nearest to one that does not exist, in dots.
pub fn nearest_known(key: &Key) -> Option<String> {
    nearest_path(key).map(|path| swap_separators(&path))
}

/// Of an entry that stands for many names the one with the name that the key has in that place.
fn nearest_path(key: &Key) -> Option<Cow<'static, str>> {
    if OF_OTHERS.contains(&key.as_path()) {
        return None;
    }
    let parts: Vec<&str> = key.components().collect();
    let in_place = |entry: Parameter| {
        let path = entry.key();
        let Some((before, behind)) = path.split_once('*') else { return Some(path.into()) };
        if behind.is_empty() {
            // The last name is the key's own then: alike it is by what stands before that.
            let (parent, _) = key.as_path().rsplit_once('/')?;
            edits_within(parent, before.strip_suffix('/')?, SLIP)?;
        }
        let place = before.matches('/').count();
        let as_deep = parts.len() == place + 1 + behind.matches('/').count();
        as_deep.then(|| format!("{before}{}{behind}", parts[place]).into())
    };
    nearest(key.as_path(), catalogue::all().filter_map(in_place))
}
