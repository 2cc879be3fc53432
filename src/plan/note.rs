//! What is worth knowing of a parameter beyond its statuses: side effects, predictions, dangers.

use crate::baseline::{DesiredSet, Requirement};
use crate::bootview::Loader;
use crate::catalogue::{self, Checked, Effect, Hazard, Kind, Order, Parameter, Special};
use crate::diagnostic::Position;
use crate::diff::{BootStatus, BootValue, LiveStatus, RefusedLine};
use crate::key::{Key, Pattern};
use crate::observed::{Facts, Snapshot};
use crate::value::{Shape, kernel_number};

use super::{Item, Observed, dirty, item_of, names, order};

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A write sets the other half of the pair, which reads `now`, to 0.
    ZeroesHalf {
        /// The other half.
        half: Key,
        /// What it reads.
        now: String,
    },
    /// A write changes others as well.
    AlsoSets(Effect),
    /// The background threshold is not below the dirty limit: the kernel uses half the limit.
    BackgroundHalved {
        /// The background threshold, with its key.
        background: (Key, String),
        /// The limit, with its key.
        limit: (Key, String),
        /// Where one is a share of memory and the other in bytes, what the share comes to: of the
        /// background at least, of the limit at most.
        share_bytes: Option<i128>,
    },
    /// khugepaged will raise the value to this many kB when it next looks.
    BelowHugePageFloor {
        /// The floor, in kB.
        floor_kb: u64,
    },
    /// Only the leading numbers are asked for; the others stay.
    Partial {
        /// How many are asked for.
        asked: usize,
        /// How many there are.
        fields: usize,
    },
    /// What can go wrong with it.
    Hazard(Hazard),
    /// The host forwards packets now, and then no longer does.
    StopsForwarding,
    /// Of those kernels that take no value above that of another parameter it may be one.
    AboveLimit {
        /// The other one.
        other: Key,
        /// What it will hold.
        at_most: i128,
    },
    /// What reads back differently.
    ReadsBack(&'static str),
    /// Programs that set it by themselves.
    Owners(Vec<&'static str>),
    /// The other loader would leave another value.
    OtherLoader {
        /// That loader.
        loader: Loader,
        /// Its value; `None`: it leaves the key alone.
        value: Option<String>,
        /// Its line.
        source: Option<Position>,
    },
    /// A line sets a value that the kernel refuses.
    RefusedLine(RefusedLine),
    /// A line sets the other half later at boot and thereby zeroes this one.
    ZeroedAtBoot {
        /// The line.
        source: Position,
    },
    /// No file sets it, and what the kernel has made of this machine satisfies the bound.
    LeftToKernel {
        /// That.
        now: String,
    },
    /// A later-sorting file wins at boot.
    OverriddenBy {
        /// The line.
        source: Position,
        /// What it leaves here.
        value: String,
        /// The parameter that it sets, where this one changes with it.
        by: Option<String>,
    },
    /// A file that could not be looked into may set it at boot.
    UnseenAtBoot {
        /// The file.
        source: Position,
    },
    /// A line sets the same variable by its other name, and what that leaves here is not known.
    SetByOtherName {
        /// The line.
        source: Position,
        /// The other name.
        name: String,
    },
    /// A file that a reboot takes away sets it in this boot.
    UntilReboot {
        /// The line.
        source: Position,
        /// What it sets.
        value: String,
    },
    /// A file that a reboot takes away hides the one that the next boot goes by.
    HiddenUntilReboot {
        /// The file that hides it.
        by: String,
    },
    /// A line keeps the boot from setting it.
    ExcludedAtBoot {
        /// The line.
        source: Position,
    },
    /// tunectl-boot sets it after that line all the same.
    PutRightAtBoot,
    /// The module that brings it is not known to be there when the loader runs, and tunectl-boot,
    /// which would set it once it comes, is not enabled.
    ModuleMayBeLate {
        /// The module.
        module: String,
    },
    /// Its number is made from the RAM of today and persisted as it is, because tunectl-boot is
    /// not enabled.
    NumberOfToday,
    /// It is raised in so many steps, memory being watched between them.
    Ramped {
        /// How many.
        steps: usize,
        /// Each by so much, in kB.
        by_kb: u64,
    },
    /// It is as desired now, and written again because another step changes it.
    WrittenAgain,
    /// Its value is secret, so that not everybody may read the drop-in.
    SecretPersisted,
    /// The kernel accepts more than this bit mask means.
    UnknownBits(u64),
    /// It reaches interfaces that the baseline spares, where nobody has set their own value yet.
    MayReach {
        /// Their parameters.
        spared: Vec<Key>,
    },
    /// It reads nothing until it is set, and nothing unsets it.
    NeverUnset,
    /// Less memory kept free than the kernel needs to work.
    ReserveTooSmall,
    /// It is a name that is not among those that the kernel knows now.
    NotLoaded {
        /// The name.
        name: String,
        /// Where the kernel tells of those.
        list: Key,
        /// Those.
        known: String,
    },
    /// It is a name that the kernel takes from nobody but the host's own network namespace.
    NotAllowedHere {
        /// The name.
        name: String,
        /// Where the kernel tells of those that it takes.
        list: Key,
        /// Those.
        allowed: String,
    },
    /// Somebody has let it go for a while: the daemon leaves it alone, an apply does not.
    LetGo {
        /// Who, in words.
        by: String,
        /// Until when.
        until: String,
        /// Why.
        reason: String,
    },
    /// A pattern of an upper layer asks for something else, and does not reach what is named.
    Unreached {
        /// The pattern.
        pattern: Pattern,
        /// What it asks; `None`: to leave it alone.
        asked: Option<String>,
        /// Its line.
        at: Position,
        /// The line that names this one.
        named: Position,
    },
    /// It was rolled back: whoever but an explicit apply leaves it alone.
    RolledBack,
}

/// With less, vm.rst says, the kernel breaks subtly and may deadlock under load.
const LEAST_RESERVE_KB: u64 = 1024;

/// Adds the remarks to each item; `elsewhere` has what the other loader would leave in each.
pub fn annotate(
    items: &mut [Item],
    observed: &Observed<'_>,
    loader: Loader,
    elsewhere: Vec<BootValue>,
    baseline: &DesiredSet,
) {
    // Of one parameter it is never both.
    let beside = |item| {
        let reaches = may_reach(item, items, baseline);
        let stops = || stops_forwarding(item, items).then_some(Note::StopsForwarding);
        reaches.or_else(|| above_limit(item, items, observed.snapshot)).or_else(stops)
    };
    let others: Vec<Option<Note>> = items.iter().map(beside).collect();
    let halved = dirty::thresholds(items, observed.snapshot, observed.facts);
    for ((item, elsewhere), other) in items.iter_mut().zip(elsewhere).zip(others) {
        let mut notes: Vec<Note> = other.into_iter().collect();
        notes.extend(unreached(item, baseline));
        side_effects(item, observed.snapshot, &mut notes);
        if let Some(note) = halved.as_ref().filter(|(keys, _)| keys.contains(&item.desired.key)) {
            notes.push(note.1.clone());
        }
        kernel_side(item, observed, &mut notes);
        boot_side(item, loader, elsewhere, &mut notes);
        boot_unit(item, observed.facts, &mut notes);
        item.notes = notes;
    }
}

/// Which pattern has no say in what is asked here.
fn unreached(item: &Item, baseline: &DesiredSet) -> Option<Note> {
    let unreached = item.desired.unreached.as_ref()?;
    let line = |span| Position { column: 0, ..Position::of(span, &baseline.sources) };
    Some(Note::Unreached {
        pattern: unreached.pattern.clone(),
        asked: unreached.requirement.as_ref().map(ToString::to_string),
        at: line(unreached.origin),
        named: line(item.desired.origin),
    })
}

/// What a write to `default` may reach besides: of a pattern's matches those that the baseline
/// leaves out or waives.
fn may_reach(item: &Item, items: &[Item], baseline: &DesiredSet) -> Option<Note> {
    let leaf = order::default_leaf(&item.desired.key).filter(|_| item.write)?;
    let held = |key: &Key| item_of(items, key).is_some_and(|item| !item.waived());
    let mut spared: Vec<Key> = baseline
        .patterns
        .iter()
        .flat_map(|pattern| &pattern.matches)
        .filter(|key| order::interface_leaf(key) == Some(leaf) && !held(key))
        .cloned()
        .collect();
    spared.sort();
    spared.dedup();
    (!spared.is_empty()).then_some(Note::MayReach { spared })
}

/// What new kernels alone refuse; since which release is not known, as stable ones have it too.
fn above_limit(item: &Item, items: &[Item], snapshot: &Snapshot) -> Option<Note> {
    let number = |item: &Item| {
        let target = item.desired.requirement.target(item.desired.shape, item.live.as_deref());
        kernel_number(target.as_deref().or(item.live.as_deref())?.trim())
    };
    item.desired.known.filter(|_| item.write)?.order().iter().find_map(|order| {
        let Order::AtMost(other, _, Checked::Lately) = order else { return None };
        let other = Key::from_path(other).ok()?;
        let live = || kernel_number(snapshot.text(&other)?.trim());
        let at_most = item_of(items, &other).and_then(number).or_else(live)?;
        (number(item)? > at_most).then_some(Note::AboveLimit { other, at_most })
    })
}

/// Whether a write turns off what containers, virtual machines and VPNs behind the host live on;
/// told once of the two names of IPv4's switch.
fn stops_forwarding(item: &Item, items: &[Item]) -> bool {
    let number = |text: &str| kernel_number(text.trim());
    let stops = |item: &Item| {
        let target = item.desired.requirement.target(item.desired.shape, item.live.as_deref());
        let forwards = item.live.as_deref().and_then(number).is_some_and(|now| now != 0);
        item.write && forwards && target.as_deref().and_then(number) == Some(0)
    };
    let other_name = || Key::from_path("net/ipv4/ip_forward").ok();
    stops(item)
        && match item.desired.key.as_path() {
            "net/ipv4/ip_forward" | "net/ipv6/conf/all/forwarding" => true,
            "net/ipv4/conf/all/forwarding" => {
                !other_name().and_then(|key| item_of(items, &key)).is_some_and(stops)
            }
            _ => false,
        }
}

fn side_effects(item: &Item, snapshot: &Snapshot, notes: &mut Vec<Note>) {
    if item.write && item.live_status == LiveStatus::InSync {
        notes.push(Note::WrittenAgain);
    }
    if item.persisted.is_some() && item.desired.known.is_some_and(|p| p.kind() == Kind::Secret) {
        notes.push(Note::SecretPersisted);
    }
    let Some(known) = item.desired.known.filter(|_| item.write) else { return };
    if let Some(half) = known.pair().map(|leaf| item.desired.key.sibling(leaf))
        && let Some(now) = snapshot.text(&half).map(str::trim).filter(|t| *t != "0")
    {
        notes.push(Note::ZeroesHalf { half, now: now.to_owned() });
    }
    // Only a 0 clears others, and what is in a list already need not be added.
    let written = item.desired.requirement.target(item.desired.shape, item.live.as_deref());
    let clears = |effect: &&Effect| match (effect, written.as_deref()) {
        (Effect::ClearsInterfaces(_), Some(written)) => effect.leaves(written, None).is_some(),
        (Effect::AddsWordBeside(list), Some(written)) => {
            names::adds(&item.desired.key.sibling(list), written, snapshot)
        }
        _ => true,
    };
    notes.extend(known.effects().iter().filter(clears).map(|e| Note::AlsoSets(*e)));
}

fn kernel_side(item: &Item, observed: &Observed<'_>, notes: &mut Vec<Note>) {
    let desired = &item.desired;
    if desired.key.as_path() == "vm/min_free_kbytes"
        && item.live_status != LiveStatus::KernelKeeps
        && let Some(floor_kb) = observed.facts.thp_min_free_kb
        && let Some(wanted) = desired.requirement.target(desired.shape, item.live.as_deref())
        && wanted.parse::<u64>().is_ok_and(|w| w < floor_kb)
    {
        notes.push(Note::BelowHugePageFloor { floor_kb });
    }
    if desired.key.as_path() == "vm/min_free_kbytes"
        && let Some(text) = desired.requirement.target(desired.shape, item.live.as_deref())
        && text.parse::<u64>().is_ok_and(|kb| kb < LEAST_RESERVE_KB)
    {
        notes.push(Note::ReserveTooSmall);
    }
    if let Some(name) = desired.requirement.exact().filter(|_| item.write) {
        notes.extend(names::unlisted(&desired.key, name, observed.snapshot));
    }
    if desired.key.as_path() == "vm/zone_reclaim_mode"
        && let Some(bits) = desired.requirement.exact().and_then(|t| t.parse::<u64>().ok())
        && bits & !7 != 0
    {
        notes.push(Note::UnknownBits(bits & !7));
    }
    if let (Shape::Numbers(fields), Requirement::Exact(text)) =
        (desired.shape, &desired.requirement)
    {
        let asked = text.split_whitespace().count();
        if asked < usize::from(fields) {
            notes.push(Note::Partial { asked, fields: usize::from(fields) });
        }
    }
    // Such reads EIO until it is set for the first time (case E35), or zeros.
    let unset = |text: &String| catalogue::is_unset(&desired.key, text);
    if item.write && item.live_status == LiveStatus::Differs && item.live.as_ref().is_none_or(unset)
    {
        notes.push(Note::NeverUnset);
    }
    let Some(known) = desired.known else { return };
    if let Some(hazard) = known.hazard().filter(|h| item.write && shows(*h, item)) {
        notes.push(Note::Hazard(hazard));
    }
    if item.live_status == LiveStatus::Differs {
        let says = |why: &&str| !why.starts_with("cut at") || !fits(item);
        notes.extend(known.reads_back().filter(says).map(Note::ReadsBack));
        let owners: Vec<&str> = known.owners().collect();
        if !owners.is_empty() {
            notes.push(Note::Owners(owners));
        }
    }
}

/// Whether it is a text that the kernel does not have to cut.
fn fits(item: &Item) -> bool {
    let target = item.desired.requirement.target(item.desired.shape, item.live.as_deref());
    let longest = if let Shape::Text(longest) = item.desired.shape { longest } else { 0 };
    target.is_some_and(|text| text.len() <= usize::from(longest))
}

/// Whether a hazard is worth a word for what is written: strict overcommit is one value of three,
/// and what is raised starves nobody.
fn shows(hazard: Hazard, item: &Item) -> bool {
    let number = |text: &str| kernel_number(text.trim());
    let target = item.desired.requirement.target(item.desired.shape, item.live.as_deref());
    let new = target.as_deref().and_then(number);
    let old = item.live.as_deref().and_then(number);
    if item.desired.allow.iter().any(|a| a == hazard.guard()) {
        return false;
    }
    match hazard {
        Hazard::OvercommitStrict => new == Some(2),
        // Judged by the figures in its own guard.
        Hazard::MinFree => false,
        Hazard::Starves => {
            let special = item.desired.known.and_then(Parameter::special);
            let amount = |number: Option<i128>| Special::amount(special, number?);
            amount(new).zip(amount(old)).is_none_or(|(new, old)| new < old)
        }
        Hazard::TakesMemory => new.zip(old).is_none_or(|(new, old)| new > old),
        Hazard::ExecutesCode => super::guard::runs(&item.desired),
        Hazard::OneWay => super::guard::latches(&item.desired, item.live.as_deref()),
        Hazard::CutsNetwork => true,
    }
}

fn boot_side(item: &mut Item, loader: Loader, elsewhere: BootValue, notes: &mut Vec<Note>) {
    if let (BootStatus::Overridden, Some(winner)) = (item.boot_status, &item.overridden_by)
        && let Some(source) = winner.source.clone()
    {
        notes.push(match &winner.value {
            Some(_) if winner.zeroed => Note::ZeroedAtBoot { source },
            Some(value) => {
                Note::OverriddenBy { source, value: value.clone(), by: winner.by.clone() }
            }
            None => match &winner.by {
                Some(name) => Note::SetByOtherName { source, name: name.clone() },
                None => Note::ExcludedAtBoot { source },
            },
        });
    }
    if let (true, Some(now)) = (item.left_to_kernel, &item.live) {
        notes.push(Note::LeftToKernel { now: now.clone() });
    }
    if let Some(source) = item.unseen.clone() {
        notes.push(Note::UnseenAtBoot { source });
    }
    let lost = item.overridden_by.as_ref().and_then(|winner| winner.refused.clone());
    if let Some(line) = lost.or_else(|| item.boot(loader).refused.clone()) {
        notes.push(Note::RefusedLine(line));
    }
    let disagrees = match (&elsewhere.value, &item.persisted) {
        (Some(value), _) => !item.desired.requirement.satisfied_by(item.desired.shape, value),
        (None, persisted) => persisted.is_some(),
    };
    let same = item.overridden_by.as_ref().is_some_and(|winner| winner.value == elsewhere.value);
    if disagrees && !same && !item.waived() {
        notes.push(Note::OtherLoader {
            loader: loader.other(),
            value: elsewhere.value,
            source: elsewhere.source,
        });
    }
}

fn boot_unit(item: &Item, facts: &Facts, notes: &mut Vec<Note>) {
    if facts.boot_unit && item.boot_status == BootStatus::Overridden && item.is_held() {
        notes.push(Note::PutRightAtBoot);
    }
    if facts.boot_unit || !facts.systemd || item.persisted.is_none() {
        return;
    }
    let bound = item.desired.requirement.exact().is_none();
    let sized = item.desired.known.is_some_and(Parameter::is_sized_at_boot);
    if item.desired.from_ram || bound && sized && item.persisted == item.live {
        notes.push(Note::NumberOfToday);
    }
    if let Some(module) = &item.desired.module
        && let Some(early) = &facts.early_modules
        && !early.iter().any(|one| *one == module.replace('-', "_"))
    {
        notes.push(Note::ModuleMayBeLate { module: module.clone().into_owned() });
    }
}
