//! What is given back: as values, and as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;

use crate::bootview::Loader;
use crate::catalogue;
use crate::diff::Cause;
use crate::key::{Key, swap_separators};
use crate::observed::Facts;
use crate::plan::{
    Dropin, DropinOutcome, Fate, Origin, Outcome, Plan, Returned, StepOutcome, StepResult,
};
use crate::wire::{self, ROLLBACK_SCHEMA};

use super::plan::Layout;
use super::style::{
    BAD, CHANGE, DIM, GOOD, HEAD, WARN, cut, harmless, paint, styled_line, wrapped,
};
use super::{errno, json, outcome, refusals, secret, words};

/// Longest value in a column.
const VALUE_WIDTH: usize = 40;

/// One parameter.
pub fn returned(one: &Returned) -> wire::Returned {
    let hide = |text: &str| secret::shown(&one.key, text).trim_end().to_owned();
    let was = one.was.as_ref().map(|was| {
        let mut told = wire::Was {
            key: was.key.to_string(),
            value: secret::shown(&was.key, &was.value).to_owned(),
            origin: String::new(),
            source: None,
            day: None,
            mem_total_kb: None,
        };
        told.origin = match &was.origin {
            Origin::ThisBoot => "this_boot",
            Origin::BootFiles(source) => {
                told.source = source.as_ref().map(ToString::to_string);
                "boot_files"
            }
            Origin::First { day, mem_total_kb } => {
                (told.day, told.mem_total_kb) = (Some(day.clone()), Some(*mem_total_kb));
                "first"
            }
        }
        .into();
        told
    });
    wire::Returned {
        key: one.key.to_string(),
        live: one.live.as_deref().map(hide),
        was,
        verdict: match &one.verdict {
            _ if !one.item.refusals.is_empty() => "refused",
            Fate::Restore => "restore",
            Fate::Already => "already",
            Fate::Changed { .. } => "changed",
            Fate::Latched => "latched",
            Fate::Unknown | Fate::Hidden => "unknown",
            Fate::Stuck => "stuck",
            Fate::Bound { .. } => "bound",
        }
        .into(),
        left: match &one.verdict {
            Fate::Changed { left, .. } => Some(hide(left)),
            _ => None,
        },
        by: None,
        boot: one.boot.value.as_deref().map(|text| wire::BootValue {
            value: Some(secret::shown(one.was.as_ref().map_or(&one.key, |w| &w.key), text).into()),
            source: one.boot.source.as_ref().map(ToString::to_string),
        }),
        refused_by: one.item.refusals.iter().map(|r| r.guard().to_owned()).collect(),
        note: note(one, "").or_else(|| origin(one)),
    }
}

/// A rollback that is planned; `held`: it lets the host's own baseline go besides; `who` tells who
/// has made a parameter what it reads.
pub fn planned(
    plan: &Plan,
    held: bool,
    facts: &Facts,
    who: &dyn Fn(&Key, &str) -> String,
) -> wire::Rollback {
    let parameters = plan.returned.iter().map(|one| {
        let by = match one.verdict {
            Fate::Changed { .. } => who(&one.key, one.live.as_deref().unwrap_or_default()),
            _ => String::new(),
        };
        let by = Some(by.trim_start_matches(", by ").to_owned()).filter(|by| !by.is_empty());
        let returned = wire::Returned { by, ..returned(one) };
        wire::RolledBack { returned, result: None, error: None }
    });
    let loader = if facts.systemd { Loader::Systemd } else { Loader::Procps };
    wire::Rollback {
        schema: ROLLBACK_SCHEMA.into(),
        result: if is_nothing(plan, held) { "nothing" } else { "planned" }.into(),
        host: json::host(facts, loader),
        parameters: parameters.collect(),
        dropin: file(&plan.dropin),
        host_file: file(&plan.host_file),
        restored: Vec::new(),
        errors: Vec::new(),
    }
}

/// Whether there is nothing that tunectl has to do with, nor is a baseline `held`.
pub fn is_nothing(plan: &Plan, held: bool) -> bool {
    plan.returned.is_empty() && !plan.changes() && !held
}

