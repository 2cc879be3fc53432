//! How a host stands, for readers far away from it: the values of the schema `tunectl/report/1`.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::diff::BootStatus;
use crate::key::Key;
use crate::observed::Facts;
use crate::plan::{Item, Plan};
use crate::wire::event::{Event, Writer};
use crate::wire::report::{
    MOST_PARAMETER_BYTES, MOST_PARAMETERS, REPORT_SCHEMA, Report, ReportBaseline, ReportBoot,
    ReportBootValue, ReportDrift, ReportEvent, ReportHost, ReportLetGo, ReportParameter,
    ReportSummary, ReportWatch, ReportWriter,
};
use crate::wire::{BootReport, Tally};

use super::event::{author, is_of_value};
use super::{boot, secret, tally, words};

/// So many changes are told, alike ones put together.
const MOST_EVENTS: usize = 16;

/// What the daemon, and others, have left to be read.
#[derive(Clone, Debug, Default)]
pub struct Seen<'a> {
    /// The report of this boot.
    pub boot: Option<&'a BootReport>,
    /// What the daemon has counted in this boot.
    pub tally: Option<&'a Tally>,
    /// Whether the daemon runs.
    pub watch: ReportWatch,
    /// Events of this boot and of the last day, oldest first; `None`: the log cannot be read.
    pub events: Option<&'a [Event]>,
    /// Whether the log reaches back further than these do.
    pub partial: bool,
    /// Of those, the ones from that time on are of the last day; RFC 3339 in UTC.
    pub yesterday: &'a str,
    /// What nobody holds now, by key, in dots.
    pub let_go: BTreeMap<String, ReportLetGo>,
    /// Whether the baseline is the host's own, and what was applied before is to be that one.
    pub is_own: bool,
}

/// The report of a host of which no plan can be made; `result` is `no_baseline` or `failed`.
pub fn unplanned(facts: &Facts, seen: &Seen<'_>, time: &str, result: &str) -> Report {
    Report {
        schema: REPORT_SCHEMA.into(),
        time: time.to_owned(),
        host: ReportHost {
            name: facts.hostname.clone(),
            kernel: facts.kernel_release.clone(),
            boot_id: facts.boot_id.clone(),
            mem_total_kb: facts.mem_total_kb,
            numa_nodes: facts.numa_nodes.len(),
            virtualization: facts.virtualization.name().to_owned(),
            roles: Vec::new(),
        },
        version: env!("CARGO_PKG_VERSION").into(),
        result: result.to_owned(),
        baseline: None,
        summary: ReportSummary::default(),
        pressure: None,
        boot: seen.boot.map(short),
        watch: Some(seen.watch),
        drift: seen.events.map(|events| drift(events, seen, &facts.boot_id)),
        parameters: Vec::new(),
        omitted: 0,
        others: BTreeMap::new(),
        errors: Vec::new(),
    }
}

/// The report of a host with a baseline, whose texts hash to that without the host's own layers.
pub fn report(
    plan: &Plan,
    shared_sha256: String,
    facts: &Facts,
    seen: &Seen<'_>,
    time: &str,
) -> Report {
    let mut report = unplanned(facts, seen, time, "in_sync");
    let unapplied = seen.is_own && !plan.unapplied().is_none();
    report.baseline = Some(ReportBaseline {
        name: plan.baseline.name.clone(),
        sha256: plan.baseline.sha256.clone(),
        shared_sha256: Some(shared_sha256),
        unapplied,
    });
    let last = last_seen(seen, &facts.boot_id);
    let told = plan.items.iter().filter(|item| !item.is_spared());
    report.parameters = told.map(|item| parameter(item, plan, seen, &last)).collect();
    report.summary = summary(plan, &report.parameters);
    report.omitted = shorten(&mut report.parameters);
    let held = |item: &&Item| !item.waived();
    // As the status judges it: what tunectl-boot puts right after the loader is not right in itself.
    let right = |item: &Item| !boot::is_wrong(item) && item.boot_status == BootStatus::Same;
    if unapplied || !plan.items.iter().filter(held).all(right) {
        report.result = "differs".into();
    }
    report
}

