//! Each desired parameter against the live kernel and against the next boot: two statuses.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::baseline::{Desired, Requirement};
use crate::bootview::{BootView, Loader, Write};
use crate::catalogue::{Kind, Parameter, Range, Scope};
use crate::diagnostic::Position;
use crate::key::Key;
use crate::observed::{Errno, Facts, Snapshot};
use crate::value::{Canonical, Shape, canonical, completed, kernel_number};

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

/// How a parameter stands after the next boot, before any unit of ours has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootStatus {
    /// What the files set is as required.
    Same,
    /// No file sets it.
    Unset,
    /// A file sets something else and wins over our drop-in.
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
    /// It exists in the host's own network namespace only, and this is perhaps another.
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
}

/// What one loader would leave in a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootValue {
    /// The value; `None` where no file sets it.
    pub value: Option<String>,
    /// Which line sets it.
    pub source: Option<Position>,
    /// A line that sets the other half of the pair later, and by that zeroes this one.
    pub zeroed: bool,
    /// The parameter that the line sets, where this one changes with it: as a path below /proc/sys.
    pub by: Option<String>,
    /// A later line whose value the kernel refuses.
    pub refused: Option<(Position, String)>,
}

/// One parameter, judged on both axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Now.
    pub live: LiveStatus,
    /// Why, where the status alone does not say.
    pub cause: Option<Cause>,
    /// After the next boot, under the host's own loader.
    pub boot: BootStatus,
}

