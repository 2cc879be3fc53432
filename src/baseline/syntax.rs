//! What is wrong with a text that is no YAML, in the words of a baseline's author.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Diagnostic;
use crate::key::Selector;

use super::read::{ENTRY, clean};
use super::schema::FIELDS;
use super::yaml::{MAX_DEPTH, Place};

/// So many lines of one kind are told of at once.
const TOLD: usize = 50;

/// What the parser says where a line above may be at fault.
const RUN_ON: [&str; 4] = [
    "mapping values are not allowed",
    "comment intercepting",
    "did not find expected key",
    "simple key expected",
];

impl Place<'_> {
    /// What the parser stopped at; where several lines have the same fault, each of them.
    pub(super) fn syntax_errors(&self, error: &ScanError) -> Vec<Diagnostic> {
        let at = self.byte(error.marker()).min(self.text.len());
        let end =
            self.text[at..].chars().next().filter(|c| *c != '\n').map_or(at, |c| at + c.len_utf8());
        if error.info().contains("<document start>") {
            return vec![self.outside()];
        }
        // The parser reads on from a line without a blank behind its colon, and stops further down.
        if RUN_ON.iter().any(|what| error.info().contains(what)) {
            let problems = self.without_blanks(at);
            if !problems.is_empty() {
                return problems;
            }
        }
        if error.info().contains(RUN_ON[0])
            && let Some(problem) = self.too_deep(at)
        {
            return vec![problem];
        }
        let (message, help) = explain(error.kind(), &error.info());
        vec![Diagnostic { help, ..Diagnostic::error(self.at(at, end), message) }]
    }

    /// A file of `KEY = VALUE` lines, as its first line with anything on it tells. YAML makes of
    /// them one text of many lines, with faults of its own.
    pub(super) fn sysctl_file(&self) -> Option<Diagnostic> {
        let mut lines = self.lines();
        let first = lines.find(|line| {
            let content = self.text[line.clone()].trim();
            !content.is_empty() && !content.starts_with(['#', ';']) && content != "---"
        })?;
        let first = self.trimmed(first);
        let (key, _) = self.text[first.clone()].split_once('=')?;
        let key = key.trim_end().trim_start_matches('-');
        let is_key = match Selector::parse(key) {
            Ok(_) => !key.contains(':') && !key.starts_with('['),
            Err(error) => error.instead().is_some(),
        };
        if !is_key {
            return None;
        }
        let problem = Diagnostic::error(
            self.at(first.start, first.end),
            "this reads as a sysctl.d file, not as a baseline",
        );
        let help = "write `name: …`, and below `parameters:` each line as `vm.swappiness: 1`";
        Some(problem.help(help))
    }

    /// The lines, one above the other, that have a key and a value without a blank between them: the
    /// one at `at`, if it is such a line, and those above it.
    fn without_blanks(&self, at: usize) -> Vec<Diagnostic> {
        let mut found: Vec<(Range<usize>, String)> = Vec::new();
        let own = self.line_start(at);
        let mut end = self.text[own..].find('\n').map_or(self.text.len(), |length| own + length);
        loop {
            let start = self.line_start(end);
            let line = self.trimmed(start..end);
            let content = &self.text[line.clone()];
            match divided(content) {
                Some(instead) => found.push((line, instead)),
                None if start == own || content.is_empty() || content.starts_with('#') => {}
                None => break,
            }
            let Some(above) = start.checked_sub(1) else { break };
            end = above;
        }
        let told = found.into_iter().rev().take(TOLD).map(|(line, instead)| {
            let problem =
                Diagnostic::error(self.at(line.start, line.end), "this line is not `KEY: VALUE`");
            problem.help(format!("put a blank behind the colon, as `{instead}`"))
        });
        told.collect()
    }

    /// The line of the colon at `at`, where it is a `KEY: VALUE` deeper than the one above it: YAML
    /// takes it for more of the value there.
    fn too_deep(&self, at: usize) -> Option<Diagnostic> {
        let start = self.line_start(at);
        let key = self.text[start..at].trim_start();
        let indent = at - key.len() - start;
        let is_content = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let above = self.text[..start].lines().enumerate();
        let (number, above) = above.filter(|(_, line)| is_content(&line.trim_start())).last()?;
        // Behind the dash of a list's item its first field begins.
        let field = above.trim_start_matches([' ', '-']);
        let deeper = indent > above.len() - field.len();
        if key.is_empty() || key.contains(": ") || !field.contains(": ") || !deeper {
            return None;
        }
        let message = format!("this line is indented deeper than line {}", number + 1);
        let help = "begin all entries of a map in the same column";
        Some(Diagnostic::error(self.at(at - key.len(), at), message).help(help))
    }

    /// Where each line stands, without its line break.
    fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.text.split('\n').map(move |line| {
            let from = start;
            start += line.len() + 1;
            from..from + line.len()
        })
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |n| n + 1)
    }

    /// A part without the blanks around it.
    fn trimmed(&self, part: Range<usize>) -> Range<usize> {
        let text = &self.text[part.clone()];
        let start = part.start + text.len() - text.trim_start().len();
        start..start + text.trim().len()
    }

    /// What stands in a file's first line, where the rest of the file does not belong to it.
    fn outside(&self) -> Diagnostic {
        let mut start = 0;
        let mut first = "";
        for line in self.text.split_inclusive('\n') {
            let content = line.trim_start();
            if !content.is_empty()
                && !content.starts_with(['#', '%'])
                && content.trim_end() != "---"
            {
                first = line.trim_end();
                break;
            }
            start += line.len();
        }
        let indent = first.len() - first.trim_start().len();
        let at = self.at(start + indent, start + first.len());
        let (message, help) = if indent > 0 {
            (
                "the first entry is indented, and those below it are not",
                "begin all entries of a map in the same column",
            )
        } else if first.starts_with('[') {
            ("a baseline has no sections", "remove this line; the file begins with `name: …`")
        } else {
            (
                "this line is not `KEY: VALUE`, and the rest of the file does not belong to it",
                "begin the file with `name: …`",
            )
        };
        Diagnostic::error(at, message).help(help)
    }
}

