//! Parameters that are let go for a while: the one file that says which, by whom and until when.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::below;
use crate::key::{Key, Pattern, Selector};
use crate::observed::{Released, Replaced, exact_text};

use super::{PersistError, Staged, remove, reports, state};

/// The file, below the root of the host. It is gone after a reboot.
pub const HOLDS: &str = "/run/tunectl/holds.json";
/// Those of what was rolled back, over reboots.
pub const KEPT: &str = "/var/lib/tunectl/released.json";
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

/// The kind of what was rolled back.
pub const RELEASED: &str = "released";
/// Stands for every key, in the place of one.
pub const EVERYTHING: &str = "*";

/// Everything that is let go in one boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// [`HOLDS_SCHEMA`].
    pub schema: String,
    /// The boot; in another one all this is past.
    pub boot_id: String,
    /// By key, in dots: what is let go for a while. In the file those of what was rolled back
    /// stand here as well.
    pub holds: BTreeMap<String, Hold>,
    /// What was rolled back, by key, by pattern, or [`EVERYTHING`]. A hold for a while is another
    /// matter: this stays when that ends.
    #[serde(skip)]
    pub released: BTreeMap<String, Hold>,
    /// The patterns among these, with their names: parsed once, not for each key that is looked up.
    #[serde(skip)]
    patterns: Vec<(Pattern, String)>,
}

/// One parameter that is let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// `unlocked`: somebody asked for it; `yielded`: another program has it; `trial`: it is tried,
    /// by `apply --confirm-within`; `released`: it was rolled back.
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
        Some(Duration::from_secs(self.until_since_boot?).saturating_add(grace))
    }
}

impl Holds {
    /// Reads those of this boot, and of what was rolled back in whichever boot. A file that is
    /// missing, damaged or of another boot has none.
    ///
    /// # Errors
    /// One is there and cannot be read; or there is that of a boot, and this one is not known.
    pub fn read(root: &Path, boot_id: &str) -> Result<Self, PersistError> {
        let of_boot = table(root, HOLDS)?;
        if of_boot.is_some() {
            state::of_known_boot(HOLDS, boot_id)?;
        }
        let mut all = of_boot.filter(|holds| holds.boot_id == boot_id).unwrap_or(Self {
            schema: HOLDS_SCHEMA.into(),
            boot_id: boot_id.to_owned(),
            ..Self::default()
        });
        let is_released = |(_, hold): &(String, Hold)| hold.kind == RELEASED;
        (all.released, all.holds) = all.holds.into_iter().partition(is_released);
        let kept = table(root, KEPT)?.unwrap_or_default().holds;
        let released = std::mem::take(&mut all.released);
        for (name, hold) in released.into_iter().chain(kept.into_iter().filter(is_released)) {
            all.release(name, hold);
        }
        Ok(all)
    }

    /// The same for those who only tell of them: what cannot be read is none, with a warning.
    pub fn told(root: &Path, boot_id: &str) -> Self {
        Self::read(root, boot_id).unwrap_or_else(|error| {
            log::warn!("what is let go is not known: {error}");
            Self::default()
        })
    }

    /// Lets go what that names, in whichever spelling, until the next apply.
    pub fn release(&mut self, name: String, hold: Hold) {
        let name = match Selector::parse(&name) {
            _ if name == EVERYTHING => name,
            Ok(Selector::Key(key)) => key.to_string(),
            Ok(Selector::Pattern(pattern)) => {
                let name = pattern.to_string();
                if !self.released.contains_key(&name) {
                    self.patterns.push((pattern, name.clone()));
                }
                name
            }
            Err(_) => name,
        };
        self.released.insert(name, hold);
    }

    /// All of them by key; of two the one for a while, which ends first.
    pub fn all(&self) -> BTreeMap<String, Hold> {
        let both = self.released.iter().chain(&self.holds);
        both.map(|(key, hold)| (key.clone(), hold.clone())).collect()
    }

    /// Whether there may be any.
    pub fn exist(root: &Path) -> bool {
        [HOLDS, KEPT].into_iter().any(|path| reports::exists(root, path))
    }

