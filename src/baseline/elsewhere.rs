//! Judges what does not count on this host: what an upper layer overrides, and the `when` blocks
//! that do not hold here. A mistake there would be told on the first host where it counts.

use std::collections::BTreeSet;

use crate::catalogue;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::key::Selector;

use super::interpret::Interpreter;
use super::layers::Layers;
use super::merge::Merged;
use super::resolve::Host;
use super::spelling::{self, Speller};

/// Tells the mistakes of the entries that have not been chosen.
pub(super) fn check(
    layers: &Layers,
    merged: &Merged<'_>,
    host: &Host<'_>,
    speller: &mut Speller<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    if layers.read_here().next().is_none() {
        return;
    }
    let place = |span: Span| (span.source, span.start);
    let chosen: BTreeSet<_> = merged
        .parameters
        .values()
        .chain(merged.actions.values())
        .map(|chosen| place(chosen.entry.span))
        .collect();
    for (entry, action) in layers.read_here().flat_map(super::schema::Document::entries) {
        if chosen.contains(&place(entry.span)) {
            continue;
        }
        let mut found = Vec::new();
        spelling::guards(entry, &mut found);
        let from = found.len();
        match &entry.selector {
            Selector::Key(key) => {
                speller.key(key, entry, &mut found);
            }
            Selector::Pattern(pattern) if catalogue::of_pattern(pattern).is_none() => {
                let here = (host.expand)(pattern);
                if here.keys.is_empty() && here.unseen.is_none() {
                    speller.pattern(pattern, entry, &mut found);
                }
            }
            Selector::Pattern(_) => {}
        }
        // The host where it counts may have the parameter.
        found[from..].iter_mut().for_each(|p| p.severity = Severity::Warning);
        Interpreter {
            selector: &entry.selector,
            matched: None,
            known: catalogue::of_selector(&entry.selector),
            facts: host.facts,
            here: false,
            problems: &mut found,
        }
        .interpret(entry.span, &entry.terms.wish, action);
        problems.append(&mut found);
    }
}
