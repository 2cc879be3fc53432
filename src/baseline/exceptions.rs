//! Exceptions from a baseline: its waivers, each until its last day, and its exclusions.

use jiff::civil::Date;

use crate::diagnostic::{Diagnostic, Span};
use crate::key::{Selector, nearest};
use crate::observed::Facts;

use super::desired::{DesiredSet, Exception};
use super::layers::Layers;

/// Tells of each exclusion that leaves nothing out.
pub(super) fn check_exclusions(layers: &Layers, problems: &mut Vec<Diagnostic>) {
    for exclude in layers.documents.iter().flat_map(|d| &d.exclude) {
        if !is_spoken_of(layers, &exclude.value) {
            let message = format!("the exclusion of {} leaves nothing out", exclude.value);
            problems.push(covers_nothing(layers, &exclude.value, exclude.span, message));
        }
    }
}

/// Whether any layer speaks of what a waiver covers, on whatever host. One that covers nothing at
/// all is a slip of its author, who believes a parameter to be left alone.
fn is_spoken_of(layers: &Layers, waived: &Selector) -> bool {
    layers.spoken_of().any(|selector| match (selector, waived) {
        (selector, waived) if selector == waived => true,
        (Selector::Key(key), waived) => waived.covers(key),
        (Selector::Pattern(pattern), Selector::Key(key)) => pattern.matches(key),
        // Whether two patterns have a key in common depends on the host.
        (Selector::Pattern(_), Selector::Pattern(_)) => true,
    })
}

fn covers_nothing(layers: &Layers, selector: &Selector, span: Span, message: String) -> Diagnostic {
    let near = nearest(selector.as_path(), layers.spoken_of().map(Selector::as_path));
    let help = match near.and_then(|path| Selector::from_path(path).ok()) {
        Some(near) => format!("no layer sets it: did you mean {near}?"),
        None => "no layer sets it: is the key misspelt, or the line no longer needed?".to_owned(),
    };
    Diagnostic::warning(span, message).help(help)
}

/// A waiver is told of so many days before its last one.
const ENDING_DAYS: u32 = 14;

/// The days from one day to a later one; `None` where one is no day.
fn days_until(today: &str, until: &str) -> Option<u32> {
    let day = |text: &str| text.parse::<Date>().ok();
    u32::try_from(day(today)?.until(day(until)?).ok()?.get_days()).ok()
}

/// Marks what a waiver covers today, and tells of those that have ended or soon will.
pub(super) fn apply_waivers(
    layers: &Layers,
    facts: &Facts,
    set: &mut DesiredSet,
    problems: &mut Vec<Diagnostic>,
) {
    for waiver in layers.documents.iter().flat_map(|d| &d.waivers) {
        let exception = Exception {
            selector: waiver.selector.clone(),
            until: waiver.until.clone(),
            reason: waiver.reason.clone(),
            span: waiver.span,
        };
        if !is_spoken_of(layers, &waiver.selector) {
            let message = format!("the waiver of {} covers nothing", waiver.selector);
            problems.push(covers_nothing(layers, &waiver.selector, waiver.span, message));
        }
        // Both are YYYY-MM-DD, so their order as text is their order in time.
        if facts.today.as_str() > waiver.until.as_str() {
            set.expired_waivers.push(exception);
            continue;
        }
        if let Some(days) = days_until(&facts.today, &waiver.until).filter(|d| *d <= ENDING_DAYS) {
            set.ending_waivers.push((exception.clone(), days));
        }
        let waived = set.parameters.iter_mut().chain(&mut set.actions);
        for desired in waived.filter(|d| waiver.selector.covers(&d.key)) {
            desired.waiver = Some(exception.clone());
        }
    }
}
