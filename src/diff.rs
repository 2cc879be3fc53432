//! Each desired parameter against the live kernel and against the next boot: two statuses.
#![forbid(unsafe_code)]

mod boot;

pub use boot::boot_value;

use std::borrow::Cow;

use crate::baseline::{Desired, Requirement};
use crate::catalogue::{self, Kind, Special};
use crate::diagnostic::Position;
use crate::key::Key;
use crate::observed::{Errno, Facts, Snapshot};
use crate::value::{Shape, kernel_number};

/// How a parameter stands in the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveStatus {
    /// It is as required.
    InSync,
    /// It is not, and can be written.
    Differs,
    /// It does not exist yet: its module or interface is not there.
    Pending,
    /// It does not exist on this kernel.
    Absent,
    /// It exists and cannot be read, so nothing can be said.
    Unreadable,
    /// It is not as required and cannot be written.
    ReadOnly,
    /// It is not as required, and the kernel would not hold the required value.
    KernelKeeps,
}

impl LiveStatus {
    /// Whether no write makes it as required.
    pub fn is_beyond_reach(self) -> bool {
        matches!(self, Self::Absent | Self::Unreadable | Self::ReadOnly | Self::KernelKeeps)
    }

    /// Whether it is there and takes a write.
    pub fn is_writable(self) -> bool {
        matches!(self, Self::InSync | Self::Differs)
    }
}

/// How a parameter stands after the next boot, before any unit of ours has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootStatus {
    /// What the files set is as required.
    Same,
    /// No file sets it.
    Unset,
    /// A file sets something else, or the same variable by its other name, and wins over our drop-in.
    Overridden,
    /// A file sets something else; our drop-in will win over it.
    Differs,
    /// As far as is known it is as required, but a file that counts could not be looked into.
    Unknown,
}

/// Why a live status is what it is, where the status alone does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The module that brings it is not loaded.
    ModuleNotLoaded(String),
    /// The interface it belongs to does not exist.
    NoInterface(String),
    /// This kernel is older than the parameter.
    NewerKernel(String),
    /// This kernel no longer has it.
    RemovedIn(String),
    /// It exists in the host's own network namespace only, perhaps on this kernel alone, and this is
    /// perhaps another.
    OtherNamespace,
    /// Nothing is known of such a parameter; the nearest known one, if any.
    Unknown(Option<String>),
    /// Reading is refused.
    ReadRefused(Errno),
    /// It can be written and not read.
    WriteOnly,
    /// It has no write permission at all.
    NoWriteBit,
    /// /proc/sys is mounted read-only here.
    ReadOnlyMount,
    /// khugepaged insists on at least this many kB.
    HugePageFloor(u64),
    /// The kernel has only so many numbers there.
    FewerFields(usize),
    /// The value needs more than the kernel can hold of it.
    NotEnoughMemory,
    /// It is a latch, and the kernel does not take that value before the next boot, or never.
    Latched,
}

/// What one loader would leave in a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootValue {
    /// The value; `None` where no file sets it, or where it is not known what a line leaves.
    pub value: Option<String>,
    /// Which line sets it.
    pub source: Option<Position>,
    /// A line that sets the other half of the pair later, and by that zeroes this one.
    pub zeroed: bool,
    /// The parameter that the line sets, where this one changes with it: as a path below /proc/sys.
    pub by: Option<String>,
    /// What the line sets there, where it is the same variable by its other name, in a unit that
    /// differs from kernel to kernel: what that leaves here is not known.
    pub other_name: Option<String>,
    /// A later line whose value the kernel refuses, or takes in part.
    pub refused: Option<RefusedLine>,
}

impl BootValue {
    /// Whether no file sets it, by whatever name.
    pub fn is_unset(&self) -> bool {
        self.value.is_none() && self.other_name.is_none()
    }
}

/// A line of a file that the kernel does not take as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// Where it is.
    pub source: Position,
    /// What it would set.
    pub value: String,
    /// Whether the leading ones of its numbers are taken all the same.
    pub in_part: bool,
    /// The parameter that stands in its way at that point of the boot, and its number.
    pub beside: Option<(Key, i128)>,
}

