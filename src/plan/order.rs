//! The order of the writes, what each write changes besides, and how each is undone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Desired;
use crate::catalogue::{self, Effect, Kind, Order, Parameter, Reach};
use crate::key::{Key, same};
use crate::observed::{Errno, Snapshot};
use crate::value::{completed, kernel_number};

use super::guard::Refusal;
use super::{Item, waits};

/// Ranges that the kernel takes only where they go up (case E19).
const RANGES: [&str; 2] = ["net/ipv4/ip_local_port_range", "net/ipv4/ping_group_range"];
/// The range that holds no group.
const NO_GROUPS: &str = "1 0";

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The parameter.
    pub key: Key,
    /// What it reads when the plan is made; `None` where it cannot be read before it is set.
    pub expect: Option<String>,
    /// What it is to hold.
    pub value: String,
    /// The write that takes it back: the active half of a pair, the name of the variable that tells
    /// more, else the old value.
    pub undo: Option<(Key, String)>,
    /// Whether it is one of several that raise a reserve of memory: the host is watched after it.
    pub rung: bool,
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

/// The writes for all items that are to be written, in an order that the kernel accepts. Marks the
/// items that are written in the end: some are by the way, some only once another one is. What the
/// kernel cannot have is refused, and the others are ordered without it.
pub fn steps(items: &mut [Item], snapshot: &Snapshot) -> Vec<Step> {
    loop {
        let steps = possible_steps(items, snapshot);
        let impossible = |refusal: &Refusal| {
            !refusal.can_be_allowed() && !matches!(refusal, Refusal::Contradicted { .. })
        };
        let refused = items
            .iter_mut()
            .filter(|item| item.write && item.refusals.iter().any(impossible))
            .map(|item| {
                // Nor is it left to the next boot.
                item.write = false;
                item.persisted = None;
            })
            .count();
        if refused == 0 {
            return steps;
        }
    }
}

