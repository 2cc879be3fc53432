//! Parameters that are watched though nobody asks for a value: a write to them changes one that is
//! held.

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

/// Opens and watches all that there are for these slots. One that is not there changes nothing.
pub fn watch(slots: &[Slot], kernel: &ProcSys, eyes: &Eyes) -> Vec<Bystander> {
    let movers = index::movers(slots).into_iter();
    movers
        .filter_map(|(key, concerns)| {
            let held = kernel.hold(&key).ok()?;
            let watch = eyes.arm(&held).ok()?;
            Some(Bystander { key, held, watch, armed: true, concerns })
        })
        .collect()
}