/// Judges the live axis.
pub fn live(desired: &Desired, snapshot: &Snapshot, facts: &Facts) -> (LiveStatus, Option<Cause>) {
    let Some(reading) = snapshot.get(&desired.key).filter(|r| r.exists()) else {
        return missing(desired, snapshot, facts);
    };
    let text = match &reading.value {
        Ok(text) => text,
        // Some keys read EIO until they are set for the first time (case E35).
        Err(Errno::EIO) if catalogue::is_unreadable_until_set(&desired.key) => {
            return (LiveStatus::Differs, None);
        }
        Err(_) if reading.mode.is_some_and(|m| m & 0o444 == 0) => {
            return (LiveStatus::Unreadable, Some(Cause::WriteOnly));
        }
        Err(errno) => return (LiveStatus::Unreadable, Some(Cause::ReadRefused(*errno))),
    };
    if desired.requirement.satisfied_by(desired.shape, text) {
        return (LiveStatus::InSync, None);
    }
    if reading.read_only_mount {
        return (LiveStatus::ReadOnly, Some(Cause::ReadOnlyMount));
    }
    if reading.is_read_only() {
        return (LiveStatus::ReadOnly, Some(Cause::NoWriteBit));
    }
    match kept(desired, text, facts) {
        Some(cause) => (LiveStatus::KernelKeeps, Some(cause)),
        None => (LiveStatus::Differs, None),
    }
}

fn missing(desired: &Desired, snapshot: &Snapshot, facts: &Facts) -> (LiveStatus, Option<Cause>) {
    if let Some(known) = desired.known {
        if let Some(since) = known.since().filter(|s| facts.kernel < *s) {
            return (LiveStatus::Absent, Some(Cause::NewerKernel(since.to_string())));
        }
        if let Some(until) = known.until().filter(|u| facts.kernel >= *u) {
            return (LiveStatus::Absent, Some(Cause::RemovedIn(until.to_string())));
        }
    }
    if let Some(errno) = snapshot.get(&desired.key).and_then(|r| r.value.as_ref().err())
        && !matches!(*errno, Errno::ENOENT | Errno::EISDIR)
    {
        return (LiveStatus::Unreadable, Some(Cause::ReadRefused(*errno)));
    }
    if let Some(interface) = interface(&desired.key)
        && (desired.known.is_some() || desired.pattern.is_some())
    {
        return (LiveStatus::Pending, Some(Cause::NoInterface(interface.to_owned())));
    }
    if let Some(module) = &desired.module {
        return (LiveStatus::Pending, Some(Cause::ModuleNotLoaded(module.clone().into_owned())));
    }
    match desired.known {
        // What is each namespace's own may be the host's on this kernel, as much of neigh/default is.
        Some(_) if desired.key.as_path().starts_with("net/") => {
            (LiveStatus::Absent, Some(Cause::OtherNamespace))
        }
        Some(_) => (LiveStatus::Absent, None),
        None => {
            (LiveStatus::Absent, Some(Cause::Unknown(desired.near.as_deref().map(str::to_owned))))
        }
    }
}

