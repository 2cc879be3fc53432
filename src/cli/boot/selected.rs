//! `--only`: which parameters of the baseline are meant, and waiting until they are there.
#![allow(clippy::disallowed_methods, reason = "it waits for the kernel")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::baseline::DesiredSet;
use crate::catalogue::{self, Kind, Reach};
use crate::diff;
use crate::key::{Key, Selector, glob_matches, has_wildcard};
use crate::procsys::Kernel;

/// How long a parameter is waited for whose module or interface is just coming up.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// What two selectors have in common.
#[derive(Debug, PartialEq, Eq)]
enum Meeting {
    /// Nothing.
    Nothing,
    /// One key.
    Key(Key),
    /// Perhaps several keys.
    Several,
}

/// What `a` and `b` have in common, component by component. Two wildcards are taken to meet.
fn meeting(a: &Selector, b: &Selector) -> Meeting {
    let (a, b): (Vec<&str>, Vec<&str>) =
        (a.as_path().split('/').collect(), b.as_path().split('/').collect());
    if a.len() != b.len() {
        return Meeting::Nothing;
    }
    let mut parts = Vec::new();
    for (a, b) in a.into_iter().zip(b) {
        match (has_wildcard(a), has_wildcard(b)) {
            (false, false) if a == b => parts.push(a),
            (true, false) if glob_matches(a, b) => parts.push(b),
            (false, true) if glob_matches(b, a) => parts.push(a),
            (true, true) => parts.push("*"),
            _ => return Meeting::Nothing,
        }
    }
    Key::from_path(&parts.join("/")).map_or(Meeting::Several, Meeting::Key)
}

/// Whether anything that a baseline speaks of is selected, and the single keys among that.
pub fn among<'s>(
    baseline: impl Iterator<Item = &'s Selector>,
    only: &[Selector],
) -> (bool, Vec<Key>) {
    let (mut any, mut keys) = (false, Vec::new());
    for wanted in baseline {
        for selector in only {
            match meeting(wanted, selector) {
                Meeting::Nothing => continue,
                Meeting::Key(key) => keys.push(key),
                Meeting::Several => {}
            }
            any = true;
        }
    }
    keys.sort();
    keys.dedup();
    (any, keys)
}

/// Waits until each of `keys` is there, for 2 s at most.
pub fn wait_for(kernel: &dyn Kernel, keys: &[Key]) {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    let acts = |key: &Key| catalogue::lookup(key).is_some_and(|p| p.kind() == Kind::Action);
    let mut missing: Vec<&Key> = keys.iter().filter(|key| !acts(key)).collect();
    loop {
        missing.retain(|key| !kernel.read(key).exists() && may_come(kernel, key));
        let left = deadline.saturating_duration_since(Instant::now());
        if missing.is_empty() || left.is_zero() {
            return;
        }
        sleep(pause.min(left));
        pause *= 2;
    }
}

/// An interface never gets a parameter that not even `default` has: its module is not there.
fn may_come(kernel: &dyn Kernel, key: &Key) -> bool {
    let Some(interface) = diff::interface(key) else { return true };
    let parts: Vec<&str> =
        key.components().map(|part| if part == interface { "default" } else { part }).collect();
    Key::from_path(&parts.join("/")).is_ok_and(|default| kernel.read(&default).exists())
}

/// Keeps the selected parameters, and those that a write to one of them changes as well.
pub fn restrict(set: &mut DesiredSet, only: &[Selector]) {
    let selected = |key: &Key| only.iter().any(|s| s.covers(key));
    let written: Vec<Key> =
        set.parameters.iter().map(|d| d.key.clone()).filter(|key| selected(key)).collect();
    let reached: Vec<Reach<'_>> =
        written.iter().map(Reach::of).filter(|reach| !reach.is_empty()).collect();
    set.parameters.retain(|d| selected(&d.key) || reached.iter().any(|reach| reach.covers(&d.key)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Selector {
        Selector::parse(text).unwrap_or_else(|error| unreachable!("{text}: {error}"))
    }

    #[test]
    fn selectors_meet_component_by_component() {
        for (a, b, meets) in [
            ("vm.swappiness", "vm/swappiness", Some("vm.swappiness")),
            ("vm.swappiness", "vm/*", Some("vm.swappiness")),
            (
                "net.ipv4.conf.*.rp_filter",
                "net/ipv4/conf/eth0.100/*",
                Some("net.ipv4.conf.eth0/100.rp_filter"),
            ),
            ("net.ipv4.conf.eth1.rp_filter", "net/ipv4/conf/eth0/*", None),
            ("net.ipv4.conf.*.rp_filter", "net/ipv6/conf/eth0/*", None),
            ("net.ipv4.tcp_rmem", "net/ipv4/conf/eth0/*", None),
            (
                "net.netfilter.nf_conntrack_max",
                "net/netfilter/nf_conntrack_*",
                Some("net.netfilter.nf_conntrack_max"),
            ),
        ] {
            let met = meeting(&selector(a), &selector(b));
            let expected = meets.map_or(Meeting::Nothing, |m| {
                Meeting::Key(Key::parse(m).unwrap_or_else(|_| unreachable!()))
            });
            assert_eq!(met, expected, "{a} and {b}");
            assert_eq!(met, meeting(&selector(b), &selector(a)), "{b} and {a}");
        }
        let all = selector("net/ipv4/conf/*/*");
        assert_eq!(meeting(&all, &selector("net.ipv4.conf.*.rp_filter")), Meeting::Several);
    }
}
