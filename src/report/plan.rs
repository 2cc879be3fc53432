//! A plan as text: the summary first, one aligned line a parameter, details below it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::Style;

use crate::bootview::{Loader, dropin};
use crate::diagnostic::{Position, Span};
use crate::key::Selector;
use crate::observed::{Facts, Virtualization};
use crate::plan::{Fate, Foreign, Item, Note, Plan, Returned};
use crate::value::agrees;

use super::plan_table::table;
use super::secret;
use super::style::{BAD, DIM, GOOD, HEAD, WARN, cut, harmless, styled_line, wrapped};
use super::{refusals, words};

/// Longest value in a column; the whole one is in the JSON.
pub(super) const VALUE_WIDTH: usize = 28;

/// How much is shown, and for what terminal.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Characters in a line.
    pub width: usize,
    /// Details also of parameters that are in sync.
    pub verbose: bool,
    /// Whether styles are seen there: what is not need not be made and stripped.
    pub styled: bool,
    /// Whether rows that are too long for a line are put on two. Programs that read a line a
    /// parameter find one.
    pub folds: bool,
}

impl Layout {
    /// A style, where styles are seen.
    pub(super) fn style(self, style: Style) -> Style {
        if self.styled { style } else { Style::new() }
    }
}

/// The plan as text.
pub fn plan(plan: &Plan, facts: &Facts, layout: Layout) -> String {
    let mut out = String::with_capacity(1024 + 512 * plan.items.len());
    headline(&mut out, plan, layout);
    host_line(&mut out, plan, facts, layout);
    out.push('\n');
    table(&mut out, plan, layout);
    given_back(&mut out, plan, layout);
    actions(&mut out, plan, layout);
    rest(&mut out, plan, layout);
    out
}

