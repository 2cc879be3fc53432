//! Diagnostics for people: position, the line itself, a caret, and what to write instead.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity, Source, Span};
use crate::observed::is_hidden;

use super::style::harmless;

/// All diagnostics, in order, each as a block of its own. `color` is whether escape sequences
/// may be used; `width` is that of the terminal.
pub fn render(problems: &[Diagnostic], sources: &[Source], color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut out = String::new();
    let texts: Vec<String> = sources.iter().map(|s| visible(&s.text)).collect();
    let names: Vec<String> = sources.iter().map(|s| harmless(&s.name)).collect();
    for problem in problems {
        let message = harmless(&problem.message);
        let help = problem.help.as_deref().map(harmless);
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let snippet = |span: Span, label: Option<String>, main: bool| {
            let kind = if main { AnnotationKind::Primary } else { AnnotationKind::Context };
            let text = texts.get(span.source).map_or("", String::as_str);
            let name = names.get(span.source).map_or("", String::as_str);
            let start = span.start.min(text.len());
            let end = span.end.clamp(start, text.len());
            Snippet::source(text)
                .path(name)
                .fold(true)
                .annotation(kind.span(start..end).label(label))
        };
        let mut block = Group::with_title(level.primary_title(message.as_str()));
        if let Some(span) = problem.span {
            block = block.element(snippet(span, None, true));
        }
        for (span, words) in &problem.related {
            block = block.element(snippet(*span, Some(harmless(words)), false));
        }
        if let Some(help) = &help {
            block = block.element(Level::HELP.message(help.as_str()));
        }
        out.push_str(&renderer.render(&[block]));
        out.push_str("\n\n");
    }
    out
}

/// The text with a stand-in of the same length in bytes for each character that would act on a
/// terminal, so that offsets stay right.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.len_utf8() {
            _ if matches!(c, '\n' | '\t') || !is_hidden(c) => out.push(c),
            1 => out.push(' '),
            2 => out.push('\u{a0}'),
            3 => out.push('\u{fffd}'),
            _ => out.push_str("\u{fffd} "),
        }
    }
    out
}
