//! A baseline's YAML as a tree in which every node knows its place and keeps its text as written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Budget, DuplicateKeyPolicy, MergeKeyPolicy, Options, Spanned};

use crate::diagnostic::{Diagnostic, Span};

/// Largest baseline that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting; a real baseline has five levels.
const MAX_DEPTH: usize = 16;
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
/// # Errors
/// The one problem at which the YAML itself ends: its syntax, or a limit.
pub fn parse(source: usize, text: &str) -> Result<Node, Diagnostic> {
    let place = Place { source, text };
    if text.len() > MAX_BYTES {
        return Err(Diagnostic::error(
            place.span(0, 0),
            format!("the file has {} bytes; a baseline has at most {MAX_BYTES}", text.len()),
        ));
    }
    if let Some(at) = text.find('\0') {
        return Err(Diagnostic::error(place.span(at, at + 1), "the file contains a NUL byte"));
    }
    match serde_saphyr::from_str_with_options::<RawNode>(text, options()) {
        Ok(raw) => place.node(raw),
        Err(error) => Err(place.syntax_error(&error)),
    }
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_anchors = 0;
    budget.max_aliases = 0;
    budget.max_depth = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    budget.max_documents = 1;
    let mut options = Options::default();
    options.budget = Some(budget);
    // Repeated keys come through, so that all of them can be reported at once.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.merge_keys = MergeKeyPolicy::AsOrdinary;
    options.strict_booleans = true;
    // `.inf` is text like any other here; who reads the value says that it is no number.
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.reject_unsupported_tags = true;
    options.with_snippet = false;
    options
}

/// Turns the library's positions into ours.
struct Place<'a> {
    source: usize,
    text: &'a str,
}

