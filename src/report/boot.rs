//! What a boot found and put right: as the report that is kept, and as lines for the journal.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Parameter;
use crate::diff::{self, LiveStatus};
use crate::key::Key;
use crate::observed::Facts;
use crate::plan::{Item, Note, Outcome, Plan, StepResult};
use crate::value::agrees;
use crate::wire::{BOOT_SCHEMA, BootReport, Found, LatestPass, Pending, SetBy};

use super::outcome::step_error;
use super::style::{cut, harmless};
use super::{json, refusals, secret, words};

/// Longest value in a line; the whole one is in the report.
const VALUE_WIDTH: usize = 60;
/// Of pending parameters, and of programs, that many are named.
const NAMED: usize = 3;

/// How much a line matters, as syslog counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something went wrong.
    Error = 3,
    /// Something was wrong and is not any more.
    Warning = 4,
    /// The line that says it all.
    Notice = 5,
    /// Worth knowing.
    Info = 6,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// The line.
    pub text: String,
}

/// Adds the parameters of `plan` that are not as required to those that were found before.
pub fn add_found(found: &mut BTreeMap<Key, Found>, plan: &Plan) {
    for item in plan.items.iter().filter(|item| is_wrong(item)) {
        found.entry(item.desired.key.clone()).or_insert_with(|| self::found(item, plan));
    }
}

/// Whether a parameter is there and not as required.
pub(super) fn is_wrong(item: &Item) -> bool {
    !item.waived() && !matches!(item.live_status, LiveStatus::InSync | LiveStatus::Pending)
}

/// A parameter that is not as required, and who has set it.
pub(super) fn found(item: &Item, plan: &Plan) -> Found {
    let desired = &item.desired;
    let hide = |text: &str| secret::shown(&desired.key, text).trim().to_owned();
    let live = item.live.as_deref();
    let boot = item.boot(plan.loader);
    // What this boot has found may be gone at the next one.
    let of_this_boot = item.notes.iter().find_map(|note| match note {
        Note::UntilReboot { source, value } => Some((source, value)),
        _ => None,
    });
    let of_next = || boot.source.as_ref().zip(boot.value.as_ref());
    let set_by = of_this_boot.or_else(of_next).and_then(|(source, value)| {
        let is_so = live.is_some_and(|live| agrees(desired.shape, value, live));
        is_so.then(|| SetBy { source: source.to_string(), value: hide(value) })
    });
    let target = desired.requirement.target(desired.shape, live);
    Found {
        key: desired.key.to_string(),
        found: live.map(hide),
        desired: target.as_deref().map(hide),
        bound: bound(item),
        set_by,
        owners: owners(item),
        corrected: false,
        error: None,
        time: None,
    }
}

/// What a parameter must keep to, where that is no single value.
pub(super) fn bound(item: &Item) -> Option<String> {
    let requirement = &item.desired.requirement;
    requirement.exact().is_none().then(|| requirement.to_string())
}

/// Programs that are known to set a parameter by themselves.
fn owners(item: &Item) -> Vec<String> {
    let owners = item.desired.known.into_iter().flat_map(Parameter::owners);
    owners.map(str::to_owned).collect()
}

/// What each step that did not end as planned has to say of its parameter.
pub fn step_errors(outcome: &Outcome) -> BTreeMap<Key, String> {
    let failed = outcome.steps.iter().filter(|s| s.result != StepResult::Written);
    failed.filter_map(|s| Some((s.step.key.clone(), step_error(s)?))).collect()
}

/// A parameter that has moved each time it was planned.
pub fn moving((key, then, now): &(Key, String, String)) -> String {
    format!(
        "{key} moves by itself or is being written by another program (from {} to {}): left alone",
        harmless(secret::shown(key, then)),
        harmless(secret::shown(key, now))
    )
}