    /// The hold of a parameter that is not over yet.
    pub fn of(&self, key: &Key, since_boot: Duration) -> Option<&Hold> {
        let name = key.to_string();
        let own = self.holds.get(&name).filter(|hold| !hold.is_over(since_boot));
        let named = || self.released.get(&name).or_else(|| self.released.get(EVERYTHING));
        own.or_else(named).or_else(|| {
            let mut covering = self.patterns.iter().filter(|(pattern, _)| pattern.matches(key));
            // What was taken back since is a pattern no longer.
            covering.find_map(|(_, name)| self.released.get(name))
        })
    }

    /// What was rolled back.
    pub fn released(&self) -> Released {
        let all = self.released.contains_key(EVERYTHING);
        let mut released = Released { all, ..Released::default() };
        for name in self.released.keys() {
            match Selector::parse(name) {
                Ok(Selector::Key(key)) => drop(released.keys.insert(key)),
                Ok(Selector::Pattern(pattern)) => released.patterns.push(pattern),
                Err(_) => {}
            }
        }
        released
    }

    /// When the next of them is over, since the boot.
    pub fn next_end(&self, since_boot: Duration) -> Option<Duration> {
        let open = self.holds.values().filter(|hold| !hold.is_over(since_boot));
        open.filter_map(Hold::end).min()
    }

    /// Takes back what was left to others, of these parameters; `wholly`: and all that was rolled
    /// back. Whether there was any.
    pub fn take_back<'a>(&mut self, keys: impl Iterator<Item = &'a Key>, wholly: bool) -> bool {
        let count = |holds: &Self| holds.holds.len() + holds.released.len();
        let before = count(self);
        for key in keys.map(Key::to_string) {
            if self.holds.get(&key).is_some_and(|hold| hold.kind == YIELDED) {
                self.holds.remove(&key);
            }
            self.released.remove(&key);
        }
        if wholly {
            self.released.clear();
        }
        count(self) < before
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
    /// it was kept, what the daemon had left to others is the baseline's again, as is what was rolled
    /// back.
    pub fn end_trial(&mut self, before: BTreeMap<String, Hold>, kept: bool) {
        self.holds.retain(|_, hold| hold.kind != TRIAL);
        if kept {
            self.released.clear();
        }
        for (key, hold) in before.into_iter().filter(|(_, hold)| !kept || hold.kind != YIELDED) {
            self.holds.entry(key).or_insert(hold);
        }
    }

    /// The files that they are kept in, without those that are over, as they are and as they are
    /// to be.
    ///
    /// # Errors
    /// They have no JSON, or cannot be read as they are.
    pub fn files(
        &mut self,
        root: &Path,
        since_boot: Duration,
    ) -> Result<[Replaced; 2], PersistError> {
        self.holds.retain(|_, hold| !hold.is_over(since_boot));
        let of = |holds| Self { holds, ..self.clone() };
        let (kept, all) = (of(self.released.clone()), of(self.all()));
        let mut lasting = file(root, KEPT, (!kept.holds.is_empty()).then_some(&kept))?;
        // It is of no boot: what says the same is left as it is, though it cannot be written.
        if table(root, KEPT)?.unwrap_or_default().holds == kept.holds {
            lasting.after.clone_from(&lasting.before);
        }
        Ok([lasting, file(root, HOLDS, Some(&all))?])
    }

    /// Writes them, without those that are over. The lock must be held.
    ///
    /// # Errors
    /// A file cannot be written: it is as it was.
    pub fn write(&mut self, root: &Path, since_boot: Duration) -> Result<(), PersistError> {
        for file in self.files(root, since_boot)? {
            if file.before == file.after {
                continue;
            }
            let path = &file.path;
            let place = below::resolve_parent(root, path)
                .map_err(PersistError::new("find", Path::new(path)))?;
            match &file.after {
                Some(text) => Staged::write(&place, text.as_bytes())?.commit()?,
                None => remove(&place)?,
            }
        }
        Ok(())
    }
}

fn table(root: &Path, path: &str) -> Result<Option<Holds>, PersistError> {
    let Some(bytes) = state::obeyed(root, path)? else { return Ok(None) };
    match serde_json::from_slice::<Holds>(&bytes) {
        Ok(holds) => Ok((holds.schema == HOLDS_SCHEMA).then_some(holds)),
        Err(error) => {
            log::warn!("{path} is damaged ({error}): nothing is let go by it");
            Ok(None)
        }
    }
}

