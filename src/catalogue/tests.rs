//! The tables as a whole: what must hold of each of their rows.
#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn tables_are_sorted_and_unique() {
    for table in TABLES {
        for pair in table.windows(2) {
            assert!(pair[0].key < pair[1].key, "{} before {}", pair[0].key, pair[1].key);
        }
    }
}
