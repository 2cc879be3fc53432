//! Our files as they were last written, for putting them right while the baseline cannot be read.

use crate::below;
use crate::bootview::dropin;
use crate::persist::conf::mode_at;
use crate::persist::holds::Holds;
use crate::persist::{PersistError, Staged, reports};
use crate::plan::{Dropin, DropinOutcome, Outcome, Plan, has_secret};

use super::Daemon;

/// A file of ours.
pub struct Keepsake {
    path: &'static str,
    text: String,
}

/// What lies on disk now that a plan was carried out.
pub fn of(plan: &Plan, outcome: &Outcome) -> Vec<Keepsake> {
    let lies = |o: &DropinOutcome| matches!(o, DropinOutcome::Written | DropinOutcome::Unchanged);
    let refused = outcome.failed_keys();
    plan.files()
        .zip(outcome.files())
        .filter(|(file, outcome)| lies(outcome) && !file.lines.is_empty())
        .filter_map(|(file, _)| {
            Some(Keepsake { path: file.path, text: plan.text_without(file, &refused)? })
        })
        .collect()
}

impl Daemon<'_> {
    /// Whether a file was, when it was planned, as it was last written.
    pub(super) fn is_as_left(&self, file: &Dropin) -> bool {
        let left = self.keepsakes.iter().find(|keepsake| keepsake.path == file.path);
        left.is_some_and(|left| file.before.as_deref() == Some(left.text.as_bytes()))
    }

    /// Puts a file right that somebody has removed or edited. The lock is held. What is no longer
    /// ours is left to whoever made it.
    pub(super) fn put_files_right(&mut self) {
        // What was rolled back, or may have been, is not written again by what was in force before.
        let holds = Holds::read(&self.root, self.host.boot_id());
        if holds.map_or(true, |holds| !holds.released().is_none()) {
            return;
        }
        for i in 0..self.keepsakes.len() {
            let Keepsake { path, text } = &self.keepsakes[i];
            let now = reports::read(&self.root, path);
            let foreign = now.as_deref().is_some_and(|bytes| !dropin::is_ours(bytes));
            if foreign || now.as_deref() == Some(text.as_bytes()) {
                continue;
            }
            let how = if now.is_none() { "was not there" } else { "was edited" };
            let written = below::resolve_parent(&self.root, path)
                .map_err(|error| PersistError { doing: "find", path: (*path).into(), error })
                .and_then(|place| {
                    let mode = mode_at(&place, has_secret(text));
                    Staged::write_as(&place, text.as_bytes(), mode)?.commit()
                });
            let mut event = self.general("dropin");
            event.detail = Some(match written {
                Ok(()) => format!("{path} {how} and is written as it was"),
                Err(error) => {
                    event.action = "failed".into();
                    format!("{path} {how}: {error}")
                }
            });
            self.records.record(&event);
        }
    }
}