/// What is wrong with such a file, in words; `None`: nothing.
pub(super) fn damage(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Holds>(bytes) {
        Ok(holds) if holds.schema == HOLDS_SCHEMA => None,
        Ok(holds) => Some(format!("is of the schema {:?}", holds.schema)),
        Err(error) => Some(format!("is damaged ({error})")),
    }
}

fn file(root: &Path, path: &str, holds: Option<&Holds>) -> Result<Replaced, PersistError> {
    let before = reports::found(root, path).map_err(PersistError::new("read", Path::new(path)))?;
    let before = before.map(|bytes| exact_text(&bytes));
    let text = holds.map(serde_json::to_string).transpose().map_err(std::io::Error::other);
    let after = text.map_err(PersistError::new("write", Path::new(path)))?;
    Ok(Replaced { path: path.to_owned(), before, after })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod tests {
    use super::*;

    fn hold(kind: &str, until_since_boot: Option<u64>) -> Hold {
        let (kind, by) = (kind.to_owned(), String::new());
        Hold { kind, by, reason: None, until: None, until_since_boot }
    }

    #[test]
    fn what_is_released_is_found_by_its_key_and_by_its_pattern() {
        let key = |text: &str| Key::parse(text).unwrap();
        let mut holds = Holds::default();
        let by = |by: &str| Hold { by: by.into(), ..hold(RELEASED, None) };
        let released = |holds: &Holds, text: &str| {
            let hold = holds.of(&key(text), Duration::ZERO).map(|hold| hold.by.clone());
            assert_eq!(holds.released().covers(&key(text)), hold.is_some(), "{text}");
            hold.unwrap_or_default()
        };
        holds.release("vm.dirty_*".into(), by("pattern"));
        holds.release("vm/dirty_ratio".into(), by("key"));
        holds.release("not..a.key".into(), by("nobody"));
        for (text, expected) in
            [("vm.dirty_ratio", "key"), ("vm.dirty_bytes", "pattern"), ("vm.swappiness", "")]
        {
            assert_eq!(released(&holds, text), expected, "{text}");
        }
        holds.holds.insert("vm.dirty_ratio".into(), hold(UNLOCKED, Some(1)));
        assert_eq!(released(&holds, "vm.dirty_ratio"), "");
        assert_eq!(holds.of(&key("vm.dirty_ratio"), Duration::from_secs(1)), Some(&by("key")));
        holds.release(EVERYTHING.into(), by("all"));
        assert_eq!(released(&holds, "net.ipv4.ip_forward"), "all");
        holds.released.remove(EVERYTHING);
        holds.take_back(std::iter::empty(), true);
        assert_eq!(released(&holds, "vm.dirty_bytes"), "");
    }

    #[test]
    fn thousands_are_looked_up_among_thousands() {
        let began = std::time::Instant::now();
        let mut holds = Holds::default();
        let name = |n: usize| format!("net.ipv4.conf.eth{n}.rp_filter");
        (0..20_000).for_each(|n| holds.release(name(n), hold(RELEASED, None)));
        let released = holds.released();
        for n in 0..40_000 {
            let key = Key::parse(&name(n)).unwrap();
            assert_eq!(holds.of(&key, Duration::ZERO).is_some(), n < 20_000);
            assert_eq!(released.covers(&key), n < 20_000);
        }
        // One by one it would take minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[test]
    fn an_end_beyond_all_time_is_no_end() {
        for kind in [TRIAL, UNLOCKED] {
            assert!(!hold(kind, Some(u64::MAX)).is_over(Duration::from_secs(1 << 40)));
        }
        let grace = GRACE.as_secs();
        assert!(!hold(TRIAL, Some(7)).is_over(Duration::from_secs(6 + grace)));
        assert!(hold(TRIAL, Some(7)).is_over(Duration::from_secs(7 + grace)));
        assert!(hold(UNLOCKED, Some(7)).is_over(Duration::from_secs(7)));
    }
}
