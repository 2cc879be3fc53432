//! How systemd-sysctl orders, reads and keys the files.
//!
//! It gathers all lines into one ordered map before it writes anything: a second value for a key
//! removes the first and goes to the end, so that an invalid later value leaves the key unset.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::forms::{Form, braces, without_idle_backslashes, without_idle_end};
use super::line::{Before, LONG_LINE_BYTES, Line, Saying, each_read};
use super::problem::{ProblemKind, not_a_key};
use super::{Assignment, Changes, Fence, Outcome, by_name, ends_in_conf, line_of};
use crate::diagnostic::Position;
use crate::key::{has_wildcard, to_slashes};
use crate::observed::{ConfTree, as_text, first_of};

/// What systemd strips from both ends; vertical tab and form feed are not among it.
const BLANKS: &[u8] = b" \t\n\r";

/// What systemd-sysctl makes of the tree.
pub(super) fn outcome(tree: &ConfTree, cmdline: &[Assignment], before: Before<'_>) -> Outcome {
    let mut outcome = Outcome::starting_with(cmdline, &tree.dirs);
    let mut map = Map::default();
    // Hidden files are skipped, unlike in procps.
    for file in by_name(&tree.dirs, |name| ends_in_conf(name) && !name.starts_with('.')) {
        let Some((path, text)) = outcome.open(file) else { continue };
        let lines = outcome.read.of(text, before, read);
        outcome.lines.reserve(lines.len());
        map.slots.reserve(lines.len());
        for line in lines.iter() {
            map.carry_out(&mut outcome, line, &path);
        }
    }
    map.finish(&mut outcome);
    outcome
}

/// What the lines of a text say.
pub(super) fn read(text: &[u8]) -> Vec<Line> {
    let mut rest = text;
    let lines = std::iter::from_fn(|| {
        let line = next_line(&mut rest)?;
        if line.len() >= LONG_LINE_BYTES {
            rest = &[];
        }
        Some(line)
    });
    each_read(lines, read_line)
}

/// Cuts the next line off: it ends at a newline, a carriage return, a NUL, or a run of them in
/// which each occurs once and NUL comes last.
pub(super) fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let text_end = first_of([0, b'\n', b'\r'], rest).unwrap_or(rest.len());
    let (line, ends) = rest.split_at(text_end);
    let mut seen: &[u8] = &[];
    for (at, byte) in ends.iter().enumerate() {
        if !matches!(byte, 0 | b'\n' | b'\r') || seen.contains(&0) || seen.contains(byte) {
            break;
        }
        seen = &ends[..=at];
    }
    *rest = &ends[seen.len()..];
    Some(line)
}

fn strip(text: &[u8]) -> &[u8] {
    let from = text.iter().position(|b| !BLANKS.contains(b)).unwrap_or(text.len());
    let to = text.iter().rposition(|b| !BLANKS.contains(b)).map_or(from, |last| last + 1);
    &text[from..to]
}

/// The key as systemd stores it: separators swapped where a dot comes first, then empty and `.`
/// components and the leading slash removed. `..` stays; its write is refused.
fn normalise(text: &str) -> String {
    let path = to_slashes(text);
    if path.split('/').all(|p| !p.is_empty() && p != ".") { path } else { simplify(&path) }
}

fn simplify(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    parts.join("/")
}

/// What a line says; `None` for a comment or an empty one.
fn read_line(line: &[u8], number: u32) -> Option<Line> {
    if line.len() >= LONG_LINE_BYTES {
        return Some(Line { number, problems: vec![ProblemKind::LongLine], says: None });
    }
    let line = strip(line);
    if matches!(line.first(), None | Some(b'#' | b';')) {
        return None;
    }
    let mut problems = Vec::new();
    if std::str::from_utf8(line).is_err() {
        problems.push(ProblemKind::NotUtf8);
    }
    let dash = line[0] == b'-';
    let body = if dash { &line[1..] } else { line };
    let (key, value) = match body.iter().position(|b| *b == b'=') {
        Some(at) => (&body[..at], Some(strip(&body[at + 1..]))),
        None if dash => (body, None),
        None => {
            let text = String::from_utf8_lossy(line).into_owned();
            problems.push(ProblemKind::NotAnAssignment(text));
            return Some(Line { number, problems, says: None });
        }
    };
    let path = normalise(&as_text(strip(key)));
    let is_glob = has_wildcard(&path);
    let (mut forms, told) = (Vec::new(), problems.len());
    if is_glob && path.contains(['{', '\\']) {
        forms = forms_of(&path, &mut problems);
    } else if let Some(problem) = not_a_key(&path) {
        problems.push(problem);
    }
    if problems.len() == told && value.is_none() && has_wildcard(&path) {
        problems.push(ProblemKind::GlobExclusion(path.clone()));
    }
    let value = value.map(|value| as_text(value).into());
    let literal: Arc<str> = path.into();
    let mut forms = forms.into_iter();
    let (path, changes) = match forms.next() {
        Some(form) => (form.path, form.changes),
        None => (Arc::clone(&literal), Changes::of(&literal)),
    };
    let says = Saying { literal, path, is_glob, value, dash, changes, more: forms.collect() };
    Some(Line { number, problems, says: Some(says) })
}

