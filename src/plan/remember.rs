//! What is remembered once a plan is carried out: what each parameter was before tunectl.

use std::collections::BTreeMap;

use crate::catalogue::{self, Effect, Reach, shape_of};
use crate::key::Key;
use crate::observed::{Facts, Original, Originals, Snapshot};
use crate::value::{agrees, completed, kernel_number};

use super::lines::Lines;
use super::returned::{self, half_of};
use super::{Item, Plan, Returned, Step, item_of, order};

/// What a plan adds to what is remembered, and what it takes away.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was remembered when the plan was made.
    pub before: Originals,
    /// What is remembered from now on, by the parameter that it depends on.
    pub(super) taken: Vec<(Key, Original)>,
    /// What is forgotten, each with the parameter that it depends on.
    pub(super) given: Vec<(Key, Key)>,
}

impl Plan {
    /// What is to be remembered once the plan is carried out, but for `refused`, which the kernel
    /// has not taken.
    pub fn remembered(&self, refused: &[Key]) -> Originals {
        let mut all = self.memory.before.clone();
        for (key, on) in &self.memory.given {
            if !self.is_refused(on, refused) {
                all.of_boot.remove(key);
                all.first.remove(key);
            }
        }
        for (key, original) in &self.memory.taken {
            let on = original.because_of.as_ref().unwrap_or(key);
            if refused.contains(on) {
                continue;
            }
            all.of_boot.insert(key.clone(), original.clone());
            let known = original.value.is_some() || original.half.is_some();
            if known && original.because_of.is_none() {
                all.first.entry(key.clone()).or_insert_with(|| original.clone());
            }
        }
        all
    }

    /// Whether something else is to be remembered for boots that follow.
    pub fn remembers_anew(&self) -> bool {
        self.remembered(&[]).first != self.memory.before.first
    }

    /// Leaves out the steps that `takes` does not want, each judged with its item: they are left to
    /// somebody else, and nothing is remembered of what they would have left. Nothing is given back
    /// by such a plan.
    pub fn retain_steps(&mut self, takes: impl Fn(&Item, &Step) -> bool) {
        let Self { items, steps, originals, memory, .. } = self;
        let item = |key: &Key| item_of(items, key);
        let (taken, left_out): (Vec<Step>, Vec<Step>) = std::mem::take(steps)
            .into_iter()
            .partition(|step| item(&step.key).is_some_and(|item| takes(item, step)));
        *steps = taken;
        if left_out.is_empty() {
            return;
        }
        let is_changed = order::changed_besides(steps);
        originals.retain(|(key, _)| is_changed(key));
        let [steps, left_out] = [&*steps, &left_out].map(|of| Steps::of(of));
        let Memory { before, taken, given } = memory;
        let mut dropped = Vec::new();
        taken.retain_mut(|(key, original)| {
            let besides = original.because_of.is_some();
            let last = steps.last_left(key, besides, Some(&original.left));
            if let Some((because, left)) = last {
                let whole = item(key).filter(|_| !besides).and_then(|item| left_in(&steps, item));
                whole.unwrap_or(left).trim().clone_into(&mut original.left);
                original.because_of = besides.then(|| because.clone());
                return true;
            }
            if left_out.last_left(key, besides, Some(&original.left)).is_none() {
                return true;
            }
            // It stays as it is: as it was left before, or as it was found.
            let persisted = item(key).filter(|item| !besides && item.persisted.is_some());
            let known = before.of_boot.get(key).map(|known| known.left.as_str());
            let left = persisted.and_then(|item| known.or(item.live.as_deref()));
            match left {
                Some(left) => left.trim().clone_into(&mut original.left),
                None => dropped.push(key.clone()),
            }
            left.is_some()
        });
        given.retain(|(_, on)| !dropped.contains(on));
    }

    /// Whether a parameter is among those that were refused: itself, or what is written to give it
    /// back.
    pub(super) fn is_refused(&self, key: &Key, refused: &[Key]) -> bool {
        let written_for = |r: &Returned| refused.contains(&r.item.desired.key);
        refused.contains(key) || returned::of(&self.returned, key).is_some_and(written_for)
    }
}

/// What a plan is made of, as far as it matters here.
pub(super) struct Made<'a> {
    pub items: &'a [Item],
    pub steps: &'a [Step],
    /// What the steps may change besides their own keys.
    pub besides: &'a [(Key, String)],
    pub returned: &'a [Returned],
    /// What our files set now.
    pub ours: &'a Lines,
    pub snapshot: &'a Snapshot,
    pub facts: &'a Facts,
}

/// A step with what it changes besides.
struct Changing<'s> {
    step: &'s Step,
    reach: Reach<'s>,
}

impl<'s> Changing<'s> {
    fn of(step: &'s Step) -> Self {
        Self { step, reach: Reach::of(&step.key) }
    }

