//! Carries a plan out and decides nothing: order, bytes and undo are the plan's.

mod files;
mod keep;
mod recover;

use std::collections::BTreeSet;
use std::path::Path;

use crate::key::Key;
use crate::observed::{Begun, Errno, Reading, Replaced, Unfinished};
use crate::persist::{Ledger, PersistError};
use crate::plan::DropinOutcome;
use crate::plan::{Outcome, Plan, Step, StepOutcome, StepResult, Stopped, bytes};
use crate::procsys::Kernel;
use crate::value::agrees;

pub use files::{clear_away, records};
pub use keep::{KeepError, could_keep, keep};
pub use recover::{Recovered, carried_out, put_back, put_values_back, recover};

use files::Prepared;

/// What an apply is asked to do besides the plan's steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Nothing is persisted.
    pub live_only: bool,
    /// One failing key does not take back the others.
    pub keep_going: bool,
    /// The baseline's actions are run as well.
    pub run_actions: bool,
    /// The boot, which a journal is kept for: killed, it is put right by the next run. `None`: no
    /// journal.
    pub boot_id: Option<String>,
    /// Where it is kept what parameters were before.
    pub remember: Remember,
    /// Further files that are replaced with ours, and put back with them.
    pub further: Vec<Replaced>,
    /// Those that make the baseline the host's own: the same, but where it keeps going they are
    /// replaced only once the drop-in is as planned.
    pub adopted: Vec<Replaced>,
}

/// Where it is kept what parameters were before tunectl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remember {
    /// Nowhere: what is written will be taken back.
    Nowhere,
    /// In /run: /var is not there yet.
    InRun,
    /// For this boot and for those that follow.
    #[default]
    Always,
}

/// When a step is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It is about to be taken.
    Before,
    /// It was taken; told of those that raise a reserve of memory.
    After,
}

/// Hears of each step, and stops everything where it says why.
pub type Progress<'a> = dyn FnMut(When, &Step) -> Option<Stopped> + 'a;

/// Carries `plan` out on `kernel`, persisting below `root`.
///
/// The order is: everything that can fail without a trace first (permission to write each key,
/// the files complete on disk), then the writes, each written down before it happens, then the
/// renames, the drop-in's last (but for what is adopted, where it keeps going).
pub fn apply(
    plan: &Plan,
    kernel: &dyn Kernel,
    root: &Path,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Outcome {
    let moved = moved(plan, kernel);
    if !moved.is_empty() {
        return Outcome { moved, ..nothing(plan) };
    }
    let mut files = files::prepare(plan, root, options);
    if !options.keep_going && files::failed(&files) {
        let mut outcome = nothing(plan);
        files::give_up(&files, &mut outcome);
        return outcome;
    }
    let mut ledger = match begin(plan, root, options) {
        Ok(ledger) => ledger,
        Err(error) if options.keep_going => {
            log::warn!("{error}: if this run is killed, the next one cannot put it right");
            None
        }
        Err(error) => {
            let stopped = Some(Stopped::NoJournal(error.to_string()));
            return Outcome { stopped, ..nothing(plan) };
        }
    };
    if ledger.is_none() {
        files::commit_records(&mut files);
    }
    let mut run = Run { plan, kernel, root, options, ledger: &mut ledger };
    let outcome = run.carry_out(files, progress);
    // What could not be put back stays written down: the next run tries again.
    let stuck = outcome.restored.iter().any(|(_, result)| result.is_err());
    if stuck || matches!(outcome.restored_file, Some(Err(_))) {
        return outcome;
    }
    if let Some(Err(error)) = ledger.map(Ledger::end) {
        log::warn!("{error}: the next run will look at it");
    }
    outcome
}

fn nothing(plan: &Plan) -> Outcome {
    Outcome {
        steps: untried(plan),
        dropin: DropinOutcome::LeftAlone,
        host_file: DropinOutcome::LeftAlone,
        ..Outcome::default()
    }
}

fn begin(plan: &Plan, root: &Path, options: &Options) -> Result<Option<Ledger>, PersistError> {
    let changes = plan.changes() || !options.further.is_empty() || !options.adopted.is_empty();
    let Some(boot_id) = options.boot_id.clone().filter(|_| changes) else { return Ok(None) };
    let begun = Unfinished {
        boot_id,
        baseline: plan.baseline.name.clone(),
        originals: plan.originals.clone(),
        ..Unfinished::default()
    };
    Ledger::begin(root, &begun).map(Some)
}

/// One apply, once everything is prepared.
struct Run<'a> {
    plan: &'a Plan,
    kernel: &'a dyn Kernel,
    root: &'a Path,
    options: &'a Options,
    ledger: &'a mut Option<Ledger>,
}

