//! Puts the files of a trial in place, all of them or none.

use std::path::Path;

use crate::observed::{Replaced, Unfinished};
use crate::persist::{Ledger, PersistError, ledger, originals};

use super::files::{self, Change, restore};

/// Why a trial's files were not put in place. Each is as it was.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// A file is no longer what it was when the trial began.
    #[error("{0} was changed since the trial began")]
    Moved(String),
    /// A file cannot be written.
    #[error("{0}")]
    Failed(#[from] PersistError),
}

/// Lays each file beside its place and takes it away again: whether they could be written.
///
/// # Errors
/// The first that cannot be.
pub fn could_keep(root: &Path, files: &[Replaced]) -> Result<(), PersistError> {
    files
        .iter()
        .try_for_each(|file| files::change(&file.path, file.after.as_deref(), root).map(drop))
}

/// Puts `files` in place, in order, written down first; killed in between, it is taken back by the
/// next run, unless the last one was in place. `kept` is called once all are, and before nothing
/// tells of it any more.
///
/// # Errors
/// One has moved or cannot be written: those before it are as they were.
pub fn keep(root: &Path, begun: Unfinished, kept: impl FnOnce()) -> Result<(), KeepError> {
    let mut files = begun.files.clone();
    for file in &mut files {
        let now = ledger::text_of(root, &file.path)?;
        if now == file.before {
            continue;
        }
        if !files::is_record(&file.path) {
            return Err(KeepError::Moved(file.path.clone()));
        }
        // What is remembered the daemon has added to.
        let Replaced { before, after, .. } = &*file;
        file.after =
            originals::brought_forward(now.as_deref(), before.as_deref(), after.as_deref());
        file.before = now;
    }
    let staged: Vec<Change> = files
        .iter()
        .map(|file| files::change(&file.path, file.after.as_deref(), root))
        .collect::<Result<_, PersistError>>()?;
    let begun = Unfinished { files: Vec::new(), writes: Vec::new(), ..begun };
    let mut ledger = Ledger::begin(root, &begun)?;
    let committed = ledger.about_to_replace(&files).and_then(|()| commit(root, &files, staged));
    if committed.is_ok() {
        kept();
    }
    if let Err(error) = ledger.end() {
        log::warn!("{error}: the next run will look at it");
    }
    Ok(committed?)
}

fn commit(root: &Path, files: &[Replaced], staged: Vec<Change>) -> Result<(), PersistError> {
    for (n, file) in staged.into_iter().enumerate() {
        let Err(error) = file.commit() else { continue };
        for done in files[..n].iter().rev() {
            if let Err(error) = restore(&done.path, done.before.as_deref(), root) {
                log::warn!("{error}");
            }
        }
        return Err(error);
    }
    Ok(())
}