fn possible_steps(items: &mut [Item], snapshot: &Snapshot) -> Vec<Step> {
    let written = items.iter().enumerate().filter(|(_, item)| item.write);
    let mut nodes: Vec<Node<'_>> = written
        .filter_map(|(at, item)| {
            let target = target(&item.desired, snapshot)?;
            let mut node = Node::new(at, &item.desired, target, snapshot);
            node.is_late = is_for_good(&item.desired, &node.target, snapshot);
            Some(node)
        })
        .collect();
    topological(&mut nodes);
    let targets: BTreeMap<Key, String> =
        nodes.iter().map(|n| (n.key.clone(), n.target.to_string())).collect();
    let order: Vec<usize> = nodes.iter().map(|n| n.at).collect();
    let mut model = Model {
        snapshot,
        limits: catalogue::limits().collect(),
        changed: BTreeMap::new(),
        perhaps: BTreeMap::new(),
    };
    let mut steps = Vec::with_capacity(order.len());
    let mut barred: BTreeMap<usize, Refusal> = BTreeMap::new();
    for at in order {
        let Desired { key, known, requirement, shape, .. } = &items[at].desired;
        // A write above may have brought it about already.
        if !model.text(key).is_some_and(|now| requirement.satisfied_by(*shape, now)) {
            let order = known.map_or(&[][..], Parameter::order);
            let refusal = model
                .barred(order, &targets[key])
                .or_else(|| model.lacks(key, order, &targets[key]));
            barred.extend(refusal.map(|refusal| (at, refusal)));
            steps.push(model.write(key, *known, &targets[key]));
        }
    }
    // What a write above has changed besides is written again, but for what cannot be written.
    let again: Vec<(Key, Option<Parameter>, String)> = items
        .iter()
        .filter(|item| item.live_status.is_writable() && model.disturbs(item, &targets))
        .filter_map(|item| {
            let now = model.text(&item.desired.key);
            let value = item.desired.requirement.target(item.desired.shape, now)?;
            Some((item.desired.key.clone(), item.desired.known, value.into_owned()))
        })
        .collect();
    for (key, known, value) in again {
        // In vain, which is told below.
        if model.barred(known.map_or(&[][..], Parameter::order), &value).is_some() {
            continue;
        }
        let first = steps.iter().all(|step| step.key != key);
        let mut step = model.write(&key, known, &value);
        // Taken back by its first write, or, where only others have changed it, to what it is now.
        step.undo = snapshot.text(&key).filter(|_| first).map(|now| {
            let finer = catalogue::finer(&key, now, |key| snapshot.text(key));
            finer.unwrap_or_else(|| (key, now.to_owned()))
        });
        steps.push(step);
    }
    // Whoever is still not as desired is contradicted by a step that sets it as well.
    let reaching: Vec<(&Key, Reach<'_>)> = steps
        .iter()
        .map(|step| (&step.key, Reach::of(&step.key)))
        .filter(|(_, reach)| !reach.is_empty())
        .collect();
    let set: BTreeSet<&Key> = steps.iter().map(|step| &step.key).collect();
    for (at, item) in items.iter_mut().enumerate() {
        let key = &item.desired.key;
        let disturbed = item.live_status.is_writable() && model.disturbs(item, &targets);
        let contradicts =
            |(by, reach): &&(&Key, Reach<'_>)| disturbed && *by != key && reach.covers(key);
        if let Some((by, _)) = reaching.iter().rev().find(contradicts) {
            item.refusals.push(Refusal::Contradicted { by: (*by).clone() });
        }
        item.write = set.contains(&item.desired.key);
        if item.write {
            let barred = barred.remove(&at);
            item.refusals.extend(barred.or_else(|| model.impossible(&item.desired, &targets)));
        }
    }
    steps
}

/// The values of everything that the steps change besides their own keys.
pub fn originals(steps: &[Step], snapshot: &Snapshot) -> Vec<(Key, String)> {
    let is_changed = changed_besides(steps);
    snapshot
        .iter()
        .filter(|(key, _)| is_changed(key))
        .filter_map(|(key, reading)| Some((key.clone(), reading.text()?.to_owned())))
        .collect()
}

/// Whether steps may change a parameter besides their own.
pub(super) fn changed_besides(steps: &[Step]) -> impl Fn(&Key) -> bool {
    let reached: Vec<Reach<'_>> =
        steps.iter().map(|s| Reach::of(&s.key)).filter(|reach| !reach.is_empty()).collect();
    let defaults: Vec<Inherited<'_>> = steps.iter().filter_map(|s| default_leaf(&s.key)).collect();
    move |key| {
        reached.iter().any(|reach| reach.covers(key))
            || interface_leaf(key).is_some_and(|leaf| defaults.contains(&leaf))
    }
}

fn target<'d>(desired: &'d Desired, snapshot: &Snapshot) -> Option<Cow<'d, str>> {
    desired.requirement.target(desired.shape, snapshot.text(&desired.key))
}

/// Where interfaces take over what is written to `default`.
const INHERITING: [&str; 3] = ["net/ipv4/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/"];

/// A variable that `default` shares with the interfaces: the directory, and its name without the
/// unit, as one variable may have a name for each of two.
type Inherited<'k> = (&'static str, &'k str);

/// The variable that `default` shares with the interfaces, where `key` is one of its parameters. A
/// write reaches those that have no address of the family and whose own value nobody has set yet,
/// of which nothing can be read.
pub(super) fn default_leaf(key: &Key) -> Option<Inherited<'_>> {
    inherited(key).filter(|(name, _)| *name == "default").map(|(_, variable)| variable)
}

/// The same of an interface's own parameter.
pub(super) fn interface_leaf(key: &Key) -> Option<Inherited<'_>> {
    inherited(key).filter(|(name, _)| !matches!(*name, "all" | "default")).map(|(_, own)| own)
}

