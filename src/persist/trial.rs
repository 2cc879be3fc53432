//! A trial: values that are live and not persisted, with all that is needed to keep them or to put
//! everything back, written down so that whoever comes next can do either.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::below;
use crate::key::Key;
use crate::observed::{Begun, Replaced, Unfinished};

use super::holds::Hold;
use super::{PersistError, Staged, reports, staged, state};

/// The file, below the root of the host; a reboot takes it away with the values that it tells of.
pub const TRIAL: &str = "/run/tunectl/trial.json";
/// The lock that the keeper of a trial holds for as long as it lives.
pub const KEEPER: &str = "/run/tunectl/keeper";
/// The schema of [`Trial`].
pub const TRIAL_SCHEMA: &str = "tunectl/trial/1";

/// So long after its end its keeper is not waited for any more: it cannot put it back.
const OVERDUE: Duration = Duration::from_secs(60);

/// How a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its values are being written by whoever holds the lock.
    Writing,
    /// Its values are live, until its time is over.
    Pending,
    /// It was kept.
    Confirmed,
    /// Everything is as it was before.
    PutBack,
}

/// A trial. Readable by root alone, because the values of secrets may stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// [`TRIAL_SCHEMA`].
    pub schema: String,
    /// The boot that it is of.
    pub boot_id: String,
    /// The process that began it.
    pub pid: u32,
    /// The baseline's name.
    pub baseline: String,
    /// How it stands.
    pub state: State,
    /// How long it lasts once all values are written, in seconds.
    pub seconds: u64,
    /// When it ends, RFC 3339 in UTC, for people.
    pub ends: String,
    /// The same in milliseconds since the boot, the time asleep included.
    pub ends_since_boot_ms: u64,
    /// The command that decides.
    pub check: Option<Check>,
    /// The writes, in order.
    writes: Vec<Write>,
    /// Values that the writes may have changed besides, as they were before: path, value.
    originals: Vec<(String, String)>,
    /// What keeping it replaces, in order; with the last one it is kept.
    files: Vec<File>,
    /// What was let go of its parameters before it began.
    pub let_go_before: BTreeMap<String, Hold>,
    /// Why it ended, once it has, and what is worth knowing of that.
    pub ended: Option<Ended>,
}

/// A health command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Given to `/bin/sh -c`.
    pub command: String,
    /// How often it is run, in seconds.
    pub every: u64,
}

/// The end of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why.
    pub why: String,
    /// What became of it, a line each.
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Write {
    key: String,
    from: Option<String>,
    to: String,
    undo: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

impl Trial {
    /// A trial of what `begun` says, whose values are about to be written.
    pub fn new(begun: &Unfinished, seconds: u64, check: Option<Check>) -> Self {
        let path = |key: &Key| key.as_path().to_owned();
        Self {
            schema: TRIAL_SCHEMA.into(),
            boot_id: begun.boot_id.clone(),
            pid: begun.pid,
            baseline: begun.baseline.clone(),
            state: State::Writing,
            seconds,
            ends: String::new(),
            ends_since_boot_ms: 0,
            check,
            writes: begun
                .writes
                .iter()
                .map(|write| Write {
                    key: path(&write.key),
                    from: write.from.clone(),
                    to: write.to.clone(),
                    undo: write.undo.as_ref().map(|(key, value)| (path(key), value.clone())),
                })
                .collect(),
            originals: begun.originals.iter().map(|(key, v)| (path(key), v.clone())).collect(),
            files: begun
                .files
                .iter()
                .map(|file| File {
                    path: file.path.clone(),
                    before: file.before.clone(),
                    after: file.after.clone(),
                })
                .collect(),
            let_go_before: BTreeMap::new(),
            ended: None,
        }
    }

    /// What is to be taken back unless it is kept, as an apply that was killed would have left it.
    /// `None` where a key in it is none.
    pub fn unfinished(&self) -> Option<Unfinished> {
        let key = |path: &String| Key::from_path(path).ok();
        let mut unfinished = Unfinished {
            boot_id: self.boot_id.clone(),
            pid: self.pid,
            baseline: self.baseline.clone(),
            files: self.files(),
            ..Unfinished::default()
        };
        for write in &self.writes {
            let undo = match &write.undo {
                Some((path, value)) => Some((key(path)?, value.clone())),
                None => None,
            };
            let (from, to) = (write.from.clone(), write.to.clone());
            unfinished.writes.push(Begun { key: key(&write.key)?, from, to, undo });
        }
        for (path, value) in &self.originals {
            unfinished.originals.push((key(path)?, value.clone()));
        }
        Some(unfinished)
    }

    /// What keeping it replaces, in order.
    pub fn files(&self) -> Vec<Replaced> {
        let replaced = |file: &File| Replaced {
            path: file.path.clone(),
            before: file.before.clone(),
            after: file.after.clone(),
        };
        self.files.iter().map(replaced).collect()
    }

    /// Takes over how `now` says that it stands, and when it ends.
    pub fn follow(&mut self, now: Self) {
        self.state = now.state;
        self.ends = now.ends;
        self.ends_since_boot_ms = now.ends_since_boot_ms;
        self.ended = now.ended;
    }

    /// Whether it is still to be kept or put back.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Writing | State::Pending)
    }

    /// What of its time is left, so long after the boot.
    pub fn left(&self, since_boot: Duration) -> Duration {
        Duration::from_millis(self.ends_since_boot_ms).saturating_sub(since_boot)
    }

    /// Whether whoever keeps it should have ended it long ago, so long after the boot.
    pub fn is_overdue(&self, since_boot: Duration) -> bool {
        since_boot.saturating_sub(OVERDUE) > Duration::from_millis(self.ends_since_boot_ms)
    }

    /// Writes it. The lock must be held.
    ///
    /// # Errors
    /// It cannot be written: what was there stays.
    pub fn write(&self, root: &Path) -> Result<(), PersistError> {
        let failed = |doing| PersistError::new(doing, Path::new(TRIAL));
        let place = below::resolve_parent(root, TRIAL).map_err(failed("find"))?;
        let text = serde_json::to_vec(self).map_err(std::io::Error::other);
        Staged::write_as(&place, &text.map_err(failed("write"))?, 0o600)?.commit()
    }
}

