//! Parameters that are given back: what each is to read again, and what stands in the way.

use std::collections::BTreeSet;

use crate::baseline::{Desired, OnDrift, Requirement};
use crate::bootview::{BootView, Loader, dropin};
use crate::catalogue::{self, Effect, Reach, shape_of};
use crate::diagnostic::{Position, Span};
use crate::diff::{self, BootStatus, BootValue, Cause, LiveStatus};
use crate::key::{Key, Pattern};
use crate::observed::{ConfTree, Errno, Original};
use crate::value::{Shape, agrees};

use super::lines::Lines;
use super::persisted::{self, Own};
use super::{Item, Observed, guard};

/// A parameter that is given back.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The parameter as tunectl held it.
    pub key: Key,
    /// What is written for it: of a pair that may be the other half. Its requirement is what is to
    /// be read there, which is what it reads already where nothing is to be done.
    pub item: Item,
    /// What is done about it.
    pub verdict: Fate,
    /// What it reads.
    pub live: Option<String>,
    /// What it was before tunectl.
    pub was: Option<Was>,
    /// The parameter whose write had changed it, where it was not written itself.
    pub because_of: Option<Key>,
    /// What the next boot leaves in what comes back, once our files no longer say anything of it.
    pub boot: BootValue,
}

/// What a parameter was before tunectl, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Was {
    /// The parameter: of a pair the half that was in force.
    pub key: Key,
    /// What it read.
    pub value: String,
    /// How that is known.
    pub origin: Origin,
}

/// How it is known what a parameter was before tunectl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was read before tunectl's first write in this boot.
    ThisBoot,
    /// The other files say so: a boot without our drop-in would have left it.
    BootFiles(Option<Position>),
    /// It was read before tunectl's first write in an earlier boot.
    First {
        /// The day, UTC.
        day: String,
        /// `MemTotal` then, in kB.
        mem_total_kb: u64,
    },
}

/// What is done about a parameter that is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is written back.
    Restore,
    /// It reads so already.
    Already,
    /// Somebody else has changed it since tunectl left that in it: it stays.
    Changed {
        /// What tunectl had left in it.
        left: String,
        /// Whether only our file says so, which may have been edited.
        by_file: bool,
    },
    /// Only a reboot undoes it.
    Latched,
    /// What it was is not known.
    Unknown,
    /// What it was is for root to see.
    Hidden,
    /// It is not there, or cannot be read or written; the item has the cause.
    Stuck,
    /// A write would change another parameter that is still held: it stays, and stays held.
    Bound {
        /// That parameter.
        to: Key,
    },
}

impl Returned {
    /// Whether tunectl has nothing to do with it any longer once this is carried out.
    pub fn is_given(&self) -> bool {
        self.item.refusals.is_empty()
            && !matches!(self.verdict, Fate::Bound { .. })
            && self.unread().is_none()
    }

    /// Why it cannot be read, where it is there: it may be readable again, so it stays held, and
    /// what it was stays known.
    pub fn unread(&self) -> Option<Errno> {
        match (&self.verdict, &self.item.cause) {
            (Fate::Stuck, Some(Cause::ReadRefused(errno))) => Some(*errno),
            _ => None,
        }
    }

    /// What it will have come back to, where that is known and the next boot may leave it otherwise.
    pub fn until_reboot(&self) -> Option<&Was> {
        let comes_back = matches!(self.verdict, Fate::Restore | Fate::Already);
        let was = self.was.as_ref().filter(|_| comes_back && self.item.refusals.is_empty())?;
        let left = self.boot.value.as_deref();
        let same = left.is_some_and(|left| agrees(shape_of(&was.key), &was.value, left));
        (was.origin == Origin::ThisBoot && !same).then_some(was)
    }

    /// Whether its item takes part in the order of the writes.
    pub(super) fn is_in_order(&self) -> bool {
        matches!(self.verdict, Fate::Restore | Fate::Already | Fate::Changed { .. })
    }
}

/// What a judgement needs besides the host.
pub(super) struct Among<'a> {
    pub observed: &'a Observed<'a>,
    /// The next boot without our files.
    pub without: &'a BootView,
    pub loader: Loader,
    /// What our files set.
    pub ours: &'a Lines,
    /// What is still held.
    pub held: &'a dyn Fn(&Key) -> bool,
    /// Of those that are still desired, what.
    pub desired: &'a [Desired],
    /// Guards that are overridden.
    pub allow: &'a [String],
}