impl Run<'_> {
    fn carry_out(&mut self, files: Vec<Prepared>, progress: &mut Progress<'_>) -> Outcome {
        let Self { plan, kernel, options, .. } = *self;
        let mut outcome = Outcome::default();
        (outcome.steps, outcome.stopped) = self.write_all(progress);
        let refused = outcome.failed_keys();
        if (outcome.stopped.is_some() || !refused.is_empty()) && !options.keep_going {
            outcome.restored = take_back(plan, kernel, &outcome.steps);
            outcome.dropin = DropinOutcome::LeftAlone;
            outcome.host_file = DropinOutcome::LeftAlone;
            return outcome;
        }
        // With the drop-in the plan is carried out.
        let mut files = files::without(files, plan, &refused, self.root, options);
        match self.announce(&files) {
            Ok(()) => files::commit(&mut files, options.keep_going, &mut outcome),
            Err(error) => files::not_replaced(&files, &error, &mut outcome),
        }
        let failed = outcome.files().any(|file| matches!(file, DropinOutcome::Failed(_)));
        if (failed || outcome.not_kept.is_some()) && !options.keep_going {
            // Live and persisted go together or not at all.
            outcome.restored = take_back(plan, kernel, &outcome.steps);
            outcome.restored_file = files::put_back(&files, self.root);
            return outcome;
        }
        if options.run_actions {
            for action in plan.baseline.actions.iter().filter(|a| a.waiver.is_none()) {
                if let Some(value) = action.requirement.exact() {
                    let result = kernel.write(&action.key, &bytes(value));
                    outcome.actions.push((action.key.clone(), result));
                }
            }
        }
        outcome
    }

    /// Writes down which files are about to be replaced.
    fn announce(&mut self, files: &[Prepared]) -> Result<(), PersistError> {
        let replaced = files::replaced(files);
        match self.ledger.as_mut().filter(|_| !replaced.is_empty()) {
            Some(ledger) => ledger.about_to_replace(&replaced),
            None => Ok(()),
        }
    }

    fn write_all(&mut self, progress: &mut Progress<'_>) -> (Vec<StepOutcome>, Option<Stopped>) {
        let Self { plan, kernel, options, .. } = *self;
        let mut steps = untried(plan);
        if !options.keep_going {
            // Whether each write would be permitted is known before the first one.
            let mut permitted = true;
            for outcome in &mut steps {
                if let Err(errno) = kernel.probe_write(&outcome.step.key) {
                    outcome.result = StepResult::Refused(errno);
                    permitted = false;
                }
            }
            if !permitted {
                return (steps, None);
            }
        }
        let mut stopped = None;
        for n in 0..steps.len() {
            let step = &plan.steps[n];
            // A raise that the host did not bear was taken back.
            if matches!(&stopped, Some(Stopped::Strained { .. })) && step.rung {
                continue;
            }
            if let Some(why) = self.take(step, &mut steps[n], progress) {
                let strained = matches!(why, Stopped::Strained { .. });
                stopped = Some(why);
                if !(strained && options.keep_going) {
                    break;
                }
                self.climb_down(&mut steps);
            } else if steps[n].result != StepResult::Written && !options.keep_going {
                break;
            }
        }
        // A later write may have changed what an earlier one set; what counts is how it ends.
        let taken = |s: &StepOutcome| s.result == StepResult::Written;
        let rungs: Vec<usize> = (0..steps.len()).filter(|n| steps[*n].step.rung).collect();
        for n in 0..steps.len() {
            let risen = |s: &StepOutcome| s.step.key == steps[n].step.key && taken(s);
            let mut later = rungs.iter().filter(|rung| **rung > n);
            if taken(&steps[n]) && !later.any(|rung| risen(&steps[*rung])) {
                steps[n].result = verify_end(plan, kernel, &plan.steps[n]);
            }
        }
        (steps, stopped)
    }

    /// Takes one step, unless it is stopped before; why it stops here.
    fn take(
        &mut self,
        step: &Step,
        outcome: &mut StepOutcome,
        progress: &mut Progress<'_>,
    ) -> Option<Stopped> {
        let stopped = progress(When::Before, step).or_else(|| {
            let error = self.ledger.as_mut()?.about_to_write(&begun(step)).err()?;
            Some(Stopped::NoJournal(error.to_string()))
        });
        if stopped.is_some() {
            return stopped;
        }
        outcome.result = write_one(self.plan, self.kernel, step);
        let risen = step.rung && outcome.result == StepResult::Written;
        if risen { progress(When::After, step) } else { None }
    }

    /// Takes back a raise of which the others know nothing.
    fn climb_down(&self, steps: &mut [StepOutcome]) {
        for outcome in steps.iter_mut().filter(|s| s.step.rung).rev() {
            if outcome.result != StepResult::Written {
                continue;
            }
            outcome.result = StepResult::NotTried;
            if let Some((key, value)) = &outcome.step.undo
                && let Err(errno) = self.kernel.write(key, &bytes(value))
            {
                outcome.result = StepResult::Refused(errno);
            }
        }
    }
}

