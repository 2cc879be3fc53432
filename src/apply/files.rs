//! Our files on their way to their places: complete beside them first, then a rename each.

use std::path::{Path, PathBuf};

use crate::below;
use crate::key::Key;
use crate::observed::Replaced;
use crate::persist::{PersistError, Staged, remove};
use crate::plan::{Dropin, DropinOutcome, Outcome, Plan};

use super::Options;

/// A file of ours that is not in its place yet.
pub(super) enum Prepared<'a> {
    /// Nothing is persisted.
    NotAsked,
    /// It already is as planned.
    Unchanged,
    /// It lies complete beside its place, or could not be laid there.
    Staged {
        /// The file.
        file: &'a Dropin,
        /// Its text to be.
        text: String,
        /// Where it lies, or why it does not.
        staged: Result<Staged, PersistError>,
    },
}

impl<'a> Prepared<'a> {
    pub(super) fn of(file: &'a Dropin, root: &Path, options: &Options) -> Self {
        match options.live_only {
            true => Self::NotAsked,
            false if file.changes() => {
                let staged = stage(file.path, &file.text, root);
                Self::Staged { file, text: file.text.clone(), staged }
            }
            false => Self::Unchanged,
        }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self, Self::Staged { staged: Err(_), .. })
    }

    /// What became of it where nothing else was done either.
    pub(super) fn given_up(self) -> DropinOutcome {
        match self {
            Self::Staged { staged: Err(error), .. } => DropinOutcome::Failed(error.to_string()),
            _ => DropinOutcome::LeftAlone,
        }
    }

    /// The same without the keys that the kernel refused: those are never persisted.
    pub(super) fn without(self, plan: &Plan, refused: &[Key], root: &Path) -> Self {
        let Self::Staged { file, staged: Ok(staged), text } = self else { return self };
        let kept = plan.text_without(file, refused);
        if kept == text {
            return Self::Staged { file, text, staged: Ok(staged) };
        }
        drop(staged);
        if file.before.as_deref() == Some(kept.as_bytes()) {
            return Self::Unchanged;
        }
        let staged = stage(file.path, &kept, root);
        Self::Staged { file, text: kept, staged }
    }

    /// What is about to be replaced, if anything is.
    pub(super) fn replaced(&self) -> Option<Replaced> {
        let Self::Staged { file, text, staged: Ok(_) } = self else { return None };
        let before = file.before.as_deref().map(|b| String::from_utf8_lossy(b).into_owned());
        Some(Replaced { path: file.path.to_owned(), before, after: text.clone() })
    }

    /// What became of it where the replacement could not be written down.
    pub(super) fn not_replaced(self, why: &PersistError) -> DropinOutcome {
        match self {
            Self::NotAsked => DropinOutcome::NotAsked,
            Self::Unchanged => DropinOutcome::Unchanged,
            Self::Staged { staged: Err(error), .. } => DropinOutcome::Failed(error.to_string()),
            Self::Staged { staged: Ok(_), .. } => DropinOutcome::Failed(why.to_string()),
        }
    }

    fn commit(self) -> DropinOutcome {
        let staged = match self {
            Self::NotAsked => return DropinOutcome::NotAsked,
            Self::Unchanged => return DropinOutcome::Unchanged,
            Self::Staged { staged, .. } => staged,
        };
        match staged.and_then(Staged::commit) {
            Ok(()) => DropinOutcome::Written,
            Err(error) => DropinOutcome::Failed(error.to_string()),
        }
    }
}

/// Puts both in place, in order; the second only where the first is, unless it keeps going.
pub(super) fn commit(files: [Prepared<'_>; 2], keep_going: bool) -> [DropinOutcome; 2] {
    let [first, second] = files;
    let first = first.commit();
    let second = match first {
        DropinOutcome::Failed(_) if !keep_going => DropinOutcome::LeftAlone,
        _ => second.commit(),
    };
    [first, second]
}

/// Takes the first file back where the second could not be put in place. What went wrong with
/// that, in words.
pub(super) fn put_back(plan: &Plan, outcome: &Outcome, root: &Path) -> Option<Result<(), String>> {
    if outcome.host_file != DropinOutcome::Written {
        return None;
    }
    let before = plan.host_file.before.as_deref().map(String::from_utf8_lossy);
    let restored = restore(plan.host_file.path, before.as_deref(), root);
    Some(restored.map_err(|error| error.to_string()))
}

/// Gives a file of ours its text of before, or takes it away where there was none.
pub(super) fn restore(path: &str, before: Option<&str>, root: &Path) -> Result<(), PersistError> {
    match before {
        Some(text) => stage(path, text, root).and_then(Staged::commit),
        None => remove(&place(path, root)?),
    }
}

pub(super) fn stage(path: &str, text: &str, root: &Path) -> Result<Staged, PersistError> {
    Staged::write(&place(path, root)?, text.as_bytes())
}

fn place(path: &str, root: &Path) -> Result<PathBuf, PersistError> {
    let failed = |error| PersistError { doing: "find", path: path.to_owned(), error };
    below::resolve_parent(root, path).map_err(failed)
}
