//! How the parameters of a plan count.

use super::{Item, Plan};

/// How the parameters of a plan count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// As required now and after a reboot.
    pub in_sync: usize,
    /// Will be written to the kernel.
    pub to_write: usize,
    /// Will be persisted, or persisted anew.
    pub to_persist: usize,
    /// Not there yet.
    pub pending: usize,
    /// Cannot be brought in sync by an apply.
    pub blocked: usize,
    /// Those of them of which only that is so: another file overrides them at the next boot.
    pub overridden: usize,
    /// Covered by a waiver.
    pub waived: usize,
    /// Not there, and optional.
    pub spared: usize,
    /// Of which it is not known what the next boot leaves; waived ones do not count.
    pub boot_unknown: usize,
}

impl Plan {
    /// What an apply leaves out, because the kernel has it not or lets nobody set it; the others
    /// are set all the same.
    pub fn left_out(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.waived() && item.live_status.is_beyond_reach())
    }

    /// How the parameters count.
    pub fn summary(&self) -> Summary {
        let count = |f: &dyn Fn(&Item) -> bool| self.items.iter().filter(|i| f(i)).count();
        Summary {
            in_sync: count(&|i| i.in_sync() && !i.persist && !i.waived()),
            to_write: count(&|i| i.write),
            to_persist: count(&|i| i.persist),
            pending: count(&Item::pending),
            blocked: count(&Item::blocked),
            overridden: count(&|i| {
                i.blocked() && !i.live_status.is_beyond_reach() && i.refusals.is_empty()
            }),
            waived: count(&|i| i.desired.waiver.is_some()),
            spared: count(&|i| i.is_spared() && i.desired.waiver.is_none()),
            boot_unknown: count(&Item::boot_unknown),
        }
    }
}
