//! What is known of each kernel parameter: tables, a file a family, nothing parsed at start.
#![forbid(unsafe_code)]

mod bounds;
mod entry;
mod fs;
mod kernel;
mod latch;
mod net_core;
mod net_ipv4;
mod net_ipv6;
mod net_other;
mod net_vs;
mod other;
mod packed;
mod parameter;
mod special;
mod user;
mod vm;

pub use entry::{Checked, Effect, Hazard, Kind, Latch, Order, Range, Scope};
pub use parameter::Parameter;
pub use special::Special;

use crate::key::{Key, Pattern, Selector, has_wildcard, same};
use crate::value::Shape;
use entry::Entry;

/// Every family's table, for the compiler; the program carries them packed. Within a table the keys
/// are sorted and unique.
#[rustfmt::skip] // A line a table, so that tables can be added side by side.
const TABLES: &[&[Entry]] = &[
    fs::TABLE,
    kernel::TABLE,
    net_core::TABLE,
    net_ipv4::TABLE,
    net_ipv6::TABLE,
    net_other::TABLE,
    net_vs::TABLE,
    other::TABLE,
    user::TABLE,
    vm::TABLE,
];

/// All parameters that are known, table by table.
pub fn all() -> impl Iterator<Item = Parameter> {
    packed::all()
}

/// What is known of `key`; a table entry with `*` in it stands for every name in that place, and
/// yields to an entry of that very name.
pub fn lookup(key: &Key) -> Option<Parameter> {
    at(key.as_path())
}

/// What is known of each key that a pattern stands for, where that is one entry.
pub fn of_pattern(pattern: &Pattern) -> Option<Parameter> {
    // Any name in place of the wildcards leads to it.
    let parts = pattern.as_path().split('/');
    let sample: Vec<&str> =
        parts.map(|part| if has_wildcard(part) { "name" } else { part }).collect();
    at(&sample.join("/"))
}

/// The same for a path that need not be a key, such as one from a file.
pub fn at(path: &str) -> Option<Parameter> {
    packed::found([path, "", ""]).or_else(|| {
        // An entry has at most one `*`, in place of a whole component and never of the first: a
        // few look-ups find what matching every entry would.
        let starts = path.match_indices('/').map(|(slash, _)| slash + 1);
        starts.filter(|start| !path[*start..].starts_with('.')).find_map(|start| {
            let rest = path[start..].find('/').map_or("", |length| &path[start + length..]);
            packed::found([&path[..start], "*", rest])
        })
    })
}

/// What is known of what a selector names, itself or by pattern.
pub fn of_selector(selector: &Selector) -> Option<Parameter> {
    match selector {
        Selector::Key(key) => lookup(key),
        Selector::Pattern(pattern) => of_pattern(pattern),
    }
}

/// What a write to the parameter at that path changes besides it, as far as is known.
pub fn effects_at(path: &str) -> &'static [Effect] {
    at(path).map_or(&[], Parameter::effects)
}

/// The entries that change others, each its key and what it changes.
pub fn movers() -> impl Iterator<Item = (&'static str, &'static [Effect])> {
    packed::movers().map(|known| (known.key(), known.effects()))
}

/// The parameters that may never exceed another one's first number, each with that one; on every
/// kernel that has both.
pub fn limits() -> impl Iterator<Item = (&'static str, &'static str)> {
    packed::limited().flat_map(|known| {
        known.order().iter().filter_map(move |order| match order {
            Order::AtMost(other, _, Checked::Always) => Some((known.key(), *other)),
            _ => None,
        })
    })
}

/// A parameter that may never exceed another one's first number.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The one that is limited, and by which.
    pub keys: [&'static str; 2],
    /// What the kernel starts with in each.
    pub starts: [i64; 2],
}

/// The limit that the parameter at that path is part of, on every kernel that has both.
pub fn limit_of(path: &str) -> Option<Limit> {
    for known in packed::limited() {
        for order in known.order() {
            let Order::AtMost(other, starts, Checked::Always) = order else { continue };
            if same(other, path) || same(known.key(), path) {
                return Some(Limit { keys: [known.key(), *other], starts: (*starts).into() });
            }
        }
    }
    None
}

