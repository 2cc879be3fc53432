//! Parameters that are watched though nobody asks for a value: a write to them changes one that is
//! held.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::procsys::{Held, ProcSys};

use super::eyes::Eyes;
use super::index;
use super::slot::Slot;

/// One of them.
pub struct Bystander {
    pub key: Key,
    pub held: Held,
    /// The number of inotify's watch on it, where that is used.
    pub watch: Option<i32>,
    /// Whether writes to it raise events.
    pub armed: bool,
    /// The slots that a write to it may change.
    pub concerns: Vec<usize>,
}

/// Opens all that there are for these slots, to be watched. One that is not there changes nothing.
/// Those that are open `before` stay as they are; what is no longer one of them is watched no longer,
/// unless it is held itself by now.
pub fn held(
    before: Vec<Bystander>,
    slots: &[Slot],
    kernel: &ProcSys,
    eyes: &Eyes,
) -> Vec<Bystander> {
    let before = before.into_iter().map(|other| (other.key.clone(), other));
    let mut before: BTreeMap<Key, Bystander> = before.collect();
    let mut others = Vec::new();
    for (key, concerns) in index::movers(slots) {
        let inode = kernel.inode(&key).ok();
        let same = |other: &Bystander| Some(other.held.inode()) == inode;
        if before.get(&key).is_some_and(same) {
            others.extend(before.remove(&key).map(|other| Bystander { concerns, ..other }));
        } else if let Ok(held) = kernel.hold(&key) {
            others.push(Bystander { key, held, watch: None, armed: false, concerns });
        }
    }
    for other in before.values().filter(|other| other.armed) {
        let by_slot = |slot: &Slot| {
            slot.armed && slot.held.as_ref().is_ok_and(|h| h.inode() == other.held.inode())
        };
        if !slots.iter().any(by_slot) {
            eyes.disarm(&other.held, other.watch);
        }
    }
    others
}
