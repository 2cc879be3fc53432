//! Plans and outcomes as the JSON that scripts read.

use std::borrow::Cow;

use crate::baseline::sha256;
use crate::bootview::{Loader, dropin};
use crate::diagnostic::Position;
use crate::diff::BootValue;
use crate::observed::Facts;
use crate::plan::{Dropin, Item, Outcome, Plan};
use crate::wire;

use super::outcome::{errors, not_applied, step_error, step_result, taken_back};
use super::secret::{self, SECRET, covers_secret};
use super::{errno, refusals, words};

/// A plan.
pub fn plan(plan: &Plan, facts: &Facts) -> wire::Plan {
    let summary = plan.summary();
    wire::Plan {
        schema: wire::PLAN_SCHEMA.into(),
        host: host(facts, plan.loader),
        baseline: baseline(plan),
        parameters: plan.items.iter().map(|item| parameter(item, plan)).collect(),
        returned: plan.returned.iter().map(super::rollback::returned).collect(),
        actions: plan
            .baseline
            .actions
            .iter()
            .map(|action| wire::Action {
                key: action.key.to_string(),
                value: action.requirement.exact().unwrap_or_default().to_owned(),
                reason: action.reason.as_deref().map(str::to_owned),
                source: Position::of(action.origin, &plan.baseline.sources).to_string(),
            })
            .collect(),
        summary: wire::Summary {
            in_sync: summary.in_sync,
            to_write: summary.to_write,
            to_persist: summary.to_persist,
            pending: summary.pending,
            blocked: summary.blocked,
            overridden: summary.overridden,
            waived: summary.waived,
            refused: refusals::refused(plan),
            boot_unknown: summary.boot_unknown,
        },
        steps: plan
            .steps
            .iter()
            .enumerate()
            .map(|(n, step)| {
                let hide = |text: String| secret::shown(&step.key, &text).to_owned();
                wire::Step {
                    n: n + 1,
                    key: step.key.to_string(),
                    expect: step.expect.clone().map(hide),
                    bytes: hide(String::from_utf8_lossy(&step.bytes()).into_owned()),
                }
            })
            .collect(),
        dropin: file(plan, &plan.dropin),
        host_file: file(plan, &plan.host_file),
        refusals: refusals::refusals(plan),
        boot_problems: plan.boot_problems.iter().map(words::problem).collect(),
        notes: words::remarks(&plan.baseline),
    }
}

/// The host.
pub(super) fn host(facts: &Facts, loader: Loader) -> wire::Host {
    wire::Host {
        hostname: facts.hostname.clone(),
        kernel: facts.kernel_release.clone(),
        boot_id: facts.boot_id.clone(),
        mem_total_kb: facts.mem_total_kb,
        numa_nodes_kb: facts.numa_nodes.iter().map(|n| n.mem_total_kb).collect(),
        page_bytes: facts.page_bytes,
        huge_page_bytes: facts.huge_page_bytes,
        virtualization: facts.virtualization.name().to_owned(),
        loader: loader.to_string(),
        boot_unit: facts.boot_unit,
    }
}

/// The baseline.
pub fn baseline(plan: &Plan) -> wire::Baseline {
    wire::Baseline {
        name: plan.baseline.name.clone(),
        sha256: plan.baseline.sha256.clone(),
        sources: plan.baseline.sources.iter().map(|s| s.name.clone()).collect(),
    }
}

fn file(plan: &Plan, file: &Dropin) -> wire::Dropin {
    wire::Dropin {
        path: file.path.into(),
        changes: file.changes(),
        before_sha256: file.before.as_deref().map(|bytes| sha256([bytes])),
        text: file_text(plan, file),
        leaving: file.leaving.iter().map(ToString::to_string).collect(),
    }
}

/// A file's text, without what must not be shown.
fn file_text(plan: &Plan, file: &Dropin) -> String {
    if !file.lines.iter().any(|line| covers_secret(&line.selector)) {
        return file.after().unwrap_or_default().to_owned();
    }
    let mut lines = file.lines.clone();
    for line in &mut lines {
        if line.value().is_some() && covers_secret(&line.selector) {
            line.setting = dropin::Setting::Value(SECRET.into());
        }
    }
    dropin::render(file.path, &plan.baseline.name, &plan.baseline.sha256, &lines)
}