fn file(file: &Dropin) -> wire::FileRolledBack {
    let todo = match (file.changes(), file.gone) {
        (false, _) => "none",
        (true, true) => "remove",
        (true, false) => "edit",
    };
    wire::FileRolledBack { path: file.path.into(), todo: todo.into(), result: None }
}

/// Adds to a planned rollback how it ended.
pub fn ended(told: &mut wire::Rollback, plan: &Plan, done: &Outcome) {
    // The last of each.
    let steps: BTreeMap<&Key, &StepOutcome> =
        done.steps.iter().map(|outcome| (&outcome.step.key, outcome)).collect();
    for (told, one) in told.parameters.iter_mut().zip(&plan.returned) {
        let Some(step) = steps.get(&one.item.desired.key) else { continue };
        told.result = Some(outcome::step_result(step).into());
        told.error = outcome::step_error(step);
    }
    told.dropin.result = Some(words::file_outcome(&done.dropin).into());
    told.host_file.result = Some(words::file_outcome(&done.host_file).into());
    told.restored = done
        .restored
        .iter()
        .map(|(key, result)| wire::ActionOutcome {
            key: key.to_string(),
            error: result.as_ref().err().map(|errno| errno::errno_text(*errno)),
        })
        .collect();
    told.errors = outcome::errors(done);
    let some = done.steps.iter().any(|s| s.result == StepResult::Written);
    let whole = unread(plan).next().is_none();
    told.errors.extend(unread(plan));
    told.result = match (done.succeeded(), done.moved.is_empty()) {
        (true, _) if whole => "rolled_back",
        (true, _) => "incomplete",
        (false, false) => "refused",
        (false, true) if some && done.restored.is_empty() => "incomplete",
        (false, true) => "failed",
    }
    .into();
}