    /// What it leaves in another parameter, if it changes that one, which held `before`.
    fn left_in(&self, key: &Key, before: Option<&str>) -> Option<String> {
        self.reach.effect_on(key)?.leaves(&self.step.value, before)
    }

    /// The same where that is nobody's but its own: the other name of a variable comes back with it.
    fn left_besides_in(&self, key: &Key, before: Option<&str>) -> Option<String> {
        let effect = self.reach.effect_on(key);
        let is_other = self.step.key != *key && !matches!(effect, Some(Effect::Rescales(..)));
        self.left_in(key, before).filter(|_| is_other)
    }
}

/// The steps of a plan, to be asked for what they leave in a parameter.
struct Steps<'s> {
    all: Vec<Changing<'s>>,
    /// Which is the last one that writes a parameter.
    own: BTreeMap<&'s Key, usize>,
    /// Which change others.
    reaching: Vec<usize>,
}

impl<'s> Steps<'s> {
    fn of(steps: &'s [Step]) -> Self {
        let all: Vec<Changing<'_>> = steps.iter().map(Changing::of).collect();
        let reaching = (0..all.len()).filter(|at| !all[*at].reach.is_empty()).collect();
        let own = all.iter().enumerate().map(|(at, changing)| (&changing.step.key, at)).collect();
        Self { all, own, reaching }
    }

    /// The last that changes a parameter, itself or (`besides`) through another one only, and what
    /// it leaves there where it held `before`.
    fn last_left(
        &self,
        key: &Key,
        besides: bool,
        before: Option<&str>,
    ) -> Option<(&'s Key, String)> {
        let own = self.own.get(key).copied().filter(|_| !besides);
        let mut later = self.reaching.iter().rev().take_while(|at| Some(**at) > own);
        let through = later.find_map(|at| {
            let changing = &self.all[*at];
            let left = if besides {
                changing.left_besides_in(key, before)
            } else {
                changing.left_in(key, before)
            };
            Some((&changing.step.key, left?))
        });
        through.or_else(|| {
            let step = self.all[own?].step;
            Some((&step.key, step.value.clone()))
        })
    }
}

/// What these steps leave in a parameter of the plan: of an array of which fewer numbers are written
/// the others as they are.
fn left_in(steps: &Steps<'_>, item: &Item) -> Option<String> {
    let key = &item.desired.key;
    let (by, left) = steps.last_left(key, false, item.live.as_deref())?;
    let live = item.live.as_deref().unwrap_or_default();
    Some(if by == key { completed(item.desired.shape, live, &left) } else { left })
}

pub(super) fn memory(before: &Originals, made: &Made<'_>, forgets: bool) -> Memory {
    let steps = Steps::of(made.steps);
    let mut memory = Memory { before: before.clone(), ..Memory::default() };
    let returned = |key: &Key| returned::of(made.returned, key).is_some();
    let itself = |key: &Key| (key.clone(), key.clone());
    memory.given.extend(made.returned.iter().filter(|r| r.is_given()).map(|r| itself(&r.key)));
    let asked = |key: &Key| item_of(made.items, key).is_some();
    if forgets {
        // What no baseline asks for any longer, and nothing of this boot is due to.
        let known = |key: &Key| {
            let other = || half_of(key).or_else(|| catalogue::other_name(key));
            asked(key) || returned(key) || other().is_some_and(|other| asked(&other))
        };
        memory.given.extend(before.first.keys().filter(|key| !known(key)).map(itself));
    }
    // One that comes back by that name is another parameter.
    let gone = |key: &&Key| !asked(key) && made.snapshot.get(key).is_some_and(|r| !r.exists());
    memory.given.extend(before.since_boot(&made.facts.boot_id).filter(gone).map(itself));
    for item in made.items.iter().filter(|i| i.refusals.is_empty() && !i.waived()) {
        let key = &item.desired.key;
        let written = left_in(&steps, item);
        if written.is_none() && item.persisted.is_none() {
            continue;
        }
        // What nobody writes now stays what was left in it: the rest is somebody else's.
        let Some(left) = written.or_else(|| left_before(item, before, made)) else { continue };
        if !before.of_boot.is_empty()
            && let Some(half) = half_of(key).filter(|half| before.of_boot.contains_key(half))
        {
            memory.given.push((half, key.clone()));
        }
        // What is asked for under both names is remembered under both.
        if let Some(other) = catalogue::other_name(key)
            .filter(|other| before.of_boot.contains_key(other) && !asked(other))
        {
            memory.given.push((other, key.clone()));
        }
        let original = original(item, left.trim(), before, made);
        memory.taken.push((key.clone(), original));
    }
    for (key, value) in made.besides {
        let own = item_of(made.items, key).is_some_and(|item| item.persisted.is_some());
        let held = before.of_boot.get(key);
        if own || returned(key) || held.is_some_and(|o| o.because_of.is_none()) {
            continue;
        }
        let Some((because, left)) = steps.last_left(key, true, Some(value)) else { continue };
        // What is given back changes nothing for good.
        if returned(because) || made.returned.iter().any(|r| r.item.desired.key == *because) {
            continue;
        }
        let original = match held {
            Some(held) => Original { left, ..held.clone() },
            None => Original {
                because_of: Some(because.clone()),
                ..new(Some(value.trim().to_owned()), left, made.facts)
            },
        };
        memory.taken.push((key.clone(), original));
    }
    memory
}

