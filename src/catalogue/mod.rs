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

use crate::key::{Key, glob_matches};

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

/// The entries with a `*`, gathered by the compiler: they cannot be found by binary search.
static PATTERNS: [&Parameter; patterns::<0>().1] = patterns().0;

/// All parameters that are known, table by table.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// What is known of `key`; a table entry with `*` in it stands for every name in that place, and
/// yields to an entry of that very name.
pub fn lookup(key: &Key) -> Option<&'static Parameter> {
    let path = key.as_path();
    let exact = |table: &&'static [Parameter]| {
        // A table's first and last key tell whether it can have this one.
        let (first, last) = (table.first()?, table.last()?);
        if path < first.key || path > last.key {
            return None;
        }
        table.binary_search_by(|p| p.key.cmp(path)).ok().map(|at| &table[at])
    };
    TABLES.iter().find_map(exact).or_else(|| {
        // Names that others choose occur below net/ alone.
        let mut patterns = PATTERNS.iter().copied().filter(|_| path.starts_with("net/"));
        patterns.find(|p| glob_matches(p.key, path))
    })
}

/// [`Parameter::is_pattern`], as the compiler can run it.
const fn is_pattern(parameter: &Parameter) -> bool {
    let bytes = parameter.key.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'*' {
            return true;
        }
        at += 1;
    }
    false
}

/// The first `N` patterns, and how many there are in all.
const fn patterns<const N: usize>() -> ([&'static Parameter; N], usize) {
    let mut found = [&TABLES[0][0]; N];
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            if is_pattern(&TABLES[table][row]) {
                if count < N {
                    found[count] = &TABLES[table][row];
                }
                count += 1;
            }
            row += 1;
        }
        table += 1;
    }
    (found, count)
}

#[cfg(test)]
mod tests;
