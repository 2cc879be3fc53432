//! How a host stands against its own baseline, as values.

use std::collections::{BTreeMap, BTreeSet};

use crate::bootview::Loader;
use crate::diff::BootStatus;
use crate::key::Selector;
use crate::observed::Facts;
use crate::plan::{Item, Note, Plan, Unapplied};
use crate::value::agrees;
use crate::wire::{BootReport, Changed, Found, NextBoot, STATUS_SCHEMA, Status};

use super::{boot, json, refusals, secret, words};

/// What is said of a parameter that was rolled back.
pub(super) const ROLLED_BACK: &str = "rolled back";

/// The status of a host of which nothing else is known than what was reported at boot.
pub fn unplanned(facts: &Facts, boot: Option<BootReport>, result: &str) -> Status {
    let loader = if facts.systemd { Loader::Systemd } else { Loader::Procps };
    Status {
        schema: STATUS_SCHEMA.into(),
        result: result.to_owned(),
        host: json::host(facts, loader),
        baseline: None,
        right: 0,
        waived: 0,
        changed: Vec::new(),
        unreadable: Vec::new(),
        next_boot: Vec::new(),
        pending: Vec::new(),
        unapplied: Vec::new(),
        refusals: Vec::new(),
        boot_unit: facts.boot_unit,
        boot,
        daemon: None,
        let_go: Vec::new(),
        drift: None,
        trial: None,
        errors: Vec::new(),
        notes: Vec::new(),
    }
}

/// The status of a host with a baseline.
pub fn status(plan: &Plan, facts: &Facts, boot: Option<BootReport>) -> Status {
    let mut status = unplanned(facts, boot, "in_sync");
    let baseline = json::baseline(plan);
    let held = |item: &&Item| !item.waived();
    let (hidden, wrong): (Vec<&Item>, Vec<&Item>) =
        plan.items.iter().filter(|item| boot::is_wrong(item)).partition(|item| item.is_denied());
    let report = status.boot.as_ref();
    // What another baseline had asked for at boot says nothing of this one.
    let same = |b: &BootReport| b.baseline.as_ref().is_some_and(|b| b.sha256 == baseline.sha256);
    let left = report.filter(|b| same(b)).map(Left::by);
    let unapplied = plan.unapplied();
    status.notes.extend(unapplied_text(&unapplied, plan));
    status.unapplied = unapplied.selectors().iter().map(ToString::to_string).collect();
    status.refusals = refusals::refusals(plan);
    status.changed = wrong.iter().map(|item| changed(item, plan, left.as_ref())).collect();
    status.unreadable = hidden.iter().map(|item| item.desired.key.to_string()).collect();
    status.pending = boot::pending(plan);
    status.next_boot = plan
        .items
        .iter()
        .filter(held)
        .filter(|i| !boot::is_wrong(i) && i.boot_status != BootStatus::Same)
        .map(|item| next_boot(item, plan))
        .collect();
    status.waived = plan.summary().waived;
    status.notes.extend(words::remarks(&plan.baseline));
    status.right = plan.items.iter().filter(held).filter(|i| !boot::is_wrong(i)).count()
        - status.pending.len();
    let unknown = !status.unreadable.is_empty();
    let due = !unapplied.is_none();
    if unknown || due || !status.changed.is_empty() || !status.next_boot.is_empty() {
        status.result = "differs".into();
    }
    status.baseline = Some(baseline);
    status
}

/// In what the baseline differs from what was applied last, besides the parameters that are told
/// by themselves.
fn unapplied_text(unapplied: &Unapplied, plan: &Plan) -> Option<String> {
    if unapplied.is_none() {
        return None;
    }
    let text = if unapplied.edited {
        "the baseline has been changed since the last apply"
    } else if unapplied.altered {
        words::ALTERED
    } else {
        "not all that was applied is asked for any longer"
    };
    let told = |selector: &Selector| match selector {
        Selector::Key(key) => plan.item(key).is_some_and(|item| {
            let is_wrong = boot::is_wrong(item) || item.boot_status != BootStatus::Same;
            is_wrong && !item.waived() && !plan.gives_back(item)
        }),
        Selector::Pattern(_) => false,
    };
    let given_back: Vec<String> = unapplied.given_back.iter().map(ToString::to_string).collect();
    let of = |selectors: &BTreeSet<Selector>| {
        let untold = selectors.iter().filter(|one| !told(one)).map(ToString::to_string);
        untold.filter(|one| !given_back.contains(one)).collect::<Vec<_>>()
    };
    let (leaving, missing) = (of(&unapplied.leaving), of(&unapplied.missing));
    let parts = [
        (&given_back, "to give back"),
        (&leaving, "to take out of the drop-in"),
        (&missing, "to persist"),
    ];
    let parts = parts
        .iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, what)| format!("{} {what} ({})", names.len(), boot::named(names)));
    let parts: Vec<String> = parts.collect();
    let behind = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    Some(format!("{text}{behind}"))
}

fn changed(item: &Item, plan: &Plan, left: Option<&Left<'_>>) -> Changed {
    let Found { key, found: to, desired, bound, set_by, owners, .. } = boot::found(item, plan);
    // What was rolled back the boot leaves alone, and does not tell how it found it.
    let let_go = item.notes.iter().any(|note| matches!(note, Note::RolledBack));
    let left = left.filter(|_| !let_go).and_then(|l| l.of(&key, desired.as_deref()));
    let since_boot = match (&left, &to) {
        (Some(from), Some(to)) => !agrees(item.desired.shape, from, to),
        _ => false,
    };
    let refused = || item.refusals.first().map(refusals::refusal);
    let rolled_back = || let_go.then(|| ROLLED_BACK.to_owned());
    let error = refused().or_else(|| words::cause(item)).or_else(rolled_back);
    Changed { key, from: left, to, desired, bound, since_boot, set_by, owners, error }
}

/// What parameters read when tunectl-boot was done with them.
#[derive(Default)]
struct Left<'a> {
    /// Those that were not right, with what they read.
    wrong: BTreeMap<&'a str, Option<&'a str>>,
    /// Those that were not there.
    absent: BTreeSet<&'a str>,
}

impl<'a> Left<'a> {
    fn by(boot: &'a BootReport) -> Self {
        let absent = boot.pending.iter().filter(|p| p.set_at.is_none());
        let mut wrong = BTreeMap::new();
        for found in boot.found.iter().chain(&boot.since) {
            if found.corrected {
                wrong.remove(found.key.as_str());
            } else {
                wrong.insert(found.key.as_str(), found.found.as_deref());
            }
        }
        Self { wrong, absent: absent.map(|p| p.key.as_str()).collect() }
    }

    fn of(&self, key: &str, desired: Option<&str>) -> Option<String> {
        let left = match self.wrong.get(key) {
            Some(found) => *found,
            None if self.absent.contains(key) => None,
            None => desired,
        };
        left.map(str::to_owned)
    }
}

fn next_boot(item: &Item, plan: &Plan) -> NextBoot {
    let (boot, source) = item.next_boot(plan.loader);
    // Where nothing is set it is the line that sees to that.
    let refused = boot.refused.as_ref().filter(|_| boot.value.is_none()).map(|line| &line.source);
    let source = source.or(refused);
    let hide = |text: &String| secret::shown(&item.desired.key, text).trim().to_owned();
    NextBoot {
        key: item.desired.key.to_string(),
        boot_status: words::boot_status(item.boot_status).into(),
        value: boot.value.as_ref().map(hide),
        source: source.map(ToString::to_string),
        unit: plan.is_set_by_unit(item),
    }
}