/// What tunectl has left in an item that it does not write: as it is remembered, by the other half
/// or name as well; else as our files have it; else it is as it was found.
fn left_before(item: &Item, before: &Originals, made: &Made<'_>) -> Option<String> {
    let (key, live) = (&item.desired.key, item.live.as_deref()?);
    let left_in = |key: &Key| before.of_boot.get(key).map(|known| known.left.as_str());
    let by_half = || {
        let left = kernel_number(left_in(&half_of(key)?)?.trim())?;
        (left != 0).then(|| "0".to_owned())
    };
    let by_other_name = || {
        let other = catalogue::other_name(key)?;
        Reach::of(&other).effect_on(key)?.leaves(left_in(&other)?, None)
    };
    let known = left_in(key).map(str::to_owned).or_else(by_half).or_else(by_other_name);
    let set = || {
        let set = made.ours.value_of(key)?;
        // A file may set but the leading numbers of several: what else it reads is as it was.
        Some(if agrees(item.desired.shape, set, live) { live } else { set }.to_owned())
    };
    known.or_else(set).or_else(|| Some(live.to_owned()))
}

/// What is remembered of an item that is held from now on.
fn original(item: &Item, left: &str, before: &Originals, made: &Made<'_>) -> Original {
    let key = &item.desired.key;
    let left = left.to_owned();
    if let Some(known) = before.of_boot.get(key) {
        return Original { left, because_of: None, ..known.clone() };
    }
    let half = half_of(key);
    // Of a pair it is the same state whichever half is asked for.
    if let Some((half, known)) = half.as_ref().and_then(|h| before.of_boot.get_key_value(h)) {
        let (value, half) = match (&known.half, &known.value) {
            (Some((_, value)), _) => (Some(value.clone()), None),
            (None, Some(value)) => (Some("0".to_owned()), Some((half.clone(), value.clone()))),
            (None, None) => (None, None),
        };
        return Original { value, half, left, because_of: None, ..known.clone() };
    }
    // The same of a variable by its other name, as far as one number tells the other.
    let other = catalogue::other_name(key);
    if let Some((other, known)) = other.as_ref().and_then(|o| before.of_boot.get_key_value(o)) {
        let effect = Reach::of(other).effect_on(key);
        // What it read by this name, or by the other where that alone tells all.
        let own = known.half.as_ref().map(|(_, value)| value.clone());
        let value =
            own.clone().or_else(|| known.value.as_deref().and_then(|v| effect?.leaves(v, None)));
        let is_all =
            |value: &str| catalogue::finer(key, value, |_| known.value.as_deref()).is_none();
        let told = own.is_some() || value.as_deref().is_some_and(is_all);
        let by_other = || Some((other.clone(), known.value.clone()?));
        let half = if told { None } else { by_other() };
        return Original { value, half, left, because_of: None, ..known.clone() };
    }
    // What comes with its interface may have been read before a pattern got to it.
    let set_by_pattern = |key: &Key| {
        let (set, live) = (made.ours.value_of(key), made.snapshot.text(key));
        set.zip(live).is_some_and(|(set, live)| agrees(shape_of(key), set, live))
    };
    let ours = |key: &Key| made.ours.names(key) || set_by_pattern(key);
    if ours(key) || half.iter().chain(&other).any(ours) {
        return new(None, left, made.facts);
    }
    let active = half.and_then(|half| {
        let text = made.snapshot.text(&half)?.trim().to_owned();
        kernel_number(&text).is_some_and(|n| n != 0).then_some((half, text))
    });
    let value = item.live.as_deref().map(|text| text.trim().to_owned());
    let finer = || catalogue::finer(key, value.as_deref()?, |key| made.snapshot.text(key));
    Original { half: active.or_else(finer), ..new(value.clone(), left, made.facts) }
}

fn new(value: Option<String>, left: String, facts: &Facts) -> Original {
    Original {
        value,
        half: None,
        left,
        because_of: None,
        boot_id: facts.boot_id.clone(),
        mem_total_kb: facts.mem_total_kb,
        day: facts.today.clone(),
    }
}
