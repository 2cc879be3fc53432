//! A file that an operator names for a result: only a file is replaced, and never one that the
//! result was made of.
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::path::{Path, PathBuf};

use crate::persist::placed;

use super::failure::Failure;

/// A place that a result can be put at.
#[derive(Debug)]
pub struct OutFile<'a> {
    named: &'a Path,
    path: PathBuf,
    /// What is not done, `the page cannot be written to`.
    what: &'static str,
}

impl<'a> OutFile<'a> {
    /// The place `named`, looked at before the work begins; `what` says what fails.
    ///
    /// # Errors
    /// There is something else than a file, or no directory for one.
    pub fn at(named: &'a Path, what: &'static str) -> Result<Self, Failure> {
        let path = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
        let place = Self { named, path, what };
        match place.path.symlink_metadata() {
            // A device, a pipe, a link: the new file would stand in its place.
            Ok(found) if !found.is_file() => {
                return Err(place
                    .failed(&"there is something that is not a file")
                    .help("name another file"));
            }
            // A misspelt path is no wish for directories.
            Err(_) if place.path.parent().is_some_and(|parent| !parent.is_dir()) => {
                let parent = place.path.parent().unwrap_or(Path::new("/")).display();
                return Err(place
                    .failed(&format!("{parent} is no directory"))
                    .help("make it, or name another file"));
            }
            Ok(_) | Err(_) => {}
        }
        Ok(place)
    }

    /// Whether that path leads to this file.
    pub fn is(&self, path: &Path) -> bool {
        let found = self.standing();
        found.is_some() && found == path.canonicalize().ok()
    }

    /// Where the file is, links in its path followed; `None` where there is none yet.
    pub fn standing(&self) -> Option<PathBuf> {
        self.path.canonicalize().ok()
    }

    /// That the result was made of it.
    pub fn is_input(&self) -> Failure {
        self.failed(&"it is read from there").help("name another file")
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::new(format!("{} {}: {why}", self.what, self.named.display()))
    }

    /// Puts the result there.
    ///
    /// # Errors
    /// It cannot be written: what was there is left as it is.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        placed::write(&self.path, bytes).map_err(|error| self.failed(&error))
    }
}
