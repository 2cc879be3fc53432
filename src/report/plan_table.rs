//! The table of a plan: what each parameter is now, is to be, and will be after a boot.

use std::borrow::Cow;

use anstyle::Style;

use crate::bootview::Loader;
use crate::catalogue::{self, Kind};
use crate::diff::{BootStatus, LiveStatus};
use crate::plan::{Item, Plan};

use super::plan::{Layout, Told, VALUE_WIDTH, details};
use super::style::{BAD, CHANGE, DIM, GOOD, WARN, blanks, cut, shortened, styled_line};
use super::{secret, words};

/// Blanks between two columns.
const GAP: usize = 2;
/// Between what is and what is to be.
const ARROW: &str = " -> ";
/// Before the values of a row that has a line for its key alone.
const FOLDED: &str = "    ";

/// The cells of one line.
struct Row<'a> {
    item: &'a Item,
    mark: char,
    style: Style,
    key: String,
    live: Cow<'a, str>,
    desired: Cow<'a, str>,
    boot: Cow<'a, str>,
    todo: Cow<'static, str>,
}

/// Writes a line, or two, for each parameter, and its details below.
pub(super) fn table(out: &mut String, plan: &Plan, layout: Layout) {
    if plan.items.is_empty() {
        return;
    }
    let rows: Vec<Row<'_>> = plan.items.iter().map(|item| row(item, plan.loader)).collect();
    let width = |cell: for<'r> fn(&'r Row<'_>) -> &'r str, head: &str| {
        rows.iter().map(|r| cell(r).chars().count()).max().unwrap_or(0).max(head.len())
    };
    let key = width(|r| &r.key, "parameter");
    let live = width(|r| &r.live, "live");
    let desired = width(|r| &r.desired, "desired");
    let boot = width(|r| &r.boot, "next boot");
    let todo = width(|r| &r.todo, "do");
    let mark = "~ ".len();
    let values = live + ARROW.len() + desired + GAP + boot + GAP + todo;
    let folded = layout.folds && mark + key + GAP + values > layout.width;
    let behind_key = |line: &mut String, key: &str, width: usize| {
        if folded {
            line.push_str(key);
            line.push('\n');
            line.push_str(FOLDED);
        } else {
            padded(line, key, width + GAP);
        }
    };
    let mut line = "  ".to_owned();
    behind_key(&mut line, "parameter", key);
    padded(&mut line, "live", live + ARROW.len());
    padded(&mut line, "desired", desired + GAP);
    padded(&mut line, "next boot", boot + GAP);
    line.push_str("do");
    styled_line(out, layout.style(DIM), &line);
    let mut told = Told::default();
    for row in &rows {
        line.clear();
        line.push(row.mark);
        line.push(' ');
        behind_key(&mut line, &row.key, key);
        padded(&mut line, &row.live, live);
        line.push_str(if row.item.write { ARROW } else { "    " });
        padded(&mut line, &row.desired, desired + GAP);
        padded(&mut line, &row.boot, boot + GAP);
        line.push_str(&row.todo);
        styled_line(out, layout.style(row.style), line.trim_end());
        details(out, row.item, plan, layout, &mut told);
    }
}

/// Adds a cell, and blanks up to its column's width.
fn padded(line: &mut String, cell: &str, width: usize) {
    line.push_str(cell);
    blanks(line, width.saturating_sub(cell.chars().count()));
}

fn row<'a>(item: &'a Item, loader: Loader) -> Row<'a> {
    let is_secret = item.desired.known.is_some_and(|known| known.kind() == Kind::Secret);
    let show = |text: &'a str| match text.trim_end() {
        "" => "(empty)".into(),
        _ if is_secret => secret::SECRET.into(),
        text => shortened(text, VALUE_WIDTH),
    };
    let live = match (&item.live, item.live_status) {
        (Some(text), _) if is_secret && catalogue::is_unset(&item.desired.key, text) => {
            "not set".into()
        }
        (Some(text), _) => show(text),
        (None, LiveStatus::Pending) => "not yet".into(),
        (None, LiveStatus::Absent) => "absent".into(),
        (None, LiveStatus::Differs) => "not set".into(),
        (None, _) => "unreadable".into(),
    };
    let desired = match item.desired.requirement.exact() {
        Some(text) => show(text),
        None => cut(&item.desired.requirement.to_string(), VALUE_WIDTH).into(),
    };
    let boot = match &item.boot(loader).value {
        Some(text) => show(text),
        None if item.boot_status == BootStatus::Unknown => "unknown".into(),
        None if item.left_to_kernel => "kernel's own".into(),
        None if item.boot(loader).other_name.is_some() => "unknown".into(),
        None => "unset".into(),
    };
    let (mark, style, todo) = verdict(item);
    Row {
        item,
        mark,
        style,
        key: cut(&item.desired.key.to_string(), 72),
        live,
        desired,
        boot,
        todo,
    }
}

/// Sign, colour and words for one parameter; the sign says without colour what the colour says.
fn verdict(item: &Item) -> (char, Style, Cow<'static, str>) {
    if item.desired.waiver.is_some() {
        return ('-', DIM, "waived".into());
    }
    if item.is_spared() {
        return ('-', DIM, "absent, optional".into());
    }
    if !item.refusals.is_empty() {
        return ('!', BAD, "refused".into());
    }
    let mut todo = Todo::default();
    if item.write {
        todo.add("write");
    }
    // A bound leaves open what will stand in the drop-in.
    let bound = item.persisted.as_deref().filter(|_| item.desired.requirement.exact().is_none());
    let persist = bound.map(|value| format!("persist {value}"));
    if item.persist {
        todo.add(persist.as_deref().unwrap_or("persist"));
    }
    let (mark, style) = match item.live_status {
        LiveStatus::Pending => {
            todo.add("pending");
            ('?', WARN)
        }
        LiveStatus::Absent
        | LiveStatus::Unreadable
        | LiveStatus::ReadOnly
        | LiveStatus::KernelKeeps => {
            todo.add(words::out_of_reach(item.live_status).unwrap_or_default());
            ('!', BAD)
        }
        LiveStatus::InSync if item.boot_status == BootStatus::Same && todo.0.is_empty() => {
            return ('=', GOOD, "in sync".into());
        }
        LiveStatus::InSync | LiveStatus::Differs => ('~', CHANGE),
    };
    if item.boot_status == BootStatus::Unknown {
        todo.add("boot not known");
        let (mark, style) = if mark == '!' { (mark, style) } else { ('?', WARN) };
        return (mark, style, todo.0.into());
    }
    if item.boot_status == BootStatus::Overridden {
        todo.add("overridden at boot");
        return ('!', BAD, todo.0.into());
    }
    (mark, style, todo.0.into())
}

/// What is to be done, or stands in the way.
#[derive(Default)]
struct Todo(String);

impl Todo {
    fn add(&mut self, words: &str) {
        if !self.0.is_empty() {
            self.0.push_str(", ");
        }
        self.0.push_str(words);
    }
}