fn inherited(key: &Key) -> Option<(&str, Inherited<'_>)> {
    let strip = |place: &'static str| Some((place, key.as_path().strip_prefix(place)?));
    let (place, rest) = INHERITING.into_iter().find_map(strip)?;
    let (name, leaf) = rest.split_once('/')?;
    let variable = leaf.strip_suffix("_ms").or_else(|| leaf.strip_suffix("_bytes"));
    Some((name, (place, variable.unwrap_or(leaf))))
}

/// Both halves of a pair are never desired together, so a half that was zeroed by the other is
/// not ours to set again.
fn zeroed_by_its_half(item: &Item, targets: &BTreeMap<Key, String>) -> bool {
    let half =
        item.desired.known.and_then(Parameter::pair).map(|leaf| item.desired.key.sibling(leaf));
    half.is_some_and(|half| targets.contains_key(&half))
}

/// Sorts items into the order in which a boot should write them: it starts from what the kernel
/// itself starts with.
pub fn sort(items: &mut [&Item]) {
    let empty = Snapshot::default();
    let mut nodes: Vec<Node<'_>> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let target = item.persisted.as_deref().unwrap_or_default().into();
            Node::new(at, &item.desired, target, &empty)
        })
        .collect();
    topological(&mut nodes);
    let order: Vec<usize> = nodes.iter().map(|node| node.at).collect();
    if !order.is_sorted() {
        let before = items.to_vec();
        items.iter_mut().zip(order).for_each(|(item, at)| *item = before[at]);
    }
}

/// One write, with what its place in the order depends on.
struct Node<'d> {
    /// Which of the items it is.
    at: usize,
    key: &'d Key,
    known: Option<Parameter>,
    target: Cow<'d, str>,
    /// The first number before the write, where there is one that is known.
    old: Option<i128>,
    /// Whether it waits for all that can be taken back.
    is_late: bool,
}

impl<'d> Node<'d> {
    fn new(at: usize, desired: &'d Desired, target: Cow<'d, str>, snapshot: &Snapshot) -> Self {
        let old = snapshot.text(&desired.key).and_then(first_number);
        Self { at, key: &desired.key, known: desired.known, target, old, is_late: false }
    }

    /// The first number once it is written.
    fn new_number(&self) -> Option<i128> {
        first_number(&self.target)
    }
}

/// Whether nothing but a reboot takes a write back: where another one fails, it is better not made.
fn is_for_good(desired: &Desired, target: &str, snapshot: &Snapshot) -> bool {
    let Some(known) = desired.known else { return false };
    match known.kind() {
        Kind::Latch => known.is_latched(target),
        Kind::Secret => {
            snapshot.text(&desired.key).is_none_or(|text| catalogue::is_unset(&desired.key, text))
        }
        _ => false,
    }
}

fn first_number(text: &str) -> Option<i128> {
    kernel_number(text.split_whitespace().next()?)
}

/// Sorts nodes by key, the late ones last, and by their constraints before that. A ring, which a
/// test of the catalogue excludes, would be broken at its first key.
fn topological(nodes: &mut Vec<Node<'_>>) {
    nodes.sort_by(|a, b| a.key.cmp(b.key));
    let at = |path: &str| nodes.binary_search_by(|n| n.key.as_path().cmp(path)).ok();
    // Which node waits for which.
    let mut waits: Vec<(usize, usize)> = Vec::new();
    for (this, node) in nodes.iter().enumerate() {
        for order in node.known.map_or(&[][..], Parameter::order) {
            match order {
                Order::After(other) | Order::ZeroWhileZero(other) => {
                    waits.extend(at(other).map(|other| (this, other)));
                }
                Order::AfterBeside(leaf) => {
                    let beside = node.key.sibling(leaf);
                    waits.extend(at(beside.as_path()).map(|other| (this, other)));
                }
                Order::NeedsSecret(..) => {}
                // The other one first, but where that would be less than this one still is.
                Order::AtMost(other, (start, _), _) => waits.extend(at(other).map(|other| {
                    let old = node.old.unwrap_or(i128::from(*start));
                    let below = nodes[other].new_number().is_some_and(|new| new < old);
                    if below { (other, this) } else { (this, other) }
                })),
                // The other one first, but where that would be in the way.
                Order::RefusedWhile(other, values) => waits.extend(at(other).map(|other| {
                    let new = nodes[other].new_number();
                    let stops = values.iter().any(|value| new == Some(i128::from(*value)));
                    if stops { (other, this) } else { (this, other) }
                })),
            }
        }
    }
    let has_late = nodes.iter().any(|node| node.is_late);
    if waits.is_empty() && !has_late {
        return;
    }
    let is_late: Vec<bool> = nodes.iter().map(|node| node.is_late).collect();
    let order = waits::in_order(&is_late, &waits);
    let mut taken: Vec<Option<Node<'_>>> = nodes.drain(..).map(Some).collect();
    nodes.extend(order.into_iter().filter_map(|n| taken[n].take()));
}

