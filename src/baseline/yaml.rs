//! A baseline's YAML as a tree in which every node knows its place and keeps its text as written.

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle};

use crate::diagnostic::{Diagnostic, Span};
use crate::observed::turns_text;

/// Largest baseline that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting; a real baseline has five levels.
pub(super) const MAX_DEPTH: usize = 16;
/// Most nodes in one file.
const MAX_NODES: usize = 50_000;

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A scalar: its text exactly as written when plain, else what the quotes hold.
    Scalar {
        /// The text.
        text: String,
        /// Whether it stood without quotes.
        plain: bool,
    },
    /// `null`, `~` or nothing at all.
    Null,
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file, with repeated keys kept.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for a message.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::Null => "nothing",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Reads one file. `source` is its index in the list of sources.
///
/// Anchors, aliases and tags are reported and passed over, so that all of them are told at once;
/// an alias is never expanded. The tree is `None` where the YAML itself does not hold together.
pub fn parse(source: usize, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let place = Place { source, text };
    if text.len() > MAX_BYTES {
        let message =
            format!("the file has {} bytes; a baseline has at most {MAX_BYTES}", text.len());
        return (None, vec![Diagnostic::error(place.at(0, 0), message)]);
    }
    // Those that turn the direction of a text make a reviewer read another one.
    let control = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || turns_text(c);
    // A text of printable ASCII, as nearly all are, is judged by its bytes.
    let plain = |b: u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    if !text.bytes().all(plain)
        && let Some((at, c)) = text.char_indices().find(|(_, c)| control(*c))
    {
        let what = match c {
            '\0' => "a NUL byte".to_owned(),
            c => format!("the control character U+{:04X}", u32::from(c)),
        };
        let problem =
            Diagnostic::error(place.at(at, at + c.len_utf8()), format!("the file contains {what}"));
        let help = "remove it; a damaged file is better restored from its source";
        return (None, vec![problem.help(help)]);
    }
    if let Some(problem) = place.sysctl_file() {
        return (None, vec![problem]);
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    options.disallow_directives = true;
    options.flow_nesting_limit = MAX_DEPTH;
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { place, events, problems: Vec::new(), nodes: 0 };
    let tree = builder.document().unwrap_or_default();
    (tree, builder.problems)
}

/// The rest of the file is not looked at; why is among the problems.
struct Stop;

struct Builder<'t> {
    place: Place<'t>,
    events: Parser<'t, granit_parser::StrInput<'t>>,
    problems: Vec<Diagnostic>,
    nodes: usize,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, granit_parser::Span), Stop> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let problems = self.place.syntax_errors(&error);
                // What goes wrong behind a mistake, on its own line, comes of it.
                let line = |p: Option<&Diagnostic>| p.and_then(|p| p.span).map(|span| span.line);
                let last = line(self.problems.last());
                if last.is_none() || last != line(problems.first()) {
                    self.problems.extend(problems);
                }
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut tree: Option<Node> = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if tree.is_some() => {
                    let at = self.place.span(&span);
                    let problem = Diagnostic::error(at, "a baseline is one YAML document");
                    self.problems.push(problem.help("remove the `---` and what follows it"));
                    return Ok(tree);
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    tree = Some(self.node(event, &span, 1)?);
                }
                Event::StreamEnd => {
                    let empty = Node { span: self.place.at(0, 0), kind: NodeKind::Null };
                    return Ok(Some(tree.unwrap_or(empty)));
                }
                _ => return Err(Stop),
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'t>,
        span: &granit_parser::Span,
        depth: usize,
    ) -> Result<Node, Stop> {
        let at = self.place.span(span);
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return self.stop(at, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        if self.nodes > MAX_NODES {
            return self.stop(at, format!("more than {MAX_NODES} values in one file"));
        }
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        let is_alias = matches!(event, Event::Alias(_) | Event::UnresolvedAlias(_));
        let glob = is_alias.then(|| self.place.slice(span).trim_end_matches(':'));
        let glob = glob.filter(|text| text.contains(['.', '/']));
        if let Some(glob) = glob {
            let message = "a value cannot start with `*`: YAML gives it a meaning of its own";
            let help = format!("quote it, as \"{glob}\"");
            self.problems.push(Diagnostic::error(at, message).help(help));
        } else if anchor != 0 || is_alias {
            let at = if anchor == 0 { at } else { self.place.anchor(at) };
            self.problems.push(
                Diagnostic::error(at, "anchors and aliases are not part of the format")
                    .help("write the value out, or put what is shared in a baseline to `extends`"),
            );
        }
        if tagged {
            let at = span.tag_span().map_or(at, |tag| self.place.span(&tag));
            let tag = self.place.text.get(at.start..at.end).unwrap_or_default();
            let help = format!("remove `{tag}`");
            let problem = Diagnostic::error(at, "YAML tags are not part of the format");
            self.problems.push(problem.help(help));
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style, self.place.slice(span)),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        break NodeKind::List(items);
                    }
                    items.push(self.node(event, &span, depth + 1)?);
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        break NodeKind::Map(entries);
                    }
                    let key = self.node(event, &span, depth + 1)?;
                    let (event, span) = self.next()?;
                    entries.push((key, self.node(event, &span, depth + 1)?));
                }
            }
            _ => match glob {
                Some(glob) => NodeKind::Scalar { text: glob.to_owned(), plain: true },
                None => NodeKind::Null,
            },
        };
        Ok(Node { span: at, kind })
    }

    fn stop<T>(&mut self, at: Span, message: String) -> Result<T, Stop> {
        let help = "a baseline has five levels and rarely a hundred parameters: split it";
        self.problems.push(Diagnostic::error(at, message).help(help));
        Err(Stop)
    }
}

