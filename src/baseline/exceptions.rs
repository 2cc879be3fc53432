//! Exceptions from a baseline: its waivers, each until its last day, and its exclusions.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::diagnostic::{Diagnostic, Span};
use crate::key::{Pattern, Selector, has_wildcard, nearest};
use crate::observed::Facts;

use super::desired::{DesiredSet, Exception};
use super::layers::Layers;
use super::merge::{Merged, asks};
use super::schema::Entry;
use super::sorted::Sorted;

/// The exceptions that cover nothing for which it is looked up what may have been meant: more are
/// never shown.
const GUESSES: usize = 50;

/// What the layers speak of, on whatever host.
struct Spoken<'a> {
    all: Sorted<'a>,
    patterns: Vec<&'a Pattern>,
    guesses: usize,
}

impl<'a> Spoken<'a> {
    fn of(layers: &'a Layers) -> Self {
        let pattern = |selector: &'a Selector| match selector {
            Selector::Key(_) => None,
            Selector::Pattern(pattern) => Some(pattern),
        };
        let all = layers.spoken_of().collect();
        Self { all, patterns: layers.spoken_of().filter_map(pattern).collect(), guesses: GUESSES }
    }

    /// Whether any layer speaks of what an exception covers. One that covers nothing at all is a
    /// slip of its author, who believes a parameter to be left alone.
    fn has(&self, excepted: &Selector) -> bool {
        self.has_pattern(excepted) || self.all.covered(excepted).next().is_some()
    }

    /// Whether a pattern brings in what an exception covers.
    fn has_pattern(&self, excepted: &Selector) -> bool {
        self.patterns.iter().any(|pattern| match excepted {
            Selector::Key(key) => pattern.matches(key),
            // Whether two patterns have a key in common depends on the host.
            Selector::Pattern(other) => may_meet(pattern, other),
        })
    }

    fn covers_nothing(&mut self, selector: &Selector, span: Span, message: String) -> Diagnostic {
        let near = self.guesses.checked_sub(1).and_then(|left| {
            self.guesses = left;
            let path = nearest(selector.as_path(), self.all.paths())?;
            Selector::from_path(path).ok()
        });
        let help = match near {
            Some(near) => format!("no layer sets it: did you mean {near}?"),
            None => {
                "no layer sets it: is the key misspelt, or the line no longer needed?".to_owned()
            }
        };
        Diagnostic::warning(span, message).help(help)
    }
}

/// Whether two patterns may have a key in common: where neither has a wildcard they are the same.
fn may_meet(one: &Pattern, other: &Pattern) -> bool {
    let (mut ones, mut others) = (one.as_path().split('/'), other.as_path().split('/'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || has_wildcard(a) || has_wildcard(b) => {}
            _ => return false,
        }
    }
}

/// Tells of each exclusion that leaves nothing out.
pub(super) fn check_exclusions(layers: &Layers, problems: &mut Vec<Diagnostic>) {
    if layers.documents.iter().all(|d| d.exclude.is_empty()) {
        return;
    }
    let mut spoken = Spoken::of(layers);
    for doc in &layers.documents {
        let places: BTreeMap<&Selector, Span> =
            doc.entries().map(|(entry, _)| (&entry.selector, entry.span)).collect();
        let own: Sorted<'_> = doc.entries().map(|(entry, _)| &entry.selector).collect();
        for exclude in &doc.exclude {
            let excluded = &exclude.value;
            let message = || format!("the exclusion of {excluded} leaves nothing out");
            if !spoken.has(excluded) {
                problems.push(spoken.covers_nothing(excluded, exclude.span, message()));
                continue;
            }
            // What the file itself names it also sets: only what it extends is left out.
            let named_here = own.covered(excluded).count();
            if matches!(excluded, Selector::Pattern(_))
                && named_here == spoken.all.covered(excluded).count()
                && !spoken.has_pattern(excluded)
                && let Some(place) = own.covered(excluded).next().and_then(|s| places.get(s))
            {
                problems.push(
                    Diagnostic::warning(exclude.span, message())
                        .also(*place, "named in the same file, and so set")
                        .help("remove one of them: an exclusion is of what the file extends, or of what its patterns match"),
                );
            }
        }
    }
}

/// Where all that a waiver covers is `null` or excluded, on whatever host, the place of one.
fn left_alone(
    waived: &Selector,
    layers: &Layers,
    merged: &Merged<'_>,
    set: &DesiredSet,
) -> Option<Span> {
    let covers = |selector: &Selector| match selector {
        Selector::Key(key) => waived.covers(key),
        Selector::Pattern(pattern) => match waived {
            Selector::Key(key) => pattern.matches(key),
            Selector::Pattern(other) => may_meet(pattern, other),
        },
    };
    let excludes = |exclude: &Selector| match waived {
        Selector::Key(key) => exclude.covers(key),
        Selector::Pattern(_) => exclude == waived,
    };
    let excluded = merged.excludes.iter().find(|exclude| excludes(&exclude.value));
    // Of a pattern's matches an exclusion counts whether they are here or not.
    let counts = |entry: &Entry| {
        asks(entry)
            && covers(&entry.selector)
            && (excluded.is_none() || matches!(entry.selector, Selector::Key(_)))
    };
    let mut desired = set.parameters.iter().chain(&set.actions);
    let mut chosen = merged.parameters.values().chain(merged.actions.values());
    let mut conditional = layers.documents.iter().flat_map(|d| &d.when).flat_map(|w| &w.parameters);
    if desired.any(|desired| waived.covers(&desired.key))
        || chosen.clone().any(|chosen| counts(chosen.entry))
        || conditional.any(counts)
    {
        return None;
    }
    let unset = || chosen.find(|chosen| covers(&chosen.entry.selector)).map(|one| one.entry.span);
    excluded.map(|exclude| exclude.span).or_else(unset)
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
    merged: &Merged<'_>,
    facts: &Facts,
    set: &mut DesiredSet,
    problems: &mut Vec<Diagnostic>,
) {
    if !layers.have_waivers() {
        return;
    }
    let mut spoken = Spoken::of(layers);
    for waiver in layers.documents.iter().flat_map(|d| &d.waivers) {
        let exception = Exception {
            selector: waiver.selector.clone(),
            until: waiver.until.clone(),
            reason: waiver.reason.clone(),
            span: waiver.span,
        };
        let message = format!("the waiver of {} covers nothing", waiver.selector);
        if !spoken.has(&waiver.selector) {
            problems.push(spoken.covers_nothing(&waiver.selector, waiver.span, message));
        } else if let Some(place) = left_alone(&waiver.selector, layers, merged, set) {
            let problem = Diagnostic::warning(waiver.span, message).also(place, "left alone here");
            problems.push(problem.help("remove one of them: what is left alone needs no waiver"));
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