fn begun(step: &Step) -> Begun {
    Begun {
        key: step.key.clone(),
        from: step.expect.clone(),
        to: step.value.clone(),
        undo: step.undo.clone(),
    }
}

/// What no longer reads as the plan saw it.
fn moved(plan: &Plan, kernel: &dyn Kernel) -> Vec<(Key, String, String)> {
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut moved = Vec::new();
    for step in &plan.steps {
        // The second write of a key expects what the first one leads to.
        if !seen.insert(&step.key) {
            continue;
        }
        let before = plan.item(&step.key);
        let Some((item, then)) = before.and_then(|i| Some((i, i.live.as_deref()?))) else {
            continue;
        };
        if let Reading { value: Ok(now), .. } = kernel.read(&step.key)
            && !(agrees(item.desired.shape, then, &now) && agrees(item.desired.shape, &now, then))
        {
            moved.push((step.key.clone(), then.to_owned(), now));
        }
    }
    moved
}

fn untried(plan: &Plan) -> Vec<StepOutcome> {
    let untried = |step: &Step| StepOutcome { step: step.clone(), result: StepResult::NotTried };
    plan.steps.iter().map(untried).collect()
}

fn write_one(plan: &Plan, kernel: &dyn Kernel, step: &Step) -> StepResult {
    let Err(errno) = kernel.write(&step.key, &step.bytes()) else {
        return verify(plan, kernel, step);
    };
    // A refused write may have changed the leading numbers of an array all the same.
    let now = kernel.read(&step.key);
    if let (Some(now), Some(before)) = (now.text(), &step.expect)
        && now != before
    {
        // That it was refused is told already; a failure to put it back shows when it is read.
        let _ = kernel.write(&step.key, &bytes(before));
    }
    StepResult::Refused(errno)
}

fn verify(plan: &Plan, kernel: &dyn Kernel, step: &Step) -> StepResult {
    let shape = plan.item(&step.key).map_or(crate::value::Shape::Unknown, |i| i.desired.shape);
    match kernel.read(&step.key).value {
        Ok(now) if agrees(shape, &step.value, &now) => StepResult::Written,
        Ok(now) => StepResult::Kept(now),
        Err(errno) => StepResult::Unreadable(errno),
    }
}

/// The same once all is written: a later write of another name may have left another number, which
/// will do where bounds are asked for.
fn verify_end(plan: &Plan, kernel: &dyn Kernel, step: &Step) -> StepResult {
    let will_do = |now: &str| {
        let desired = plan.item(&step.key).map(|item| &item.desired);
        desired.is_some_and(|d| d.requirement.satisfied_by(d.shape, now))
    };
    match verify(plan, kernel, step) {
        StepResult::Kept(now) if will_do(&now) => StepResult::Written,
        result => result,
    }
}

/// Puts back what was written, last first, and then whatever a cascade has changed besides.
fn take_back(
    plan: &Plan,
    kernel: &dyn Kernel,
    steps: &[StepOutcome],
) -> Vec<(Key, Result<(), Errno>)> {
    let mut restored: Vec<(Key, Result<(), Errno>)> = Vec::new();
    let touched =
        |s: &&StepOutcome| !matches!(s.result, StepResult::NotTried | StepResult::Refused(_));
    for outcome in steps.iter().rev().filter(touched) {
        let again = outcome.step.undo.is_none()
            && steps.iter().any(|s| s.step.key == outcome.step.key && s.step.undo.is_some());
        match &outcome.step.undo {
            Some((key, value)) => {
                let result = kernel.write(key, &bytes(value));
                restored.push((outcome.step.key.clone(), result));
            }
            // The second write of a key is taken back with the first one.
            None if again => {}
            // What it read before could not be read, so it cannot be put back.
            None => restored.push((outcome.step.key.clone(), Err(Errno::EIO))),
        }
    }
    if restored.is_empty() {
        return restored;
    }
    for (key, value) in &plan.originals {
        let again = recover::written_again(kernel, key, value);
        restored.extend(again.map(|result| (key.clone(), result)));
    }
    restored
}
