//! A baseline comes into force: planned first, then carried out, then held.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::{self, Remember};
use crate::baseline::{DesiredPattern, OnDrift, Requirement};
use crate::catalogue::Special;
use crate::drift::{State, Wanted};
use crate::key::Key;
use crate::observed::Errno;
use crate::persist::holds::Holds;
use crate::persist::{LOCK, Lock};
use crate::plan::{Dropin, DropinOutcome, Item, Outcome, Plan, StepResult};
use crate::report;
use crate::watch::bpf::Admitted;
use crate::watch::clock;

use super::correct::arm;
use super::slot::Slot;
use super::told::shown;
use super::{APPLY, Daemon, EDIT, Force};

/// How long an apply is waited for at the start.
const AT_START: Duration = Duration::from_secs(10);

/// Why everything is read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody asks for it: it is told how it ends, even if that was told before.
    Asked,
    /// Something that a plan is made from has changed.
    Changed,
    /// Patterns match something else: our files follow later.
    Matches,
}

impl Daemon<'_> {
    /// Files have changed; whether a plan is made of one of them.
    pub(super) fn heed_files(&mut self, now: Duration) -> bool {
        let Some(files) = &mut self.files else { return false };
        let changed = files.changed();
        if changed.holds {
            self.end_holds();
        }
        if changed.plan {
            self.soon.reload.get_or_insert(now + EDIT);
        }
        changed.plan
    }

    /// Reads the baseline anew. A broken one is told, and the old one stays in force.
    pub(super) fn reload(&mut self, why: Why) {
        let asked = why == Why::Asked;
        if asked {
            let now = clock::monotonic().as_micros();
            self.say(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
        }
        // What comes of it is told, even where the numbers stay the same.
        self.standing = None;
        let patience = if self.force.is_none() { AT_START } else { Duration::ZERO };
        let place = crate::below::resolve_parent(&self.root, LOCK);
        let lock = place
            .map_err(|e| e.to_string())
            .and_then(|path| Lock::take(&path, patience).map_err(|e| e.to_string()));
        match lock {
            Ok(_lock) => match self.host.plan().and_then(|plan| self.accepted(plan)) {
                Ok(plan) => {
                    self.refused = None;
                    self.take(plan, why);
                }
                Err(mistakes) => {
                    self.watch_files(&[]);
                    self.put_files_right();
                    self.refuse(mistakes, asked);
                    self.stands();
                }
            },
            Err(busy) if self.force.is_none() => self.refused = Some(busy),
            Err(busy) => {
                log::debug!("the baseline is read again once the lock is free: {busy}");
                self.reload_later(why);
            }
        }
        if asked {
            self.say("READY=1");
        }
        self.soon.settle = true;
    }

    fn reload_later(&mut self, why: Why) {
        let then = clock::monotonic() + APPLY;
        if why == Why::Matches {
            self.soon.links.match_anew(then);
        } else {
            self.soon.reload = Some(then);
            self.soon.asked |= why == Why::Asked;
        }
    }

    /// A plan to be carried out. An edit that a guard refuses changes nothing; at the start there
    /// is nothing to go on with, so all is held but what is refused.
    fn accepted(&mut self, plan: Plan) -> Result<Plan, String> {
        let refusals: Vec<String> = plan
            .refusals()
            .map(|(item, refusal)| format!("{}: {}", item.desired.key, report::refusal(refusal)))
            .collect();
        // What a pattern matches and could not be listed would be let go: what is held stays held.
        let unseen = plan
            .baseline
            .patterns
            .iter()
            .filter_map(|pattern| Some(report::not_listed(&pattern.pattern, pattern.unseen?)));
        let refusals: Vec<String> = refusals.into_iter().chain(unseen).collect();
        if refusals.is_empty() {
            return Ok(plan);
        }
        if self.force.is_some() {
            return Err(refusals.join("; "));
        }
        for refusal in refusals {
            self.tell_once(refusal);
        }
        Ok(plan)
    }

    fn refuse(&mut self, why: String, asked: bool) {
        if self.refused.as_ref() == Some(&why) && !asked {
            return;
        }
        if self.force.is_some() {
            let mut event = self.general("refused");
            event.detail = Some(why.clone());
            self.records.record(&event);
        }
        self.refused = Some(why);
        self.soon.report = true;
    }

    fn watch_files(&mut self, sources: &[String]) {
        if let Some(files) = &mut self.files {
            files.watch(&self.root, sources);
        }
    }

    /// Carries a plan out and holds what it asks for.
    fn take(&mut self, mut plan: Plan, why: Why) {
        self.soon.report = true;
        let for_now = why == Why::Matches;
        let first = self.force.is_none();
        let sources: Vec<String> = plan
            .baseline
            .sources
            .iter()
            .map(|s| s.name.clone())
            .filter(|n| n.starts_with('/'))
            .collect();
        self.watch_files(&sources);
        // What was seen of those that go now is told first.
        self.tell(clock::monotonic(), true);
        let (slots, changes) = self.slots_of(&plan);
        // What is as desired as before has drifted: that is told with its writer, one by one.
        let (holds, since_boot) =
            (Holds::read(&self.root, self.host.boot_id()), clock::since_boot());
        // What yields to others nobody has changed where it is new; at the start somebody may have.
        let is_new = |item: &Item| !first && item.desired.on_drift == OnDrift::Yield;
        plan.retain_steps(|item, step| {
            (enforced(item) || is_new(item))
                && changes.iter().any(|change| change.key == step.key)
                && holds.as_ref().is_ok_and(|holds| holds.of(&step.key, since_boot).is_none())
        });
        let foreign = plan.in_place().next();
        let is_unseen = plan.baseline.patterns.iter().any(|pattern| pattern.unseen.is_some());
        let options = apply::Options {
            live_only: foreign.is_some() || for_now || is_unseen,
            keep_going: true,
            run_actions: false,
            // What comes and goes is no concern of the disk.
            remember: if for_now { Remember::InRun } else { Remember::Always },
            ..apply::Options::default()
        };
        let outcome = apply::apply(&plan, &self.kernel, &self.root, &options, &mut |_, _| None);
        if !outcome.moved.is_empty() {
            self.reload_later(why);
        }
        if for_now {
            let lags = foreign.is_none() && plan.files().any(Dropin::changes);
            // What came or went is remembered for boots that follow, though a pattern sets it.
            let lags = lags || plan.remembers_anew();
            self.soon.links.lag(clock::monotonic(), lags);
        } else {
            self.soon.links.all_is_read();
        }
        self.slots = slots;
        let (name, patterns) = (plan.baseline.name.clone(), plan.baseline.patterns.clone());
        let before = self.force.replace(Force { name, patterns });
        for slot in &mut self.slots {
            if slot.held.is_err() {
                slot.held = self.kernel.hold(&slot.key);
                slot.is_new = !first && slot.held.is_ok();
            }
            if !slot.is_blind {
                arm(slot, &self.eyes);
            }
            slot.dirty = true;
        }
        self.soon.dirty = true;
        self.reindex();
        self.end_holds();
        if self.slots.iter().any(|slot| slot.held.as_ref().err() == Some(&Errno::EMFILE)) {
            self.tell_once(
                "not all parameters are held: no more files may be open than are; raise \
                 LimitNOFILE= of tunectl.service, or hold fewer"
                    .into(),
            );
        }
        if let Some((foreign, path)) = foreign {
            self.tell_once(report::foreign(foreign, path));
        }
        self.left = super::remember::left(&plan, &outcome);
        self.forget_unwritten();
        self.tell_outcome(&plan, &outcome, first, !first && !changes.is_empty());
        if !for_now {
            self.keepsakes = super::keepsake::of(&plan, &outcome);
        }
        let asked = why == Why::Asked;
        let before = before.map_or(Vec::new(), |force| force.patterns);
        // On a host of containers interfaces come and go all day.
        let is_told = |c: &&Change| asked || !c.is_of_matches(&before, &plan.baseline.patterns);
        let lines: Vec<String> = changes.iter().filter(is_told).map(Change::to_string).collect();
        if !first && (!lines.is_empty() || asked) {
            let mut event = self.general("reloaded");
            let name = &plan.baseline.name;
            event.detail = Some(if lines.is_empty() {
                format!("{name}: nothing has changed")
            } else {
                format!("{name}: {}", lines.join("; "))
            });
            self.records.record(&event);
        }
        self.stands();
    }

    /// What was written, where it was wrong before the daemon looked for the first time; what could
    /// not be; and what became of our files.
    fn tell_outcome(&mut self, plan: &Plan, outcome: &Outcome, first: bool, edited: bool) {
        for step in &outcome.steps {
            let written = step.result == StepResult::Written;
            if (written && !first) || step.result == StepResult::NotTried {
                continue;
            }
            let key = &step.step.key;
            let mut event = self.event(key, if written { "restored" } else { "failed" });
            event.desired = Some(shown(key, &step.step.value));
            event.to = step.step.expect.as_deref().map(|found| shown(key, found));
            event.detail = match &step.result {
                StepResult::Written => Some("found so at the daemon's start".into()),
                StepResult::Refused(errno) | StepResult::Unreadable(errno) => {
                    Some(format!("the kernel refuses it: {}", report::errno_text(*errno)))
                }
                StepResult::Kept(now) => {
                    Some(format!("the kernel took it and reads {}", shown(key, now)))
                }
                StepResult::NotTried => None,
            };
            self.counts.restored += u64::from(written);
            self.records.record(&event);
        }
        for (file, outcome) in plan.files().zip(outcome.files()) {
            let mut event = self.general("dropin");
            // An edit of the baseline changes the file, and that is told as such. One that is as it
            // was left nobody has edited: it follows what patterns match.
            let follows = edited || self.is_as_left(file);
            if follows && *outcome == DropinOutcome::Written {
                continue;
            }
            event.detail = Some(match outcome {
                DropinOutcome::Written if file.before.is_none() => {
                    format!("{} was not there and is written", file.path)
                }
                DropinOutcome::Written => {
                    format!("{} was not as planned and is written", file.path)
                }
                DropinOutcome::Failed(why) => {
                    event.action = "failed".into();
                    format!("{} is not as planned: {why}", file.path)
                }
                _ => continue,
            });
            self.records.record(&event);
        }
    }

    /// The slots of a plan, and how they differ from those that are held now. What stays as it is
    /// keeps its descriptors and what is remembered of it.
    fn slots_of(&mut self, plan: &Plan) -> (Vec<Slot>, Vec<Change>) {
        let old = std::mem::take(&mut self.slots).into_iter();
        let mut old: BTreeMap<Key, Slot> = old.map(|slot| (slot.key.clone(), slot)).collect();
        let mut changes = Vec::new();
        // One more is for rehearsals.
        let mut slots = Vec::with_capacity(plan.items.len() + 1);
        for item in plan.items.iter().filter(|item| item.is_held()) {
            let desired = &item.desired;
            let text = desired.requirement.to_string();
            let policy = desired.on_drift;
            let before = old.remove(&desired.key);
            let same =
                before.as_ref().is_some_and(|b| b.desired == text && b.state.policy() == policy);
            if same {
                let pattern = desired.pattern.clone();
                slots.extend(before.map(|before| Slot { pattern, ..before }));
                continue;
            }
            changes.push(Change {
                key: desired.key.clone(),
                before: before.as_ref().map(|b| describe(&b.key, &b.desired, b.state.policy())),
                after: Some(describe(&desired.key, &text, policy)),
            });
            let wanted = Wanted::new(desired.shape, &desired.requirement);
            let state = State::new(policy, self.options.contest);
            let id = before.as_ref().map_or(self.next_id, |before| before.id);
            self.next_id += u64::from(before.is_none());
            let mut slot = Slot::new(id, desired.key.clone(), wanted, text, state);
            slot.pattern.clone_from(&desired.pattern);
            slot.admitted = admitted(item);
            if let Some(before) = before {
                slot.held = before.held;
                (slot.watch, slot.armed) = (before.watch, before.armed);
            }
            slots.push(slot);
        }
        changes.extend(old.values().map(|slot| Change {
            key: slot.key.clone(),
            before: Some(describe(&slot.key, &slot.desired, slot.state.policy())),
            after: None,
        }));
        for slot in old.values_mut() {
            slot.close(&self.eyes, Errno::ENOENT);
        }
        (slots, changes)
    }
}