/// The interface that a key belongs to, but for `all` and `default`, which always exist.
pub fn interface(key: &Key) -> Option<&str> {
    let mut parts = key.components();
    let (Some("net"), Some(_), Some("conf" | "neigh"), Some(name)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (!matches!(name, "all" | "default")).then_some(name)
}

/// Why the kernel would not hold the required value, where that is certain.
fn kept(desired: &Desired, live: &str, facts: &Facts) -> Option<Cause> {
    let wanted = desired.requirement.target(desired.shape, Some(live))?;
    if desired.shape == Shape::Unknown
        && let (words, fields) =
            (wanted.split_whitespace().count(), live.split_whitespace().count())
        && fields > 0
        && words > fields
        && all_numbers(live)
        && all_numbers(&wanted)
    {
        return Some(Cause::FewerFields(fields));
    }
    if desired.known.is_some_and(|known| known.is_latched_against(live, &wanted)) {
        return Some(Cause::Latched);
    }
    if desired.key.as_path() == "vm/min_free_kbytes" {
        // khugepaged has raised it to the floor, and would again (case E28).
        let floor = facts.thp_min_free_kb?;
        let wanted: u64 = wanted.parse().ok()?;
        return (live.parse() == Ok(floor) && wanted < floor)
            .then_some(Cause::HugePageFloor(floor));
    }
    if desired.key.as_path() == "vm/nr_hugepages" && facts.huge_page_bytes > 0 {
        let wanted: u64 = wanted.parse().ok()?;
        let bytes = wanted.saturating_mul(facts.huge_page_bytes);
        let total = facts.mem_total_kb.saturating_mul(1024);
        return (bytes > total).then_some(Cause::NotEnoughMemory);
    }
    None
}

fn all_numbers(text: &str) -> bool {
    text.split_whitespace().all(|w| kernel_number(w).is_some())
}

/// Judges the boot axis from the value now and the value once our drop-in is as planned.
pub fn boot(desired: &Desired, now: &BootValue, planned: &BootValue) -> BootStatus {
    let holds = |boot: &BootValue| {
        boot.value.as_deref().is_some_and(|v| desired.requirement.satisfied_by(desired.shape, v))
    };
    if holds(now) {
        BootStatus::Same
    } else if !planned.is_unset() && !holds(planned) {
        BootStatus::Overridden
    } else if now.is_unset() {
        BootStatus::Unset
    } else {
        BootStatus::Differs
    }
}

/// What to persist for a parameter; `None` where nothing is. What the kernel runs comes with
/// whether it is kept although the kernel may have made it: who did cannot be told, and only
/// tunectl-boot puts right what the kernel makes too small.
///
/// A bound is persisted only where the files other than ours violate it or leave the key unset.
/// Then what stands in our drop-in, or what the kernel runs, is kept if it satisfies the bound:
/// persisting the bound itself would lower a greater value at the next boot. But what the kernel
/// itself has made of the machine it makes anew at each boot, and a file would keep it as it is on a
/// machine that has grown.
pub fn to_persist(
    desired: &Desired,
    status: (LiveStatus, Option<&Cause>),
    (live, kept): (Option<&str>, bool),
    ours: Option<&str>,
    without_ours: &BootValue,
) -> Option<String> {
    let (live_status, cause) = status;
    // What cannot be written today may have been persisted when it could be: that stays. So it does of
    // what fails to be read: once our drop-in sets it nobody could say what it was before.
    let fails = matches!(cause, Some(Cause::ReadRefused(errno)) if !errno.is_denial());
    if live_status == LiveStatus::ReadOnly || fails {
        return ours
            .filter(|text| desired.requirement.satisfied_by(desired.shape, text))
            .map(str::to_owned);
    }
    // What is latched today may be set at the next boot.
    let latched = cause == Some(&Cause::Latched);
    let only_read = |text: Cow<'_, str>| desired.known.is_some_and(|p| p.is_only_read(&text));
    let never = live_status == LiveStatus::Absent
        || live_status == LiveStatus::KernelKeeps && !latched
        || latched && desired.requirement.target(desired.shape, live).is_some_and(only_read)
        || matches!(cause, Some(Cause::FewerFields(_) | Cause::WriteOnly))
        || desired.waiver.is_some()
        || desired.known.is_some_and(|p| p.kind() == Kind::Action);
    if never {
        return None;
    }
    let target = |current| desired.requirement.target(desired.shape, current);
    // A half that the other one takes away at boot is not set to anything.
    let others = without_ours.value.as_deref().filter(|_| !without_ours.zeroed);
    match (&desired.requirement, others) {
        (Requirement::Exact(text), _) => Some(text.clone()),
        (Requirement::Within { .. }, Some(value)) => target(Some(value)).map(Cow::into_owned),
        (Requirement::Within { .. }, None) => {
            let kernels = |text: &&str| !kept && is_of_kernel(desired, text);
            [ours, live.filter(|text| !kernels(text))]
                .into_iter()
                .flatten()
                .find(|text| desired.requirement.satisfied_by(desired.shape, text))
                .map(|text| text.trim().to_owned())
                .or_else(|| target(live).map(Cow::into_owned))
                .or_else(|| target(Some(ours?)).map(Cow::into_owned))
        }
    }
}

/// Whether nothing is persisted of a bound because the kernel makes what satisfies it.
pub fn is_left_to_kernel(
    desired: &Desired,
    (live_status, live): (LiveStatus, Option<&str>),
    persisted: Option<&str>,
    without_ours: &BootValue,
) -> bool {
    live_status == LiveStatus::InSync
        && persisted.is_none()
        && without_ours.value.is_none()
        && desired.requirement.exact().is_none()
        && desired.waiver.is_none()
        && live.is_some_and(|text| is_of_kernel(desired, text))
}

/// Whether the kernel may have made a value of the memory or the processors of the machine: it never
/// makes one without a limit of them.
fn is_of_kernel(desired: &Desired, text: &str) -> bool {
    desired.known.is_some_and(|known| {
        known.is_sized_at_boot()
            && known.special().map(Special::number) != kernel_number(text.trim())
    })
}