/// The patterns of our files.
pub fn own_patterns(conf: &ConfTree) -> Vec<Pattern> {
    Lines::of(Own::of(conf)).patterns().cloned().collect()
}

/// What is there of the parameters that were looked at, and that a pattern of our files matches.
pub(super) fn matches(ours: &Lines, observed: &Observed<'_>) -> Vec<Key> {
    if ours.patterns().next().is_none() {
        return Vec::new();
    }
    let there = observed.snapshot.iter().filter(|(_, reading)| reading.exists());
    let keys = there.map(|(key, _)| key);
    keys.filter(|key| ours.patterns().any(|p| p.matches(key))).cloned().collect()
}

/// What tunectl has to do with on this host: what it wrote in this boot, and what its files say of
/// what they name, and of those of `matches` that they set by a pattern.
pub fn managed(observed: &Observed<'_>, matches: &[Key]) -> BTreeSet<Key> {
    managed_by(&Lines::of(Own::of(observed.conf)), observed, matches)
}

/// The same of lines that were read already.
pub(super) fn managed_by(lines: &Lines, observed: &Observed<'_>, matches: &[Key]) -> BTreeSet<Key> {
    let own = Own::of(observed.conf);
    let written = observed.originals.of_boot.iter().filter(|(_, o)| o.because_of.is_none());
    let mut keys: BTreeSet<Key> = written.map(|(key, _)| key.clone()).collect();
    keys.extend(lines.keys().cloned());
    keys.extend(matches.iter().filter(|key| lines.value_of(key).is_some()).cloned());
    let made = own.dropin.and_then(persisted::text).map(dropin::at_boot).unwrap_or_default();
    keys.extend(made.into_iter().map(|(key, ..)| key));
    keys
}

/// Parameters that must have been looked at before those are judged.
pub fn needed_to_return(keys: &BTreeSet<Key>, observed: &Observed<'_>) -> Vec<Key> {
    let besides = observed.originals.of_boot.iter().filter(|(_, original)| {
        original.because_of.as_ref().is_some_and(|because| keys.contains(because))
    });
    keys.iter().chain(besides.map(|(key, _)| key)).cloned().collect()
}

/// The one of `key` among those that were judged, which are in the order of their keys.
pub(super) fn of<'r>(returned: &'r [Returned], key: &Key) -> Option<&'r Returned> {
    returned.binary_search_by(|one| one.key.cmp(key)).ok().and_then(|at| returned.get(at))
}

/// Judges each of `keys`, and what was changed by writes to them.
pub(super) fn judge(keys: &BTreeSet<Key>, among: &Among<'_>) -> Vec<Returned> {
    let originals = &among.observed.originals.of_boot;
    let mut returned: Vec<Returned> = keys.iter().filter_map(|key| one(key, among)).collect();
    let besides: Vec<Returned> = originals
        .iter()
        .filter(|(key, _)| !keys.contains(key) && !(among.held)(key))
        .filter(|(_, original)| {
            let because = original.because_of.as_ref();
            returned.iter().any(|r| Some(&r.key) == because && r.is_given())
        })
        .filter_map(|(key, _)| one(key, among))
        .collect();
    returned.extend(besides);
    let stirred = stirred(&returned, among);
    returned.extend(stirred);
    returned.sort_by(|one, other| one.key.cmp(&other.key));
    returned
}

