//! What an apply has done, as text.

use std::fmt::Write as _;

use crate::bootview::dropin;
use crate::plan::Plan;
use crate::plan::{DropinOutcome, Outcome, StepOutcome, StepResult};

use super::plan::Layout;
use super::secret;
use super::style::{BAD, CHANGE, GOOD, HEAD, WARN, cut, harmless, paint, wrapped};
use super::words;

/// The outcome as text: what matters first, then what was changed, then what went wrong.
pub fn outcome(plan: &Plan, outcome: &Outcome, layout: Layout) -> String {
    let mut out = String::new();
    headline(&mut out, plan, outcome);
    let key = outcome.steps.iter().map(|s| s.step.key.to_string().len()).max().unwrap_or(0);
    for step in &outcome.steps {
        let back = !outcome.restored.is_empty();
        let (sign, style, what) = match &step.result {
            StepResult::Written if back => ('<', WARN, "  put back"),
            StepResult::Written => ('+', CHANGE, ""),
            StepResult::NotTried => (' ', WARN, "  not tried"),
            _ => ('!', BAD, ""),
        };
        let from = step.step.expect.as_deref().map_or("not set".into(), |t| value(step, t));
        let to = value(step, &step.step.value);
        let line = format!("{sign} {:key$}  {from} -> {to}{what}", step.step.key.to_string());
        let _ = writeln!(out, "{}", paint(style, &line));
        if let Some(error) = step_error(step) {
            wrapped(&mut out, 6, layout.width, BAD, &error);
        }
    }
    for (key, result) in &outcome.actions {
        let (sign, style) = if result.is_ok() { ('+', GOOD) } else { ('!', BAD) };
        let _ = writeln!(out, "{}", paint(style, &format!("{sign} action {key}")));
        if let Err(errno) = result {
            wrapped(
                &mut out,
                6,
                layout.width,
                BAD,
                &words::failure(key, "the action's value", *errno),
            );
        }
    }
    out
}

/// Everything that went wrong besides single steps, a sentence each.
pub fn errors(outcome: &Outcome) -> Vec<String> {
    let mut errors = Vec::new();
    for (key, then, now) in &outcome.moved {
        errors.push(format!(
            "{key} moved from {} to {} after it was planned; nothing was written",
            harmless(secret::shown(key, then)),
            harmless(secret::shown(key, now))
        ));
    }
    if let DropinOutcome::Failed(why) = &outcome.dropin {
        errors.push(format!("nothing was persisted: {why}"));
    }
    for (key, result) in &outcome.restored {
        if let Err(errno) = result {
            errors.push(format!("{key} could not be put back: {}", words::errno_text(*errno)));
        }
    }
    errors
}

fn headline(out: &mut String, plan: &Plan, outcome: &Outcome) {
    let name = harmless(&plan.baseline.name);
    let written = outcome.steps.iter().filter(|s| s.result == StepResult::Written).count();
    let failed = outcome.steps.iter().filter(|s| s.result != StepResult::Written).count();
    if outcome.succeeded() {
        let persisted = match outcome.dropin {
            DropinOutcome::Written => format!("persisted to {}", dropin::PATH),
            DropinOutcome::NotAsked => "not persisted (--live-only): a reboot takes it back".into(),
            _ => format!("{} was already as planned", dropin::PATH),
        };
        let text = format!("{name}: {written} written, {persisted}");
        let _ = writeln!(out, "{}", paint(HEAD.fg_color(GOOD.get_fg_color()), &text));
        return;
    }
    let mut text = format!("{name}: not applied");
    let errors = errors(outcome);
    if failed > 0 && written > 0 && outcome.restored.is_empty() {
        text = format!("{name}: {written} written, {failed} failed");
    } else if !outcome.restored.is_empty() {
        let back = outcome.restored.iter().filter(|(_, r)| r.is_ok()).count();
        text = format!("{name}: not applied; what was written was put back ({back})");
    }
    let _ = writeln!(out, "{}", paint(BAD, &text));
    for error in errors {
        let _ = writeln!(out, "{}", paint(BAD, &format!("! {error}")));
    }
}

/// A value of that step's parameter for its line.
fn value(step: &StepOutcome, text: &str) -> String {
    if secret::is_unset(&step.step.key, text) {
        return "not set".into();
    }
    match secret::shown(&step.step.key, text) {
        text if text.trim().is_empty() => "(empty)".into(),
        text => cut(text, 40),
    }
}

/// What went wrong with one step.
pub fn step_error(step: &StepOutcome) -> Option<String> {
    let key = &step.step.key;
    match &step.result {
        StepResult::Written | StepResult::NotTried => None,
        StepResult::Refused(errno) => Some(words::failure(key, &step.step.value, *errno)),
        StepResult::Kept(now) => {
            let why = crate::catalogue::lookup(key).and_then(|p| p.reads_back);
            let why = why.map(|w| format!(" ({w})")).unwrap_or_default();
            Some(format!(
                "the kernel took the write and kept {}{why}",
                harmless(secret::shown(key, now))
            ))
        }
        StepResult::Unreadable(errno) => Some(format!(
            "the kernel took the write, and reading it back failed: {}",
            words::errno_text(*errno)
        )),
    }
}
