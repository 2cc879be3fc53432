//! What a write changes besides its own parameter, in words.

use crate::catalogue::Effect;
use crate::key::{Key, has_wildcard, swap_separators};

/// What a write changes besides.
pub(super) fn also_sets(key: &Key, effect: Effect) -> String {
    match effect {
        Effect::ClearsInterfaces(glob) => {
            format!("a write of 0 also sets every interface's {} to 0", swap_separators(glob))
        }
        Effect::Copies(glob) | Effect::CopiesToInterfaces(glob) => {
            let every = if has_wildcard(glob) { "every " } else { "" };
            format!("a write also sets {every}{}", swap_separators(glob))
        }
        Effect::SetsBeside(leaf, to) => format!("a write also sets {} to {to}", key.sibling(leaf)),
        Effect::AddsWordBeside(leaf) => {
            format!("a write also adds the name to {}", key.sibling(leaf))
        }
        Effect::SetsInterfaces(glob, value) => {
            format!("a write also sets every interface's {} to {value}", swap_separators(glob))
        }
        Effect::Inverts(path) => {
            format!("a write also sets {} to the opposite", swap_separators(path))
        }
        Effect::Gates(path) => {
            let other = swap_separators(path);
            format!("a write of 0 also sets {other} to 0, another one gives it back its own value")
        }
        Effect::Rescales(leaf, _) => {
            format!("{} is the same in another unit: a write also sets it", key.sibling(leaf))
        }
    }
}
