//! Merges layers into one set of entries: what is on top overrides, and siblings may not disagree.

use std::collections::BTreeMap;

use crate::catalogue;
use crate::diagnostic::{Diagnostic, Span};
use crate::key::{Key, Selector};
use crate::observed::Facts;

use super::alike::alike;
use super::joint::{self, Counts};
use super::layers::Layers;
use super::schema::{Document, Entry, OnDrift, Terms, Wish, Written};
use super::sorted::Sorted;
use super::when;

/// An entry that has won so far.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Those of equal layers whose bounds count as well.
    pub beside: Vec<&'a Entry>,
    /// What the daemon does when it drifts, the document's default included, where either says it.
    pub on_drift: Option<OnDrift>,
    /// Position among all entries, in the order in which layers were read.
    pub rank: usize,
    /// Entries that it took the place of.
    overrode: Vec<Span>,
}

impl<'a> Chosen<'a> {
    /// Every entry that counts, the one that is told first.
    pub(super) fn entries(&self) -> Vec<&'a Entry> {
        std::iter::once(self.entry).chain(self.beside.iter().copied()).collect()
    }

    /// What is wanted, by each of them.
    pub(super) fn terms(&self) -> impl Iterator<Item = &'a Terms> {
        std::iter::once(self.entry).chain(self.beside.iter().copied()).map(|entry| &entry.terms)
    }

    /// What is left of it without the entries at those places.
    fn without(&self, overridden: &[Span]) -> Option<Self> {
        let mut left = self.entries().into_iter().filter(|e| !overridden.contains(&e.span));
        let entry = left.next()?;
        let beside = left.collect();
        Some(Self { entry, beside, ..self.clone() })
    }

    /// Takes the place of another one.
    fn override_it(&mut self, old: Chosen<'_>) {
        self.overrode.extend(old.entries().iter().map(|entry| entry.span));
        self.overrode.extend(old.overrode);
    }
}

/// All entries that count on a host.
#[derive(Clone, Debug, Default)]
pub struct Merged<'a> {
    /// `parameters`, by key or pattern.
    pub parameters: BTreeMap<&'a Selector, Chosen<'a>>,
    /// `actions`.
    pub actions: BTreeMap<&'a Selector, Chosen<'a>>,
    /// `exclude`.
    pub excludes: Vec<&'a Written<Selector>>,
}

impl Merged<'_> {
    fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.actions.is_empty() && self.excludes.is_empty()
    }
}

/// Merges all layers for a host with those facts.
pub fn merge<'a>(layers: &'a Layers, facts: &Facts, problems: &mut Vec<Diagnostic>) -> Merged<'a> {
    let mut walk = Merger { layers, facts, problems, rank: 0, done: BTreeMap::new() };
    let mut merged = Merged::default();
    for top in &layers.tops {
        // Each further layer overrides the ones before it, as if it extended them.
        let own = walk.document(*top);
        merged = on_top(merged, own);
    }
    merged
}

struct Merger<'a, 'p> {
    layers: &'a Layers,
    facts: &'p Facts,
    problems: &'p mut Vec<Diagnostic>,
    rank: usize,
    done: BTreeMap<usize, Merged<'a>>,
}

