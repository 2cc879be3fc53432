//! What parameters read before tunectl first wrote to them: of this boot in /run, the first ones
//! in /var. Both are for root alone, because the values of secrets may stand in them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::below;
use crate::key::Key;
use crate::observed::{Original, Originals};

use super::{PersistError, Staged, remove, reports, state};

/// Those of this boot.
pub const OF_BOOT: &str = "/run/tunectl/originals.json";
/// The first of each key, until it is rolled back.
pub const FIRST: &str = "/var/lib/tunectl/originals.json";
/// The schema of both.
pub const SCHEMA: &str = "tunectl/originals/1";

#[derive(Debug, Serialize, Deserialize)]
struct Table {
    schema: String,
    /// By key, in dots.
    originals: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// What it read; `null`: what our own drop-in had put there.
    value: Option<String>,
    /// Where the other half of its pair was in force: that half, in dots, with what it read.
    #[serde(default)]
    half: Option<(String, String)>,
    /// What tunectl has left in it last.
    left: String,
    /// The key, in dots, whose write has changed this one besides.
    #[serde(default)]
    because_of: Option<String>,
    boot_id: String,
    /// `MemTotal` then, in kB.
    mem_total_kb: u64,
    /// The day, UTC.
    day: String,
}

/// Reads both. What is missing or damaged, and what another boot has left in /run, is nothing.
///
/// # Errors
/// One is there and cannot be read; or there is that of a boot, and this one is not known.
pub fn read(root: &Path, boot_id: &dyn Fn() -> String) -> Result<Originals, PersistError> {
    let mut of_boot = table(root, OF_BOOT)?;
    if !of_boot.is_empty() {
        let boot_id = boot_id();
        state::of_known_boot(OF_BOOT, &boot_id)?;
        of_boot.retain(|_, original| original.boot_id == boot_id);
    }
    Ok(Originals { of_boot, first: table(root, FIRST)? })
}

/// Whether there is something that this user may not see.
pub fn are_hidden(root: &Path) -> bool {
    [OF_BOOT, FIRST].into_iter().any(|path| {
        reports::exists(root, path)
            && below::open_itself(root, path)
                .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    })
}

fn table(root: &Path, path: &str) -> Result<BTreeMap<Key, Original>, PersistError> {
    let Some(bytes) = state::obeyed(root, path)? else { return Ok(BTreeMap::new()) };
    Ok(match parsed(&bytes) {
        Ok(table) => table.originals.into_iter().filter_map(of).collect(),
        Err(why) => {
            log::warn!("{path} {why}: what stood there is not known any more");
            BTreeMap::new()
        }
    })
}

fn parsed(bytes: &[u8]) -> Result<Table, String> {
    match serde_json::from_slice::<Table>(bytes) {
        Ok(table) if table.schema == SCHEMA => Ok(table),
        Ok(table) => Err(format!("is of the schema {:?}", table.schema)),
        Err(error) => Err(format!("is damaged ({error})")),
    }
}

/// What is wrong with such a file, in words; `None`: nothing.
pub(super) fn damage(bytes: &[u8]) -> Option<String> {
    parsed(bytes).err()
}

fn of((key, entry): (String, Entry)) -> Option<(Key, Original)> {
    let key = Key::parse(&key).ok()?;
    let half = match entry.half {
        Some((half, value)) => Some((Key::parse(&half).ok()?, value)),
        None => None,
    };
    let because_of = match entry.because_of {
        Some(other) => Some(Key::parse(&other).ok()?),
        None => None,
    };
    let Entry { value, left, boot_id, mem_total_kb, day, .. } = entry;
    Some((key, Original { value, half, left, because_of, boot_id, mem_total_kb, day }))
}

/// Writes what differs from before. The lock must be held.
///
/// # Errors
/// A file cannot be written: it is as it was.
pub fn write(root: &Path, before: &Originals, after: &Originals) -> Result<(), PersistError> {
    for (path, old, new) in
        [(FIRST, &before.first, &after.first), (OF_BOOT, &before.of_boot, &after.of_boot)]
    {
        if old == new {
            continue;
        }
        let place = below::resolve_parent(root, path)
            .map_err(PersistError::new("find", Path::new(path)))?;
        match text(new) {
            Some(text) => Staged::write_as(&place, text.as_bytes(), 0o600)?.commit()?,
            None => remove(&place)?,
        }
    }
    Ok(())
}

