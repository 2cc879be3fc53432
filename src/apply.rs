//! Carries a plan out and decides nothing: order, bytes and undo are the plan's.

use std::path::Path;

use crate::below;
use crate::key::Key;
use crate::observed::{Errno, Reading};
use crate::persist::{PersistError, Staged};
use crate::plan::{Dropin, DropinOutcome, Outcome, Plan, Step, StepOutcome, StepResult, bytes};
use crate::procsys::Kernel;
use crate::value::agrees;

/// What an apply is asked to do besides the plan's steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Nothing is persisted.
    pub live_only: bool,
    /// One failing key does not take back the others.
    pub keep_going: bool,
    /// The baseline's actions are run as well.
    pub run_actions: bool,
}

/// Carries `plan` out on `kernel`, persisting below `root`. `progress` hears each step before it
/// is taken.
///
/// The order is: everything that can fail without a trace first (permission to write each key,
/// the drop-in complete on disk), then the writes, then one rename.
pub fn apply(
    plan: &Plan,
    kernel: &dyn Kernel,
    root: &Path,
    options: &Options,
    progress: &mut dyn FnMut(usize, &Step),
) -> Outcome {
    let mut outcome = Outcome { moved: moved(plan, kernel), ..Outcome::default() };
    if !outcome.moved.is_empty() {
        outcome.steps = untried(plan);
        outcome.dropin = DropinOutcome::LeftAlone;
        outcome.host_file = DropinOutcome::LeftAlone;
        return outcome;
    }
    let prepare = |file| Prepared::of(file, root, options);
    let (dropin, host_file) = (prepare(&plan.dropin), prepare(&plan.host_file));
    if !options.keep_going && (dropin.failed() || host_file.failed()) {
        outcome.steps = untried(plan);
        outcome.dropin = dropin.given_up();
        outcome.host_file = host_file.given_up();
        return outcome;
    }
    outcome.steps = write_all(plan, kernel, options.keep_going, progress);
    let refused = outcome.failed_keys();
    if !refused.is_empty() && !options.keep_going {
        outcome.restored = take_back(plan, kernel, &outcome.steps);
        outcome.dropin = DropinOutcome::LeftAlone;
        outcome.host_file = DropinOutcome::LeftAlone;
        return outcome;
    }
    // The numbers of this boot first: the drop-in is what makes a plan carried out.
    outcome.host_file = host_file.persist(plan, &refused, root);
    outcome.dropin = match &outcome.host_file {
        DropinOutcome::Failed(_) if !options.keep_going => DropinOutcome::LeftAlone,
        _ => dropin.persist(plan, &refused, root),
    };
    let failed = outcome.files().any(|file| matches!(file, DropinOutcome::Failed(_)));
    if failed && !options.keep_going {
        // Live and persisted go together or not at all.
        outcome.restored = take_back(plan, kernel, &outcome.steps);
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

/// What no longer reads as the plan saw it.
fn moved(plan: &Plan, kernel: &dyn Kernel) -> Vec<(Key, String, String)> {
    let mut seen: Vec<&Key> = Vec::new();
    let mut moved = Vec::new();
    for step in &plan.steps {
        // The second write of a key expects what the first one leads to.
        if seen.contains(&&step.key) {
            continue;
        }
        seen.push(&step.key);
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

fn write_all(
    plan: &Plan,
    kernel: &dyn Kernel,
    keep_going: bool,
    progress: &mut dyn FnMut(usize, &Step),
) -> Vec<StepOutcome> {
    let mut steps = untried(plan);
    if !keep_going {
        // Whether each write would be permitted is known before the first one.
        let mut permitted = true;
        for outcome in &mut steps {
            if let Err(errno) = kernel.probe_write(&outcome.step.key) {
                outcome.result = StepResult::Refused(errno);
                permitted = false;
            }
        }
        if !permitted {
            return steps;
        }
    }
    for (n, outcome) in steps.iter_mut().enumerate() {
        progress(n, &outcome.step);
        outcome.result = write_one(plan, kernel, &outcome.step);
        if outcome.result != StepResult::Written && !keep_going {
            break;
        }
    }
    // A later write may have changed what an earlier one set; what counts is how it ends.
    for outcome in &mut steps {
        if outcome.result == StepResult::Written {
            outcome.result = verify(plan, kernel, &outcome.step);
        }
    }
    steps
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
        if kernel.read(key).text().is_some_and(|now| now != value) {
            restored.push((key.clone(), kernel.write(key, &bytes(value))));
        }
    }
    restored
}

/// A file of ours before the first write.
enum Prepared<'a> {
    /// Nothing is persisted.
    NotAsked,
    /// It already is as planned.
    Unchanged,
    /// It lies complete beside its place, or could not be laid there.
    Staged(&'a Dropin, Result<Staged, PersistError>),
}

impl<'a> Prepared<'a> {
    fn of(file: &'a Dropin, root: &Path, options: &Options) -> Self {
        match options.live_only {
            true => Self::NotAsked,
            false if file.changes() => Self::Staged(file, stage(file.path, &file.text, root)),
            false => Self::Unchanged,
        }
    }

    fn failed(&self) -> bool {
        matches!(self, Self::Staged(_, Err(_)))
    }

    fn given_up(self) -> DropinOutcome {
        match self {
            Self::Staged(_, Err(error)) => DropinOutcome::Failed(error.to_string()),
            _ => DropinOutcome::LeftAlone,
        }
    }

    /// Puts it in place, without the keys that the kernel refused: those are never persisted.
    fn persist(self, plan: &Plan, refused: &[Key], root: &Path) -> DropinOutcome {
        let (file, staged) = match self {
            Self::NotAsked => return DropinOutcome::NotAsked,
            Self::Unchanged => return DropinOutcome::Unchanged,
            Self::Staged(file, staged) => (file, staged),
        };
        let staged = staged.and_then(|staged| {
            let text = plan.text_without(file, refused);
            if text == file.text {
                return Ok(Some(staged));
            }
            drop(staged);
            let unchanged = file.before.as_deref() == Some(text.as_bytes());
            if unchanged { Ok(None) } else { stage(file.path, &text, root).map(Some) }
        });
        match staged.and_then(|staged| staged.map(Staged::commit).transpose()) {
            Ok(Some(())) => DropinOutcome::Written,
            Ok(None) => DropinOutcome::Unchanged,
            Err(error) => DropinOutcome::Failed(error.to_string()),
        }
    }
}

fn stage(path: &str, text: &str, root: &Path) -> Result<Staged, PersistError> {
    let place = below::resolve_parent(root, path).map_err(|error| PersistError {
        doing: "find",
        path: path.to_owned(),
        error,
    })?;
    Staged::write(&place, text.as_bytes())
}