/// A line of a key, a colon and a value, with the blank that is missing there.
fn divided(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    let value = value.split(" #").next().unwrap_or_default().trim_end();
    // Behind a text's colon there is a blank, or it is a URL's.
    if value.is_empty() || value.starts_with([' ', '\t', '/']) {
        return None;
    }
    let names = key.contains(['.', '/']) && Selector::parse(key).is_ok();
    let known = names || FIELDS.contains(&key) || ENTRY.contains(&key);
    known.then(|| clean(&format!("{key}: {value}")))
}

/// A syntax error in the words of a baseline's author.
fn explain(kind: &ErrorKind, info: &str) -> (String, Option<String>) {
    let (message, help) = match kind {
        _ if info.contains("block scalar") => (
            "a value that starts with `|` or `>` begins a block of text in YAML".to_owned(),
            "quote it, as in '|/usr/lib/systemd/systemd-coredump %P'",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            format!("a value cannot start with `{character}`: YAML gives it a meaning of its own"),
            "quote the value",
        ),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => {
            ("YAML is indented with spaces, not with tabs".to_owned(), "replace the tab by spaces")
        }
        ErrorKind::DirectiveDisallowed => (
            "YAML directives are not part of the format".to_owned(),
            "remove the line with the `%`",
        ),
        _ if info.contains("mapping values are not allowed") => (
            "a `: ` inside a value reads as another map".to_owned(),
            "quote the value, or move the entry to a line of its own",
        ),
        _ if info.contains("nest") || info.contains("limit") => {
            (format!("nested more than {MAX_DEPTH} levels deep"), "a baseline has five levels")
        }
        _ => match SYNTAX.iter().find(|(found, ..)| info.contains(found)) {
            Some((_, message, help)) => ((*message).to_owned(), *help),
            None => (
                format!("not YAML: {info}"),
                "write `KEY: VALUE`, each on a line of its own, and quote what has marks in it",
            ),
        },
    };
    (message, Some(help.to_owned()))
}

/// What the parser says, what that means in a baseline, and what to write instead.
const SYNTAX: [(&str, &str, &str); 21] = [
    ("unclosed quote", "this quote is never closed", "close it on the same line"),
    ("unclosed bracket '{'", "this `{` is never closed", "add the `}`"),
    ("unclosed bracket '['", "this `[` is never closed", "add the `]`"),
    ("misplaced bracket", "nothing was opened that this could close", "remove it, or quote it"),
    (
        "simple key expected",
        "this line is not `KEY: VALUE`",
        "put a colon and a blank between them, as `vm.swappiness: 1`",
    ),
    (
        "did not find expected key",
        "the indentation of this line fits no line above it",
        "begin all entries of a map in the same column",
    ),
    (
        "block sequence entries are not allowed",
        "a list cannot begin on the line of its key",
        "write `[1, 2]`, or each item behind a `- ` on a line of its own",
    ),
    (
        "illegal placement of ':'",
        "a `:` cannot stand here",
        "quote the value; or a bracket or a quote further up is never closed",
    ),
    (
        "trailing content after",
        "something follows the closing quote",
        "put the whole value between the quotes",
    ),
    (
        "mismatched bracket",
        "this bracket is closed by one of another kind",
        "close `{` with `}`, and `[` with `]`",
    ),
    (
        "did not find expected ',' or",
        "a comma is missing before this, or a bracket further up is never closed",
        "divide items by commas, and close `{` with `}` and `[` with `]`",
    ),
    (
        "implicit flow mapping",
        "there is nothing in front of this comma",
        "remove one of two commas, or write what belongs between them",
    ),
    ("found a tab", "YAML is indented with spaces, not with tabs", "replace the tab by spaces"),
    (
        "mapping keys are not allowed",
        "a `? ` begins a key in YAML, and none can stand here",
        "quote the value",
    ),
    (
        "\"-\" is only valid inside a block",
        "a `- ` begins an item in YAML, and none can stand here",
        "quote the value; between brackets items are divided by commas",
    ),
    (
        "comment intercepting",
        "a comment stands in the middle of a text of several lines",
        "write the text on one line, or in quotes",
    ),
    (
        "scanning an anchor or alias",
        "a value cannot start with `*` or `&`: YAML gives them a meaning of their own",
        "quote the value",
    ),
    (
        "parsing a block collection",
        "this line fits no item of the list above it",
        "begin each item of a list with `- `, all in the same column",
    ),
    (
        "unexpected EOF",
        "something is missing before this",
        "write `KEY: VALUE`, each on a line of its own, and quote what has marks in it",
    ),
    (
        "a BOM must not appear",
        "a byte order mark stands in the middle of the file",
        "remove it: where two files were put together it stood at the beginning of the second",
    ),
    (
        "unknown escape character",
        "there is no such escape between double quotes",
        "use single quotes, between which a backslash is a backslash",
    ),
];