impl<'a> Merger<'a, '_> {
    fn document(&mut self, index: usize) -> Merged<'a> {
        if let Some(done) = self.done.get(&index) {
            return done.clone();
        }
        let layers = self.layers;
        let doc = &layers.documents[index];
        let mut merged = Merged::default();
        for parent in &layers.parents[index] {
            let parent = self.document(*parent);
            merged = self.beside(merged, parent, doc);
        }
        let own = self.own(doc);
        for exclude in &own.excludes {
            if let Some(chosen) = own.parameters.get(&exclude.value) {
                self.problems.push(
                    Diagnostic::error(
                        exclude.span,
                        format!("{} is both set and excluded", exclude.value),
                    )
                    .also(chosen.entry.span, "set here")
                    .help("keep one of them"),
                );
            }
        }
        let merged = on_top(merged, own);
        // Kept where somebody else comes back to it.
        let asked = layers.parents.iter().flatten().chain(&layers.tops).filter(|i| **i == index);
        if asked.count() > 1 {
            self.done.insert(index, merged.clone());
        }
        merged
    }

    /// What one document itself says on this host.
    fn own(&mut self, doc: &'a Document) -> Merged<'a> {
        let mut own = Merged { excludes: doc.exclude.iter().collect(), ..Merged::default() };
        for entry in &doc.parameters {
            let chosen = self.chosen(doc, entry);
            own.parameters.insert(&entry.selector, chosen);
        }
        for entry in &doc.actions {
            let chosen = self.chosen(doc, entry);
            own.actions.insert(&entry.selector, chosen);
        }
        let mut by_when: BTreeMap<&Selector, &Entry> = BTreeMap::new();
        for block in &doc.when {
            if !when::counts(block, self.facts) {
                continue;
            }
            for entry in &block.parameters {
                if let Some(first) = by_when.get(&entry.selector) {
                    let policies = (first.terms.on_drift, entry.terms.on_drift);
                    let quarrel = matches!(policies, (Some(one), Some(other)) if one != other);
                    if quarrel || !alike(first, entry, self.facts) {
                        let message = format!(
                            "two `when` blocks that both hold on this host disagree on {}",
                            entry.selector
                        );
                        self.problems.push(
                            Diagnostic::error(entry.span, message)
                                .also(first.span, "the other one")
                                .help("narrow one of the conditions"),
                        );
                    }
                    continue;
                }
                by_when.insert(&entry.selector, entry);
                let mut chosen = self.chosen(doc, entry);
                if let Some(plain) = own.parameters.get(&entry.selector) {
                    chosen.overrode.push(plain.entry.span);
                }
                if asks(entry)
                    && let Some(half) = wanted_half(&own, &entry.selector)
                    && !by_when.contains_key(half)
                {
                    own.parameters.remove(half);
                }
                own.parameters.insert(&entry.selector, chosen);
            }
        }
        self.refuse_both_halves(&own);
        own
    }

    fn chosen(&mut self, doc: &Document, entry: &'a Entry) -> Chosen<'a> {
        self.rank += 1;
        let on_drift = entry.terms.on_drift.or(doc.on_drift);
        Chosen { entry, beside: Vec::new(), on_drift, rank: self.rank, overrode: Vec::new() }
    }

    fn refuse_both_halves(&mut self, merged: &Merged<'a>) {
        for (selector, chosen) in merged.parameters.iter().filter(|(_, c)| asks(c.entry)) {
            let Some(half) = wanted_half(merged, selector) else { continue };
            let other = &merged.parameters[half];
            if selector.as_path() < half.as_path() {
                let message = format!("{selector} and {half} are two halves of one setting");
                self.problems.push(
                    Diagnostic::error(chosen.entry.span, message)
                        .also(other.entry.span, "the other half")
                        .help("keep one: a write to either sets the other to 0"),
                );
            }
        }
    }

    /// Two baselines that one document extends: equals, so they must not disagree.
    fn beside(&mut self, mut left: Merged<'a>, right: Merged<'a>, doc: &Document) -> Merged<'a> {
        if left.is_empty() {
            return right;
        }
        // Of each key that the document speaks of whether it asks for a value.
        let own: BTreeMap<&Selector, bool> =
            doc.parameters.iter().map(|e| (&e.selector, asks(e))).collect();
        for (selector, other) in right.parameters {
            // Whoever sets one half of a pair has decided about both; who leaves one alone, about
            // that one, so that the other is what remains.
            let half = other_half(selector).map(Selector::Key);
            let leaves = |s: &Selector| own.get(s) == Some(&false);
            let settled = own.contains_key(selector)
                || half.as_ref().is_some_and(|half| own.get(half) == Some(&true));
            let rival = left.parameters.get(selector).cloned().or_else(|| {
                let half = wanted_half(&left, selector).filter(|half| !leaves(half))?;
                let both_count = asks(other.entry) && !leaves(selector);
                left.parameters.get(half).filter(|_| both_count).cloned()
            });
            let chosen = match rival {
                None => other,
                Some(rival) => {
                    left.parameters.remove(&rival.entry.selector);
                    self.of_two(rival, other, settled, doc)
                }
            };
            left.parameters.insert(&chosen.entry.selector, chosen);
        }
        for (selector, other) in right.actions {
            let settled = doc.actions.iter().any(|e| e.selector == *selector);
            let chosen = match left.actions.remove(selector) {
                None => other,
                Some(rival) => self.of_two(rival, other, settled, doc),
            };
            left.actions.insert(selector, chosen);
        }
        left.excludes.extend(right.excludes);
        left
    }

    /// Which of two entries counts that `doc` extends side by side; where they disagree and `doc`
    /// has not settled it, that is told.
    fn of_two(
        &mut self,
        rival: Chosen<'a>,
        other: Chosen<'a>,
        settled: bool,
        doc: &Document,
    ) -> Chosen<'a> {
        // Of several that count, those that the other side has overridden already do not.
        let left = (rival.without(&other.overrode), other.without(&rival.overrode));
        let (rival, other) = match left {
            (Some(rival), Some(other)) => (rival, other),
            (None, _) => return other,
            (_, None) => return rival,
        };
        let (one, two) = (rival.entry, other.entry);
        if one.span == two.span && other.beside.is_empty() {
            return rival;
        }
        let selector = &two.selector;
        let counts = match () {
            () if one.selector != *selector => None,
            () if rival.beside.is_empty()
                && other.beside.is_empty()
                && alike(one, two, self.facts) =>
            {
                Some(Counts::One)
            }
            () => joint::counts(&rival.entries(), &other.entries(), self.facts),
        };
        let policies = (rival.on_drift, other.on_drift);
        let quarrel = match (counts, policies) {
            (None, _) => selector.to_string(),
            (_, (Some(policy), Some(another))) if policy != another => {
                format!("`on_drift` of {selector}: {} and {}", policy.name(), another.name())
            }
            (Some(counts), _) => return together(rival, other, counts),
        };
        if !settled {
            let message = format!("two extended baselines disagree on {quarrel}");
            let at = doc.extends.first().map_or(one.span, |e| e.span);
            self.problems.push(
                Diagnostic::error(at, message)
                    .also(one.span, "one says this")
                    .also(two.span, "the other says this")
                    .help(format!("set {selector} in this file, or to null to leave it alone")),
            );
        }
        other
    }
}

