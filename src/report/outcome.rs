//! What an apply has done, as text.

use std::fmt::Write as _;

use crate::bootview::dropin;
use crate::diff::BootStatus;
use crate::plan::{
    Dropin, DropinOutcome, Item, Outcome, Plan, Returned, StepOutcome, StepResult, Stopped,
};
use crate::value::agrees;

use super::plan::{Layout, is_boot_note};
use super::secret;
use super::style::{BAD, CHANGE, GOOD, HEAD, WARN, cut, harmless, styled_line, wrapped};
use super::{errno, refusals, words};

/// The outcome as text: what matters first, then what was changed, then what went wrong.
pub fn outcome(plan: &Plan, outcome: &Outcome, layout: Layout) -> String {
    let mut out = String::new();
    headline(&mut out, plan, outcome);
    let key = outcome.steps.iter().map(|s| s.step.key.to_string().len()).max().unwrap_or(0);
    for (step, steps) in &lines(outcome) {
        let back = outcome.restored.iter().find(|(key, _)| *key == step.step.key);
        let (sign, style, what) = match (&step.result, back) {
            (StepResult::Written, Some((_, Ok(())))) => ('<', WARN, "  put back"),
            (_, Some((_, Err(_)))) => ('!', BAD, "  not put back"),
            (StepResult::Written, None) => match purpose(plan, step) {
                Purpose::Required => ('+', CHANGE, ""),
                Purpose::GivenBack => ('+', CHANGE, "  given back"),
                Purpose::Kept => ('=', GOOD, "  kept: another write changes it"),
            },
            (StepResult::NotTried, _) => (' ', WARN, "  not tried"),
            _ => ('!', BAD, ""),
        };
        let from = step.step.expect.as_deref().map_or("not set".into(), |t| value(step, t));
        let to = value(step, &step.step.value);
        let steps = if *steps > 1 { format!(" in {steps} steps") } else { String::new() };
        let values = if sign == '=' { to } else { format!("{from} -> {to}") };
        let line = format!("{sign} {:key$}  {values}{steps}{what}", step.step.key.to_string());
        styled_line(&mut out, style, &line);
        if let Some(error) = step_error(step) {
            wrapped(&mut out, 6, layout.width, BAD, &error);
        }
    }
    for (one, why) in let_go(plan, outcome) {
        styled_line(&mut out, WARN, &format!("- {:key$}  not given back", one.key.to_string()));
        wrapped(&mut out, 6, layout.width, WARN, &why);
    }
    for (item, why) in unmended(plan) {
        let line = format!("! {:key$}  {}", item.desired.key.to_string(), short(item));
        styled_line(&mut out, BAD, &line);
        wrapped(&mut out, 6, layout.width, WARN, &why);
    }
    for item in overridden(plan) {
        let what = if item.boot_unknown() { "boot not known" } else { "overridden at boot" };
        let line = format!("! {:key$}  {what}", item.desired.key.to_string());
        styled_line(&mut out, WARN, &line);
        for why in boot_notes(item) {
            wrapped(&mut out, 6, layout.width, WARN, &why);
        }
    }
    if let Some(line) = words::remedy(plan) {
        wrapped(&mut out, 0, layout.width, WARN, line);
    }
    for line in words::remarks(&plan.baseline) {
        wrapped(&mut out, 0, layout.width, WARN, &line);
    }
    for (key, result) in &outcome.actions {
        let (sign, style) = if result.is_ok() { ('+', GOOD) } else { ('!', BAD) };
        styled_line(&mut out, style, &format!("{sign} action {key}"));
        if let Err(errno) = result {
            wrapped(
                &mut out,
                6,
                layout.width,
                BAD,
                &errno::failure(key, "the action's value", *errno),
            );
        }
    }
    out
}

/// What is held no longer and stays as it is, and why; nothing where all was put back.
fn let_go<'p>(plan: &'p Plan, outcome: &Outcome) -> Vec<(&'p Returned, String)> {
    if outcome.restored.is_empty() { super::rollback::let_go(plan) } else { Vec::new() }
}

/// What a value is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The baseline asks for it.
    Required,
    /// The baseline asks for it no longer.
    GivenBack,
    /// It is to stay as it was, and another write changes it.
    Kept,
}

