//! What can cost the host once a value is written, judged by what is in use at this moment.

use std::net::IpAddr;

use crate::baseline::{Desired, DesiredSet};
use crate::catalogue::{Hazard, Special};
use crate::key::Key;
use crate::observed::{Facts, Snapshot, UsageNeeded};
use crate::value::kernel_number;

use super::Observed;
use super::guard::Refusal;

/// Of a limit on promised memory no more may be promised already, in percent.
const PROMISED_PERCENT: u64 = 90;
/// Of the memory that can be had no more may be taken away, in percent.
pub const TAKEN_PERCENT: u64 = 80;
/// The kernel's high watermark lies at half as much again as the reserve, so that much is freed.
pub(super) const RESERVE_PERCENT: u64 = 150;

const OVERCOMMIT_MEMORY: &str = "vm/overcommit_memory";
const OVERCOMMIT_RATIO: &str = "vm/overcommit_ratio";
const OVERCOMMIT_KBYTES: &str = "vm/overcommit_kbytes";
/// What limits processes and threads.
const TASKS: [&str; 2] = ["kernel/pid_max", "kernel/threads-max"];
/// In /proc/sys the count of what a maximum limits, by that maximum.
const COUNTS: [(&str, &str); 3] = [
    ("fs/file-max", "fs/file-nr"),
    ("net/netfilter/nf_conntrack_max", "net/netfilter/nf_conntrack_count"),
    ("net/nf_conntrack_max", "net/netfilter/nf_conntrack_count"),
];