/// The globs that are made of one with braces or backslashes. Only a glob is expanded; of the
/// results those with `..` are refused, and explicit keys are found whatever their spelling.
fn forms_of(glob: &str, problems: &mut Vec<ProblemKind>) -> Vec<Form> {
    let Some(all) = braces(glob) else {
        problems.push(ProblemKind::TooManyForms(glob.to_owned()));
        return Vec::new();
    };
    let mut forms: Vec<Form> = Vec::new();
    let mut problem = None;
    for one in all {
        let one = without_idle_backslashes(&one);
        let one = without_idle_end(&one);
        let path: Arc<str> = simplify(one).into();
        problem = problem.or_else(|| not_a_key(&path));
        let is_file = !matches!(one.rsplit('/').next(), Some("" | "."));
        let is_normal = !path.split('/').any(|part| part == "..");
        if is_file && is_normal && forms.iter().all(|form| form.path != path) {
            forms.push(Form::of_glob(Arc::clone(&path), path));
        }
    }
    problems.extend(problem);
    forms
}

/// The ordered map: an entry that was replaced leaves a hole.
#[derive(Default)]
struct Map {
    slots: Vec<Option<Slot>>,
    index: BTreeMap<Arc<str>, usize>,
}

struct Slot {
    /// The assignment, as an index into the outcome's lines; `None` for an exclusion.
    line: Option<usize>,
    /// How many assignments, from that one on.
    forms: usize,
    path: Arc<str>,
    is_glob: bool,
    source: Position,
}

impl Map {
    fn carry_out(&mut self, outcome: &mut Outcome, line: &Line, file: &Arc<str>) {
        let source = line_of(file, line.number);
        outcome.problems_at(&source, line);
        let Some(says) = &line.says else { return };
        match &says.value {
            Some(value) => self.assign(outcome, says, value, &source),
            None => self.exclude(outcome, says, source),
        }
    }

    fn assign(
        &mut self,
        outcome: &mut Outcome,
        says: &Saying,
        value: &Arc<str>,
        source: &Position,
    ) {
        if says.is_glob && !outcome.has_room_for(says.forms(), source) {
            return;
        }
        let mut ignore_errors = says.dash;
        let here = outcome.lines.len();
        let at = self.index.get(&says.literal).copied();
        let earlier = at.and_then(|at| self.slots[at].as_mut());
        // The same value again keeps its place; of the two lines the later one is told.
        if let Some(slot) = earlier
            && let Some(line) = slot.line
            && outcome.lines[line].value == *value
        {
            ignore_errors |= outcome.lines[line].ignore_errors;
            slot.line = Some(here);
        } else {
            let (path, source) = (Arc::clone(&says.literal), source.clone());
            let (line, forms) = (Some(here), says.forms());
            self.put(Slot { line, forms, path, is_glob: says.is_glob, source });
        }
        outcome.lines.extend(says.each_form().map(|(_, path, changes)| Assignment {
            is_glob: says.is_glob,
            changes: changes.clone(),
            selector_text: Arc::clone(path),
            value: Arc::clone(value),
            source: source.clone(),
            order: None,
            ignore_errors,
        }));
    }

    fn exclude(&mut self, outcome: &mut Outcome, says: &Saying, source: Position) {
        let (path, is_glob) = (Arc::clone(&says.literal), says.is_glob);
        if let Some(at) = self.index.get(&path)
            && let Some(slot) = &self.slots[*at]
        {
            let Some(line) = slot.line else { return };
            let earlier = outcome.lines[line].source.clone();
            outcome.problem(
                source.clone(),
                ProblemKind::TakenBack { path: path.to_string(), earlier },
            );
        }
        self.put(Slot { line: None, forms: 0, path, is_glob, source });
    }

    fn put(&mut self, slot: Slot) {
        if let Some(old) = self.index.insert(slot.path.clone(), self.slots.len()) {
            self.slots[old] = None;
        }
        self.slots.push(Some(slot));
    }

    fn finish(self, outcome: &mut Outcome) {
        outcome.sequence.reserve(self.slots.len());
        outcome.fences.reserve(self.slots.len());
        for slot in self.slots.into_iter().flatten() {
            for line in slot.line.into_iter().flat_map(|line| line..line + slot.forms) {
                outcome.lines[line].order = Some(outcome.sequence.len());
                outcome.sequence.push(line);
            }
            if !slot.is_glob {
                let exclusion = slot.line.is_none().then_some(slot.source);
                outcome.fences.push(Fence {
                    literal: slot.path.clone(),
                    path: slot.path,
                    exclusion,
                });
            }
        }
    }
}