/// Tells of each parameter that was found wrong how it stands in `plan`, the last look.
pub fn conclude(found: &mut BTreeMap<Key, Found>, plan: &Plan, failed: &BTreeMap<Key, String>) {
    for item in &plan.items {
        let Some(found) = found.get_mut(&item.desired.key) else { continue };
        found.corrected = !is_wrong(item);
        let refused = || item.refusals.first().map(refusals::refusal);
        let why = || match item.live_status {
            LiveStatus::Differs => "it was changed again at once".to_owned(),
            _ => words::cause(item).unwrap_or_else(|| "this kernel has it not".into()),
        };
        found.error = (!found.corrected)
            .then(|| failed.get(&item.desired.key).cloned().or_else(refused).unwrap_or_else(why));
    }
}

/// The parameters that are not there yet.
pub fn pending(plan: &Plan) -> Vec<Pending> {
    let pending = plan.items.iter().filter(|item| item.pending());
    let entry = |item: &Item| Pending {
        key: item.desired.key.to_string(),
        module: item.desired.module.as_deref().map(str::to_owned),
        set_at: None,
    };
    pending.map(entry).collect()
}

/// Marks those of the pending parameters that are there and as required; whether any is.
pub fn mark_set(pending: &mut [Pending], plan: &Plan, time: &str) -> bool {
    let mut open: BTreeMap<Key, &mut Pending> = pending
        .iter_mut()
        .filter(|p| p.set_at.is_none())
        .filter_map(|p| Some((Key::parse(&p.key).ok()?, p)))
        .collect();
    let mut any = false;
    for item in plan.items.iter().filter(|i| i.live_status == LiveStatus::InSync) {
        if let Some(entry) = open.get_mut(&item.desired.key) {
            entry.set_at = Some(time.to_owned());
            any = true;
        }
    }
    any
}

/// A report in which nothing stands yet but whose it is.
pub fn report(facts: &Facts, loader: crate::bootview::Loader) -> BootReport {
    BootReport {
        schema: BOOT_SCHEMA.into(),
        boot_id: facts.boot_id.clone(),
        time: String::new(),
        took_us: 0,
        result: "in_sync".into(),
        baseline: None,
        host: json::host(facts, loader),
        right: 0,
        waived: 0,
        found: Vec::new(),
        pending: Vec::new(),
        dropin: "unchanged".into(),
        host_file: "unchanged".into(),
        settled: None,
        latest: None,
        since: Vec::new(),
        errors: Vec::new(),
        notes: Vec::new(),
    }
}

/// What is told of one pass.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What the lines begin with, such as `boot`.
    pub pass: &'a str,
    /// How many parameters were as required.
    pub right: usize,
    /// How many are covered by a waiver.
    pub waived: usize,
    /// What was not as required.
    pub found: &'a [Found],
    /// What is not there yet.
    pub pending: &'a [Pending],
    /// What became of the drop-in.
    pub dropin: &'a str,
    /// Everything that went wrong besides single parameters.
    pub errors: &'a [String],
    /// What is worth knowing.
    pub notes: &'a [String],
}

/// One pass, a line each thing; the first says it all.
pub fn lines(told: &Told<'_>) -> Vec<Line> {
    let text = format!("{}: {}", told.pass, counts(told));
    let wrong = !told.errors.is_empty() || told.found.iter().any(|f| !f.corrected);
    let level = match (wrong, told.found.is_empty()) {
        (true, _) => Level::Error,
        (false, false) => Level::Warning,
        (false, true) => Level::Notice,
    };
    let mut lines = vec![Line { level, text }];
    lines.extend(told.found.iter().map(|f| Line {
        level: if f.corrected { Level::Warning } else { Level::Error },
        text: found_text(f),
    }));
    // What is said of a parameter above is not said again.
    let said: BTreeSet<&str> = told.found.iter().map(|f| f.key.as_str()).collect();
    let new = |e: &&String| !e.split_once(": ").is_some_and(|(key, _)| said.contains(key));
    let line = |level| move |text: &String| Line { level, text: harmless(text) };
    lines.extend(told.errors.iter().filter(new).map(line(Level::Error)));
    lines.extend(told.notes.iter().map(line(Level::Info)));
    lines
}