fn headline(out: &mut String, plan: &Plan, layout: Layout) {
    let summary = plan.summary();
    let total = plan.items.len();
    let name = harmless(&plan.baseline.name);
    let refused = refusals::refused(plan);
    let does_nothing = refused > 0 || plan.foreign().is_some();
    let refresh = match plan.files().find(|file| file.changes()).map(|file| &file.before) {
        None => None,
        Some(None) => Some("drop-in to write"),
        Some(Some(_)) => Some("drop-in to refresh"),
    };
    if total == 0 {
        let what = if plan.baseline.patterns.is_empty() {
            "nothing to hold"
        } else {
            "nothing to hold here yet: its patterns match no parameter"
        };
        let mut text = format!("{name}: {what}{}", to_give_back(plan));
        if does_nothing {
            text.push_str("; an apply would do nothing");
        } else if let Some(refresh) = refresh {
            let _ = write!(text, "; {refresh}");
        }
        styled_line(out, layout.style(HEAD), &text);
        return;
    }
    let total = words::counted(total, "parameter");
    if plan.in_sync() && summary.pending == 0 && !does_nothing {
        let mut apart = Vec::new();
        for (count, what) in [(summary.waived, "waived"), (summary.spared, "absent and optional")] {
            if count > 0 {
                apart.push(format!("{count} {what}"));
            }
        }
        let apart =
            if apart.is_empty() { String::new() } else { format!(" ({})", apart.join("; ")) };
        let text = format!(
            "{name}: in sync, now and after a reboot: {} of {total}{apart}",
            summary.in_sync
        );
        styled_line(out, HEAD.fg_color(GOOD.get_fg_color()), &text);
        return;
    }
    let mut parts = Vec::new();
    for (count, what) in [
        (refused, "refused"),
        (summary.to_write, "to write"),
        (summary.to_persist, "to persist"),
        (summary.in_sync, "in sync"),
        (summary.pending, "pending"),
        blocked(plan),
        (summary.overridden, "overridden at boot"),
        (summary.waived, "waived"),
        (summary.spared, "absent and optional"),
        (summary.boot_unknown, "with an unknown next boot"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let mut text = format!("{name}: {} of {total}", parts.join(", "));
    text.push_str(&to_give_back(plan));
    if does_nothing {
        text.push_str("; an apply would do nothing");
    } else if summary.to_persist == 0
        && let Some(refresh) = refresh
    {
        let _ = write!(text, "; {refresh}");
    }
    styled_line(out, layout.style(HEAD), &text);
}

/// How many an apply cannot bring in sync, and by what: what is refused is counted already.
fn blocked(plan: &Plan) -> (usize, &'static str) {
    let blocked = plan.items.iter().filter(|item| item.blocked() && item.refusals.is_empty());
    // What another file overrides is a count of its own.
    let whys: Vec<&str> =
        blocked.filter_map(|item| words::out_of_reach(item.live_status)).collect();
    let alike = whys.first().filter(|first| whys.iter().all(|why| why == *first));
    (whys.len(), alike.unwrap_or(&"blocked"))
}

/// How many parameters would be given back, behind the other counts.
fn to_give_back(plan: &Plan) -> String {
    let comes_back = |one: &&Returned| one.item.write && one.verdict == Fate::Restore;
    match plan.returned.iter().filter(comes_back).count() {
        0 => String::new(),
        count => format!("; {count} to give back"),
    }
}

fn host_line(out: &mut String, plan: &Plan, facts: &Facts, layout: Layout) {
    let mut text = format!(
        "{}: Linux {}, {} kB RAM",
        harmless(&facts.hostname),
        harmless(&facts.kernel_release),
        facts.mem_total_kb
    );
    // What this run did not need to know is left out.
    match facts.numa_nodes.len() {
        0 => {}
        1 => text.push_str(", 1 NUMA node"),
        nodes => {
            let _ = write!(text, ", {nodes} NUMA nodes");
        }
    }
    match &facts.virtualization {
        Virtualization::Unknown => {}
        Virtualization::None => text.push_str(", bare metal"),
        Virtualization::Vm(name) | Virtualization::Container(name) => {
            let _ = write!(text, ", {} ({})", facts.virtualization.kind(), harmless(name));
        }
    }
    let _ = write!(text, ", boots with {}", plan.loader);
    styled_line(out, layout.style(DIM), &text);
}

/// What has been said of a pattern's matches: of a hundred interfaces it is said once.
#[derive(Default)]
pub(super) struct Told(BTreeSet<(Option<Span>, String)>);

impl Told {
    /// Whether an earlier row of the same entry of the baseline, or for what concerns the whole
    /// host any earlier row, has said so.
    fn before(&mut self, item: &Item, concerns_host: bool, text: &str) -> bool {
        let entry = item.desired.pattern.as_ref().map(|_| item.desired.origin);
        if entry.is_none() && !concerns_host {
            return false;
        }
        !self.0.insert((entry.filter(|_| !concerns_host), text.to_owned()))
    }
}

pub(super) fn details(out: &mut String, item: &Item, plan: &Plan, layout: Layout, told: &mut Told) {
    let mut is_told =
        |concerns_host: bool, text: &str| !layout.verbose && told.before(item, concerns_host, text);
    let settled = item.in_sync() && !item.write && !item.persist && item.refusals.is_empty();
    let indent = 6;
    let width = layout.width;
    for refusal in &item.refusals {
        wrapped(out, indent, width, BAD, &refusals::refusal(refusal));
    }
    if let Some(cause) = words::cause(item)
        && !(words::is_of_host(item) && is_told(true, &cause))
    {
        wrapped(out, indent, width, WARN, &cause);
    }
    if let Some(waiver) = &item.desired.waiver {
        let text = format!("waived until {}: {}", waiver.until, waiver.reason);
        wrapped(out, indent, width, Style::new(), &text);
    }
    if !settled || layout.verbose {
        if let Some(arithmetic) = &item.desired.arithmetic
            && !is_told(false, arithmetic)
        {
            wrapped(out, indent, width, Style::new(), arithmetic);
        }
        if let Some(reason) = &item.desired.reason
            && !is_told(false, reason)
        {
            wrapped(out, indent, width, layout.style(DIM), reason);
        }
        if let Some(source) = &item.boot(plan.loader).source {
            let is_ours = dropin::PATHS.contains(&&*source.file);
            if !is_ours || layout.verbose {
                let text = set_at_boot(source, &item.beaten);
                wrapped(out, indent, width, DIM, &text);
            }
        }
    }
    both_loaders(out, item, plan.loader, layout);
    for note in &item.notes {
        if matches!(note, Note::OtherLoader { .. }) {
            continue;
        }
        // The refusal has said it, in bold.
        if item.refusals.iter().any(|r| is_hazard_of(note, r)) {
            continue;
        }
        let warning = words::is_warning(note);
        let always = is_boot_note(note) || matches!(note, Note::Unreached { .. });
        if layout.verbose || (warning && !settled) || always {
            let (style, label) = if warning { (WARN, "note: ") } else { (DIM, "") };
            let text = format!("{label}{}", words::note(&item.desired.key, note));
            if !is_told(matches!(note, Note::UnseenAtBoot { .. }), &text) {
                wrapped(out, indent, width, layout.style(style), &text);
            }
        }
    }
    if layout.verbose {
        let position = Position::of(item.desired.origin, &plan.baseline.sources);
        wrapped(out, indent, width, DIM, &format!("asked for at {position}"));
        if let Some(reference) = &item.desired.reference {
            wrapped(out, indent, width, DIM, &format!("source: {reference}"));
        }
        if let Some(known) = item.desired.known {
            wrapped(out, indent, width, DIM, &format!("{} ({})", known.summary(), known.source()));
        }
    }
}

/// Which line sets a parameter at the next boot, and which lines lose to it.
fn set_at_boot(source: &Position, beaten: &[Position]) -> String {
    let mut text = format!("next boot: set by {source}");
    if !beaten.is_empty() {
        let beaten: Vec<String> = beaten.iter().map(ToString::to_string).collect();
        let _ = write!(text, " (over {})", beaten.join(", "));
    }
    text
}

/// What each loader would leave, wherever they disagree: now, or once the drop-in is as planned.
fn both_loaders(out: &mut String, item: &Item, loader: Loader, layout: Layout) {
    let key = &item.desired.key;
    let told = |value: Option<&str>, source: Option<&Position>| match (value, source) {
        (Some(value), Some(source)) => {
            format!("{} ({source})", cut(secret::shown(key, value), VALUE_WIDTH))
        }
        (Some(value), None) => cut(secret::shown(key, value), VALUE_WIDTH),
        (None, Some(source)) => format!("unknown ({source})"),
        (None, None) => "unset".to_owned(),
    };
    let mut say = |when: &str, own: String, other: String| {
        let text = format!(
            "note: the loaders disagree{when}: {loader}: {own}; {}: {other}",
            loader.other()
        );
        wrapped(out, 6, layout.width, WARN, &text);
    };
    let (own, other) = (item.boot(loader), item.boot(loader.other()));
    let differ = match (&own.value, &other.value) {
        (Some(one), Some(two)) => !agrees(item.desired.shape, one, two),
        (one, two) => one.is_some() != two.is_some(),
    };
    if differ {
        say(
            "",
            told(own.value.as_deref(), own.source.as_ref()),
            told(other.value.as_deref(), other.source.as_ref()),
        );
    }
    for note in &item.notes {
        let Note::OtherLoader { value, source, .. } = note else { continue };
        if differ && (value, source) == (&other.value, &other.source) {
            continue;
        }
        let planned = match (&item.overridden_by, &item.persisted) {
            (Some(winner), _) => told(winner.value.as_deref(), winner.source.as_ref()),
            (None, Some(value)) => told(Some(value), None),
            (None, None) => told(own.value.as_deref(), own.source.as_ref()),
        };
        say(" even with the drop-in", planned, told(value.as_deref(), source.as_ref()));
    }
}

fn is_hazard_of(note: &Note, refusal: &crate::plan::Refusal) -> bool {
    matches!(note, Note::Hazard(hazard) if hazard.guard() == refusal.guard())
}

/// Remarks on the boot are shown even where all is well: the two loaders disagree.
pub(super) fn is_boot_note(note: &Note) -> bool {
    matches!(
        note,
        Note::OverriddenBy { .. }
            | Note::ZeroedAtBoot { .. }
            | Note::RefusedLine(_)
            | Note::ExcludedAtBoot { .. }
            | Note::UnseenAtBoot { .. }
            | Note::SetByOtherName { .. }
            | Note::UntilReboot { .. }
            | Note::HiddenUntilReboot { .. }
            | Note::PutRightAtBoot
    )
}

/// What the baseline asks for no longer.
fn given_back(out: &mut String, plan: &Plan, layout: Layout) {
    if plan.returned.is_empty() {
        return;
    }
    out.push('\n');
    let head = "not in the baseline: given back as they were before tunectl";
    styled_line(out, HEAD, head);
    super::rollback::table(out, plan, &|_, _| String::new(), layout);
    super::rollback::unset_at_boot(out, plan, layout);
}

fn actions(out: &mut String, plan: &Plan, layout: Layout) {
    if plan.baseline.actions.is_empty() {
        return;
    }
    out.push('\n');
    styled_line(out, layout.style(HEAD), "actions: verbs, run only with `apply --run-actions`");
    for action in &plan.baseline.actions {
        let value = action.requirement.exact().unwrap_or_default();
        let _ = writeln!(out, "  {} = {}", action.key, harmless(value));
        if let Some(reason) = &action.reason {
            wrapped(out, 6, layout.width, layout.style(DIM), reason);
        }
    }
}

fn rest(out: &mut String, plan: &Plan, layout: Layout) {
    let mut lines: Vec<(Style, String)> = Vec::new();
    // That one could not be read is among the problems below.
    for (what, path) in plan.in_place().filter(|(what, _)| *what != Foreign::Unread) {
        lines.push((BAD, words::foreign(what, path)));
    }
    let given_back = |selector: &Selector| plan.returned.iter().any(|r| selector.covers(&r.key));
    for selector in plan.dropin.leaving.iter().filter(|selector| !given_back(selector)) {
        let text =
            format!("{selector} leaves the drop-in; its live value stays until the next reboot");
        lines.push((WARN, text));
    }
    if plan.dropin.changes() && plan.unapplied().altered {
        lines.push((WARN, words::ALTERED.to_owned()));
    }
    let rolled_back = plan.items.iter().filter(|i| i.notes.contains(&Note::RolledBack)).count();
    if rolled_back > 0 {
        // Of a rollback of everything that is also what tunectl had not written.
        let (are, them) = if rolled_back == 1 { ("is", "it") } else { ("are", "them") };
        let text = format!(
            "{rolled_back} of these {are} let go by a rollback: the boot unit and the daemon leave \
             {them} alone until the next `tunectl apply`, which takes {them} back"
        );
        lines.push((WARN, text));
    }
    lines.extend(words::remedy(plan).map(|line| (WARN, line.to_owned())));
    lines.extend(words::remarks(&plan.baseline).into_iter().map(|line| (WARN, line)));
    for problem in &plan.boot_problems {
        let text = words::problem(problem);
        let text = if words::is_unreadable_here(problem) {
            text
        } else {
            format!("at boot, {} will stumble over {text}", plan.loader)
        };
        lines.push((WARN, text));
    }
    if !lines.is_empty() {
        out.push('\n');
    }
    for (style, line) in lines {
        wrapped(out, 0, layout.width, style, &line);
    }
}