fn purpose(plan: &Plan, step: &StepOutcome) -> Purpose {
    let (key, value) = (&step.step.key, &step.step.value);
    let is_so = |item: &Item| {
        item.live.as_deref().is_some_and(|live| agrees(item.desired.shape, value, live))
    };
    match plan.item(key) {
        Some(item) if is_so(item) => Purpose::Kept,
        Some(item) if plan.gives_back(item) => Purpose::GivenBack,
        _ => Purpose::Required,
    }
}

/// The steps as they are shown, each with how many it stands for: what was raised in several is
/// one line, from what it was to what it was to be.
fn lines(outcome: &Outcome) -> Vec<(StepOutcome, usize)> {
    let mut lines: Vec<(StepOutcome, usize)> = Vec::with_capacity(outcome.steps.len());
    for step in &outcome.steps {
        let Some((line, steps)) =
            lines.last_mut().filter(|(line, _)| step.step.rung && line.step.key == step.step.key)
        else {
            lines.push((step.clone(), 1));
            continue;
        };
        line.step.value.clone_from(&step.step.value);
        *steps += 1;
        // The one that failed says how it ended; what was not tried after others were says nothing.
        if !matches!(step.result, StepResult::Written | StepResult::NotTried) {
            line.result = step.result.clone();
        }
    }
    lines
}

fn short(item: &Item) -> String {
    words::live_status(item.live_status).replace('_', " ")
}

/// Parameters that an apply could not bring in sync in the running kernel, and why.
fn unmended(plan: &Plan) -> Vec<(&Item, String)> {
    let why = |item: &Item| words::cause(item).unwrap_or_else(|| "this kernel has it not".into());
    plan.left_out().map(|item| (item, why(item))).collect()
}

/// Parameters that another line takes back at the next boot, or may do so.
fn overridden(plan: &Plan) -> impl Iterator<Item = &Item> {
    plan.items
        .iter()
        .filter(|item| !item.waived())
        .filter(|i| matches!(i.boot_status, BootStatus::Overridden | BootStatus::Unknown))
}

/// Which line does so, and what becomes of it.
fn boot_notes(item: &Item) -> impl Iterator<Item = String> {
    let notes = item.notes.iter().filter(|note| is_boot_note(note));
    notes.map(|note| words::note(&item.desired.key, note))
}

/// `text` behind the key that it is about.
fn about((item, text): (&Item, String)) -> String {
    format!("{}: {text}", item.desired.key)
}

/// What an apply could not bring in sync, a line each.
pub fn not_applied(plan: &Plan) -> Vec<String> {
    unmended(plan).into_iter().map(about).collect()
}

/// What the next boot will take back, a line each.
pub fn taken_back(plan: &Plan) -> Vec<String> {
    overridden(plan).flat_map(|item| boot_notes(item).map(move |why| about((item, why)))).collect()
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
    match &outcome.stopped {
        Some(Stopped::Signal(name)) => errors.push(format!("stopped by {name}")),
        Some(Stopped::NoJournal(why)) => {
            errors.push(format!("stopped, because it could not be written down first: {why}"));
        }
        Some(Stopped::Strained { reserve_kb, wanted_kb, why }) => errors.push(format!(
            "stopped at a reserve of {reserve_kb} kB of {wanted_kb} kB, before the host ran short of \
             memory: {}",
            refusals::strained(why)
        )),
        None => {}
    }
    if let Some(Err(why)) = &outcome.restored_file {
        errors.push(format!("a file could not be put back: {why}"));
    }
    if let Some(why) = &outcome.not_kept {
        errors.push(format!("what goes with it could not be kept: {why}"));
    }
    if let DropinOutcome::Failed(why) = &outcome.dropin {
        errors.push(format!("nothing was persisted: {why}"));
    }
    if let DropinOutcome::Failed(why) = &outcome.host_file {
        errors.push(format!("the numbers made from RAM were not persisted: {why}"));
    }
    for (key, result) in &outcome.restored {
        if let Err(errno) = result {
            errors.push(format!("{key} could not be put back: {}", errno::errno_text(*errno)));
        }
    }
    errors
}

