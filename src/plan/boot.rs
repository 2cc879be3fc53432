//! How an item stands after the next boot, once our files are as planned.

use crate::bootview::{BootView, Loader};
use crate::diagnostic::Position;
use crate::diff::{self, BootStatus, BootValue};

use super::Item;

/// The next boot under the host's own loader.
#[derive(Clone, Copy)]
pub(super) struct Boots<'a> {
    pub loader: Loader,
    /// As the files are.
    pub now: &'a BootView,
    /// As they will be.
    pub after: &'a BootView,
}

/// Judges the boot axis of an item by what the planned files would leave.
pub(super) fn judge(item: &mut Item, mut planned: BootValue, boots: Boots<'_>) {
    let Boots { loader, now, after } = boots;
    item.boot_status = diff::boot(&item.desired, item.boot(loader), &planned);
    // The kernel's own is not known before it is made: what it is today counts.
    if item.left_to_kernel && item.boot_status == BootStatus::Unset {
        item.boot_status = BootStatus::Same;
    }
    // A line that excludes the key, or that the kernel refuses, takes ours away as well.
    let lost = item.persisted.is_some() && planned.value.is_none();
    if lost && item.boot_status != BootStatus::Same {
        item.boot_status = BootStatus::Overridden;
        planned.source = after.exclusion(loader, &item.desired.key).cloned();
    }
    if item.boot_status != BootStatus::Overridden {
        // What lies in the place of ours may be such a file, and stays where it is not ours.
        let unseen = unseen(now, loader, item.boot(loader))
            .or_else(|| unseen(after, loader, &planned).filter(|_| !std::ptr::eq(now, after)));
        if let Some(unseen) = unseen.cloned() {
            item.boot_status = BootStatus::Unknown;
            item.unseen = Some(unseen);
        }
    }
    if item.boot_status == BootStatus::Overridden {
        item.overridden_by = Some(planned);
    }
}

/// A file of which nothing is known here and that may leave something else.
fn unseen<'a>(view: &'a BootView, loader: Loader, boot: &BootValue) -> Option<&'a Position> {
    if view.problems(loader).is_empty() {
        return None;
    }
    // A change through another parameter depends on what came before it, too.
    let place = boot.source.as_ref().filter(|_| boot.by.is_none());
    view.unseen_beside(loader, place)
}