/// Judges the live axis.
pub fn live(desired: &Desired, snapshot: &Snapshot, facts: &Facts) -> (LiveStatus, Option<Cause>) {
    let Some(reading) = snapshot.get(&desired.key).filter(|r| r.exists()) else {
        return missing(desired, snapshot, facts);
    };
    let text = match &reading.value {
        Ok(text) => text,
        // Some keys read EIO until they are set for the first time (case E35).
        Err(Errno::EIO) => return (LiveStatus::Differs, None),
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
        Some(known)
            if known.scope() == Scope::Host && desired.key.as_path().starts_with("net/") =>
        {
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

/// What `loader` would leave in the parameter after the next boot: its writes one by one, with
/// what each does to others.
pub fn boot_value(desired: &Desired, view: &BootView, loader: Loader, facts: &Facts) -> BootValue {
    let half = desired.known.and_then(Parameter::pair);
    let limits = |place| desired.known.and_then(|known| known.limits_at(place, facts.kernel));
    let mut boot = BootValue::default();
    for write in view.writes_about(loader, &desired.key) {
        let value = &write.line.value;
        let source = || Some(write.line.source.clone());
        if write.gets_to(&desired.key) {
            if !accepted(desired.shape, limits, value) {
                boot.refused = Some((write.line.source.clone(), value.to_string()));
                continue;
            }
            let value = composed(desired.shape, boot.value.as_deref(), value);
            boot = BootValue { value: Some(value), source: source(), ..BootValue::default() };
            continue;
        }
        if let Some(half) = half.filter(|half| write.gets_to_sibling(&desired.key, half)) {
            if zeroes(&desired.key, value) {
                let by = desired.key.sibling(half).as_path().to_owned();
                let (value, by) = (Some("0".to_owned()), Some(by));
                boot = BootValue { value, by, zeroed: true, source: source(), ..boot };
            }
            continue;
        }
        if write.line.changes.is_empty() {
            continue;
        }
        for (through, effect) in write.changes_of(&desired.key) {
            let Some(left) = effect.leaves(value) else { continue };
            // What a parameter reads already systemd does not write. Of one variable by two names that
            // is all the same.
            let skipped = loader == Loader::Systemd && effect.is_of_a_switch();
            let of_change = skipped || effect.needs_a_change();
            let earlier =
                || view.writes_about(loader, &through).take_while(|w| w.place < write.place);
            if of_change && !changes(&through, value, earlier()) {
                continue;
            }
            let (value, by) = (Some(left), Some(through.as_path().to_owned()));
            boot = BootValue { value, by, zeroed: false, source: source(), ..boot };
        }
    }
    boot
}

/// Whether a write to the other half of a pair sets `key` to 0: of the overcommit pair even a zero
/// does (case E23).
fn zeroes(key: &Key, written: &str) -> bool {
    let number = kernel_number(written.trim());
    number.is_some_and(|n| n != 0 || key.leaf().starts_with("overcommit_"))
}

/// Whether a write of `value` changes a switch of all interfaces, after the earlier writes of the
/// boot: the kernel starts with each of them off.
fn changes<'v>(switch: &Key, value: &str, earlier: impl Iterator<Item = Write<'v>>) -> bool {
    let before = earlier.filter_map(|write| {
        let (own, value) = (write.gets_to(switch), &write.line.value);
        let others = || write.changes_of(switch);
        let other = || others().into_iter().filter_map(|(_, effect)| effect.leaves(value)).last();
        if own { kernel_number(value.trim()) } else { kernel_number(other()?.trim()) }
    });
    kernel_number(value.trim()) != Some(before.last().unwrap_or(0))
}

/// An array after a write that may set its leading numbers alone (case E8).
fn composed(shape: Shape, before: Option<&str>, written: &str) -> String {
    let (Shape::Numbers(count), Some(before)) = (shape, before) else { return written.to_owned() };
    let taken = written.split_whitespace().take(usize::from(count));
    completed(shape, before, &taken.collect::<Vec<_>>().join(" "))
}

/// Whether the kernel would take the value from a file, as far as the catalogue tells: by the limits
/// of each place.
fn accepted(shape: Shape, limits: impl Fn(usize) -> Option<Range>, value: &str) -> bool {
    let fits = |place, number| limits(place).is_none_or(|range| range.contains(number));
    if shape.is_single_number() {
        let number = value.split_ascii_whitespace().next().and_then(kernel_number);
        return number.is_some_and(|number| fits(0, number));
    }
    match canonical(shape, value) {
        Ok(Canonical::Numbers(numbers)) => {
            numbers.iter().enumerate().all(|(place, number)| fits(place, *number))
        }
        Ok(Canonical::Ranges(ranges)) => {
            let holds = |end: u64| fits(0, end.into());
            ranges.iter().all(|(low, high)| holds(*low) && holds(*high))
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Judges the boot axis from the value now and the value once our drop-in is as planned.
pub fn boot(desired: &Desired, now: &BootValue, planned: &BootValue) -> BootStatus {
    let holds = |boot: &BootValue| {
        boot.value.as_deref().is_some_and(|v| desired.requirement.satisfied_by(desired.shape, v))
    };
    if holds(now) {
        BootStatus::Same
    } else if planned.value.is_some() && !holds(planned) {
        BootStatus::Overridden
    } else if now.value.is_none() {
        BootStatus::Unset
    } else {
        BootStatus::Differs
    }
}

/// What to persist for a parameter; `None` where nothing is.
///
/// A bound is persisted only where the files other than ours violate it or leave the key unset.
/// Then what stands in our drop-in, or what the kernel runs, is kept if it satisfies the bound:
/// persisting the bound itself would lower a greater value at the next boot.
pub fn to_persist(
    desired: &Desired,
    status: (LiveStatus, Option<&Cause>),
    live: Option<&str>,
    ours: Option<&str>,
    without_ours: &BootValue,
) -> Option<String> {
    let (live_status, cause) = status;
    // What cannot be written today may have been persisted when it could be: that stays.
    if live_status == LiveStatus::ReadOnly {
        return ours
            .filter(|text| desired.requirement.satisfied_by(desired.shape, text))
            .map(str::to_owned);
    }
    let never = matches!(live_status, LiveStatus::Absent | LiveStatus::KernelKeeps)
        || matches!(cause, Some(Cause::FewerFields(_) | Cause::WriteOnly))
        || desired.waiver.is_some()
        || desired.known.is_some_and(|p| p.kind() == Kind::Action);
    if never {
        return None;
    }
    let target = |current| desired.requirement.target(desired.shape, current);
    match (&desired.requirement, &without_ours.value) {
        (Requirement::Exact(text), _) => Some(text.clone()),
        (Requirement::Within { .. }, Some(value)) => target(Some(value)).map(Cow::into_owned),
        (Requirement::Within { .. }, None) => [ours, live]
            .into_iter()
            .flatten()
            .find(|text| desired.requirement.satisfied_by(desired.shape, text))
            .map(|text| text.trim().to_owned())
            .or_else(|| target(live).map(Cow::into_owned)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Rounding;

    proptest! {
        #[test]
        fn a_single_number_is_accepted_where_its_canonical_form_is(
            value in prop_oneof!["[ 0-9x,-]{0,6}", "[ \u{a0}]?-?[0-9]{1,20}", ".{0,4}"],
            least in -3_i128..3,
            most in 0_i128..3000,
        ) {
            let range = crate::catalogue::Range::new(least, most);
            for shape in [Shape::Number, Shape::Bool, Shape::Rounded(Rounding::Switch)] {
                for range in [None, Some(range)] {
                    let by_form = match canonical(shape, &value) {
                        Ok(Canonical::Numbers(numbers)) => {
                            numbers.iter().all(|n| range.is_none_or(|range| range.contains(*n)))
                        }
                        _ => false,
                    };
                    prop_assert_eq!(accepted(shape, |_| range, &value), by_form);
                }
            }
        }
    }
}