fn headline(out: &mut String, plan: &Plan, outcome: &Outcome) {
    let name = harmless(&plan.baseline.name);
    let lines = lines(outcome);
    let done = || lines.iter().filter(|(s, _)| s.result == StepResult::Written);
    let of = |wanted| done().filter(|(step, _)| purpose(plan, step) == wanted).count();
    let (written, given_back) = (of(Purpose::Required), of(Purpose::GivenBack));
    let failed = lines.len() - done().count();
    let unmended = unmended(plan).len();
    let undone = !outcome.restored.is_empty();
    let persisted = match outcome.dropin {
        DropinOutcome::Written => format!("persisted to {}", dropin::PATH),
        DropinOutcome::NotAsked if plan.files().any(Dropin::changes) => {
            "not persisted (--live-only): a reboot takes it back".into()
        }
        DropinOutcome::NotAsked => match plan.files().find(|file| file.differs()) {
            Some(unread) => {
                format!("whether persisted is not known: {} cannot be read", unread.path)
            }
            None => "persisted before".into(),
        },
        DropinOutcome::OnTrial => "on trial, nothing persisted yet".into(),
        DropinOutcome::Unchanged if plan.dropin.before.is_none() => "nothing to persist".into(),
        DropinOutcome::Unchanged => format!("{} was already as planned", dropin::PATH),
        DropinOutcome::LeftAlone => "nothing persisted".into(),
        DropinOutcome::Failed(_) => "could not be persisted".into(),
    };
    let mut text = if outcome.succeeded() || (done().count() > 0 && !undone) {
        let mut parts = Vec::new();
        if written > 0 || given_back == 0 {
            parts.push(format!("{written} written"));
        }
        if given_back > 0 {
            parts.push(format!("{given_back} given back"));
        }
        let left = let_go(plan, outcome).len();
        if left > 0 {
            parts.push(format!("{left} not given back"));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        if unmended > 0 {
            parts.push(format!("{unmended} not applied"));
        }
        parts.push(persisted);
        format!("{name}: {}", parts.join(", "))
    } else if undone {
        let back = outcome.restored.iter().filter(|(_, r)| r.is_ok()).count();
        let stuck = outcome.restored.len() - back;
        if stuck > 0 {
            format!("{name}: not applied; {back} put back, {stuck} could NOT be put back")
        } else {
            format!("{name}: not applied; what was written was put back ({back})")
        }
    } else if outcome.dropin == DropinOutcome::Written {
        format!("{name}: nothing written, {failed} failed, {persisted}")
    } else {
        format!("{name}: not applied")
    };
    let (unknown, lost): (Vec<_>, Vec<_>) = overridden(plan).partition(|item| item.boot_unknown());
    for (count, what) in
        [(lost.len(), "overridden at boot"), (unknown.len(), "with an unknown next boot")]
    {
        if count > 0 {
            let _ = write!(text, "; {count} {what}");
        }
    }
    let style = match (outcome.succeeded(), unmended + lost.len() + unknown.len()) {
        (true, 0) => HEAD.fg_color(GOOD.get_fg_color()),
        (true, _) => WARN,
        (false, _) => BAD,
    };
    styled_line(out, style, &text);
    for error in errors(outcome) {
        styled_line(out, BAD, &format!("! {error}"));
    }
}

/// A value of that step's parameter for its line.
fn value(step: &StepOutcome, text: &str) -> String {
    if crate::catalogue::is_unset(&step.step.key, text) {
        return "not set".into();
    }
    match secret::shown(&step.step.key, text) {
        text if text.trim().is_empty() => "(empty)".into(),
        text => cut(text, 40),
    }
}

/// How one step ended, in the word that scripts read.
pub fn step_result(step: &StepOutcome) -> &'static str {
    match step.result {
        StepResult::Written => "written",
        StepResult::Refused(_) => "refused",
        StepResult::Kept(_) => "kept",
        StepResult::Unreadable(_) => "unreadable",
        StepResult::NotTried => "not_tried",
    }
}

/// What went wrong with one step.
pub fn step_error(step: &StepOutcome) -> Option<String> {
    let key = &step.step.key;
    match &step.result {
        StepResult::Written | StepResult::NotTried => None,
        StepResult::Refused(errno) => Some(errno::failure(key, &step.step.value, *errno)),
        StepResult::Kept(now) => {
            let why =
                crate::catalogue::lookup(key).and_then(crate::catalogue::Parameter::reads_back);
            let why = why.map(|w| format!(" ({w})")).unwrap_or_default();
            Some(format!(
                "the kernel took the write and kept {}{why}",
                harmless(secret::shown(key, now))
            ))
        }
        StepResult::Unreadable(errno) => Some(format!(
            "the kernel took the write, and reading it back failed: {}",
            errno::errno_text(*errno)
        )),
    }
}
