//! How `sysctl --system` of procps-ng orders, reads and keys the files.
//!
//! It writes every assignment in turn, duplicates too, so that an invalid later value leaves an
//! earlier one standing.

use std::sync::Arc;

use super::forms::{Form, braces, dotted, without_idle_backslashes, without_idle_end};
use super::line::{Before, Line, Saying, each_read};
use super::problem::{ProblemKind, not_a_key};
use super::{Assignment, Changes, Fence, Outcome, by_name, ends_in_conf, line_of};
use crate::key::{glob_matches, has_wildcard, to_slashes};
use crate::observed::{ConfBody, ConfFile, ConfTree, Errno, as_text, first_of};

/// A refused value is tried again in pieces of at most so many bytes, divided at a comma.
const PIECE_BYTES: usize = 4096;

/// What procps makes of the tree.
pub(super) fn outcome(tree: &ConfTree, cmdline: &[Assignment], before: Before<'_>) -> Outcome {
    let mut outcome = Outcome::starting_with(cmdline, &tree.dirs);
    let listed = by_name(&tree.dirs, ends_in_conf);
    // Anything but a regular file at /etc/sysctl.conf is passed over in silence.
    let last = tree.sysctl_conf.iter().filter(|f| {
        !matches!(
            f.body,
            ConfBody::Directory | ConfBody::Special | ConfBody::Unreadable(Errno::ENOENT)
        )
    });
    for file in listed.into_iter().chain(last) {
        if !file.name().contains(['*', '?', '[', '{', '\\']) {
            read_file(&mut outcome, file, before);
            continue;
        }
        let source = line_of(&file.path, 1);
        outcome.problem(source.clone(), ProblemKind::WildcardName);
        match meant_by(tree, file) {
            Some(files) => {
                for file in files {
                    read_file(&mut outcome, file, before);
                    // One that cannot be opened is the last one.
                    if matches!(file.body, ConfBody::Unreadable(_)) {
                        break;
                    }
                }
            }
            None => outcome.problem(source, ProblemKind::Unreadable(Errno::EFBIG)),
        }
    }
    outcome
}

fn read_file(outcome: &mut Outcome, file: &ConfFile, before: Before<'_>) {
    let Some((path, text)) = outcome.open(file) else { return };
    let lines = outcome.read.of(text, before, read);
    outcome.lines.reserve(lines.len());
    outcome.sequence.reserve(lines.len());
    outcome.fences.reserve(lines.len());
    for line in lines.iter() {
        carry_out(outcome, line, &path);
    }
}

/// The files that are read in place of one whose name is a glob, in order: what that and its
/// braces find beside it, else itself. `None` where there are too many braces.
fn meant_by<'t>(tree: &'t ConfTree, file: &'t ConfFile) -> Option<Vec<&'t ConfFile>> {
    let name = file.name();
    let beside =
        |entry: &&ConfFile| entry.path.strip_suffix(entry.name()) == file.path.strip_suffix(name);
    let mut entries: Vec<&ConfFile> =
        tree.dirs.iter().flat_map(|dir| &dir.files).filter(beside).collect();
    entries.sort_by_key(|entry| entry.name());
    let found = |glob: &str| -> Vec<&'t ConfFile> {
        entries.iter().copied().filter(|entry| glob_matches(glob, entry.name())).collect()
    };
    let mut files: Vec<&ConfFile> = braces(name)?.iter().flat_map(|glob| found(glob)).collect();
    if files.is_empty() {
        files = found(name);
    }
    Some(if files.is_empty() { vec![file] } else { files })
}

/// What the lines of a text say.
pub(super) fn read(text: &[u8]) -> Vec<Line> {
    let mut rest = text;
    each_read(std::iter::from_fn(|| next_line(&mut rest)), read_line)
}

/// Cuts the next line off, with its newline.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = first_of([b'\n'], rest).map_or(rest.len(), |at| at + 1);
    let (line, after) = rest.split_at(end);
    *rest = after;
    (!line.is_empty()).then_some(line)
}

/// C's `isspace` in the locale of a boot.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

fn strip_start(text: &[u8]) -> &[u8] {
    let from = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    &text[from..]
}

/// Never strips the first byte.
fn strip_end(text: &[u8]) -> &[u8] {
    let to = text.iter().rposition(|b| !is_space(*b)).map_or(1, |last| last + 1);
    &text[..to.min(text.len())]
}