/// The text of one of the two files; `None`: there is nothing to remember, and no file.
pub fn text(originals: &BTreeMap<Key, Original>) -> Option<String> {
    let entry = |original: &Original| Entry {
        value: original.value.clone(),
        half: original.half.as_ref().map(|(key, value)| (key.to_string(), value.clone())),
        left: original.left.clone(),
        because_of: original.because_of.as_ref().map(Key::to_string),
        boot_id: original.boot_id.clone(),
        mem_total_kb: original.mem_total_kb,
        day: original.day.clone(),
    };
    written(originals.iter().map(|(key, o)| (key.to_string(), entry(o))).collect())
}

fn written(originals: BTreeMap<String, Entry>) -> Option<String> {
    if originals.is_empty() {
        return None;
    }
    let table = Table { schema: SCHEMA.into(), originals };
    // Texts and numbers by text: there is nothing in it that JSON cannot say.
    serde_json::to_string_pretty(&table).ok().map(|text| text + "\n")
}

/// The text `now` with what leads from `before` to `after`: the daemon may have added to it
/// meanwhile, for parameters that are none of these.
pub fn brought_forward(
    now: Option<&str>,
    before: Option<&str>,
    after: Option<&str>,
) -> Option<String> {
    let entries = |text: Option<&str>| {
        let table = text.and_then(|text| serde_json::from_str::<Table>(text).ok());
        table.map(|table| table.originals).unwrap_or_default()
    };
    let (mut all, before, after) = (entries(now), entries(before), entries(after));
    all.retain(|key, _| after.contains_key(key) || !before.contains_key(key));
    all.extend(after.into_iter().filter(|(key, entry)| before.get(key) != Some(entry)));
    written(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_added_stays() {
        let entry = |left: &str| Entry {
            value: Some("0".into()),
            half: None,
            left: left.into(),
            because_of: None,
            boot_id: "5f8c".into(),
            mem_total_kb: 1,
            day: "2026-11-26".into(),
        };
        let text = |entries: &[(&str, &str)]| {
            written(entries.iter().map(|(key, left)| ((*key).to_owned(), entry(left))).collect())
        };
        let before = text(&[("vm.a", "1"), ("vm.b", "1"), ("vm.c", "1")]);
        let after = text(&[("vm.a", "2"), ("vm.c", "1"), ("vm.d", "1")]);
        let now = text(&[("vm.a", "1"), ("vm.b", "1"), ("vm.c", "3"), ("vm.e", "1")]);
        let brought = brought_forward(now.as_deref(), before.as_deref(), after.as_deref());
        assert_eq!(brought, text(&[("vm.a", "2"), ("vm.c", "3"), ("vm.d", "1"), ("vm.e", "1")]));
        assert_eq!(brought_forward(before.as_deref(), before.as_deref(), after.as_deref()), after);
        assert_eq!(brought_forward(None, None, after.as_deref()), after);
        assert_eq!(brought_forward(before.as_deref(), before.as_deref(), None), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let key = |path: &str| Key::from_path(path).unwrap();
        let original = |value: Option<&str>| Original {
            value: value.map(str::to_owned),
            half: Some((key("vm/dirty_bytes"), "4294967296".into())),
            left: "30".into(),
            because_of: Some(key("net/ipv4/conf/eth0.100/forwarding")),
            boot_id: "5f8c".into(),
            mem_total_kb: 24_684_084,
            day: "2026-11-26".into(),
        };
        let originals = BTreeMap::from([
            (key("vm/dirty_ratio"), original(Some("0"))),
            (key("net/ipv4/conf/eth0.100/rp_filter"), original(None)),
        ]);
        let root = std::env::temp_dir().join(format!("tunectl-originals-{}", std::process::id()));
        let text = text(&originals).unwrap();
        reports::write(&root, OF_BOOT, text.as_bytes()).unwrap();
        reports::write(&root, FIRST, text.as_bytes()).unwrap();
        let read_again = read(&root, &|| "5f8c".into()).unwrap();
        assert_eq!((&read_again.of_boot, &read_again.first), (&originals, &originals));
        let later = read(&root, &|| "another".into()).unwrap();
        assert!(read(&root, &String::new).is_err(), "by no boot is it another's");
        assert!(later.of_boot.is_empty() && later.first == originals);
        reports::write(&root, FIRST, b"{}").unwrap();
        assert!(read(&root, &|| "5f8c".into()).unwrap().first.is_empty());
        std::fs::remove_dir_all(root).unwrap();
        assert_eq!(super::text(&BTreeMap::new()), None);
    }
}
