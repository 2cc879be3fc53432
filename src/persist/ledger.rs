//! What an apply is about to do, written down before it does it, so that the next run can put it
//! right if this one is killed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::below;
use crate::key::Key;
use crate::observed::{Begun, Replaced, Unfinished};

use super::reports;
use super::staged::PersistError;
use super::state::{self, REPLACED};

/// Where it lies; a reboot takes it away with the values that it tells of.
pub const PATH: &str = "/run/tunectl/journal";
/// It has files as a whole: one that were cut would be taken for torn.
const MAX_BYTES: u64 = 1 << 28;
/// Its first line.
const MARK: &str = "tunectl journal 1\n";
/// Stands for a field that has no text.
const NONE: &str = "\\-";

/// A journal that is being written. It stays if the process dies, and tells how far it came.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    path: PathBuf,
}

impl Ledger {
    /// Begins one, with everything that `begun` has already; readable by root alone, because the
    /// values of secrets may stand in it.
    ///
    /// # Errors
    /// It cannot be written, or there is one.
    pub fn begin(root: &Path, begun: &Unfinished) -> Result<Self, PersistError> {
        let path = place(root).map_err(failed("find", Path::new(PATH)))?;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("create", &path))?;
        let mut ledger = Self { file, path };
        let written = ledger.append(&head(begun));
        if written.is_err() {
            let _ = fs::remove_file(&ledger.path);
        }
        written.map(|()| ledger)
    }

    /// Says that `write` is about to happen.
    ///
    /// # Errors
    /// It cannot be written down: then it must not happen.
    pub fn about_to_write(&mut self, write: &Begun) -> Result<(), PersistError> {
        self.append(&write_line(write))
    }

    /// Says which files are about to be replaced, in that order: all of them at once, because
    /// with the last one everything is carried out.
    ///
    /// # Errors
    /// It cannot be written down: then it must not happen.
    pub fn about_to_replace(&mut self, files: &[Replaced]) -> Result<(), PersistError> {
        let lines: String = files.iter().map(file_line).collect();
        self.append(&lines)
    }

    /// Everything was done, or was taken back: there is nothing left to tell. Where the journal
    /// cannot be removed, it says so itself.
    ///
    /// # Errors
    /// It can neither be removed nor ended.
    pub fn end(mut self) -> Result<(), PersistError> {
        if let Err(error) = fs::remove_file(&self.path) {
            return self.append("done\n").map_err(|_| failed("remove", &self.path)(error));
        }
        Ok(())
    }

    /// One write(2), so that a line is whole or not there.
    fn append(&mut self, text: &str) -> Result<(), PersistError> {
        self.file.write_all(text.as_bytes()).map_err(failed("write", &self.path))
    }
}

/// What an apply has left behind, if one was killed in whichever boot; `None` where nothing was.
/// Whether it is of this one can be told by `boot_id`.
///
/// # Errors
/// It cannot be read, or is not one of ours; or this boot is not known.
pub fn left_behind(root: &Path, boot_id: &str) -> Result<Option<Unfinished>, PersistError> {
    let path = place(root).map_err(failed("find", Path::new(PATH)))?;
    let found = state::read_up_to(root, PATH, MAX_BYTES);
    let Some(text) = found.map_err(|error| failed("read", &path)(error.into()))? else {
        return Ok(None);
    };
    state::of_known_boot(PATH, boot_id)?;
    // Killed before its first line was whole, it had not begun anything.
    if MARK.as_bytes().starts_with(&text) {
        return Ok(Some(Unfinished { done: true, ..Unfinished::default() }));
    }
    match parse(&text) {
        Some(unfinished) if unfinished.files.iter().all(|f| REPLACED.contains(&&*f.path)) => {
            Ok(Some(unfinished))
        }
        _ => Err(failed("understand", &path)(io::Error::other("it is not of tunectl's form"))),
    }
}

/// Whether there is one, which anybody may see.
pub fn exists(root: &Path) -> bool {
    reports::exists(root, PATH)
}

pub use state::text_of;

/// Removes what was left behind, once it is put right.
///
/// # Errors
/// It cannot be removed.
pub fn clear(root: &Path) -> Result<(), PersistError> {
    let path = place(root).map_err(failed("find", Path::new(PATH)))?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", &path)(error))
        }
        _ => Ok(()),
    }
}

fn place(root: &Path) -> io::Result<PathBuf> {
    below::resolve_parent(root, PATH)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PersistError {
    let path = path.display().to_string();
    move |error| PersistError { doing, path, error }
}

fn head(begun: &Unfinished) -> String {
    let mut text = MARK.to_owned();
    let _ = writeln!(text, "boot\t{}", escaped(&begun.boot_id));
    let _ = writeln!(text, "pid\t{}", if begun.pid == 0 { std::process::id() } else { begun.pid });
    let _ = writeln!(text, "baseline\t{}", escaped(&begun.baseline));
    for (key, value) in &begun.originals {
        let _ = writeln!(text, "original\t{}\t{}", escaped(key.as_path()), escaped(value));
    }
    begun.writes.iter().for_each(|write| text.push_str(&write_line(write)));
    begun.files.iter().for_each(|file| text.push_str(&file_line(file)));
    // The head is whole or not there at all.
    text.push_str("begun\n");
    text
}

fn write_line(write: &Begun) -> String {
    let (key, value) = write.undo.as_ref().map_or((None, None), |(k, v)| (Some(k), Some(v)));
    format!(
        "write\t{}\t{}\t{}\t{}\t{}\n",
        escaped(write.key.as_path()),
        optional(write.from.as_deref()),
        escaped(&write.to),
        optional(key.map(Key::as_path)),
        optional(value.map(String::as_str)),
    )
}

fn file_line(file: &Replaced) -> String {
    let (before, after) = (optional(file.before.as_deref()), optional(file.after.as_deref()));
    format!("file\t{}\t{before}\t{after}\n", escaped(&file.path))
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), escaped)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}

