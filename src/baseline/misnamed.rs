//! Fields that a map does not have, and what was most likely meant.

use crate::key::{Selector, nearest};

use super::read::DOCUMENT;

/// What other tools and other people call them.
const OTHERWISE: [(&str, &str); 6] = [
    ("percent", "percent_of_ram"),
    ("percentage", "percent_of_ram"),
    ("min", "at_least"),
    ("minimum", "at_least"),
    ("max", "at_most"),
    ("maximum", "at_most"),
];

/// What to write instead of a field that is not among the known ones.
pub(super) fn help(written: &str, known: &[&str]) -> String {
    let is_parameter = || written.contains(['.', '/']) && Selector::parse(written).is_ok();
    if known == DOCUMENT && is_parameter() {
        return "put it below `parameters:`".to_owned();
    }
    let otherwise =
        OTHERWISE.iter().find(|(other, name)| *other == written && known.contains(name));
    match otherwise.map(|(_, name)| *name).or_else(|| nearest(written, known.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its fields are: {}", known.join(", ")),
    }
}
