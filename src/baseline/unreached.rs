//! Patterns of an upper layer that do not reach what a lower one names: a key beats a pattern.

use crate::key::Pattern;

use super::desired::{Desired, DesiredPattern, Unreached};
use super::layers::Layers;
use super::merge::{Chosen, asks};

/// Marks each named parameter of which a pattern above it asks something else. `merged` has the
/// patterns in the order in which they win, `desired` what those ask that ask anything.
pub(super) fn mark(
    layers: &Layers,
    merged: &[(&Pattern, &Chosen<'_>)],
    desired: &[DesiredPattern],
    named: &mut [Desired],
) {
    if layers.documents.len() < 2 || merged.is_empty() {
        return;
    }
    for one in named {
        let below = one.origin.source;
        let winner = merged.iter().rev().find(|(pattern, chosen)| {
            let above = chosen.entry.span.source;
            above != below && pattern.matches(&one.key) && layers.lies_on(above, below)
        });
        let Some((pattern, chosen)) = winner else { continue };
        let requirement = match desired.iter().find(|asked| asked.pattern == **pattern) {
            Some(asked) => Some(&asked.requirement),
            // What is wrong with it is told.
            None if asks(chosen.entry) => continue,
            None => None,
        };
        let agrees = requirement.is_some_and(|asked| {
            let exact = one.requirement.exact();
            *asked == one.requirement || exact.is_some_and(|it| asked.satisfied_by(one.shape, it))
        });
        if !agrees {
            one.unreached = Some(Box::new(Unreached {
                pattern: (*pattern).clone(),
                requirement: requirement.cloned(),
                origin: chosen.entry.span,
            }));
        }
    }
}