/// What is told, as counts.
pub(super) fn counts(told: &Told<'_>) -> String {
    let corrected = told.found.iter().filter(|f| f.corrected).count();
    let mut parts = vec![format!("{} right", words::counted(told.right, "parameter"))];
    for (count, what) in [
        (corrected, "corrected"),
        (told.found.len() - corrected, "not corrected"),
        (told.waived, "waived"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let pending: Vec<&Pending> = told.pending.iter().filter(|p| p.set_at.is_none()).collect();
    if !pending.is_empty() {
        parts.push(format!("{} pending ({})", pending.len(), pending_text(&pending)));
    }
    let dropin = match told.dropin {
        "written" => "; drop-in refreshed",
        "failed" => "; drop-in NOT refreshed",
        _ => "",
    };
    format!("{}{dropin}", parts.join(", "))
}

/// Whether that result of a boot leaves nothing wrong.
pub(super) fn is_good(result: &str) -> bool {
    matches!(result, "in_sync" | "corrected")
}

/// The newest pass of a boot with that result, and how it ended, where the result does not say so.
pub(super) fn later<'a>(
    result: &str,
    latest: Option<&'a LatestPass>,
) -> Option<(&'a LatestPass, &'a str)> {
    let latest = latest.filter(|l| l.pass > 1 && !(is_good(result) && l.successful))?;
    let how = if latest.successful { "all is right that can be" } else { latest.result.as_str() };
    Some((latest, how))
}

/// Pending parameters and what each waits for.
pub(super) fn pending_text(pending: &[&Pending]) -> String {
    let mut parts: Vec<String> = pending.iter().take(NAMED).map(|p| pending_line(p)).collect();
    if pending.len() > NAMED {
        parts.push(format!("and {} more", pending.len() - NAMED));
    }
    parts.join("; ")
}

/// A pending parameter and what it waits for.
pub(super) fn pending_line(pending: &Pending) -> String {
    let key = Key::parse(&pending.key).ok();
    let why = match (&pending.module, key.as_ref().and_then(diff::interface)) {
        (Some(module), _) => format!("module {module} not loaded"),
        (None, Some(name)) => format!("no interface {name}"),
        (None, None) => "not there yet".to_owned(),
    };
    harmless(&format!("{}: {why}", pending.key))
}

/// A parameter that was not as required: from what to what, and who had set it.
pub(super) fn found_text(found: &Found) -> String {
    let from = shown(found.found.as_deref());
    let mut text = match (&found.error, &found.desired) {
        (None, Some(to)) => format!("{}: {from} -> {}", found.key, shown(Some(to))),
        (None, None) => format!("{}: {from}, as required now", found.key),
        (Some(error), _) if found.found.is_none() => format!("{}: {error}", found.key),
        (Some(error), Some(to)) => {
            let to = found.bound.as_ref().unwrap_or(to);
            format!("{}: {from}, not {}: {error}", found.key, shown(Some(to)))
        }
        (Some(error), None) => format!("{}: {from}: {error}", found.key),
    };
    if found.found.is_some() {
        text = format!("{text} ({})", who(found));
    }
    harmless(&text)
}

/// A value in a line.
pub(super) fn shown(text: Option<&str>) -> String {
    match text {
        None => "unreadable".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => cut(text, VALUE_WIDTH),
    }
}

/// Who had set what was found.
pub(super) fn who(found: &Found) -> String {
    match (&found.set_by, found.owners.as_slice()) {
        (Some(set_by), _) => format!("set by {}", set_by.source),
        (None, []) => "not from any sysctl.d file".to_owned(),
        (None, owners) => {
            format!("not from any sysctl.d file; known to set it: {}", named(owners))
        }
    }
}

/// The first of some names.
pub(super) fn named(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
