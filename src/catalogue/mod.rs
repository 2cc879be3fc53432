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
mod user;
mod vm;

pub use entry::{Effect, Hazard, Kind, Order, Parameter, Range, Scope};

use crate::key::{Key, glob_matches};

/// Every family's table. Within a table the keys are sorted and unique.
const TABLES: &[&[Parameter]] = &[
    fs::TABLE,
    kernel::TABLE,
    net_core::TABLE,
    net_ipv4::TABLE,
    net_ipv6::TABLE,
    net_other::TABLE,
    user::TABLE,
    vm::TABLE,
];

/// All parameters that are known, table by table.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// What is known of `key`; a table entry with `*` in it stands for every name in that place.
pub fn lookup(key: &Key) -> Option<&'static Parameter> {
    TABLES.iter().find_map(|table| match table.binary_search_by(|p| p.key.cmp(key.as_path())) {
        Ok(at) => Some(&table[at]),
        Err(_) => table.iter().find(|p| p.is_pattern() && glob_matches(p.key, key.as_path())),
    })
}

#[cfg(test)]
mod tests;