/// Keeps as many parameters as a report has: those first that are not as required now, then those
/// that will not be, or of which there is more to say. How many are left out.
fn shorten(parameters: &mut Vec<ReportParameter>) -> usize {
    let bytes = |p: &ReportParameter| {
        let texts = [&p.desired, &p.bound, &p.live].into_iter().flatten().map(String::len);
        let boot = p.boot.as_ref().map_or(0, |boot| boot.value.len() + boot.source.len());
        200 + p.key.len() + texts.sum::<usize>() + boot
    };
    let before = parameters.len();
    if before <= MOST_PARAMETERS
        && parameters.iter().map(bytes).sum::<usize>() <= MOST_PARAMETER_BYTES
    {
        return 0;
    }
    let rank = |p: &ReportParameter| {
        let made = |mark: &String| matches!(mark.as_str(), "from_ram" | "boot_unit");
        match p.live_status.as_str() {
            "in_sync" if p.boot_status == "same" && p.marks.iter().all(made) => 2,
            "in_sync" | "pending" => 1,
            _ => 0,
        }
    };
    let mut order: Vec<usize> = (0..before).collect();
    order.sort_by_key(|at| rank(&parameters[*at]));
    let mut room = MOST_PARAMETER_BYTES;
    let mut kept = vec![false; before];
    for at in order.into_iter().take(MOST_PARAMETERS) {
        let bytes = bytes(&parameters[at]);
        kept[at] = bytes <= room;
        room = room.saturating_sub(bytes);
    }
    let mut kept = kept.into_iter();
    parameters.retain(|_| kept.next().unwrap_or(true));
    before - parameters.len()
}

fn summary(plan: &Plan, parameters: &[ReportParameter]) -> ReportSummary {
    let count = |f: &dyn Fn(&Item) -> bool| plan.items.iter().filter(|i| f(i)).count();
    let marked =
        |mark: &str| parameters.iter().filter(|p| p.marks.iter().any(|m| m == mark)).count();
    let impossible = |item: &Item| item.live_status.is_beyond_reach();
    let lost = |item: &Item| item.boot_status != BootStatus::Same && !item.waived();
    ReportSummary {
        parameters: count(&|i| !i.is_spared()),
        in_sync: count(&|i| i.in_sync() && !i.waived()),
        live_differs: count(&boot::is_wrong),
        boot_differs: count(&lost),
        boot_corrected: count(&|i| lost(i) && plan.is_set_by_unit(i)),
        pending: count(&Item::pending),
        contested: marked("contested"),
        waived: count(&|i| i.desired.waiver.is_some() && !i.is_spared()),
        let_go: parameters.iter().filter(|p| p.let_go.is_some()).count(),
        blocked: count(&|i| !i.waived() && (impossible(i) || !i.refusals.is_empty())),
    }
}

fn parameter(
    item: &Item,
    plan: &Plan,
    seen: &Seen<'_>,
    last: &BTreeMap<&str, &Event>,
) -> ReportParameter {
    let desired = &item.desired;
    let hide = |text: &str| secret::shown(&desired.key, text).trim().to_owned();
    let target = desired.requirement.target(desired.shape, item.live.as_deref());
    let target = target.map(Cow::into_owned);
    let key = desired.key.to_string();
    let (at_boot, source) = item.next_boot(plan.loader);
    let boot = at_boot.value.as_deref().map(|value| ReportBootValue {
        value: hide(value),
        source: source.map(ToString::to_string).unwrap_or_default(),
    });
    let contested = seen.tally.is_some_and(|t| t.contested.contains(&key));
    let prevented = seen.tally.is_some_and(|t| t.prevented.iter().any(|c| c.key == key));
    let let_go = seen.let_go.get(&key);
    let marks = [
        ("waived", item.waived()),
        ("refused", !item.refusals.is_empty()),
        ("contested", contested),
        ("yielded", let_go.is_some_and(|held| held.kind == "yielded")),
        ("prevented", prevented),
        ("from_ram", desired.from_ram),
        ("boot_unit", plan.is_set_by_unit(item)),
    ];
    ReportParameter {
        desired: target.as_deref().map(hide),
        bound: boot::bound(item),
        live: item.live.as_deref().map(hide),
        live_status: words::live_status(item.live_status).into(),
        boot,
        boot_status: words::boot_status(item.boot_status).into(),
        marks: marks.iter().filter(|(_, is)| *is).map(|(mark, _)| (*mark).to_owned()).collect(),
        let_go: let_go.cloned(),
        writer: last
            .get(key.as_str())
            .and_then(|event| author(event, &desired.key, item.live.as_deref()?))
            .map(writer),
        key,
    }
}

