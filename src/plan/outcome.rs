//! How the carrying out of a plan ended, as values.

use crate::key::Key;
use crate::observed::Errno;

use super::{Step, Strained};

/// How it ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Each step, in order.
    pub steps: Vec<StepOutcome>,
    /// Each action, where they were asked for.
    pub actions: Vec<(Key, Result<(), Errno>)>,
    /// Keys that were put back because another one failed, and whether that worked.
    pub restored: Vec<(Key, Result<(), Errno>)>,
    /// What became of the drop-in.
    pub dropin: DropinOutcome,
    /// What became of the numbers made from RAM.
    pub host_file: DropinOutcome,
    /// Why it could not be kept what parameters were before, or what goes along with the plan.
    pub not_kept: Option<String>,
    /// Files that were in place, where they were put back because the last could not follow.
    pub restored_file: Option<Result<(), String>>,
    /// Why it stopped before its end, besides what steps and files tell.
    pub stopped: Option<Stopped>,
    /// Parameters that moved between the plan and the first write: key, then, now.
    pub moved: Vec<(Key, String, String)>,
}

/// Why an apply stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to, by a signal of that name.
    Signal(&'static str),
    /// What it was about to do could not be written down first; the words say why.
    NoJournal(String),
    /// The host did not bear a raise of the reserve: how far it had come of what was wanted, in kB.
    Strained {
        /// What it stood at.
        reserve_kb: String,
        /// What was wanted.
        wanted_kb: String,
        /// What showed it.
        why: Strained,
    },
}

/// One step's end.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub result: StepResult,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// The parameter reads as desired.
    Written,
    /// The kernel refused the write.
    Refused(Errno),
    /// The write was accepted, and the parameter reads something else.
    Kept(String),
    /// The write was accepted, and the parameter can no longer be read.
    Unreadable(Errno),
    /// It was not tried, because another one had failed.
    NotTried,
}

/// What became of a file of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DropinOutcome {
    /// It already was as planned.
    #[default]
    Unchanged,
    /// It was written.
    Written,
    /// It was not asked for (`--live-only`).
    NotAsked,
    /// It waits for `tunectl confirm`.
    OnTrial,
    /// It was left as it was because a write had failed.
    LeftAlone,
    /// It could not be written; the words say why.
    Failed(String),
}

impl Outcome {
    /// Whether everything that was asked for was done.
    pub fn succeeded(&self) -> bool {
        self.moved.is_empty()
            && self.stopped.is_none()
            && self.not_kept.is_none()
            && self.steps.iter().all(|s| s.result == StepResult::Written)
            && self.actions.iter().all(|(_, result)| result.is_ok())
            && self.files().all(|file| !matches!(file, DropinOutcome::Failed(_)))
    }

    /// Whether the drop-in is as planned.
    pub fn is_persisted(&self) -> bool {
        matches!(self.dropin, DropinOutcome::Written | DropinOutcome::Unchanged)
    }

    /// What became of each of our files.
    pub fn files(&self) -> impl Iterator<Item = &DropinOutcome> {
        [&self.dropin, &self.host_file].into_iter()
    }

    /// The keys whose steps did not end as planned.
    pub fn failed_keys(&self) -> Vec<Key> {
        self.steps
            .iter()
            .filter(|s| s.result != StepResult::Written)
            .map(|s| s.step.key.clone())
            .collect()
    }
}