/// The kernel as it will be after the writes so far.
struct Model<'s> {
    snapshot: &'s Snapshot,
    /// Of the catalogue: which parameter never exceeds which.
    limits: Vec<(&'static str, &'static str)>,
    changed: BTreeMap<Key, String>,
    /// What others hold if a write to `default` has reached them; empty where that is not known.
    perhaps: BTreeMap<Key, String>,
}

impl Model<'_> {
    fn text(&self, key: &Key) -> Option<&str> {
        self.changed.get(key).map(String::as_str).or_else(|| self.snapshot.text(key))
    }

    /// Whether the writes so far leave an item that is ours to hold in another state than desired.
    fn disturbs(&self, item: &Item, targets: &BTreeMap<Key, String>) -> bool {
        let desired = &item.desired;
        desired.waiver.is_none()
            && item.refusals.is_empty()
            && [&self.changed, &self.perhaps].iter().any(|values| {
                values.get(&desired.key).is_some_and(|now| {
                    !desired.requirement.satisfied_by(desired.shape, now)
                        && !zeroed_by_its_half(item, targets)
                })
            })
    }

    /// Why the kernel does not take a write at this moment.
    fn barred(&self, order: &[Order], target: &str) -> Option<Refusal> {
        order.iter().find_map(|order| {
            let (path, values): (_, &[i64]) = match order {
                Order::RefusedWhile(path, values) => (path, values),
                Order::ZeroWhileZero(path) if is_non_zero(target) => (path, &[0]),
                _ => return None,
            };
            let other = Key::from_path(path).ok()?;
            let value = self.text(&other).and_then(first_number)?;
            let stops = values.iter().any(|v| i128::from(*v) == value);
            stops.then_some(Refusal::Barred { other, value })
        })
    }

    /// Why the kernel does not take a value that needs a secret, where it is certain that none is
    /// set: one that cannot be read for another reason may be.
    fn lacks(&self, key: &Key, order: &[Order], value: &str) -> Option<Refusal> {
        order.iter().find_map(|order| {
            let Order::NeedsSecret(needing, leaf, for_all) = order else { return None };
            let (secret, for_all) = (key.sibling(leaf), Key::from_path(for_all).ok()?);
            let is_unset = |key: &Key| {
                let reading = self.snapshot.get(key).filter(|_| !self.changed.contains_key(key));
                reading.is_some_and(|reading| reading.value == Err(Errno::EIO))
            };
            // That for all has no use for itself.
            let needs = first_number(value) == Some(i128::from(*needing)) && secret != for_all;
            (needs && is_unset(&secret) && is_unset(&for_all))
                .then_some(Refusal::NeedsSecret { secret, value: *needing })
        })
    }

    /// Why the kernel cannot have this value beside those that the others will hold. Of two that
    /// are both written it is the limited one that cannot be.
    fn impossible(&self, desired: &Desired, written: &BTreeMap<Key, String>) -> Option<Refusal> {
        let path = desired.key.as_path();
        if RANGES.contains(&path) {
            // Of a range of which but the first number is written the last one stays.
            let live = self.snapshot.text(&desired.key).unwrap_or_default();
            let range = completed(desired.shape, live, self.text(&desired.key)?);
            let mut ends = range.split_whitespace().map(kernel_number);
            if ends.next().flatten() > ends.next()? && range != NO_GROUPS {
                return Some(Refusal::GoesDown { range });
            }
        }
        let mut limits =
            self.limits.iter().filter(|(lower, upper)| same(lower, path) || same(upper, path));
        limits.find_map(|(lower, upper)| {
            let is_upper = same(upper, path);
            let other = Key::from_path(if is_upper { lower } else { upper }).ok()?;
            let own = self.text(&desired.key).and_then(first_number)?;
            let value = self.text(&other).and_then(first_number)?;
            if is_upper {
                let broken = own < value && !written.contains_key(&other);
                broken.then_some(Refusal::Undercuts { other, at_least: value })
            } else {
                (own > value).then_some(Refusal::Exceeds { other, at_most: value })
            }
        })
    }

    fn write(&mut self, key: &Key, known: Option<Parameter>, value: &str) -> Step {
        let half = known.and_then(Parameter::pair).map(|leaf| key.sibling(leaf));
        let expect = self.text(key).map(str::to_owned);
        let active_half = half.as_ref().and_then(|half| {
            let text = self.text(half)?;
            is_non_zero(text).then(|| (half.clone(), text.trim().to_owned()))
        });
        let undo = match (active_half, &expect) {
            (Some(half), _) => Some(half),
            (None, Some(old)) if !catalogue::is_unset(key, old) => {
                let finer = catalogue::finer(key, old, |key| self.text(key));
                Some(finer.unwrap_or_else(|| (key.clone(), old.clone())))
            }
            (None, _) => None,
        };
        self.perhaps.remove(key);
        self.changed.insert(key.clone(), value.to_owned());
        if let Some(half) = half.filter(|h| self.text(h).is_some_and(is_non_zero)) {
            self.changed.insert(half, "0".into());
        }
        let effects = known.map_or(&[][..], |p| p.effects());
        for effect in effects {
            if let Effect::Rescales(leaf, _) = effect {
                self.perhaps.remove(&key.sibling(leaf));
            }
            self.spread(*effect, key, value);
        }
        if let Some(leaf) = default_leaf(key) {
            let reached = self.snapshot.iter().filter(|(to, reading)| {
                interface_leaf(to) == Some(leaf)
                    && reading.exists()
                    && !self.changed.contains_key(*to)
            });
            let left = |to: &Key| {
                let effect =
                    effects.iter().find(|e| e.reaches(key.as_path(), &key.sibling(to.leaf())));
                match effect {
                    Some(effect) if to.leaf() != key.leaf() => effect.leaves(value, None),
                    _ => Some(value.to_owned()),
                }
            };
            let reached = reached.map(|(to, _)| (to.clone(), left(to).unwrap_or_default()));
            self.perhaps.extend(reached);
        }
        Step { key: key.clone(), expect, value: value.to_owned(), undo, rung: false }
    }

    fn spread(&mut self, effect: Effect, from: &Key, value: &str) {
        if let Effect::Gates(path) = effect
            && effect.leaves(value, None).is_none()
        {
            if let Ok(key) = Key::from_path(path)
                && self.text(&key).is_some_and(|text| !is_non_zero(text))
            {
                self.perhaps.insert(key, "1".to_owned());
            }
            return;
        }
        let touched: Vec<Key> = self
            .snapshot
            .iter()
            .filter(|(key, reading)| *key != from && reading.exists())
            .filter(|(key, _)| effect.reaches(from.as_path(), key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in touched {
            let now = self.text(&key).map(str::trim);
            let left = effect.leaves(value, now).filter(|left| now != Some(left));
            if let Some(left) = left {
                self.changed.insert(key, left);
            }
        }
    }
}

fn is_non_zero(text: &str) -> bool {
    kernel_number(text.trim()).is_some_and(|n| n != 0)
}