/// What a write to one parameter changes besides, looked up once.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'k> {
    from: &'k str,
    effects: &'static [Effect],
}

impl<'k> Reach<'k> {
    /// That of a write to `key`.
    pub fn of(key: &'k Key) -> Self {
        let from = key.as_path();
        Self { from, effects: effects_at(from) }
    }

    /// Whether it changes nothing but the parameter itself.
    pub fn is_empty(self) -> bool {
        self.effects.is_empty()
    }

    /// Whether it changes that one.
    pub fn covers(self, key: &Key) -> bool {
        self.effect_on(key).is_some()
    }

    /// How it changes that one, if it does.
    pub fn effect_on(self, key: &Key) -> Option<Effect> {
        self.effects.iter().find(|effect| effect.reaches(self.from, key)).copied()
    }
}

/// The last parts of the names of those whose value must not be shown; a test compares.
pub const SECRETS: [&str; 2] = ["tcp_fastopen_key", "stable_secret"];

/// Whether a text has the name of a parameter whose value must not be shown, in whatever spelling.
pub fn names_secret(text: &str) -> bool {
    SECRETS.iter().any(|name| text.contains(name))
}

/// Whether a parameter's value must not be shown.
pub fn is_secret(key: &Key) -> bool {
    kind_of(key) == Some(Kind::Secret)
}

/// What kind of parameter `key` is, as far as is known.
pub fn kind_of(key: &Key) -> Option<Kind> {
    lookup(key).map(Parameter::kind)
}

/// Whether a secret of hexadecimal groups reads as one that was never set: zeros. Nothing unsets it,
/// and a write of the zeros sets a secret that everybody knows.
pub fn is_unset(key: &Key, text: &str) -> bool {
    let zeros = || text.contains('0') && text.trim().chars().all(|c| matches!(c, '0' | '-' | ','));
    zeros()
        && lookup(key).is_some_and(|p| p.kind() == Kind::Secret && p.shape() == Shape::HexGroups)
}

/// Whether a parameter reads EIO until it is set for the first time (case E35); of any other that
/// is an error, and says nothing of its value.
pub fn is_unreadable_until_set(key: &Key) -> bool {
    key.leaf() == "stable_secret" && is_secret(key)
}

/// The form of `key`'s text, as far as is known.
pub fn shape_of(key: &Key) -> Shape {
    lookup(key).map_or(Shape::Unknown, Parameter::shape)
}

/// The other name of the variable that `key` is, where it has two, each in its own unit.
pub fn other_name(key: &Key) -> Option<Key> {
    effects_at(key.as_path()).iter().find_map(|effect| match effect {
        Effect::Rescales(leaf, _) => Some(key.sibling(leaf)),
        _ => None,
    })
}

/// The other name of the variable that `key` is, with what it reads, where it tells more than `own`,
/// which `key` reads in a coarser unit.
pub fn finer<'t>(
    key: &Key,
    own: &str,
    text: impl FnOnce(&Key) -> Option<&'t str>,
) -> Option<(Key, String)> {
    effects_at(key.as_path())
        .iter()
        .find_map(|effect| match effect {
            Effect::Rescales(leaf, factor) => {
                let is_finer =
                    factor.map_or_else(|| leaf.ends_with("_bytes"), |(times, over)| times > over);
                Some((key.sibling(leaf), *effect)).filter(|_| is_finer)
            }
            _ => None,
        })
        .and_then(|(other, effect)| {
            let text = text(&other)?.trim();
            (effect.leaves(own, None).as_deref() != Some(text)).then(|| (other, text.to_owned()))
        })
}

/// The other half of the pair that `key` is one half of.
pub fn half_of(key: &Key) -> Option<Key> {
    lookup(key)?.pair().map(|leaf| key.sibling(leaf))
}

#[cfg(test)]
mod tests;