/// What a line says; `None` for a comment or an empty one.
fn read_line(line: &[u8], number: u32) -> Option<Line> {
    let line = strip_start(line);
    if matches!(line.first(), None | Some(b'#' | b';')) {
        return None;
    }
    // A C string: what follows a NUL is not seen.
    let line = line.split(|b| *b == 0).next().unwrap_or(line);
    if line.len() < 2 {
        return None;
    }
    let mut problems = Vec::new();
    if std::str::from_utf8(line).is_err() {
        problems.push(ProblemKind::NotUtf8);
    }
    let dash = line[0] == b'-';
    let body = if dash { &line[1..] } else { line };
    let (key, value) = match body.iter().position(|b| *b == b'=') {
        Some(at) => (&body[..at], Some(strip_end(strip_start(&body[at + 1..])))),
        None if dash => (body, None),
        None => {
            let text = String::from_utf8_lossy(strip_end(line)).into_owned();
            problems.push(ProblemKind::NotAnAssignment(text));
            return Some(Line { number, problems, says: None });
        }
    };
    let key = as_text(strip_end(key));
    if dash && key.starts_with(|c: char| c.is_ascii_whitespace()) {
        problems.push(ProblemKind::BlankAfterDash(format!("-{key}")));
    }
    // A second dash goes the way of the first.
    let mut literal = to_slashes(key.strip_prefix('-').unwrap_or(&key));
    let is_glob = has_wildcard(&literal);
    let mut more = Box::default();
    if is_glob {
        if literal.contains('\\') {
            literal = without_idle_backslashes(&literal);
        }
        literal.truncate(without_idle_end(&literal).len());
        if literal.contains("/.") || literal.contains("\\.") {
            more = dotted_forms(&literal, &mut problems);
        }
    }
    let literal: Arc<str> = literal.into();
    let path = resolve(&literal);
    if let Some(problem) = not_a_key(&path) {
        problems.push(problem);
    } else if value.is_none() && has_wildcard(&path) {
        problems.push(ProblemKind::GlobExclusion(path.to_string()));
    }
    if let Some(value) = value
        && value.len() >= PIECE_BYTES
        && value.contains(&b',')
    {
        problems.push(ProblemKind::LongValue(value.len()));
    }
    let changes = if is_glob { Changes::of_glob(&path) } else { Changes::of_one(&path) };
    let value = value.map(|value| as_text(value).into());
    let says = Saying { literal, path, is_glob, value, dash, changes, more };
    Some(Line { number, problems, says: Some(says) })
}

/// What a glob finds besides where a component of it matches `.` or `..`.
fn dotted_forms(glob: &str, problems: &mut Vec<ProblemKind>) -> Box<[Form]> {
    let Some(forms) = dotted(glob) else {
        problems.push(ProblemKind::TooManyForms(glob.to_owned()));
        return Box::default();
    };
    let form = |literal: String| {
        let literal: Arc<str> = literal.into();
        Form::of_glob(Arc::clone(&literal), resolve(&literal))
    };
    forms.into_iter().skip(1).map(form).collect()
}

fn carry_out(outcome: &mut Outcome, line: &Line, file: &Arc<str>) {
    let source = line_of(file, line.number);
    outcome.problems_at(&source, line);
    let Some(says) = &line.says else { return };
    let Saying { value, is_glob, .. } = says;
    let is_glob = *is_glob;
    if !is_glob {
        let exclusion = value.is_none().then(|| source.clone());
        let (path, literal) = (Arc::clone(&says.path), Arc::clone(&says.literal));
        outcome.fences.push(Fence { path, literal, exclusion });
    }
    let Some(value) = value else { return };
    if is_glob && !outcome.has_room_for(says.forms(), &source) {
        return;
    }
    for (literal, path, changes) in says.each_form() {
        if is_glob && literal != path {
            outcome.spelled.insert(outcome.lines.len(), Arc::clone(literal));
        }
        outcome.sequence.push(outcome.lines.len());
        outcome.lines.push(Assignment {
            changes: changes.clone(),
            selector_text: Arc::clone(path),
            value: Arc::clone(value),
            source: source.clone(),
            is_glob,
            order: Some(outcome.sequence.len() - 1),
            ignore_errors: says.dash,
        });
    }
}

/// The file that a path below /proc/sys leads to, as the kernel walks it: repeated slashes, `.`
/// and `..` resolved. A path that ends as a directory or leaves /proc/sys stays as it is: it
/// names no parameter.
fn resolve(literal: &Arc<str>) -> Arc<str> {
    if literal.split('/').all(|p| !matches!(p, "" | "." | "..")) {
        return Arc::clone(literal);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in literal.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Arc::clone(literal);
                }
            }
            part => parts.push(part),
        }
    }
    match literal.rsplit('/').next() {
        Some("" | "." | "..") | None => Arc::clone(literal),
        Some(_) => parts.join("/").into(),
    }
}
