//! The order of the writes, what each write changes besides, and how each is undone.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Desired;
use crate::catalogue::{self, Effect, Order};
use crate::key::Key;
use crate::observed::Snapshot;
use crate::value::kernel_number;

use super::Item;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The parameter.
    pub key: Key,
    /// What it reads when the plan is made; `None` where it cannot be read before it is set.
    pub expect: Option<String>,
    /// What it is to hold.
    pub value: String,
    /// The write that takes it back: the active half of a pair, else the old value.
    pub undo: Option<(Key, String)>,
}

impl Step {
    /// The bytes of the one write(2), newline included.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(&self.value)
    }
}

/// A value as it is written: with its newline, in one piece.
pub fn bytes(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + 1);
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// The writes for all items that are to be written, in an order that the kernel accepts.
pub fn steps(items: &[Item], snapshot: &Snapshot) -> Vec<Step> {
    let wanted: Vec<&Item> = items.iter().filter(|i| i.write).collect();
    let targets: BTreeMap<&Key, String> = wanted
        .iter()
        .filter_map(|i| Some((&i.desired.key, target(&i.desired, snapshot)?)))
        .collect();
    let order = topological(targets.keys().copied(), &|a, b| precedes(a, b, &targets, snapshot));
    let mut model = Model { snapshot, changed: BTreeMap::new() };
    let mut steps = Vec::with_capacity(order.len());
    for key in order {
        steps.push(model.write(key, &targets[key]));
    }
    // What a write above has changed besides is written again.
    let disturbed: Vec<&Item> = items
        .iter()
        .filter(|i| i.desired.waiver.is_none() && model.changed.contains_key(&i.desired.key))
        .filter(|i| {
            model.text(&i.desired.key).is_some_and(|now| {
                !i.desired.requirement.satisfied_by(i.desired.shape, now)
                    && !zeroed_by_its_half(i, &targets)
            })
        })
        .collect();
    for item in disturbed {
        let now = model.text(&item.desired.key).map(str::to_owned);
        if let Some(value) = item.desired.requirement.target(item.desired.shape, now.as_deref()) {
            let mut step = model.write(&item.desired.key, &value);
            step.undo = None;
            steps.push(step);
        }
    }
    steps
}

fn target(desired: &Desired, snapshot: &Snapshot) -> Option<String> {
    desired.requirement.target(desired.shape, snapshot.text(&desired.key))
}

/// Both halves of a pair are never desired together, so a half that was zeroed by the other is
/// not ours to set again.
fn zeroed_by_its_half(item: &Item, targets: &BTreeMap<&Key, String>) -> bool {
    let half = item.desired.known.and_then(|p| p.pair).map(|leaf| item.desired.key.sibling(leaf));
    half.is_some_and(|half| targets.contains_key(&half))
}

/// All desired keys in the order in which a boot should write them.
pub fn sorted(desired: &[&Desired]) -> Vec<Key> {
    let empty = Snapshot::default();
    let targets: BTreeMap<&Key, String> = desired
        .iter()
        .map(|d| (&d.key, d.requirement.exact().unwrap_or_default().to_owned()))
        .collect();
    topological(targets.keys().copied(), &|a, b| precedes(a, b, &targets, &empty))
        .into_iter()
        .cloned()
        .collect()
}

/// Whether `a` must be written before `b`.
fn precedes(a: &Key, b: &Key, targets: &BTreeMap<&Key, String>, snapshot: &Snapshot) -> bool {
    let after = |this: &Key, other: &Key| {
        catalogue::lookup(this).is_some_and(|p| {
            p.order.iter().any(|o| matches!(o, Order::After(path) if *path == other.as_path()))
        })
    };
    let at_most = |this: &Key, other: &Key| {
        catalogue::lookup(this).is_some_and(|p| {
            p.order.iter().any(|o| matches!(o, Order::AtMost(path) if *path == other.as_path()))
        })
    };
    // The greater one is raised first, and lowered last.
    let rises = |key: &Key| {
        let new = targets.get(key).and_then(|t| kernel_number(t));
        let old = snapshot.text(key).and_then(|t| kernel_number(t.trim()));
        match (new, old) {
            (Some(new), Some(old)) => new > old,
            _ => true,
        }
    };
    after(b, a) || (at_most(b, a) && rises(a)) || (at_most(a, b) && !rises(b))
}

/// Keys in an order that respects `before`, and alphabetical otherwise. A ring, which a test of
/// the catalogue excludes, would be broken at its first key.
fn topological<'k>(
    keys: impl Iterator<Item = &'k Key>,
    before: &dyn Fn(&Key, &Key) -> bool,
) -> Vec<&'k Key> {
    let mut left: BTreeSet<&Key> = keys.collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first().copied() {
        let next = left
            .iter()
            .find(|k| !left.iter().any(|other| other != *k && before(other, k)))
            .copied()
            .unwrap_or(first);
        left.remove(next);
        order.push(next);
    }
    order
}

/// The kernel as it will be after the writes so far.
struct Model<'s> {
    snapshot: &'s Snapshot,
    changed: BTreeMap<Key, String>,
}

impl Model<'_> {
    fn text(&self, key: &Key) -> Option<&str> {
        self.changed.get(key).map(String::as_str).or_else(|| self.snapshot.text(key))
    }

    fn write(&mut self, key: &Key, value: &str) -> Step {
        let known = catalogue::lookup(key);
        let half = known.and_then(|p| p.pair).map(|leaf| key.sibling(leaf));
        let expect = self.text(key).map(str::to_owned);
        let active_half = half.as_ref().and_then(|half| {
            let text = self.text(half)?;
            is_non_zero(text).then(|| (half.clone(), text.trim().to_owned()))
        });
        let undo = match (active_half, &expect) {
            (Some(half), _) => Some(half),
            (None, Some(old)) => Some((key.clone(), old.clone())),
            (None, None) => None,
        };
        self.changed.insert(key.clone(), value.to_owned());
        if let Some(half) = half.filter(|h| self.text(h).is_some_and(is_non_zero)) {
            self.changed.insert(half, "0".into());
        }
        for effect in known.map_or(&[][..], |p| p.effects) {
            self.spread(*effect, key, value);
        }
        Step { key: key.clone(), expect, value: value.to_owned(), undo }
    }

    fn spread(&mut self, effect: Effect, from: &Key, value: &str) {
        let touched: Vec<Key> = self
            .snapshot
            .iter()
            .filter(|(key, reading)| *key != from && reading.exists() && effect.reaches(key))
            .map(|(key, _)| key.clone())
            .collect();
        let text = match effect {
            Effect::Copies(_) => value.to_owned(),
            Effect::Inverts(_) => i32::from(!is_non_zero(value)).to_string(),
        };
        for key in touched {
            if self.text(&key).map(str::trim) != Some(text.as_str()) {
                self.changed.insert(key, text.clone());
            }
        }
    }
}

fn is_non_zero(text: &str) -> bool {
    kernel_number(text.trim()).is_some_and(|n| n != 0)
}
