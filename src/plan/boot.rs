//! How an item stands after the next boot, once our files are as planned.

use crate::baseline::Desired;
use crate::bootview::{BootView, Loader};
use crate::catalogue::shape_of;
use crate::diagnostic::Position;
use crate::diff::{self, BootStatus, BootValue};
use crate::key::Key;
use crate::observed::Facts;
use crate::value::agrees;

use super::{Item, Observed, Plan};

/// The next boot under the host's own loader.
#[derive(Clone, Copy)]
pub(super) struct Boots<'a> {
    pub loader: Loader,
    /// As the files are.
    pub now: &'a BootView,
    /// As they will be.
    pub after: &'a BootView,
}

impl Item {
    /// Whether no file carries its number over a reboot, because it is made from the RAM that
    /// the host then has.
    pub fn made_at_boot(&self, facts: &Facts) -> bool {
        self.desired.from_ram && facts.boot_unit
    }

    /// Whether a file that could not be looked into leaves its next boot open.
    pub fn boot_unknown(&self) -> bool {
        self.boot_status == BootStatus::Unknown && !self.waived()
    }

    /// The value under the host's loader.
    pub fn boot(&self, loader: Loader) -> &BootValue {
        match loader {
            Loader::Systemd => &self.systemd,
            Loader::Procps => &self.procps,
        }
    }

    /// What the next boot leaves once our drop-in is written, and the file that tells: of an
    /// unknown boot the one that could not be looked into.
    pub fn next_boot(&self, loader: Loader) -> (&BootValue, Option<&Position>) {
        let boot = self.overridden_by.as_ref().unwrap_or_else(|| self.boot(loader));
        (boot, self.unseen.as_ref().or(boot.source.as_ref()))
    }
}

impl Plan {
    /// Whether tunectl-boot sets an item after the loader has.
    pub fn is_set_by_unit(&self, item: &Item) -> bool {
        self.boot_unit && item.is_held()
    }
}

/// What `loader` would leave in a parameter. Of a line that sets its other name to what that reads
/// already it is what the parameter itself reads.
pub(super) fn value(
    desired: &Desired,
    view: &BootView,
    loader: Loader,
    observed: &Observed<'_>,
) -> BootValue {
    let boot = diff::boot_value(desired, view, loader, observed.facts);
    let (Some(set), Some(by)) = (&boot.other_name, &boot.by) else { return boot };
    let reads = |key: &Key| agrees(shape_of(key), set, observed.snapshot.text(key)?).then_some(());
    match Key::from_path(by).ok().as_ref().and_then(reads) {
        Some(()) => {
            let value = observed.snapshot.text(&desired.key).map(|text| text.trim().to_owned());
            BootValue { other_name: boot.other_name.filter(|_| value.is_none()), value, ..boot }
        }
        None => boot,
    }
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
    let lost = item.persisted.is_some() && planned.is_unset();
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
