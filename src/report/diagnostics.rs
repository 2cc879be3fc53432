//! Diagnostics for people: position, the line itself, a caret, and what to write instead.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity, Source, Span};

use super::style::harmless;

/// All diagnostics, in order, each as a block of its own. `color` is whether escape sequences
/// may be used; `width` is that of the terminal.
pub fn render(problems: &[Diagnostic], sources: &[Source], color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut out = String::new();
    // Control characters are shown as blanks of the same length, so that columns stay right.
    let texts: Vec<String> = sources.iter().map(|s| visible(&s.text)).collect();
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
            let name = sources.get(span.source).map_or("", |s| s.name.as_str());
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

fn visible(text: &str) -> String {
    let blank = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    text.chars().map(|c| if blank(c) { ' ' } else { c }).collect()
}
