//! Puts right what an apply has left behind that was killed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::key::Key;
use crate::observed::{Errno, Snapshot, Unfinished};
use crate::persist::{PersistError, ledger};
use crate::plan::{Recovery, bytes, is_committed, looked_at, recovery};
use crate::procsys::Kernel;

use super::files;

/// What was put right.
#[derive(Debug)]
pub struct Recovered {
    /// What was left behind.
    pub unfinished: Unfinished,
    /// What was judged of it.
    pub recovery: Recovery,
    /// Each write that took something back, with how it ended.
    pub restored: Vec<(Key, Result<(), Errno>)>,
    /// Each file that could not be given its text of before.
    pub files: Vec<PersistError>,
}

impl Recovered {
    /// Whether everything is as before, or carried out.
    pub fn is_whole(&self) -> bool {
        self.unread().is_empty()
            && self.files.is_empty()
            && self.restored.iter().all(|(_, result)| result.is_ok())
    }

    /// Parameters that cannot be read, and so are not put back yet.
    pub fn unread(&self) -> &[(Key, Errno)] {
        match &self.recovery {
            Recovery::Undo { unread, .. } => unread,
            Recovery::Finished => &[],
        }
    }
}

/// Puts right what an apply of this boot has left behind, with the lock held. `None`: nothing was.
/// Killed itself, it does the same again at its next run.
///
/// # Errors
/// The journal cannot be read, or removed once everything is right; or this boot is not known.
pub fn recover(
    kernel: &dyn Kernel,
    root: &Path,
    boot_id: &str,
) -> Result<Option<Recovered>, PersistError> {
    let Some(unfinished) = ledger::left_behind(root, boot_id)? else { return Ok(None) };
    // What another boot has left behind went with that boot.
    if unfinished.boot_id != boot_id || unfinished.done {
        ledger::clear(root)?;
        return Ok(None);
    }
    let recovered = put_back(kernel, root, unfinished);
    // What could not be put back is tried again by the next run.
    if recovered.is_whole() {
        ledger::clear(root)?;
    }
    Ok(Some(recovered))
}

/// What was carried out to its end in this boot, and killed before it could say so.
///
/// # Errors
/// The journal cannot be read, or a file that it names.
pub fn carried_out(root: &Path, boot_id: &str) -> Result<Option<Unfinished>, PersistError> {
    let of_boot = |left: &Unfinished| left.boot_id == boot_id && !left.done;
    let Some(left) = ledger::left_behind(root, boot_id)?.filter(of_boot) else { return Ok(None) };
    let texts = Texts::of(&left, root)?;
    Ok(is_committed(&left, &|path| texts.now(path)).then_some(left))
}

/// Takes back what was begun, with the lock held: but for what somebody else has changed since, and
/// for what was carried out to its end.
pub fn put_back(kernel: &dyn Kernel, root: &Path, unfinished: Unfinished) -> Recovered {
    let texts = match Texts::of(&unfinished, root) {
        Ok(texts) => texts,
        // Whether it was carried out cannot be told, so nothing is touched yet.
        Err(error) => {
            let (recovery, restored) = (Recovery::nothing(), Vec::new());
            return Recovered { unfinished, recovery, restored, files: vec![error] };
        }
    };
    let now: Snapshot = looked_at(&unfinished).map(|key| (key.clone(), kernel.read(key))).collect();
    let recovery = recovery(&unfinished, &now, &|path| texts.now(path));
    let (mut restored, mut lost) = (Vec::new(), Vec::new());
    if let Recovery::Undo { writes, cascades, files, .. } = &recovery {
        for (key, value) in writes {
            restored.push((key.clone(), kernel.write(key, &bytes(value))));
        }
        for (key, value) in cascades {
            restored.extend(written_again(kernel, key, value).map(|result| (key.clone(), result)));
        }
        for file in files {
            lost.extend(files::restore(&file.path, file.before.as_deref(), root).err());
        }
    }
    Recovered { unfinished, recovery, restored, files: lost }
}

/// The same of a trial, of which it is known that none of its files was put in place: one that
/// cannot be read keeps no value in force.
pub fn put_values_back(kernel: &dyn Kernel, root: &Path, mut unfinished: Unfinished) -> Recovered {
    if Texts::of(&unfinished, root).is_err() {
        unfinished.files.clear();
    }
    put_back(kernel, root, unfinished)
}

/// What the files read that were about to be replaced.
struct Texts(BTreeMap<String, Option<String>>);

impl Texts {
    fn of(unfinished: &Unfinished, root: &Path) -> Result<Self, PersistError> {
        let text = |path: &String| Ok((path.clone(), ledger::text_of(root, path)?));
        unfinished.files.iter().map(|file| text(&file.path)).collect::<Result<_, _>>().map(Self)
    }

    fn now(&self, path: &str) -> Option<String> {
        self.0.get(path).cloned().flatten()
    }
}

/// Writes `value` where that is not what a parameter reads, and says how it went; `None`: it reads
/// so, or is gone.
pub(super) fn written_again(
    kernel: &dyn Kernel,
    key: &Key,
    value: &str,
) -> Option<Result<(), Errno>> {
    match kernel.read(key).value {
        Ok(live) => (live != value).then(|| kernel.write(key, &bytes(value))),
        Err(Errno::ENOENT) => None,
        Err(errno) => Some(Err(errno)),
    }
}