/// What would come back, as text: the counts first, then a line each.
pub fn text(plan: &Plan, held: bool, who: &dyn Fn(&Key, &str) -> String, layout: Layout) -> String {
    let mut out = String::new();
    if is_nothing(plan, false) {
        let text =
            "rollback: nothing to give back: tunectl has written nothing that is still there";
        styled_line(&mut out, HEAD.fg_color(GOOD.get_fg_color()), text);
        if held {
            out.push_str("\nthis host's own baseline is let go\n");
        }
        return out;
    }
    let mut parts = Vec::new();
    for (what, is_so) in [
        ("refused", &(|r: &Returned| !r.item.refusals.is_empty()) as &dyn Fn(&Returned) -> bool),
        ("to come back", &|r| r.item.refusals.is_empty() && r.verdict == Fate::Restore),
        ("as before already", &|r| r.verdict == Fate::Already),
        ("changed since by others", &|r| matches!(r.verdict, Fate::Changed { .. })),
        ("only a reboot undoes", &|r| r.verdict == Fate::Latched),
        ("not known what it was", &|r| matches!(r.verdict, Fate::Unknown | Fate::Hidden)),
        ("out of reach", &|r| r.verdict == Fate::Stuck),
        ("bound to others", &|r| matches!(r.verdict, Fate::Bound { .. })),
    ] {
        let count = plan.returned.iter().filter(|r| is_so(r)).count();
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let all = words::counted(plan.returned.len(), "parameter");
    let head = format!("rollback: {} of {all}", parts.join(", "));
    let _ = writeln!(out, "{}\n", paint(HEAD, &head));
    table(&mut out, plan, who, layout);
    unset_at_boot(&mut out, plan, layout);
    for file in plan.files().filter(|file| file.changes()) {
        let what = if file.gone { "is taken away" } else { "loses the lines of these" };
        let _ = writeln!(out, "\n{} {what}", file.path);
    }
    for file in plan.files().filter(|file| file.is_left()) {
        let text = format!(
            "{} is not as tunectl wrote it and stays: the next boot sets what it says",
            file.path
        );
        out.push('\n');
        wrapped(&mut out, 0, layout.width, WARN, &text);
    }
    out
}

/// A line for each parameter, with what is worth knowing below it.
pub fn table(out: &mut String, plan: &Plan, who: &dyn Fn(&Key, &str) -> String, layout: Layout) {
    let live = |one: &Returned| match &one.live {
        Some(text) => value(&one.key, text),
        None if one.unread().is_some() => "unreadable".to_owned(),
        None => "not there".to_owned(),
    };
    let before = |one: &Returned| match &one.was {
        None => "not known".to_owned(),
        Some(was) if was.key == one.key => value(&was.key, &was.value),
        Some(was) => format!("{} = {}", was.key, value(&was.key, &was.value)),
    };
    let width = |cell: &dyn Fn(&Returned) -> String, head: &str| {
        let widths = plan.returned.iter().map(|one| cell(one).chars().count());
        widths.max().unwrap_or(0).max(head.len())
    };
    let key = width(&|one| one.key.to_string(), "parameter");
    let now = width(&live, "now");
    let head = format!("  {:key$}  {:now$}    before tunectl", "parameter", "now");
    styled_line(out, DIM, &head);
    let mut told = BTreeSet::new();
    for one in &plan.returned {
        let (mark, style) = sign(one);
        let arrow = if one.item.write { "->" } else { "  " };
        let name = one.key.to_string();
        let line = format!("{mark} {name:key$}  {:now$} {arrow} {}", live(one), before(one));
        styled_line(out, style, line.trim_end());
        let by = match one.verdict {
            Fate::Changed { .. } => who(&one.key, one.live.as_deref().unwrap_or_default()),
            _ => String::new(),
        };
        let is_of_host = match one.verdict {
            Fate::Hidden => true,
            Fate::Stuck => words::is_of_host(&one.item),
            _ => false,
        };
        let is_new = |text: &String| layout.verbose || !is_of_host || told.insert(text.clone());
        let note = note(one, &by).filter(is_new);
        for text in note.into_iter().chain(origin(one)).chain(next_boot(one)) {
            wrapped(out, 6, layout.width, style, &text);
        }
    }
}

fn sign(one: &Returned) -> (char, Style) {
    match one.verdict {
        _ if !one.item.refusals.is_empty() => ('!', BAD),
        Fate::Restore => ('<', CHANGE),
        Fate::Already => ('=', GOOD),
        Fate::Changed { .. } | Fate::Bound { .. } => ('-', WARN),
        Fate::Latched | Fate::Unknown | Fate::Hidden | Fate::Stuck => ('!', WARN),
    }
}

fn value(key: &Key, text: &str) -> String {
    if catalogue::is_unset(key, text) {
        return "not set".into();
    }
    match secret::shown(key, text) {
        text if text.trim().is_empty() => "(empty)".into(),
        text => cut(text, VALUE_WIDTH),
    }
}

/// What stands in the way of it.
fn note(one: &Returned, by: &str) -> Option<String> {
    if let Some(refusal) = one.item.refusals.first() {
        return Some(refusals::refusal_back(refusal));
    }
    match &one.verdict {
        Fate::Restore if !one.item.write => {
            one.because_of.as_ref().map(|other| format!("comes back with {other}"))
        }
        Fate::Restore | Fate::Already => None,
        Fate::Changed { left, by_file } => {
            let left = value(&one.key, left);
            let live = value(&one.key, one.live.as_deref().unwrap_or_default());
            let by = harmless(by);
            Some(if *by_file {
                format!("left alone: it reads {live}{by}, and the drop-in says {left}")
            } else {
                format!("left alone: changed since from {left} to {live}{by}")
            })
        }
        Fate::Latched => Some("only a reboot undoes it; the drop-in no longer sets it".into()),
        Fate::Unknown => {
            Some("what it was before tunectl is not known: it stays until the next reboot".into())
        }
        Fate::Hidden => Some("what it was before tunectl is for root to see".into()),
        // What baseline it was of, and whether that names a module, does not matter any more.
        Fate::Stuck if one.item.cause.as_ref().is_some_and(is_absence) => {
            Some("it is not there now: its next value is the kernel's own".into())
        }
        Fate::Stuck => Some(
            words::cause(&one.item).unwrap_or_else(|| "it cannot be read or written here".into()),
        ),
        Fate::Bound { to } => Some(format!(
            "stays as it is, and held: a write to it changes {to} as well, which stays held"
        )),
    }
}

/// What an apply lets go as it is, and why.
pub fn let_go(plan: &Plan) -> Vec<(&Returned, String)> {
    let stays =
        |one: &&Returned| one.is_given() && !matches!(one.verdict, Fate::Restore | Fate::Already);
    let told = |one| Some((one, note(one, "")?));
    plan.returned.iter().filter(stays).filter_map(told).collect()
}

/// What the next boot sets instead of what comes back.
fn next_boot(one: &Returned) -> Option<String> {
    let was = one.until_reboot()?;
    let source = one.boot.source.as_ref()?;
    let sets = match (&one.boot.value, &one.boot.by) {
        (Some(text), _) => value(&was.key, text),
        (None, by) => {
            format!("{}, which is the same in another unit", swap_separators(by.as_deref()?))
        }
    };
    Some(format!("until a reboot: {source} sets {sets}"))
}

/// That no file sets what comes back, which may be more than what the kernel starts with.
pub fn unset_at_boot(out: &mut String, plan: &Plan, layout: Layout) {
    let unset = |one: &&Returned| one.until_reboot().is_some() && one.boot.is_unset();
    let count = plan.returned.iter().filter(unset).count();
    if count > 0 {
        let text = format!(
            "the next boot: no file sets {count} of these, so they are what the kernel starts with"
        );
        out.push('\n');
        wrapped(out, 0, layout.width, Style::new(), &text);
    }
}

/// Whether that is why something is not there.
fn is_absence(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Unknown(_)
            | Cause::ModuleNotLoaded(_)
            | Cause::NoInterface(_)
            | Cause::OtherNamespace
    )
}