fn plain(field: &str) -> Option<String> {
    let mut text = String::with_capacity(field.len());
    let mut rest = field.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => match rest.next()? {
                '\\' => '\\',
                'n' => '\n',
                't' => '\t',
                _ => return None,
            },
            c => c,
        });
    }
    Some(text)
}

/// A field that may have no text.
fn given(field: &str) -> Result<Option<String>, NotOurs> {
    if field == NONE { Ok(None) } else { plain(field).ok_or(NotOurs).map(Some) }
}

/// A field that no apply has written.
#[derive(Debug)]
struct NotOurs;

fn parse(text: &[u8]) -> Option<Unfinished> {
    let body = text.strip_prefix(MARK.as_bytes())?;
    let mut found = Unfinished::default();
    let mut begun = false;
    // A last line without its end was being written when the process died, perhaps within a
    // character: what it tells of had not happened.
    let whole =
        body.iter().rposition(|byte| *byte == b'\n').map_or(&body[..0], |end| &body[..=end]);
    for line in std::str::from_utf8(whole).ok()?.split_terminator('\n') {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["boot", id] => found.boot_id = plain(id)?,
            ["pid", pid] => found.pid = pid.parse().ok()?,
            ["baseline", name] => found.baseline = plain(name)?,
            ["original", key, value] => {
                found.originals.push((Key::from_path(&plain(key)?).ok()?, plain(value)?));
            }
            ["write", key, from, to, undo_key, undo_value] => {
                let undo = match (given(undo_key).ok()?, given(undo_value).ok()?) {
                    (Some(key), Some(value)) => Some((Key::from_path(&key).ok()?, value)),
                    _ => None,
                };
                let key = Key::from_path(&plain(key)?).ok()?;
                found.writes.push(Begun { key, from: given(from).ok()?, to: plain(to)?, undo });
            }
            ["file", path, before, after] => found.files.push(Replaced {
                path: plain(path)?,
                before: given(before).ok()?,
                after: given(after).ok()?,
            }),
            ["begun"] => begun = true,
            ["done"] => found.done = true,
            _ => return None,
        }
    }
    // Nothing happens before the head is whole.
    found.done |= !begun;
    Some(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(path: &str) -> Key {
        Key::from_path(path).unwrap()
    }

    fn sample(value: &str) -> Unfinished {
        Unfinished {
            boot_id: "5f8c".into(),
            pid: 17,
            baseline: value.into(),
            originals: vec![(key("net/ipv4/ip_forward"), value.into())],
            writes: vec![
                Begun {
                    key: key("net/ipv4/conf/eth0.100/rp_filter"),
                    from: Some(value.into()),
                    to: value.into(),
                    undo: Some((key("vm/dirty_bytes"), value.into())),
                },
                Begun { key: key("vm/swappiness"), from: None, to: "1".into(), undo: None },
            ],
            files: vec![
                Replaced { path: REPLACED[2].into(), before: None, after: Some(value.into()) },
                Replaced { path: REPLACED[3].into(), before: Some(value.into()), after: None },
            ],
            done: false,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in "(?s).{0,40}") {
            let sample = sample(&value);
            prop_assert_eq!(parse(head(&sample).as_bytes()), Some(sample));
        }

        /// Killed at any byte, it tells of no more than was written.
        #[test]
        fn a_torn_journal_tells_a_prefix(value in "[\\\\\t\na-z\u{e9}]{0,9}", cut in 0.0..1.0_f64) {
            let sample = sample(&value);
            let mut text = head(&Unfinished { writes: vec![], files: vec![], ..sample.clone() });
            let whole = text.len();
            sample.writes.iter().for_each(|w| text.push_str(&write_line(w)));
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let end = (text.len() as f64 * cut) as usize;
            let torn = &text.as_bytes()[..end];
            if torn.len() <= MARK.len() {
                return Ok(());
            }
            let found = parse(torn).unwrap();
            prop_assert_eq!(found.done, end < whole, "before the head is whole nothing happened");
            prop_assert!(sample.writes.starts_with(&found.writes));
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_not_guessed_at() {
        for text in ["", "vm.swappiness = 1\n", "tunectl journal 2\n"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        for line in
            ["write\tvm/swappiness\n", "write\t../x\t1\t2\t\\-\t\\-\n", "boot\t\\x\n", "?\n"]
        {
            assert_eq!(parse(format!("{MARK}{line}").as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn a_journal_of_large_files_is_read_to_its_end() {
        let root = std::env::temp_dir().join(format!("tunectl-ledger-{}", std::process::id()));
        fs::create_dir_all(root.join("run/tunectl")).unwrap();
        // As large as a drop-in may be, and every line's end takes two bytes.
        let large = "# a line\n".repeat((8 << 20) / 9);
        let files = [(REPLACED[0], &large[..]), (REPLACED[1], "")].map(|(path, text)| Replaced {
            path: path.into(),
            before: Some(text.into()),
            after: Some(text.into()),
        });
        let mut ledger = Ledger::begin(&root, &sample("1")).unwrap();
        ledger.about_to_replace(&files).unwrap();
        drop(ledger);
        let found = left_behind(&root, "5f8c").unwrap().unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert!(found.files.ends_with(&files), "{} of them", found.files.len());
    }
}
