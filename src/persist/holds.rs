//! Parameters that are let go for a while: the one file that says which, by whom and until when.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::below;
use crate::key::Key;

use super::{PersistError, Staged, reports};

/// The file, below the root of the host. It is gone after a reboot.
pub const HOLDS: &str = "/run/tunectl/holds.json";
/// The schema of [`Holds`].
pub const HOLDS_SCHEMA: &str = "tunectl/holds/1";

/// The kind of what another program has.
pub const YIELDED: &str = "yielded";
/// The kind of what somebody has asked for.
pub const UNLOCKED: &str = "unlocked";
/// The kind of what a trial has changed.
pub const TRIAL: &str = "trial";
/// What the reason of its holds begins with, before the baseline's name.
pub const TRIED: &str = "a trial of ";
/// So long after its end a trial is still left alone: its keeper puts everything back first.
const GRACE: Duration = Duration::from_secs(30);

/// Everything that is let go in one boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// [`HOLDS_SCHEMA`].
    pub schema: String,
    /// The boot; in another one all this is past.
    pub boot_id: String,
    /// By key, in dots.
    pub holds: BTreeMap<String, Hold>,
}

/// One parameter that is let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// `unlocked`: somebody asked for it; `yielded`: another program has it; `trial`: it is tried,
    /// by `apply --confirm-within`.
    pub kind: String,
    /// Who, in words.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Until when, RFC 3339 in UTC, for people; `null`: until the next boot or apply.
    pub until: Option<String>,
    /// The same in seconds since the boot, the time asleep included: no clock that is set changes
    /// it.
    pub until_since_boot: Option<u64>,
}

impl Hold {
    /// Whether it is over, so long after the boot.
    pub fn is_over(&self, since_boot: Duration) -> bool {
        self.end().is_some_and(|end| since_boot >= end)
    }

    /// The baseline that is tried, where this is of a trial.
    pub fn baseline(&self) -> Option<&str> {
        self.reason.as_deref()?.strip_prefix(TRIED)
    }

    fn end(&self) -> Option<Duration> {
        let grace = if self.kind == TRIAL { GRACE } else { Duration::ZERO };
        Some(Duration::from_secs(self.until_since_boot?) + grace)
    }
}

impl Holds {
    /// Reads those of this boot. A file that is missing, damaged or of another boot has none.
    pub fn read(root: &Path, boot_id: &str) -> Self {
        let none = || Self {
            schema: HOLDS_SCHEMA.into(),
            boot_id: boot_id.to_owned(),
            holds: BTreeMap::new(),
        };
        let Some(bytes) = reports::read(root, HOLDS) else { return none() };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(holds) if holds.schema == HOLDS_SCHEMA && holds.boot_id == boot_id => holds,
            Ok(_) => none(),
            Err(error) => {
                log::warn!("{HOLDS} is damaged ({error}): nothing is let go");
                none()
            }
        }
    }

    /// The hold of a parameter that is not over yet.
    pub fn of(&self, key: &Key, since_boot: Duration) -> Option<&Hold> {
        self.holds.get(&key.to_string()).filter(|hold| !hold.is_over(since_boot))
    }

    /// When the next of them is over, since the boot.
    pub fn next_end(&self, since_boot: Duration) -> Option<Duration> {
        let open = self.holds.values().filter(|hold| !hold.is_over(since_boot));
        open.filter_map(Hold::end).min()
    }

    /// Takes back what was left to others, of these parameters; whether there was any.
    pub fn take_back<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) -> bool {
        let before = self.holds.len();
        for key in keys.map(Key::to_string) {
            if self.holds.get(&key).is_some_and(|hold| hold.kind == YIELDED) {
                self.holds.remove(&key);
            }
        }
        self.holds.len() < before
    }

    /// Lets these parameters go for a trial that ends then; what was let go of them before.
    pub fn begin_trial<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a Key>,
        hold: &Hold,
    ) -> BTreeMap<String, Hold> {
        let replaced = keys.map(Key::to_string).filter_map(|key| {
            let before = self.holds.insert(key.clone(), hold.clone())?;
            Some((key, before)).filter(|(_, before)| before.kind != TRIAL)
        });
        replaced.collect()
    }

    /// Ends a trial: what it had let go is as it was before; what was let go since stays so. Where
    /// it was kept, what the daemon had left to others is the baseline's again.
    pub fn end_trial(&mut self, before: BTreeMap<String, Hold>, kept: bool) {
        self.holds.retain(|_, hold| hold.kind != TRIAL);
        for (key, hold) in before.into_iter().filter(|(_, hold)| !kept || hold.kind != YIELDED) {
            self.holds.entry(key).or_insert(hold);
        }
    }

    /// Writes them, without those that are over. The lock must be held.
    ///
    /// # Errors
    /// The file cannot be written: it is as it was.
    pub fn write(&mut self, root: &Path, since_boot: Duration) -> Result<(), PersistError> {
        self.holds.retain(|_, hold| !hold.is_over(since_boot));
        let place = below::resolve_parent(root, HOLDS)
            .map_err(PersistError::new("find", Path::new(HOLDS)))?;
        let text = serde_json::to_vec(self).map_err(std::io::Error::other);
        let text = text.map_err(PersistError::new("write", Path::new(HOLDS)))?;
        Staged::write(&place, &text)?.commit()
    }
}
