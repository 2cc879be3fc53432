//! Files on their way to their places: complete beside them first, then a rename each.

use std::path::Path;

use crate::below;
use crate::key::Key;
use crate::observed::{Replaced, exact_bytes, exact_text};
use crate::persist::conf::{MAX_FILE_BYTES, mode_at, wrong_rights};
use crate::persist::{self, PersistError, Removal, Staged, originals, reports, rights};
use crate::plan::{DropinOutcome, Outcome, Plan, has_secret};

use super::{Options, Remember};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// What parameters were before tunectl, beyond this boot: a host that cannot keep it is tuned
    /// all the same.
    First,
    /// What parameters were before tunectl, in this boot.
    OfBoot,
    /// What goes along with the plan.
    Further,
    /// What makes the baseline the host's own.
    Adopted,
    /// The numbers made from RAM.
    HostFile,
    /// The drop-in.
    Dropin,
}

/// A file that is not in its place yet.
pub(super) struct Prepared {
    role: Role,
    file: Replaced,
    state: State,
}

enum State {
    /// It is not asked for.
    NotAsked,
    /// It already is as planned.
    Unchanged,
    /// It lies complete beside its place, or is to be taken away.
    Ready(Change),
    /// It could not be laid there, or put in place.
    Failed(String),
    /// It is in place.
    Written,
}

/// A file that lies complete beside its place, or is to be taken away.
pub(super) enum Change {
    Put(Staged),
    Remove(Removal),
}

impl Change {
    pub(super) fn commit(self) -> Result<(), PersistError> {
        match self {
            Self::Put(staged) => staged.commit(),
            Self::Remove(removal) => removal.commit(),
        }
    }
}

/// Lays all files of a plan beside their places, in the order in which they are put there.
pub(super) fn prepare(plan: &Plan, root: &Path, options: &Options) -> Vec<Prepared> {
    if !options.live_only {
        clear_away(plan, root);
    }
    wanted(plan, &[], root, options).into_iter().map(|w| Prepared::of(w, root)).collect()
}

/// Removes what runs that were killed have begun to write of a plan's files, also where these are
/// as they should be. The lock is held.
pub fn clear_away(plan: &Plan, root: &Path) {
    persist::clear_away(root, plan.files().map(|file| file.path));
}

/// The same files without the keys that the kernel refused: those are never persisted.
pub(super) fn without(
    prepared: Vec<Prepared>,
    plan: &Plan,
    refused: &[Key],
    root: &Path,
    options: &Options,
) -> Vec<Prepared> {
    if refused.is_empty() {
        return prepared;
    }
    let wanted = wanted(plan, refused, root, options);
    let mut left: Vec<Prepared> = Vec::new();
    for (old, (role, asked, file)) in prepared.into_iter().zip(wanted) {
        let same = old.file.after == file.after || !matches!(old.state, State::Ready(_));
        if same {
            left.push(old);
            continue;
        }
        // Of two temporaries of one name the older goes first.
        drop(old);
        left.push(Prepared::of((role, asked, file), root));
    }
    left
}

/// Each file with its text of now and its text to be, and whether it is asked for.
fn wanted(
    plan: &Plan,
    refused: &[Key],
    root: &Path,
    options: &Options,
) -> Vec<(Role, bool, Replaced)> {
    let before = &plan.memory.before;
    let after = plan.remembered(refused);
    let mut wanted = Vec::new();
    for (role, path, asked, old, new) in [
        (Role::First, originals::FIRST, Remember::Always, &before.first, &after.first),
        (Role::OfBoot, originals::OF_BOOT, Remember::InRun, &before.of_boot, &after.of_boot),
    ] {
        // What is remembered as before is left alone, whatever it looks like.
        let asked = options.remember >= asked && old != new;
        // Read a moment ago; should it not be readable now, what it said is known.
        let before = match asked.then(|| reports::found(root, path)) {
            None => None,
            Some(Ok(bytes)) => bytes.map(|bytes| exact_text(&bytes)),
            Some(Err(_)) => originals::text(old),
        };
        let after = originals::text(new);
        wanted.push((role, asked, Replaced { path: path.to_owned(), before, after }));
    }
    wanted.extend(options.further.iter().map(|file| (Role::Further, true, file.clone())));
    // Where it keeps going the drop-in may fail, and then the baseline is not the host's own.
    let adopted = || options.adopted.iter().map(|file| (Role::Adopted, true, file.clone()));
    if !options.keep_going {
        wanted.extend(adopted());
    }
    for (role, file) in [(Role::HostFile, &plan.host_file), (Role::Dropin, &plan.dropin)] {
        let before = file.before.as_deref().map(exact_text);
        // With nothing to say none is begun.
        let after = if file.changes() { plan.text_without(file, refused) } else { before.clone() };
        let file = Replaced { path: file.path.to_owned(), before, after };
        wanted.push((role, !options.live_only, file));
    }
    if options.keep_going {
        wanted.extend(adopted());
    }
    wanted
}