/// What a write that gives something back would clear, and that tunectl had not changed: it stays
/// what it is now, and may have to be written once more.
fn stirred(returned: &[Returned], among: &Among<'_>) -> Vec<Returned> {
    let observed = among.observed;
    let mut stirred: Vec<Returned> = Vec::new();
    for one in returned.iter().filter(|one| one.verdict == Fate::Restore) {
        let target = &one.item.desired;
        let reach = Reach::of(&target.key);
        if reach.is_empty() {
            continue;
        }
        let cleared = |key: &Key| {
            let effect = reach.effect_on(key).filter(|e| matches!(e, Effect::ClearsInterfaces(_)));
            effect?.leaves(target.requirement.exact()?, None)
        };
        for (key, reading) in observed.snapshot.iter() {
            let known = |r: &Returned| r.key == *key || r.item.desired.key == *key;
            if let (Some(left), Some(live)) = (cleared(key), reading.text().map(str::trim))
                && left != live
                && !(among.held)(key)
                && !returned.iter().chain(&stirred).any(known)
            {
                let (value, origin) = (live.to_owned(), Origin::ThisBoot);
                let desired = desired(key, live.to_owned(), among.allow);
                stirred.push(Returned {
                    key: key.clone(),
                    item: item(desired, false, observed),
                    verdict: Fate::Already,
                    live: Some(live.to_owned()),
                    was: Some(Was { key: key.clone(), value, origin }),
                    because_of: Some(one.key.clone()),
                    boot: BootValue::default(),
                });
            }
        }
    }
    stirred
}

/// The item by which something comes back, where it can be written.
fn item(desired: Desired, restores: bool, observed: &Observed<'_>) -> Item {
    let (live_status, cause) = diff::live(&desired, observed.snapshot, observed.facts);
    Item {
        live: observed.snapshot.text(&desired.key).map(str::to_owned),
        live_status,
        cause,
        systemd: BootValue::default(),
        procps: BootValue::default(),
        boot_status: BootStatus::Unset,
        overridden_by: None,
        beaten: Vec::new(),
        unseen: None,
        write: restores && live_status == LiveStatus::Differs,
        persist: false,
        persisted: None,
        left_to_kernel: false,
        notes: Vec::new(),
        refusals: Vec::new(),
        desired,
    }
}

fn one(key: &Key, among: &Among<'_>) -> Option<Returned> {
    // Of a pair the half that is held now has taken over what is remembered.
    let half = half_of(key);
    if half.as_ref().is_some_and(|half| (among.held)(half)) {
        return None;
    }
    // So has the other name of a variable that has two.
    if catalogue::other_name(key).is_some_and(|other| (among.held)(&other)) {
        return None;
    }
    let observed = among.observed;
    let live = observed.snapshot.text(key).map(str::to_owned);
    let original = observed.originals.of_boot.get(key);
    let was = was(key, original, among);
    let known = original.map(|original| (original.left.as_str(), false));
    let left = known.or_else(|| Some((among.ours.value_of(key)?, true)));
    let verdict = verdict(key, live.as_deref(), left, was.as_ref(), among);
    let (target, value) = match (&verdict, &was) {
        (Fate::Restore | Fate::Already, Some(was)) => (&was.key, was.value.clone()),
        _ => (key, live.clone().unwrap_or_default()),
    };
    let restores = verdict == Fate::Restore;
    let item = item(desired(target, value, among.allow), restores, observed);
    let verdict = match item.live_status {
        _ if !restores => verdict,
        LiveStatus::Differs => Fate::Restore,
        LiveStatus::InSync => Fate::Already,
        _ => Fate::Stuck,
    };
    let because_of = original.and_then(|original| original.because_of.clone());
    let boot = was.as_ref().map_or_else(BootValue::default, |was| boot(&was.key, among));
    Some(Returned { key: key.clone(), item, verdict, live, was, because_of, boot })
}

/// Guards judge what is written back like anything else, once all of it is known.
pub(super) fn refuse(returned: &mut [Returned], all: &[Desired], observed: &Observed<'_>) {
    for one in returned.iter_mut().filter(|r| r.verdict == Fate::Restore) {
        let item = &mut one.item;
        item.refusals = guard::refusals(&item.desired, item.live_status, all, observed);
        item.write &= item.refusals.is_empty();
    }
}

