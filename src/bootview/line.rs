//! What one line of a file says to a loader by itself, before other lines come into it.

use std::rc::Rc;

use super::problem::ProblemKind;
use super::replaced::concerns;
use crate::catalogue::Effect;
use crate::observed::ConfFile;

/// One line that is more than a comment.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1.
    pub number: u32,
    /// What is wrong with it.
    pub problems: Vec<ProblemKind>,
    /// What it sets or excludes; `None` where it is passed over.
    pub says: Option<Saying>,
}

/// An assignment or an exclusion.
#[derive(Debug)]
pub(super) struct Saying {
    /// The path as the loader spells it.
    pub literal: String,
    /// The path that is written.
    pub path: String,
    /// The value; `None` for an exclusion.
    pub value: Option<String>,
    /// Whether it began with a dash.
    pub dash: bool,
    /// What a write besides changes.
    pub effects: &'static [Effect],
}

/// The lines of the files that a loader has read, for another look at nearly the same files.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    files: Vec<(String, Rc<[Line]>)>,
}

/// The lines that need not be read again.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Those of the files as they were.
    pub lines: &'a Lines,
    /// The files that were replaced.
    pub replaced: &'a [&'a str],
}

impl Lines {
    /// The lines of `file`: those that are known already, else what `read` finds in it.
    pub fn of(
        &mut self,
        file: &ConfFile,
        known: Option<Known<'_>>,
        read: impl FnOnce() -> Vec<Line>,
    ) -> Rc<[Line]> {
        let lines = known.and_then(|k| k.find(file)).unwrap_or_else(|| read().into());
        self.files.push((file.path.clone(), Rc::clone(&lines)));
        lines
    }
}

impl Known<'_> {
    fn find(self, file: &ConfFile) -> Option<Rc<[Line]>> {
        if self.replaced.iter().any(|path| concerns(file, path)) {
            return None;
        }
        let found = self.lines.files.iter().find(|(path, _)| *path == file.path);
        found.map(|(_, lines)| Rc::clone(lines))
    }
}
