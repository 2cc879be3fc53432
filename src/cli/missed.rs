//! What could not be looked at of a host, so that a plan of it may lack something.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::baseline::DesiredSet;
use crate::bootview::dropin;
use crate::key::Pattern;
use crate::observed::{ConfBody, ConfTree, Errno};
use crate::plan::Plan;
use crate::report::{errno_text, not_listed};

use super::failure::Failure;
use super::host::Host;

/// What was not seen, in words.
#[derive(Debug, Default)]
pub struct Missed {
    lines: RefCell<BTreeSet<String>>,
    holds: Cell<bool>,
}

impl Missed {
    /// Adds something.
    pub fn note(&self, why: String) {
        self.lines.borrow_mut().insert(why);
    }

    /// Adds what is let go: whoever goes on must take everything to be.
    pub fn holds(&self, why: String) {
        self.holds.set(true);
        self.note(why);
    }

    /// Whether that is among it.
    pub fn has_holds(&self) -> bool {
        self.holds.get()
    }

    /// Adds a pattern, not all of whose matches could be listed.
    pub fn matches(&self, pattern: &Pattern, errno: Errno) {
        self.note(not_listed(pattern, errno));
    }

    /// Adds each of our files of which nobody can say whether it is there, or what is in it.
    pub fn files(&self, conf: &ConfTree) {
        for path in dropin::PATHS {
            let dir = conf.dirs.iter().find(|dir| path.strip_prefix(&*dir.path).is_some());
            let closed = || dir.and_then(|dir| dir.closed);
            let unseen = match conf.entry(path).map(|file| &file.body) {
                None => closed().map(|errno| ("whether it is there", errno)),
                Some(ConfBody::Unreadable(Errno::ENOENT)) => None,
                Some(ConfBody::Unreadable(errno)) => Some(("what it says", *errno)),
                Some(_) => None,
            };
            if let Some((what, errno)) = unseen {
                self.note(format!("{path}: {what} cannot be told: {}", errno_text(errno)));
            }
        }
    }

    /// Forgets it: what comes is a new look.
    pub fn forget(&self) {
        self.lines.borrow_mut().clear();
        self.holds.set(false);
    }

    /// A line each.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().iter().cloned().collect()
    }

    /// Refuses to go on where there is something.
    ///
    /// # Errors
    /// There is.
    pub fn refuse(&self) -> Result<(), Failure> {
        refuse(&self.lines())
    }
}

/// The patterns of a baseline of which not all matches could be listed, a line each.
pub fn unseen(set: &DesiredSet) -> Vec<String> {
    let unseen = |p: &crate::baseline::DesiredPattern| Some(not_listed(&p.pattern, p.unseen?));
    set.patterns.iter().filter_map(unseen).collect()
}

/// Refuses a plan that lacks something: what is not seen would be taken for what is not there.
///
/// # Errors
/// It does.
pub fn refuse_plan(plan: &Plan, host: &Host) -> Result<(), Failure> {
    let mut lines = unseen(&plan.baseline);
    lines.extend(host.missed.lines());
    lines.sort();
    lines.dedup();
    refuse(&lines)
}

fn refuse(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!("{}; nothing was changed", lines.join("; "));
    Err(Failure::new(message).help("try it again once that can be read"))
}