/// A scalar, or nothing. A plain one keeps its text as written: `010`, `0x10` and 2^64-1 would
/// not survive what YAML makes of them.
fn scalar(text: &str, style: ScalarStyle, written: &str) -> NodeKind {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return NodeKind::Null;
    }
    let text = if plain && !written.is_empty() && !text.contains(' ') { written } else { text };
    NodeKind::Scalar { text: text.to_owned(), plain }
}

/// Turns the parser's positions into ours.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    source: usize,
    pub(super) text: &'a str,
}

impl Place<'_> {
    pub(super) fn at(&self, start: usize, end: usize) -> Span {
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        Span {
            source: self.source,
            start,
            end: end.max(start),
            line: count(before.matches('\n').count() + 1),
            column: count(self.text[line_start..start].chars().count() + 1),
        }
    }

    pub(super) fn byte(&self, marker: &Marker) -> usize {
        let byte = marker.byte_offset().filter(|b| self.text.is_char_boundary(*b));
        byte.unwrap_or(self.text.len())
    }

    fn slice(&self, span: &granit_parser::Span) -> &str {
        let (start, end) = (self.byte(&span.start), self.byte(&span.end));
        self.text.get(start..end).unwrap_or_default().trim()
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let (start, end) = (self.byte(&span.start), self.byte(&span.end));
        // A block reports the line breaks behind it; the caret should not.
        let written = self.text.get(start..end).unwrap_or_default().trim_end();
        Span {
            source: self.source,
            start,
            end: start + written.len(),
            line: count(span.start.line()),
            column: count(span.start.col() + 1),
        }
    }

    /// The anchor in front of the node that stands at `node`; the parser does not tell its place.
    fn anchor(&self, node: Span) -> Span {
        let before = self.text[..node.start].trim_end();
        let Some(start) = before.rfind(['&', ' ', '\t', '\n', '\r']) else { return node };
        if !before[start..].starts_with('&') {
            return node;
        }
        // In the node's line it is counted from the node: from the beginning each of many would cost
        // the whole text.
        let between = &self.text[start..node.start];
        let column = node.column.saturating_sub(count(between.chars().count()));
        if between.contains(['\n', '\r']) || column == 0 {
            return self.at(start, before.len());
        }
        Span { start, end: before.len(), column, ..node }
    }
}

fn count(n: impl TryInto<u32>) -> u32 {
    n.try_into().unwrap_or(u32::MAX)
}