/// What was seen last of each parameter's value in this boot.
fn last_seen<'a>(seen: &Seen<'a>, boot_id: &str) -> BTreeMap<&'a str, &'a Event> {
    let events = seen.events.unwrap_or_default().iter();
    let of_boot = events.filter(|e| e.boot_id == boot_id && is_of_value(e));
    of_boot.filter_map(|e| Some((e.key.as_deref()?, e))).collect()
}

fn writer(writer: &Writer) -> ReportWriter {
    ReportWriter {
        comm: writer.comm.clone(),
        unit: writer.unit.clone(),
        container: writer.container.clone(),
    }
}

/// What a boot found, in short.
fn short(boot: &BootReport) -> ReportBoot {
    let found = || boot.found.iter().chain(&boot.since);
    ReportBoot {
        result: boot.result.clone(),
        time: boot.time.clone(),
        found: found().count(),
        corrected: found().filter(|f| f.corrected).count(),
        latest: boot.latest.clone(),
    }
}

fn drift(events: &[Event], seen: &Seen<'_>, boot_id: &str) -> ReportDrift {
    let is_recent = |event: &&Event| event.time.as_str() >= seen.yesterday;
    let changes = || events.iter().filter(|event| tally::is_drift(event));
    let sum = |wanted: &dyn Fn(&&Event) -> bool| {
        changes().filter(wanted).map(|e| e.count).fold(0, u64::saturating_add)
    };
    // The log is rotated and bounded, the tally is kept with each sweep only.
    let counted = seen
        .tally
        .map_or(0, |tally| tally.drift.iter().map(|c| c.count).fold(0, u64::saturating_add));
    let since_boot = counted.max(sum(&|event| event.boot_id == boot_id));
    let told = events.iter().filter(|event| {
        (tally::is_drift(event) || event.action == "prevented")
            && (event.boot_id == boot_id || is_recent(event))
    });
    ReportDrift {
        since_boot,
        last_day: sum(&is_recent),
        partial: seen.partial,
        events: together(told),
    }
}

/// Alike ones put together, newest first.
fn together<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<ReportEvent> {
    let mut groups: BTreeMap<(&str, &str, Option<ReportWriter>), ReportEvent> = BTreeMap::new();
    for event in events {
        let Some(key) = &event.key else { continue };
        let by = event.writer.as_ref().map(self::writer);
        let hide = |text: &Option<String>| {
            let text = text.as_ref()?;
            Some(match Key::parse(key) {
                Ok(key) => secret::shown(&key, text).to_owned(),
                Err(_) => text.clone(),
            })
        };
        let group = (key.as_str(), event.action.as_str(), by.clone());
        let before = groups.get(&group).map_or(0, |g| g.count);
        let last = ReportEvent {
            key: key.clone(),
            from: hide(&event.from),
            to: hide(&event.to),
            action: event.action.clone(),
            cause: event.cause.clone(),
            writer: by,
            count: before.saturating_add(event.count),
            last: event.time.clone(),
        };
        groups.insert(group, last);
    }
    let mut events: Vec<ReportEvent> = groups.into_values().collect();
    events.sort_by(|a, b| Reverse(&a.last).cmp(&Reverse(&b.last)));
    events.truncate(MOST_EVENTS);
    events
}