/// Parameters that tell what of `key` is in use, or decide with it.
pub(super) fn also_needed(key: &Key) -> impl Iterator<Item = Key> {
    let counts = COUNTS.into_iter().filter(|(limit, _)| *limit == key.as_path()).map(|(_, c)| c);
    let strict = [OVERCOMMIT_MEMORY, OVERCOMMIT_RATIO, OVERCOMMIT_KBYTES];
    let strict = strict.into_iter().filter(|_| strict.contains(&key.as_path()));
    counts
        .chain(strict)
        .filter_map(|path| Key::from_path(path).ok())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The hazard of a parameter that is judged by what is in use. The limit of strict overcommit has
/// it as well as the mode.
pub(super) fn hazard(desired: &Desired) -> Option<Hazard> {
    match desired.known?.hazard() {
        Some(Hazard::ExecutesCode | Hazard::OneWay) => None,
        None if matches!(desired.key.as_path(), OVERCOMMIT_RATIO | OVERCOMMIT_KBYTES) => {
            Some(Hazard::OvercommitStrict)
        }
        hazard => hazard,
    }
}

/// What must be known of what is in use, to judge what is to be written.
pub fn usage_needed(set: &DesiredSet, snapshot: &Snapshot) -> UsageNeeded {
    let mut needed = UsageNeeded::default();
    for desired in &set.parameters {
        let Some(live) = snapshot.text(&desired.key) else { continue };
        if desired.requirement.satisfied_by(desired.shape, live) {
            continue;
        }
        match hazard(desired) {
            Some(Hazard::OvercommitStrict) => {
                let target = || desired.requirement.target(desired.shape, Some(live));
                needed.memory |=
                    desired.key.as_path() != OVERCOMMIT_MEMORY || target().as_deref() == Some("2");
            }
            Some(Hazard::TakesMemory) => needed.memory = true,
            Some(Hazard::MinFree) => (needed.memory, needed.nodes) = (true, true),
            Some(Hazard::Starves) => needed.tasks |= TASKS.contains(&desired.key.as_path()),
            Some(Hazard::CutsNetwork) => needed.session = true,
            Some(Hazard::ExecutesCode | Hazard::OneWay) | None => {}
        }
    }
    needed
}

/// What stands in the way of writing `desired` now. `all` is what is desired besides.
pub(super) fn refusal(
    desired: &Desired,
    hazard: Hazard,
    all: &[Desired],
    observed: &Observed<'_>,
) -> Option<Refusal> {
    let live = observed.snapshot.text(&desired.key);
    let target = desired.requirement.target(desired.shape, live)?;
    let new = number(&target);
    let old = live.and_then(number);
    match hazard {
        // With the mode, the limit is judged there.
        Hazard::OvercommitStrict if desired.key.as_path() != OVERCOMMIT_MEMORY => {
            let strict = Key::from_path(OVERCOMMIT_MEMORY).ok()?;
            let is_strict = observed.snapshot.text(&strict).and_then(number) == Some(2);
            // A limit that rises is the way out.
            (is_strict && limit_falls(all, observed)).then(|| overcommit(all, observed)).flatten()
        }
        Hazard::OvercommitStrict => overcommit(all, observed),
        Hazard::MinFree => {
            let raised = percent(new?.saturating_sub(old?), RESERVE_PERCENT);
            taken(raised, observed.facts).or_else(|| taken_of_node(raised, observed.facts))
        }
        Hazard::TakesMemory => {
            let page_kb = observed.facts.huge_page_bytes / 1024;
            taken(new?.saturating_sub(old?).saturating_mul(page_kb), observed.facts)
        }
        Hazard::Starves => {
            let (what, in_use) = in_use(&desired.key, observed)?;
            // Whatever is raised, if not by enough, is no worse than before.
            let wanted = new?;
            let amount = |number: u64| Special::amount(desired.known?.special(), number.into());
            let new = amount(wanted)?;
            let lowers = old.and_then(amount).is_none_or(|old| new < old);
            (lowers && new <= in_use.into()).then_some(Refusal::BelowUse { wanted, in_use, what })
        }
        Hazard::CutsNetwork => {
            let session = observed.facts.usage.session?;
            (new != old && cuts(&desired.key, new?, session))
                .then_some(Refusal::CutsSession { session })
        }
        Hazard::ExecutesCode | Hazard::OneWay => None,
    }
}

/// What must be known of what is in use, to judge whatever may be written to these.
pub fn usage_of(keys: &[Key]) -> UsageNeeded {
    let mut needed = UsageNeeded::default();
    for key in keys {
        let strict = [OVERCOMMIT_MEMORY, OVERCOMMIT_RATIO, OVERCOMMIT_KBYTES];
        needed.memory |= strict.contains(&key.as_path());
        match crate::catalogue::lookup(key).and_then(crate::catalogue::Parameter::hazard) {
            Some(Hazard::OvercommitStrict | Hazard::TakesMemory) => needed.memory = true,
            Some(Hazard::MinFree) => (needed.memory, needed.nodes) = (true, true),
            Some(Hazard::Starves) => needed.tasks |= TASKS.contains(&key.as_path()),
            Some(Hazard::CutsNetwork) => needed.session = true,
            Some(Hazard::ExecutesCode | Hazard::OneWay) | None => {}
        }
    }
    needed
}

/// So many percent of a number that may be of any size.
pub(super) fn percent(of: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

fn number(text: &str) -> Option<u64> {
    u64::try_from(kernel_number(text.split_whitespace().next()?)?).ok()
}

fn taken(needs_kb: u64, facts: &Facts) -> Option<Refusal> {
    let available_kb = facts.usage.available_kb?;
    let too_much = needs_kb > available_kb / 100 * TAKEN_PERCENT;
    too_much.then_some(Refusal::TakesMemory { needs_kb, available_kb, node: None })
}

/// A reserve is kept on each node by its share of the memory, and one node can be fuller than
/// the host is.
fn taken_of_node(needs_kb: u64, facts: &Facts) -> Option<Refusal> {
    let total = facts.usage.nodes.iter().map(|n| n.1).fold(0, u64::saturating_add);
    facts.usage.nodes.iter().find_map(|(id, node_kb, available_kb)| {
        let share = u128::from(needs_kb) * u128::from(*node_kb) / u128::from(total.max(1));
        let needs_kb = u64::try_from(share).ok()?;
        let too_much = needs_kb > available_kb / 100 * TAKEN_PERCENT;
        let node = Some(*id);
        too_much.then_some(Refusal::TakesMemory { needs_kb, available_kb: *available_kb, node })
    })
}

/// Strict overcommit, once everything that is desired is written.
fn overcommit(all: &[Desired], observed: &Observed<'_>) -> Option<Refusal> {
    if planned(OVERCOMMIT_MEMORY, all, observed.snapshot)? != 2 {
        return None;
    }
    let promised_kb = observed.facts.usage.committed_kb?;
    let limit_kb = limit(all, observed)?;
    let near = promised_kb > limit_kb / 100 * PROMISED_PERCENT;
    near.then_some(Refusal::OvercommitStrict { promised_kb, limit_kb })
}

fn limit_falls(all: &[Desired], observed: &Observed<'_>) -> bool {
    limit(all, observed).zip(limit(&[], observed)).is_none_or(|(new, old)| new < old)
}

/// What strict overcommit lets be promised, in kB, with what is desired of its parameters.
fn limit(desired: &[Desired], observed: &Observed<'_>) -> Option<u64> {
    let Observed { facts, snapshot, .. } = observed;
    let usage = &facts.usage;
    let of_ram = match planned(OVERCOMMIT_KBYTES, desired, snapshot).unwrap_or(0) {
        0 => {
            let ratio = planned(OVERCOMMIT_RATIO, desired, snapshot)?;
            let ram = facts.mem_total_kb.saturating_sub(usage.huge_kb.unwrap_or(0));
            (ram / 100).saturating_mul(ratio)
        }
        kbytes => kbytes,
    };
    Some(of_ram.saturating_add(usage.swap_total_kb.unwrap_or(0)))
}

/// What a parameter will read. Of a pair the half that is desired silences the other one.
fn planned(path: &str, all: &[Desired], snapshot: &Snapshot) -> Option<u64> {
    let key = Key::from_path(path).ok()?;
    let of = |key: &Key| all.iter().find(|d| d.key == *key && d.waiver.is_none());
    if let Some(desired) = of(&key) {
        let live = snapshot.text(&key);
        let target = desired.requirement.target(desired.shape, live);
        return target.as_deref().or(live).and_then(number);
    }
    let half = crate::catalogue::half_of(&key);
    if half.is_some_and(|half| of(&half).is_some()) {
        return Some(0);
    }
    snapshot.text(&key).and_then(number)
}

/// What of a limited thing is in use, and what it is.
fn in_use(key: &Key, observed: &Observed<'_>) -> Option<(&'static str, u64)> {
    if TASKS.contains(&key.as_path()) {
        return Some(("processes and threads", observed.facts.usage.tasks?));
    }
    let (_, count) = COUNTS.iter().find(|(limit, _)| *limit == key.as_path())?;
    let what = if *count == "fs/file-nr" { "open files" } else { "tracked connections" };
    let text = observed.snapshot.text(&Key::from_path(count).ok()?)?;
    Some((what, number(text)?))
}

/// Whether that value can cut off a session from `peer`.
fn cuts(key: &Key, new: u64, peer: IpAddr) -> bool {
    let family = if peer.is_ipv4() { "net/ipv4/" } else { "net/ipv6/" };
    if !key.as_path().starts_with(family) {
        return false;
    }
    // What interfaces to come begin with, and the host's own, carry no session.
    if key.components().any(|part| part == "default" || part == "lo") {
        return false;
    }
    match key.leaf() {
        // A host that begins to forward still talks itself; where it is IPv6 it forgets routers.
        "forwarding" | "ip_forward" | "mc_forwarding" if peer.is_ipv4() => new == 0,
        // Only the strict filter drops what comes back another way.
        "rp_filter" => new == 1,
        "accept_ra" | "accept_ra_defrtr" | "autoconf" => new == 0,
        "disable_ipv6" => new != 0,
        _ => true,
    }
}