impl Place<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
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

    /// The byte at a line and column, both counted from 1 in characters.
    fn offset(&self, line: u64, column: u64) -> usize {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(n) => start += n + 1,
                None => break,
            }
        }
        let rest = &self.text[start..];
        let skip = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        start + rest.char_indices().nth(skip).map_or(rest.len(), |(at, _)| at)
    }

    fn node(&self, raw: RawNode) -> Result<Node, Diagnostic> {
        let location = raw.0.referenced;
        let bytes = location.span();
        let start = bytes
            .byte_offset()
            .and_then(|o| usize::try_from(o).ok())
            .filter(|o| self.text.is_char_boundary(*o))
            .unwrap_or_else(|| self.offset(location.line(), location.column()));
        let end = bytes
            .byte_len()
            .and_then(|l| usize::try_from(l).ok())
            .map(|l| start + l)
            .filter(|e| self.text.is_char_boundary(*e))
            .unwrap_or(start);
        if let Some(tag) = self.tag_before(start) {
            return Err(self.tagged(tag));
        }
        let written = &self.text[start..end];
        let span = Span {
            source: self.source,
            start,
            // Block scalars report the break behind them; the caret should not.
            end: start + written.trim_end().len(),
            line: count(location.line()),
            column: count(location.column()),
        };
        let kind = match raw.0.value {
            RawKind::Null => NodeKind::Null,
            // The text as written keeps `010`, `0x10` and 2^64-1 apart from what YAML makes of them.
            RawKind::Typed => NodeKind::Scalar { text: written.trim().to_owned(), plain: true },
            RawKind::Text(text) => {
                let plain = written.trim() == text;
                NodeKind::Scalar { text, plain }
            }
            RawKind::List(items) => {
                NodeKind::List(items.into_iter().map(|n| self.node(n)).collect::<Result<_, _>>()?)
            }
            RawKind::Map(entries) => NodeKind::Map(
                entries
                    .into_iter()
                    .map(|(k, v)| Ok((self.node(k)?, self.node(v)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        };
        Ok(Node { span, kind })
    }

    /// The tag of the node that starts at `start`. The library drops the standard ones without a
    /// word, and with them values: `!!null 5` is null, `!!binary MTA=` is 10.
    fn tag_before(&self, start: usize) -> Option<(usize, usize)> {
        let before = self.text[..start].trim_end();
        let line = before.rfind('\n').map_or(before, |n| &before[n + 1..]);
        // A tag may end the line above; a comment there may end in anything.
        if line.contains('#') {
            return None;
        }
        let token = match line.rfind("!<") {
            Some(verbatim) if line.ends_with('>') => &line[verbatim..],
            _ => line.rsplit([' ', '\t', '[', '{', ',']).next()?,
        };
        let quoted = token.contains(['"', '\'']);
        (token.starts_with('!') && !token.ends_with(':') && !quoted)
            .then(|| (before.len() - token.len(), before.len()))
    }

    fn tagged(&self, (start, end): (usize, usize)) -> Diagnostic {
        let message = "YAML tags are not part of the format";
        let help = format!("remove `{}`", &self.text[start..end]);
        Diagnostic::error(self.span(start, end), message).help(help)
    }

    fn syntax_error(&self, error: &serde_saphyr::Error) -> Diagnostic {
        let mut at = error.location().map_or(0, |l| self.offset(l.line(), l.column()));
        if let Some(tag) = self.tag_before(at) {
            return self.tagged(tag);
        }
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or(&text);
        let rest = &self.text[at..];
        let (message, help) = explain(text, rest);
        // Anchors and aliases are reported behind their names.
        if text.contains("Anchors") || text.contains("Aliases") {
            let line_start = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
            at = self.text[line_start..at].rfind(['&', '*']).map_or(at, |n| line_start + n);
        }
        let end = self.text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        Diagnostic { help, ..Diagnostic::error(self.span(at, end), message) }
    }
}

/// The library's words for a syntax error in the words of a baseline's author. `rest` is the text
/// from its place on.
fn explain(text: &str, rest: &str) -> (String, Option<String>) {
    let with = |message: &str, help: &str| (message.to_owned(), Some(help.to_owned()));
    if text.contains("Anchors") || text.contains("Aliases") || text.contains("alias") {
        return with(
            "anchors and aliases are not part of the format",
            "write the value out, or put what is shared in a baseline of its own and `extends` it",
        );
    }
    if text.contains("Depth") || text.contains("recursion") {
        return with(
            &format!("nested more than {MAX_DEPTH} levels deep"),
            "a baseline has five levels at most",
        );
    }
    if text.contains("Documents") || text.contains("multiple") {
        return with("a baseline is one YAML document", "remove this `---` and what follows it");
    }
    if text.contains("budget") {
        return with("the file is too large or too complex for a baseline", "split it into layers");
    }
    if text.contains("block scalar") {
        return with(
            "a value that starts with `|` or `>` begins a block of text in YAML",
            "quote it, as in '|/usr/lib/systemd/systemd-coredump %P'",
        );
    }
    if text.contains("mapping values are not allowed") {
        return with(
            "a `: ` inside a value reads as another map",
            "quote the value, or move the entry to a line of its own",
        );
    }
    if text.contains("unclosed quote") || text.contains("unexpected end of stream") {
        return with("this quote is never closed", "close it on the same line");
    }
    if let Some(bracket) = text.strip_prefix("unclosed bracket ") {
        let (open, close) = if bracket.contains('{') { ('{', '}') } else { ('[', ']') };
        return with(&format!("this `{open}` is never closed"), &format!("add the `{close}`"));
    }
    if text.contains("simple key expected") {
        return with(
            "this line is not `KEY: VALUE`",
            "put a colon and a blank between them, as `vm.swappiness: 1`",
        );
    }
    if text.contains("did not find expected key") {
        return with(
            "the indentation of this line fits no line above it",
            "begin all entries of a map in the same column",
        );
    }
    for (found, message, help) in [
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
            "unknown escape character",
            "there is no such escape between double quotes",
            "use single quotes, between which a backslash is a backslash",
        ),
        ("misplaced bracket", "nothing was opened that this could close", "remove it, or quote it"),
    ] {
        if text.contains(found) {
            return with(message, help);
        }
    }
    if text.contains("unexpected character") || rest.starts_with(['%', '@', '`']) {
        let help = "quote the value: YAML gives this character a meaning of its own";
        return (format!("not YAML: {text}"), Some(help.to_owned()));
    }
    if text.contains("tab") {
        return with("YAML is indented with spaces", "replace the tab by spaces");
    }
    (format!("not YAML: {text}"), None)
}

fn count(n: impl TryInto<u32>) -> u32 {
    n.try_into().unwrap_or(u32::MAX)
}

struct RawNode(Spanned<RawKind>);

enum RawKind {
    Null,
    /// A scalar that YAML takes for something else than text; its source has the text.
    Typed,
    Text(String),
    List(Vec<RawNode>),
    Map(Vec<(RawNode, RawNode)>),
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(RawNode)
    }
}

impl<'de> Deserialize<'de> for RawKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;
        impl<'de> Visitor<'de> for AnyNode {
            type Value = RawKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("YAML")
            }
            fn visit_unit<E: Error>(self) -> Result<RawKind, E> {
                Ok(RawKind::Null)
            }
            fn visit_none<E: Error>(self) -> Result<RawKind, E> {
                Ok(RawKind::Null)
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_i128<E: Error>(self, _: i128) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_u128<E: Error>(self, _: u128) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<RawKind, E> {
                Ok(RawKind::Typed)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawKind, E> {
                Ok(RawKind::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawKind, A::Error> {
                let mut list = Vec::new();
                while let Some(node) = items.next_element()? {
                    list.push(node);
                }
                Ok(RawKind::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawKind, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(RawKind::Map(map))
            }
        }
        deserializer.deserialize_any(AnyNode)
    }
}