impl Prepared {
    fn of((role, asked, file): (Role, bool, Replaced), root: &Path) -> Self {
        let state = if !asked && matches!(role, Role::HostFile | Role::Dropin) {
            State::NotAsked
        } else if !asked || (file.before == file.after && !is_exposed(role, &file, root)) {
            State::Unchanged
        } else {
            match change(&file.path, file.after.as_deref(), root) {
                Ok(change) => State::Ready(change),
                Err(error) => State::Failed(error.to_string()),
            }
        };
        let mut prepared = Self { role, file, state };
        prepared.forgive();
        prepared
    }

    /// What nothing depends on fails with a warning.
    fn forgive(&mut self) {
        if let (Role::First, State::Failed(why)) = (self.role, &self.state) {
            log::warn!("after a reboot a rollback will not know what there was before: {why}");
            self.state = State::Unchanged;
        }
    }

    fn is_record(&self) -> bool {
        matches!(self.role, Role::First | Role::OfBoot)
    }

    fn commit(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Unchanged) {
            State::Ready(change) => ended(change.commit()),
            state => state,
        };
        self.forgive();
    }

    /// What became of it.
    fn outcome(&self) -> DropinOutcome {
        match &self.state {
            State::NotAsked => DropinOutcome::NotAsked,
            State::Unchanged => DropinOutcome::Unchanged,
            State::Written => DropinOutcome::Written,
            State::Failed(why) => DropinOutcome::Failed(why.clone()),
            State::Ready(_) => DropinOutcome::LeftAlone,
        }
    }
}

/// Whether a file that a boot reads is to be written anew for its rights alone.
fn is_exposed(role: Role, file: &Replaced, root: &Path) -> bool {
    file.before.is_some()
        && matches!(role, Role::HostFile | Role::Dropin)
        && wrong_rights(root, &file.path, file.before.as_deref().is_some_and(has_secret)).is_some()
}

fn ended(result: Result<(), PersistError>) -> State {
    match result {
        Ok(()) => State::Written,
        Err(error) => State::Failed(error.to_string()),
    }
}

/// Whether one could not be laid beside its place.
pub(super) fn failed(files: &[Prepared]) -> bool {
    files.iter().any(|file| matches!(file.state, State::Failed(_)))
}

/// What became of ours where nothing was done: what could not be said of the others, too.
pub(super) fn give_up(files: &[Prepared], outcome: &mut Outcome) {
    for file in files {
        let left = match &file.state {
            State::Failed(why) => DropinOutcome::Failed(why.clone()),
            _ => DropinOutcome::LeftAlone,
        };
        tell(file, left, outcome);
    }
}

fn tell(file: &Prepared, what: DropinOutcome, outcome: &mut Outcome) {
    match (file.role, what) {
        (Role::HostFile, what) => outcome.host_file = what,
        (Role::Dropin, what) => outcome.dropin = what,
        (_, DropinOutcome::Failed(why)) => outcome.not_kept = Some(why),
        _ => {}
    }
}

/// Which files are about to be replaced.
pub(super) fn replaced(files: &[Prepared]) -> Vec<Replaced> {
    let ready = files.iter().filter(|file| matches!(file.state, State::Ready(_)));
    ready.map(|file| file.file.clone()).collect()
}

/// What became of ours where the replacement could not be written down.
pub(super) fn not_replaced(files: &[Prepared], why: &PersistError, outcome: &mut Outcome) {
    for file in files {
        let what = match file.outcome() {
            DropinOutcome::LeftAlone => DropinOutcome::Failed(why.to_string()),
            what => what,
        };
        tell(file, what, outcome);
    }
}