fn verdict(
    key: &Key,
    live: Option<&str>,
    left: Option<(&str, bool)>,
    was: Option<&Was>,
    among: &Among<'_>,
) -> Fate {
    let Some(live) = live else { return Fate::Stuck };
    // What was written may read rounded, and never the other way round.
    let same = |written: &str, read: &str| {
        let shape = shape_of(key);
        agrees(shape, written, read)
            && (matches!(shape, Shape::Rounded(_)) || agrees(shape, read, written))
    };
    let unknown = if among.observed.hides { Fate::Hidden } else { Fate::Unknown };
    let Some((left, by_file)) = left else { return unknown };
    if let Some(was) = was {
        let is_so = among.observed.snapshot.text(&was.key).is_some_and(|now| {
            let shape = shape_of(&was.key);
            agrees(shape, &was.value, now) && agrees(shape, now, &was.value)
        });
        if is_so {
            return Fate::Already;
        }
    }
    if !same(left, live) {
        return Fate::Changed { left: left.to_owned(), by_file };
    }
    let Some(was) = was else {
        // It was not set, or by nobody but tunectl.
        return if catalogue::is_secret(key) && !among.observed.hides {
            Fate::Latched
        } else {
            unknown
        };
    };
    let is_latched = catalogue::lookup(key).is_some_and(|known| known.is_latched(live));
    if is_latched || catalogue::is_unset(&was.key, &was.value) {
        return Fate::Latched;
    }
    match bound(was, among) {
        Some(to) => Fate::Bound { to },
        None => Fate::Restore,
    }
}

/// A parameter that is still held and that a write would change to what is not desired of it.
fn bound(was: &Was, among: &Among<'_>) -> Option<Key> {
    let reach = Reach::of(&was.key);
    if reach.is_empty() {
        return None;
    }
    let snapshot = among.observed.snapshot;
    let held = snapshot.iter().map(|(key, _)| key).filter(|key| *key != &was.key);
    held.filter(|key| reach.covers(key) && (among.held)(key))
        .find(|key| {
            let desired = among.desired.iter().find(|d| d.key == **key);
            desired.is_none_or(|d| !d.requirement.satisfied_by(d.shape, &was.value))
        })
        .cloned()
}

/// What it was: as it was read in this boot; else as the other files have it; else as it was read
/// in an earlier boot.
fn was(key: &Key, original: Option<&Original>, among: &Among<'_>) -> Option<Was> {
    let of = |key: &Key, original: &Original, origin| {
        let (key, value) = match &original.half {
            Some((half, value)) => (half.clone(), value.clone()),
            None => (key.clone(), original.value.clone()?),
        };
        Some(Was { key, value: value.trim().to_owned(), origin })
    };
    if let Some(was) = original.and_then(|original| of(key, original, Origin::ThisBoot)) {
        return Some(was);
    }
    let set = |key: &Key, boot: BootValue| {
        let BootValue { value, source, .. } = boot;
        Some(Was { key: key.clone(), value: value?, origin: Origin::BootFiles(source) })
    };
    let files = boot(key, among);
    let files = match half_of(key).filter(|_| files.zeroed) {
        Some(half) => set(&half, boot(&half, among)),
        None => set(key, files),
    };
    files.or_else(|| {
        let first = &among.observed.originals.first;
        let half = || first.get_key_value(&half_of(key)?);
        let (key, first) = first.get_key_value(key).or_else(half)?;
        of(key, first, Origin::First { day: first.day.clone(), mem_total_kb: first.mem_total_kb })
    })
}

/// What the other files leave in a parameter at the next boot.
fn boot(key: &Key, among: &Among<'_>) -> BootValue {
    let desired = desired(key, String::new(), &[]);
    diff::boot_value(&desired, among.without, among.loader, among.observed.facts)
}

/// What is asked of a parameter that is given back. What was there before tunectl is no choice of
/// a baseline's: neither that a program runs as root nor that a value below a latch is set.
fn desired(key: &Key, value: String, allow: &[String]) -> Desired {
    let known = catalogue::lookup(key);
    let of_before = [catalogue::Hazard::ExecutesCode, catalogue::Hazard::OneWay];
    let of_before = of_before.map(|hazard| hazard.guard().to_owned());
    Desired {
        key: key.clone(),
        requirement: Requirement::Exact(value),
        shape: shape_of(key),
        known,
        origin: Span { source: 0, start: 0, end: 0, line: 0, column: 0 },
        pattern: None,
        reason: None,
        reference: None,
        module: known.and_then(catalogue::Parameter::module).map(Into::into),
        allow: of_before.into_iter().chain(allow.iter().cloned()).collect(),
        on_drift: OnDrift::Enforce,
        arithmetic: None,
        from_ram: false,
        optional: false,
        waiver: None,
        near: None,
        unreached: None,
    }
}

/// The other half of a pair.
pub(super) fn half_of(key: &Key) -> Option<Key> {
    catalogue::half_of(key)
}