fn enforced(item: &Item) -> bool {
    matches!(item.desired.on_drift, OnDrift::Enforce | OnDrift::Prevent)
}

/// What others may write where foreign writes are refused.
fn admitted(item: &Item) -> Vec<(Key, Admitted)> {
    let desired = &item.desired;
    let own = match &desired.requirement {
        Requirement::Exact(text) => vec![Admitted::Exact(text.clone())],
        Requirement::Within { at_least, at_most, special } => within(*at_least, *at_most, *special),
    };
    if own.is_empty() {
        return Vec::new();
    }
    let mut admitted: Vec<_> = own.into_iter().map(|own| (desired.key.clone(), own)).collect();
    if let Some(leaf) = desired.known.and_then(crate::catalogue::Parameter::pair) {
        // Any number written to the other half takes this one away; this text is none.
        let nothing = Admitted::Exact("(nothing)".into());
        admitted.push((desired.key.sibling(leaf), nothing));
    }
    admitted
}

/// What satisfies bounds. A number that is no amount is the least that a parameter reads.
fn within(
    at_least: Option<i128>,
    at_most: Option<i128>,
    special: Option<Special>,
) -> Vec<Admitted> {
    let first = special.map(|special| special.number() + 1);
    match (at_least.max(first), at_most) {
        (Some(least), Some(most)) => vec![Admitted::Between(least, most)],
        (None, Some(most)) => vec![Admitted::AtMost(most)],
        (Some(least), None) => {
            let no_limit = match special {
                Some(Special::NoLimit(number)) => Some(Admitted::Exact(number.to_string())),
                _ => None,
            };
            no_limit.into_iter().chain([Admitted::AtLeast(least)]).collect()
        }
        (None, None) => Vec::new(),
    }
}

