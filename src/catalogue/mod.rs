//! What is known of each kernel parameter: static tables, a file a family, nothing parsed at start.
#![forbid(unsafe_code)]

mod bounds;
mod entry;
mod fs;
mod kernel;
mod net_core;
mod net_ipv4;
mod net_ipv6;
mod net_other;
mod other;
mod user;
mod vm;

pub use entry::{Effect, Hazard, Kind, Order, Parameter, Range, Scope};

use crate::key::Key;

/// Every family's table. Within a table the keys are sorted and unique.
#[rustfmt::skip] // A line a table, so that tables can be added side by side.
const TABLES: &[&[Parameter]] = &[
    fs::TABLE,
    kernel::TABLE,
    net_core::TABLE,
    net_ipv4::TABLE,
    net_ipv6::TABLE,
    net_other::TABLE,
    other::TABLE,
    user::TABLE,
    vm::TABLE,
];

/// All parameters that are known, table by table.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// What is known of `key`; a table entry with `*` in it stands for every name in that place, and
/// yields to an entry of that very name.
pub fn lookup(key: &Key) -> Option<&'static Parameter> {
    at(key.as_path())
}

/// The same for a path that need not be a key, such as one from a file.
pub fn at(path: &str) -> Option<&'static Parameter> {
    entry(path).or_else(|| {
        // An entry has at most one `*`, in place of a whole component and never of the first: a
        // few binary searches find what matching every entry would.
        let starts = path.match_indices('/').map(|(slash, _)| slash + 1);
        starts.filter(|start| !path[*start..].starts_with('.')).find_map(|start| {
            let rest = path[start..].find('/').map_or("", |length| &path[start + length..]);
            entry(&[&path[..start], "*", rest].concat())
        })
    })
}

/// The entry of that very name.
fn entry(path: &str) -> Option<&'static Parameter> {
    // Most tables are of another family: their bounds tell.
    let may_have = |table: &&&[Parameter]| match (table.first(), table.last()) {
        (Some(first), Some(last)) => (first.key..=last.key).contains(&path),
        _ => false,
    };
    TABLES.iter().filter(may_have).find_map(|table| {
        let at = table.binary_search_by(|p| p.key.cmp(path)).ok()?;
        Some(&table[at])
    })
}

#[cfg(test)]
mod tests;