/// The trial of this boot, open or ended. One of another boot went with that boot.
///
/// # Errors
/// There is one, and it cannot be read or is not of its form.
pub fn read(root: &Path, boot_id: &str) -> Result<Option<Trial>, PersistError> {
    let read = |error| PersistError::new("read", Path::new(TRIAL))(error);
    let failed = |why: String| read(std::io::Error::other(why));
    let Some(bytes) = state::read(root, TRIAL).map_err(|error| read(error.into()))? else {
        return Ok(None);
    };
    let trial: Trial = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    if trial.schema != TRIAL_SCHEMA {
        return Err(failed(format!("its schema is {:?}", trial.schema)));
    }
    if let Some(other) = trial.files.iter().find(|f| !state::REPLACED.contains(&&*f.path)) {
        return Err(failed(format!("no apply replaces {:?}", other.path)));
    }
    state::of_known_boot(TRIAL, boot_id)?;
    Ok((trial.boot_id == boot_id).then_some(trial))
}

/// Whether there is one, open or ended, which anybody may see.
pub fn exists(root: &Path) -> bool {
    reports::exists(root, TRIAL)
}

/// Removes it.
///
/// # Errors
/// It is still there.
pub fn remove(root: &Path) -> Result<(), PersistError> {
    let failed = PersistError::new("find", Path::new(TRIAL));
    staged::remove(&below::resolve_parent(root, TRIAL).map_err(failed)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Whoever keeps one does what it was told when it began.
    #[test]
    fn what_is_followed_is_how_it_stands_and_nothing_else() {
        let check = |command: &str| Some(Check { command: command.into(), every: 1 });
        let begun = Unfinished { boot_id: "b".into(), pid: 7, ..Unfinished::default() };
        let mut kept = Trial::new(&begun, 60, check("true"));
        let mut other = Trial::new(&Unfinished::default(), 1, check("id"));
        other.state = State::Pending;
        other.ends_since_boot_ms = 9;
        other.writes.push(Write { key: "x".into(), from: None, to: "1".into(), undo: None });
        other.files.push(File { path: "/etc/x".into(), before: None, after: None });
        let before = kept.clone();
        kept.follow(other);
        assert_eq!((kept.state, kept.ends_since_boot_ms), (State::Pending, 9));
        kept.state = before.state;
        kept.ends_since_boot_ms = before.ends_since_boot_ms;
        assert_eq!(kept, before);
    }
}
