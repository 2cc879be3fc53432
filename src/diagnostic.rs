//! What is wrong with an input and where: a span, a message and what to write instead.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A place in one of the texts that were read; `source` indexes the list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which text, as an index into the list of sources it was loaded with.
    pub source: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is done while one of these stands.
    Error,
    /// Worth knowing; nothing is stopped by it.
    Warning,
}

/// One problem, or one thing worth knowing, in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; `None` when it concerns a whole file.
    pub span: Option<Span>,
    /// Other places that belong to it, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What to write or do instead.
    pub help: Option<String>,
}

/// A text that was read, with the name under which it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path, or `built-in:NAME`.
    pub name: String,
    /// The text.
    pub text: Cow<'static, str>,
}

/// Longest message, in bytes; the longest key has room in it.
const MOST_BYTES: usize = 1000;

/// A message that fits: what it quotes may be as long as a file.
fn bounded(mut text: String) -> String {
    if text.len() > MOST_BYTES {
        let boundary = |at: usize, text: &str| (0..=at).rev().find(|at| text.is_char_boundary(*at));
        let head = boundary(MOST_BYTES * 4 / 5, &text).unwrap_or(0);
        let tail = boundary(text.len() - MOST_BYTES / 10, &text).unwrap_or(0);
        text.replace_range(head..tail, " … ");
    }
    text
}

impl Diagnostic {
    /// A problem that concerns a whole file, or what an `extends` names there.
    pub fn of_file(span: Option<Span>, message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: bounded(message.into()),
            span,
            related: Vec::new(),
            help: help.map(bounded),
        }
    }

    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::of_file(Some(span), message, None)
    }

    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// Adds what to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(help.into()));
        self
    }

    /// Adds another place that belongs to the problem.
    pub fn also(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }

    /// Whether it stops the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `FILE:LINE:COLUMN`, as editors take it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The source's name.
    pub file: Arc<str>,
    /// Line, counted from 1; 0 where the source has no lines.
    pub line: u32,
    /// Column, counted from 1; 0 where only the line is known.
    pub column: u32,
}

impl Position {
    /// The place of `span` among `sources`.
    pub fn of(span: Span, sources: &[Source]) -> Self {
        let file = sources.get(span.source).map_or("?", |s| &s.name);
        Self { file: file.into(), line: span.line, column: span.column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}