/// What is left of two that can be had together.
fn together<'a>(rival: Chosen<'a>, other: Chosen<'a>, counts: Counts) -> Chosen<'a> {
    let on_drift = rival.on_drift.or(other.on_drift);
    let (mut chosen, rest) = match counts {
        Counts::One | Counts::Both => (rival, other),
        Counts::Other => (other, rival),
    };
    if counts == Counts::Both {
        for entry in rest.entries() {
            if !chosen.entries().iter().any(|known| known.span == entry.span) {
                chosen.beside.push(entry);
            }
        }
        chosen.overrode.extend(rest.overrode);
    } else {
        chosen.override_it(rest);
    }
    Chosen { on_drift, ..chosen }
}

/// `upper` overrides `lower`; an exclude of the upper takes away what the lower says.
fn on_top<'a>(mut lower: Merged<'a>, upper: Merged<'a>) -> Merged<'a> {
    if lower.is_empty() {
        return upper;
    }
    // What the upper layer leaves out and then sets itself it overrides all the same.
    let mut left_out = Merged::default();
    if !upper.excludes.is_empty() {
        let below: Sorted<'_> = lower.parameters.keys().copied().collect();
        for selector in upper.excludes.iter().flat_map(|exclude| below.covered(&exclude.value)) {
            left_out.parameters.extend(lower.parameters.remove_entry(selector));
        }
    }
    // What it sets is no longer excluded by a lower one.
    lower.excludes.retain(|e| !upper.parameters.contains_key(&e.value));
    for (selector, mut chosen) in upper.parameters {
        for below in [&mut lower, &mut left_out] {
            let half = wanted_half(below, selector).filter(|_| asks(chosen.entry));
            for old in [Some(selector), half].into_iter().flatten() {
                if let Some(old) = below.parameters.remove(old) {
                    chosen.override_it(old);
                }
            }
        }
        lower.parameters.insert(selector, chosen);
    }
    lower.actions.extend(upper.actions);
    lower.excludes.extend(upper.excludes);
    lower
}

/// The other half of a pair, where `merged` asks for a value of it.
fn wanted_half<'a>(merged: &Merged<'a>, selector: &Selector) -> Option<&'a Selector> {
    let half = Selector::Key(other_half(selector)?);
    let (found, chosen) = merged.parameters.get_key_value(&half)?;
    asks(chosen.entry).then_some(*found)
}

/// Whether an entry asks for a value, and does not leave the key alone.
pub(super) fn asks(entry: &Entry) -> bool {
    !matches!(entry.terms.wish, Wish::Leave)
}

/// The key that a write to `selector` sets to 0, if there is one.
pub fn other_half(selector: &Selector) -> Option<Key> {
    let Selector::Key(key) = selector else { return None };
    catalogue::half_of(key)
}
