//! What a trial of a plan is: all that is needed to take it back or to keep it, what it lets go of
//! meanwhile, and what cannot be tried.

use crate::catalogue::{self, Kind};
use crate::key::Key;
use crate::observed::{Begun, Replaced, Unfinished, exact_text};

use super::{Dropin, Plan};

/// Why a parameter cannot be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untryable {
    /// Only a reboot takes it back.
    OneWay,
    /// What it reads now is not known.
    Unknown,
}

/// Everything that carrying the plan out would do, as if it had been done: taken back as an apply
/// that was killed would be. `further` are the files that are kept with ours, such as those that
/// make the baseline this host's own.
pub fn trial(plan: &Plan, boot_id: &str, pid: u32, further: Vec<Replaced>) -> Unfinished {
    let replaced = |file: &Dropin| {
        file.changes().then(|| Replaced {
            path: file.path.to_owned(),
            before: file.before.as_deref().map(exact_text),
            after: file.after().map(str::to_owned),
        })
    };
    Unfinished {
        boot_id: boot_id.to_owned(),
        pid,
        baseline: plan.baseline.name.clone(),
        originals: plan.originals.clone(),
        writes: plan
            .steps
            .iter()
            .map(|step| Begun {
                key: step.key.clone(),
                from: step.expect.clone(),
                to: step.value.clone(),
                undo: step.undo.clone(),
            })
            .collect(),
        // With the drop-in it is kept.
        files: replaced(&plan.host_file)
            .into_iter()
            .chain(further)
            .chain(replaced(&plan.dropin))
            .collect(),
        done: false,
    }
}

/// What a trial changes, by itself or besides: whoever holds these must leave them alone.
pub fn tried(unfinished: &Unfinished) -> Vec<Key> {
    let mut keys: Vec<Key> = unfinished.originals.iter().map(|(key, _)| key.clone()).collect();
    for write in &unfinished.writes {
        keys.extend(catalogue::half_of(&write.key));
        keys.push(write.key.clone());
    }
    keys.sort();
    keys.dedup();
    keys
}

/// The parameters of a plan that could not be put back.
pub fn untryable(plan: &Plan) -> Vec<(Key, Untryable)> {
    let mut found: Vec<(Key, Untryable)> = Vec::new();
    for step in &plan.steps {
        let known = catalogue::lookup(&step.key);
        let unset = step.expect.as_ref().is_some_and(|text| catalogue::is_unset(&step.key, text));
        let never_set = step.expect.is_none() && known.is_some_and(|p| p.kind() == Kind::Secret);
        let one_way = unset || never_set || known.is_some_and(|p| p.is_latched(&step.value));
        // What is written twice is taken back with its first write.
        let undone = plan.steps.iter().any(|s| s.key == step.key && s.undo.is_some());
        let why = match (one_way, undone) {
            (true, _) => Untryable::OneWay,
            (false, false) => Untryable::Unknown,
            (false, true) => continue,
        };
        found.push((step.key.clone(), why));
    }
    found
}