fn describe(key: &Key, desired: &str, policy: OnDrift) -> String {
    let value = shown(key, desired);
    if policy == OnDrift::Enforce { value } else { format!("{value} ({})", policy.name()) }
}

/// How what is held differs from what was.
struct Change {
    key: Key,
    before: Option<String>,
    after: Option<String>,
}

impl Change {
    /// Whether it comes of a parameter that has come, or has gone, and that a pattern matches.
    fn is_of_matches(&self, before: &[DesiredPattern], after: &[DesiredPattern]) -> bool {
        let has = |patterns: &[DesiredPattern]| {
            patterns.iter().any(|pattern| pattern.matches.contains(&self.key))
        };
        let could = |patterns: &[DesiredPattern]| {
            patterns.iter().any(|pattern| pattern.pattern.matches(&self.key))
        };
        match (&self.before, &self.after) {
            (None, Some(_)) => could(before) && !has(before),
            (Some(_), None) => could(after) && !has(after),
            _ => false,
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = &self.key;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{key}: {before} -> {after}"),
            (None, Some(after)) => write!(f, "{key}: now held at {after}"),
            (Some(before), None) => write!(f, "{key}: no longer held at {before}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_amount_is_admitted_where_it_satisfies() {
        let none = |number| Some(Special::NoLimit(number));
        let half = Some(Special::OtherHalf);
        for (bounds, special, admitted) in [
            ((Some(3), None), None, vec![Admitted::AtLeast(3)]),
            ((None, Some(3)), None, vec![Admitted::AtMost(3)]),
            ((Some(3), None), none(0), vec![Admitted::Exact("0".into()), Admitted::AtLeast(3)]),
            ((None, Some(3)), none(-1), vec![Admitted::Between(0, 3)]),
            ((Some(-1), Some(3)), none(-1), vec![Admitted::Between(0, 3)]),
            ((Some(2), Some(3)), none(0), vec![Admitted::Between(2, 3)]),
            ((None, Some(3)), half, vec![Admitted::Between(1, 3)]),
            ((Some(2), None), half, vec![Admitted::AtLeast(2)]),
        ] {
            assert_eq!(within(bounds.0, bounds.1, special), admitted, "{bounds:?} {special:?}");
        }
    }
}
