//! Finds reports in directories, in the order of their names, of however many there are.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::scratch::Failed;
use super::source::Sources;

/// How the names of files with reports end, in directories.
const NAMES: [&str; 3] = ["json", "jsonl", "ndjson"];
/// What may stand behind that.
const PACKED: [&str; 2] = [".gz", ".zst"];
/// Directories in each other.
const DEEPEST: u32 = 16;
/// Names of a directory that are put into order at once; of one with more it is read again for the
/// next ones.
const AT_ONCE: usize = 1 << 15;
/// What cannot be read is named so often; the rest is counted.
const NAMED: usize = 100;

/// What could not be read, and why.
#[derive(Debug)]
pub struct Unread {
    /// The file or directory.
    pub source: String,
    /// Why.
    pub why: io::Error,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Sought {
    /// Files and streams.
    pub sources: Sources,
    /// The first directories that could not be read.
    pub unread: Vec<Unread>,
    /// How many could not be.
    pub unread_count: u64,
}

/// The sources that paths stand for: a file as it is, of a directory every file below that is named
/// like a report, by name; `-` is standard input.
///
/// # Errors
/// So many that there is no room for their names on disk.
pub fn sources(paths: &[PathBuf]) -> Result<Sought, Failed> {
    let mut sought = Sought::default();
    for path in paths {
        if path.is_dir() && path != Path::new("-") {
            sought.sources.found_in(Some(path));
            sought.walk(path, 0, AT_ONCE)?;
            sought.sources.found_in(None);
        } else {
            sought.sources.add(path)?;
        }
    }
    Ok(sought)
}

/// Whether the file `at`, its path without links, is among what paths stand for: a source that is
/// replaced while it is read.
pub fn reads(paths: &[PathBuf], at: &Path) -> bool {
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    paths.iter().any(|path| {
        if path == Path::new("-") {
            let file = at.metadata().ok().map(|found| (found.dev(), found.ino()));
            let stdin = rustix::fs::fstat(std::io::stdin()).ok();
            return file.is_some() && file == stdin.map(|found| (found.st_dev, found.st_ino));
        }
        let Ok(path) = path.canonicalize() else { return false };
        path == at || is_named(&name) && at.starts_with(&path)
    })
}

impl Sought {
    fn failed(&mut self, dir: &Path, why: io::Error) {
        self.unread_count += 1;
        if self.unread.len() < NAMED {
            self.unread.push(Unread { source: dir.display().to_string(), why });
        }
    }

    fn walk(&mut self, dir: &Path, depth: u32, at_once: usize) -> Result<(), Failed> {
        if depth == DEEPEST {
            self.failed(dir, io::Error::other("directories are nested too deeply"));
            return Ok(());
        }
        let mut after = None;
        loop {
            let entries = match next(dir, after.as_ref(), at_once) {
                Ok(entries) => entries,
                Err(why) => {
                    self.failed(dir, why);
                    return Ok(());
                }
            };
            for (name, is_dir) in &entries {
                let path = dir.join(name);
                if *is_dir {
                    self.walk(&path, depth + 1, at_once)?;
                } else {
                    self.sources.add(&path)?;
                }
            }
            if entries.len() < at_once {
                return Ok(());
            }
            after = entries.into_iter().next_back().map(|(name, _)| name);
        }
    }
}

/// The first names of a directory behind `after`, in order, at most so many: those of directories,
/// and of files that are named like reports.
fn next(dir: &Path, after: Option<&OsString>, most: usize) -> io::Result<Vec<(OsString, bool)>> {
    let mut entries: Vec<(OsString, bool)> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (mut name, kind) = (entry.file_name(), entry.file_type()?);
        if after.is_some_and(|after| name <= *after) {
            continue;
        }
        // A link may lead to a file, and to no further directory: those could be a circle.
        let is_report = !kind.is_dir()
            && is_named(&name.to_string_lossy())
            && (kind.is_file() || entry.path().is_file());
        if kind.is_dir() || is_report {
            name.shrink_to_fit();
            entries.push((name, kind.is_dir()));
        }
        if entries.len() == 2 * most {
            entries.select_nth_unstable(most);
            entries.truncate(most);
        }
    }
    entries.sort_unstable();
    entries.truncate(most);
    Ok(entries)
}

fn is_named(name: &str) -> bool {
    let plain = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let end = plain.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end);
    end.is_some_and(|end| NAMES.contains(&end)) && !name.starts_with('.')
}

/// Whether a file is named like a packed one.
pub(super) fn is_named_packed(name: &str) -> bool {
    PACKED.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reports_are_known_by_their_names() {
        for name in ["a.json", "a.b.ndjson", "a.jsonl.gz", "report.json.zst"] {
            assert!(is_named(name), "{name}");
        }
        for name in ["json", ".json", ".a.json", "a.json~", "a.gz", "a.json.xz", "a.yaml", ""] {
            assert!(!is_named(name), "{name}");
        }
    }

    #[test]
    fn a_directory_is_read_in_order_however_few_names_are_kept() {
        let dir = std::env::temp_dir().join(format!("tunectl-walk-{}", std::process::id()));
        let mut expected = Vec::new();
        for n in 0..23 {
            let name = format!("{:02}.json", n * 7 % 23);
            // Every third is a directory with one report.
            let path = if n % 3 == 0 { dir.join(name).join("a.json") } else { dir.join(name) };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            expected.push(path.display().to_string());
        }
        expected.sort();
        for at_once in [1, 2, 5, 23, 100] {
            let mut sought = Sought::default();
            sought.walk(&dir, 0, at_once).unwrap();
            let sources = sought.sources;
            let found: Vec<String> = (0..sources.len()).map(|n| sources.name(n)).collect();
            assert_eq!(found, expected, "{at_once}");
            assert_eq!(sought.unread_count, 0);
        }
        fs::remove_dir_all(&dir).unwrap();
        let mut sought = Sought::default();
        sought.walk(&dir, 0, 5).unwrap();
        assert_eq!((sought.unread_count, sought.unread.len(), sought.sources.len()), (1, 1, 0));
    }
}