fn parameter(item: &Item, plan: &Plan) -> wire::Parameter {
    let desired = &item.desired;
    let hide = |text: &str| secret::shown(&desired.key, text).trim_end().to_owned();
    let target = desired.requirement.target(desired.shape, item.live.as_deref());
    let target = target.map(Cow::into_owned);
    let boot = |value: &BootValue| wire::BootValue {
        value: value.value.as_deref().map(hide),
        source: value.source.as_ref().map(ToString::to_string),
    };
    let mut todo = Vec::new();
    if item.write {
        todo.push("write".to_owned());
    }
    if item.persist {
        todo.push("persist".to_owned());
    }
    let mut marks = Vec::new();
    if desired.waiver.is_some() {
        marks.push("waived".to_owned());
    }
    if desired.optional {
        marks.push("optional".to_owned());
    }
    if !item.refusals.is_empty() {
        marks.push("refused".to_owned());
    }
    if item.notes.contains(&crate::plan::Note::RolledBack) {
        marks.push("released".to_owned());
    }
    let requirement = desired.requirement.to_string();
    wire::Parameter {
        key: desired.key.to_string(),
        desired: target.as_deref().map(hide),
        requirement: hide(&requirement),
        live: item.live.as_deref().map(hide),
        live_status: words::live_status(item.live_status).into(),
        boot: wire::Boot {
            systemd: boot(&item.systemd),
            procps: boot(&item.procps),
            unit: plan.is_set_by_unit(item),
        },
        boot_status: words::boot_status(item.boot_status).into(),
        todo,
        source: Position::of(desired.origin, &plan.baseline.sources).to_string(),
        reason: desired.reason.as_deref().map(str::to_owned),
        reference: desired.reference.as_deref().map(str::to_owned),
        arithmetic: desired.arithmetic.clone(),
        marks,
        policy: desired.on_drift.name().into(),
        persist_as: item.persisted.as_deref().map(hide),
        notes: words::cause(item)
            .into_iter()
            .chain(item.notes.iter().map(|n| words::note(&desired.key, n)))
            .collect(),
        refused_by: item.refusals.iter().map(|r| r.guard().to_owned()).collect(),
    }
}

/// An outcome. `result` is `applied`, `in_sync`, `failed` or `refused`; the first two become
/// `incomplete` where something could not be brought in sync, and `in_sync` becomes `overridden`
/// where a boot takes something back.
pub fn outcome(made: &Plan, facts: &Facts, outcome: &Outcome, result: &str) -> wire::Outcome {
    let ended = |(key, result): &(crate::key::Key, Result<(), crate::observed::Errno>)| {
        wire::ActionOutcome {
            key: key.to_string(),
            error: result.as_ref().err().map(|errno| errno::errno_text(*errno)),
        }
    };
    let plan = plan(made, facts);
    wire::Outcome {
        schema: wire::OUTCOME_SCHEMA.into(),
        result: match result {
            "applied" | "in_sync" if !not_applied(made).is_empty() => "incomplete",
            "in_sync" if made.summary().overridden > 0 => "overridden",
            result => result,
        }
        .into(),
        steps: outcome
            .steps
            .iter()
            .zip(&plan.steps)
            .map(|(step, shown)| wire::StepOutcome {
                key: shown.key.clone(),
                from: shown.expect.clone(),
                to: shown.bytes.trim_end().to_owned(),
                result: step_result(step).into(),
                error: step_error(step),
            })
            .collect(),
        plan,
        actions: outcome.actions.iter().map(ended).collect(),
        restored: outcome.restored.iter().map(ended).collect(),
        dropin: words::file_outcome(&outcome.dropin).into(),
        host_file: words::file_outcome(&outcome.host_file).into(),
        errors: errors(outcome).into_iter().chain(not_applied(made)).collect(),
        notes: taken_back(made).into_iter().chain(words::remarks(&made.baseline)).collect(),
        trial: None,
    }
}