/// How it is known what it was, where that is not from this boot.
fn origin(one: &Returned) -> Option<String> {
    match &one.was.as_ref()?.origin {
        Origin::ThisBoot => None,
        Origin::BootFiles(Some(source)) => Some(format!("as {source} sets it at boot")),
        Origin::BootFiles(None) => Some("as the other files leave it at boot".into()),
        Origin::First { day, mem_total_kb } => Some(format!(
            "as it was before tunectl's first write, on {} with {mem_total_kb} kB RAM: no file sets \
             it since",
            harmless(day)
        )),
    }
}

/// What cannot be read, and so stays as it is, and held, a line each.
pub fn unread(plan: &Plan) -> impl Iterator<Item = String> {
    plan.returned.iter().filter_map(|one| {
        let why = errno::errno_text(one.unread()?);
        Some(format!("{} cannot be read, and so not be given back: {why}", one.key))
    })
}

/// How a rollback ended, as text.
pub fn ended_text(plan: &Plan, done: &Outcome, layout: Layout) -> String {
    let mut out = String::new();
    let written = done.steps.iter().filter(|s| s.result == StepResult::Written).count();
    let failed = done.steps.len() - written;
    let stuck: Vec<String> = unread(plan).collect();
    let failed = failed + stuck.len();
    let good = done.succeeded() && stuck.is_empty();
    let mut text = if good {
        format!("rolled back: {written} written")
    } else if !done.restored.is_empty() || (written == 0 && !done.succeeded()) {
        "not rolled back: what was written was put back".to_owned()
    } else {
        format!("rolled back as far as it goes: {written} written, {failed} failed")
    };
    for (file, what) in plan.files().zip(done.files()) {
        if *what == DropinOutcome::Written {
            let done = if file.gone { "taken away" } else { "edited" };
            let _ = write!(text, ", {} {done}", file.path);
        }
    }
    let style = if good { HEAD.fg_color(GOOD.get_fg_color()) } else { BAD };
    styled_line(&mut out, style, &text);
    for error in outcome::errors(done).into_iter().chain(stuck) {
        styled_line(&mut out, BAD, &format!("! {error}"));
    }
    for step in done.steps.iter().filter(|s| s.result != StepResult::Written) {
        if let Some(error) = outcome::step_error(step) {
            styled_line(&mut out, BAD, &format!("! {}", step.step.key));
            wrapped(&mut out, 6, layout.width, BAD, &error);
        }
    }
    out
}
