//! The plan of a rollback: everything that tunectl holds, or some of it, as it was before.

use std::collections::BTreeSet;

use crate::baseline::DesiredSet;
use crate::bootview::{BootView, Loader, dropin};
use crate::key::{Key, Selector};

use super::lines::Lines;
use super::persisted::{self, Own};
use super::remember::{self, Made};
use super::returned::{self, Among};
use super::{Observed, Plan, order, ordered, volatile, with_returned};

/// Plans to give back what `selected` names, or everything where nothing is. `allow` names guards
/// that are overridden. Pure.
///
/// Its baseline has no parameters, only the name that stands in our drop-in.
pub fn rollback(selected: &[Selector], allow: &[String], observed: &Observed<'_>) -> Plan {
    let facts = observed.facts;
    let loader = if facts.systemd { Loader::Systemd } else { Loader::Procps };
    let own = Own::of(observed.conf);
    let lasting = volatile::lasting(observed.conf, facts.boot_unit);
    let conf = lasting.as_ref().unwrap_or(observed.conf);
    let without = BootView::on(facts.kernel, volatile::others(conf).as_ref().unwrap_or(conf));
    let ours = Lines::of(own);
    let all = returned::managed_by(&ours, observed, &returned::matches(&ours, observed));
    let is_selected = |key: &Key| selected.is_empty() || selected.iter().any(|s| s.covers(key));
    let keys: BTreeSet<Key> = all.iter().filter(|key| is_selected(key)).cloned().collect();
    let held = |key: &Key| all.contains(key) && !keys.contains(key);
    let among = Among {
        observed,
        without: &without,
        loader,
        ours: &ours,
        held: &held,
        desired: &[],
        allow,
    };
    let mut returned = returned::judge(&keys, &among);
    let written = with_returned(&[], &returned);
    returned::refuse(&mut returned, &written, observed);
    let steps = ordered(&mut Vec::new(), &mut returned, observed);
    let (dropin, host_file) = persisted::files_without(own, selected, &returned);
    let head = own.dropin.and_then(persisted::text).and_then(dropin::parts).unwrap_or_default();
    let originals = order::originals(&steps, observed.snapshot);
    let made = Made {
        items: &[],
        steps: &steps,
        besides: &originals,
        returned: &returned,
        ours: &ours,
        snapshot: observed.snapshot,
        facts,
    };
    Plan {
        memory: remember::memory(observed.originals, &made, selected.is_empty()),
        originals,
        boot_problems: Vec::new(),
        baseline: DesiredSet { name: head.baseline, sha256: head.sha256, ..DesiredSet::default() },
        loader,
        items: Vec::new(),
        returned,
        steps,
        dropin,
        host_file,
        boot_unit: facts.boot_unit,
    }
}
