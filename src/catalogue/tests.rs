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

/// What [`lookup`] relies on.
#[test]
fn a_star_is_one_whole_component_and_never_the_first() {
    for parameter in all() {
        let stars = parameter.key.split('/').skip(1).filter(|c| *c == "*").count();
        assert_eq!(stars, parameter.key.matches('*').count(), "{}", parameter.key);
        assert!(stars <= 1, "{}", parameter.key);
        assert!(!parameter.key.contains(['?', '[']), "{}", parameter.key);
    }
}

#[test]
fn every_entry_is_found_under_each_name_that_it_stands_for() {
    for parameter in all() {
        for name in ["eth0.100", "all", "zz"] {
            let path = parameter.key.replace('*', name);
            let found = lookup(&Key::from_path(&path).unwrap()).unwrap();
            let matches = |p: &&Parameter| crate::key::glob_matches(p.key, &path);
            // An entry of its own is stronger than one with a star.
            assert_eq!(Some(found), all().find(|p| p.key == path).or_else(|| all().find(matches)));
        }
        let hidden = Key::from_path(&parameter.key.replace('*', ".x")).unwrap();
        assert_eq!(lookup(&hidden).is_some(), !parameter.is_pattern(), "{}", parameter.key);
    }
    for unknown in ["net", "vm/*x", "net/ipv4/conf/eth0/nothing", "nothing/at/all"] {
        assert!(Key::from_path(unknown).ok().and_then(|key| lookup(&key)).is_none(), "{unknown}");
    }
}
