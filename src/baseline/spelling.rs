//! Names that nobody knows: guards and keys that are most likely misspelt.

use std::borrow::Cow;

use crate::catalogue::{self, Hazard, Parameter};
use crate::diagnostic::Diagnostic;
use crate::key::{Key, Pattern, edits_within, has_wildcard, nearest, swap_separators};

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
        if catalogue::kind_of(key).is_some() || is_spoken_for(entry) || (self.exists)(key) {
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
        problems.push(misspelt(key.as_path(), &near, entry, message));
        Some(swap_separators(&near))
    }

    /// The same of a pattern that matches nothing, here or in the catalogue.
    pub(super) fn pattern(
        &mut self,
        pattern: &Pattern,
        entry: &Entry,
        problems: &mut Vec<Diagnostic>,
    ) {
        if is_spoken_for(entry) {
            return;
        }
        let message = format!("{pattern} matches no parameter, here or in the catalogue");
        let path = pattern.as_path();
        let known = || nearest(path, catalogue::all().filter_map(|known| of_many(path, known)));
        problems.push(match self.guess().and_then(|()| known()) {
            Some(near) => misspelt(path, &near, entry, message),
            None => Diagnostic::warning(entry.span, message),
        });
    }

    /// Whether another name may be looked for, which costs a walk through the catalogue.
    fn guess(&mut self) -> Option<()> {
        self.guesses = self.guesses.checked_sub(1)?;
        Some(())
    }
}

/// Whether it is known of an entry why nobody may know its name here, or nothing is asked of it.
fn is_spoken_for(entry: &Entry) -> bool {
    entry.terms.module.is_some() || matches!(entry.terms.wish, Wish::Leave)
}

/// What to tell of a path that is like a known one: whether it is taken for a slip.
fn misspelt(path: &str, near: &str, entry: &Entry, message: String) -> Diagnostic {
    let leaf = path.rsplit('/').next();
    let same_leaf = leaf == near.rsplit('/').next() && !leaf.is_some_and(has_wildcard);
    let slip = same_leaf || edits_within(path, near, SLIP).is_some();
    let near = swap_separators(near);
    if slip {
        return Diagnostic::error(entry.span, message)
            .help(format!("did you mean {near}? If it comes with a module, say `module: NAME`"));
    }
    Diagnostic::warning(entry.span, message).help(format!("did you mean {near}?"))
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

fn nearest_path(key: &Key) -> Option<Cow<'static, str>> {
    let path = key.as_path();
    if OF_OTHERS.contains(&path) {
        return None;
    }
    let known = || {
        let in_place = |known: Parameter| {
            if known.is_pattern() {
                of_many(path, known).map(Cow::from)
            } else {
                Some(known.key().into())
            }
        };
        catalogue::all().filter_map(in_place)
    };
    nearest(path, known()).or_else(|| begun(path, known()))
}

/// Of an entry that stands for many names the one with the name that a path has in that place.
fn of_many(path: &str, known: Parameter) -> Option<String> {
    let (before, behind) = known.key().split_once('*')?;
    if behind.is_empty() {
        // The last name is the path's own then: alike it is by what stands before that.
        let (parent, _) = path.rsplit_once('/')?;
        edits_within(parent, before.strip_suffix('/')?, SLIP)?;
    }
    let place = before.matches('/').count();
    let depth = place + 1 + behind.matches('/').count();
    let name = path.split('/').nth(place).filter(|_| path.split('/').count() == depth)?;
    Some(format!("{before}{name}{behind}"))
}

/// The shortest of the names that begin as a path does, where they are few.
fn begun<'n>(path: &str, known: impl Iterator<Item = Cow<'n, str>>) -> Option<Cow<'n, str>> {
    const LEAST: usize = 4;
    const FEW: usize = 3;
    path.rsplit('/').next().filter(|leaf| leaf.len() >= LEAST)?;
    let goes_on =
        |name: &Cow<'_, str>| name.strip_prefix(path).is_some_and(|rest| !rest.contains('/'));
    let found: Vec<Cow<'_, str>> = known.filter(goes_on).take(FEW + 1).collect();
    if found.len() > FEW { None } else { found.into_iter().min_by_key(|name| name.len()) }
}