/// Puts what is remembered in place before anything is written, where no journal would put it
/// right. That it cannot be kept stops nothing.
pub(super) fn commit_records(files: &mut [Prepared]) {
    for file in files.iter_mut().filter(|file| file.is_record()) {
        file.commit();
        if let State::Failed(why) = &file.state {
            log::warn!("a rollback will not know what there was before: {why}");
            file.state = State::Unchanged;
        }
    }
}

/// Puts them in place, in order; one after another only where the one before is, unless it keeps
/// going: then only the host's own baseline waits, for the drop-in and for what is kept of the old.
pub(super) fn commit(files: &mut [Prepared], keep_going: bool, outcome: &mut Outcome) {
    let (mut stopped, mut kept) = (false, true);
    for file in files {
        let adopted = file.role == Role::Adopted;
        let waits = keep_going && adopted && !(kept && outcome.is_persisted());
        if !stopped && !waits {
            file.commit();
            stopped = matches!(file.state, State::Failed(_)) && !keep_going;
        }
        kept &= !(adopted && matches!(file.state, State::Failed(_)));
        tell(file, file.outcome(), outcome);
    }
}

/// Gives those that are in place their text of before, where the last could not follow. What went
/// wrong with that, in words; `None`: there was nothing to do.
pub(super) fn put_back(files: &[Prepared], root: &Path) -> Option<Result<(), String>> {
    let written = files.iter().rev().filter(|file| matches!(file.state, State::Written));
    let results = written.map(|file| {
        let file = &file.file;
        restore(&file.path, file.before.as_deref(), root).map_err(|error| error.to_string())
    });
    results.reduce(Result::and)
}

/// Gives a file of ours its text of before, or takes it away where there was none.
pub(super) fn restore(path: &str, before: Option<&str>, root: &Path) -> Result<(), PersistError> {
    change(path, before, root)?.commit()
}

/// Whether a file has what parameters were before tunectl.
pub(super) fn is_record(path: &str) -> bool {
    [originals::FIRST, originals::OF_BOOT].contains(&path)
}

/// The files of what is remembered that change once a plan is carried out.
pub fn records(plan: &Plan, root: &Path) -> Vec<Replaced> {
    let wanted = wanted(plan, &[], root, &Options::default()).into_iter();
    let records = wanted.filter(|(role, ..)| matches!(role, Role::First | Role::OfBoot));
    records.filter(|(_, asked, _)| *asked).map(|(_, _, file)| file).collect()
}

/// Lays a file beside its place; `None`: it is to be taken away.
pub(super) fn change(path: &str, text: Option<&str>, root: &Path) -> Result<Change, PersistError> {
    let failed = |error| PersistError { doing: "find", path: path.to_owned(), error };
    let place = below::resolve_parent(root, path).map_err(failed)?;
    let Some(text) = text else { return Removal::of(&place).map(Change::Remove) };
    let bytes = exact_bytes(text);
    if !is_record(path) && bytes.len() as u64 > MAX_FILE_BYTES {
        // Nobody could say any longer what it does, and no rollback find its lines.
        let most = MAX_FILE_BYTES >> 20;
        let why =
            format!("it would have more than {most} MiB: shorten the reasons, or match fewer keys");
        let error = std::io::Error::other(why);
        return Err(PersistError { doing: "write", path: path.to_owned(), error });
    }
    // Values of secrets may stand in what is remembered, in a baseline that root alone may read, and
    // in what a boot reads: both loaders are root's.
    let mode = match path {
        path if is_record(path) => 0o600,
        path if path.starts_with("/etc/tunectl/") => rights(&place).unwrap_or(0o644),
        _ => mode_at(&place, has_secret(text)),
    };
    Staged::write_as(&place, &bytes, mode).map(Change::Put)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_could_read_again_is_not_written() {
        let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        let text = "#".repeat(most + 1);
        let result = change("/99-tunectl.conf", Some(&text), Path::new("/nowhere"));
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("/99-tunectl.conf: "), "{error}");
        let result = change("/99-tunectl.conf", Some(&text), Path::new("/"));
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with("cannot write /99-tunectl.conf: it would have more"), "{error}");
    }
}
