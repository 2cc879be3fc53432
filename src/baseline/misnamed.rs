//! Fields that a map does not have, and what was most likely meant.

use crate::key::{Selector, nearest};

use super::read::{ENTRY, clean};
use super::schema::FIELDS;
use super::yaml::{Node, NodeKind};

/// What other tools and other people call them.
const OTHERWISE: [(&str, &str); 6] = [
    ("percent", "percent_of_ram"),
    ("percentage", "percent_of_ram"),
    ("min", "at_least"),
    ("minimum", "at_least"),
    ("max", "at_most"),
    ("maximum", "at_most"),
];

/// What to write instead of a field of `what` that is not among the known ones.
pub(super) fn help(what: &str, written: &str, value: &Node, known: &[&str]) -> String {
    if known == ENTRY
        && let Some(flat) = flat(what, written, value)
    {
        return format!("write `{flat}`");
    }
    let is_parameter = || written.contains(['.', '/']) && Selector::parse(written).is_ok();
    if known == FIELDS && is_parameter() {
        return "put it below `parameters:`".to_owned();
    }
    let otherwise =
        OTHERWISE.iter().find(|(other, name)| *other == written && known.contains(name));
    match otherwise.map(|(_, name)| *name).or_else(|| nearest(written, known.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its fields are: {}", known.join(", ")),
    }
}

/// The line that was meant where a key's components are maps within each other.
fn flat(what: &str, written: &str, value: &Node) -> Option<String> {
    let holds_a_map = matches!(value.kind, NodeKind::Map(_));
    let (mut key, mut value) = (format!("{what}.{written}"), value);
    while let NodeKind::Map(entries) = &value.kind
        && let Some((name, inner)) = entries.first()
        && let Some(name) = name.text().filter(|name| !ENTRY.contains(name))
    {
        key = format!("{key}.{name}");
        value = inner;
    }
    let selector = Selector::parse(&key).ok()?;
    // No parameter is a component alone, nor most of what stands right below `net`; and no field of
    // one is a map.
    let directory = match what.split_once('.') {
        None => true,
        Some((top, below)) => top == "net" && !below.contains('.'),
    };
    let nested = directory || holds_a_map;
    nested.then(|| clean(&format!("{selector}: {}", value.text().unwrap_or("…"))))
}
