//! Names that nobody knows: guards and keys that are most likely misspelt.

use std::borrow::Cow;

use crate::catalogue::{self, Hazard, Parameter};
use crate::diagnostic::Diagnostic;
use crate::key::{Key, edit_distance, nearest, swap_separators};

use super::schema::{Entry, Wish};

/// So many edits, or fewer, are a slip of the hand.
const SLIP: usize = 2;

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

/// A key that neither the catalogue nor the kernel knows, and that is one slip away from one that
/// is known, is taken for a slip. One that is merely like another may be of another kernel.
pub(super) fn key(
    key: &Key,
    entry: &Entry,
    exists: &dyn Fn(&Key) -> bool,
    problems: &mut Vec<Diagnostic>,
) {
    let spoken_for = entry.terms.module.is_some() || matches!(entry.terms.wish, Wish::Leave);
    if catalogue::kind_of(key).is_some() || spoken_for || exists(key) {
        return;
    }
    if let Some(dotted) = dotted_interface(key) {
        let message = format!("there is no parameter {key}");
        let help = format!("for an interface with a dot in its name write {dotted}");
        return problems.push(Diagnostic::error(entry.span, message).help(help));
    }
    // An interface may come later; what every one has this kernel shows for those to come.
    if of_interface(key, "default").is_some_and(|usual| exists(&usual)) {
        return;
    }
    let Some(near) = nearest_path(key) else { return };
    let same_leaf = near.rsplit('/').next().is_some_and(|leaf| key.leaf() == leaf);
    let slip = same_leaf || edit_distance(key.as_path(), &near) <= SLIP;
    let (path, message) = (swap_separators(&near), format!("there is no parameter {key}"));
    problems.push(if slip {
        Diagnostic::error(entry.span, message)
            .help(format!("did you mean {path}? If it comes with a module, say `module: NAME`"))
    } else {
        Diagnostic::warning(entry.span, message).help(format!("did you mean {path}?"))
    });
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
    let parts: Vec<&str> = key.components().collect();
    let in_place = |entry: Parameter| {
        let path = entry.key();
        let Some((before, behind)) = path.split_once('*') else { return Some(path.into()) };
        let place = before.matches('/').count();
        let as_deep = parts.len() == place + 1 + behind.matches('/').count();
        as_deep.then(|| format!("{before}{}{behind}", parts[place]).into())
    };
    nearest(key.as_path(), catalogue::all().filter_map(in_place))
}
