//! How an item stands after the next boot, once our files are as planned.

use crate::bootview::{BootView, Loader};
use crate::diff::{self, BootStatus, BootValue};

use super::Item;

/// Judges the boot axis of an item by what the planned files would leave.
pub(super) fn judge(item: &mut Item, mut planned: BootValue, (after, loader): (&BootView, Loader)) {
    item.boot_status = diff::boot(&item.desired, item.boot(loader), &planned);
    // A line that excludes the key, or that the kernel refuses, takes ours away as well.
    let lost = item.persisted.is_some() && planned.value.is_none();
    if lost && item.boot_status != BootStatus::Same {
        item.boot_status = BootStatus::Overridden;
        planned.source = after.exclusion(loader, &item.desired.key).cloned();
    }
    // A change through another parameter depends on what came before it, too.
    let place = planned.source.as_ref().filter(|_| planned.by.is_none());
    if item.boot_status == BootStatus::Same
        && let Some(unseen) = after.unseen_beside(loader, place)
    {
        item.boot_status = BootStatus::Unknown;
        item.unseen = Some(unseen.clone());
    }
    if item.boot_status == BootStatus::Overridden {
        item.overridden_by = Some(planned);
    }
}
