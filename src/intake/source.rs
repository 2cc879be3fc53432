//! Where reports come from: files, directories, streams; opened again where they are read twice.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};

use super::gzip::{self, Gzip};
use super::zstd::{self, Zstd};

/// How the names of files with reports end, in directories.
const NAMES: [&str; 3] = ["json", "jsonl", "ndjson"];
/// What may stand behind that.
const PACKED: [&str; 2] = [".gz", ".zst"];
/// Directories in each other.
const DEEPEST: u32 = 16;

/// A file or a stream.
#[derive(Debug)]
pub struct Source {
    /// `None`: standard input.
    path: Option<PathBuf>,
    /// What a stream has given, where it could be kept.
    kept: Mutex<Option<File>>,
}

/// What could not be read, and why.
#[derive(Debug)]
pub struct Unread {
    /// The file or directory.
    pub source: String,
    /// Why.
    pub why: io::Error,
}

impl Source {
    fn new(path: Option<PathBuf>) -> Self {
        Self { path, kept: Mutex::new(None) }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "standard input".into(), |p| p.display().to_string())
    }

    /// Opens it; a stream that has been read before, where it was kept.
    pub(super) fn open(&self, again: bool) -> io::Result<File> {
        if again && let Some(kept) = &*self.kept() {
            return kept.try_clone();
        }
        let file = match &self.path {
            Some(path) => File::open(path)?,
            None => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        };
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if again && !kind.is_file() {
            return Err(io::Error::other(
                "it cannot be read again, which hosts with several reports ask for, and there was \
                 no room to keep it: give it as a file, or let TMPDIR name a directory with room",
            ));
        }
        Ok(file)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<File>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of a stream, unpacked; the first time, it is kept for a second one.
    pub(super) fn content(
        &self,
        file: File,
        again: bool,
    ) -> io::Result<Box<dyn BufRead + Send + '_>> {
        let raw: Box<dyn Read + Send + '_> = if again || whole_size(&file)?.is_some() {
            Box::new(Rewound { file, at: 0 })
        } else {
            *self.kept() = room();
            Box::new(Kept { stream: file, source: self })
        };
        let mut raw = BufReader::with_capacity(64 << 10, raw);
        let begin = raw.fill_buf()?;
        let (gzip, zstd) = (begin.starts_with(&gzip::MAGIC), begin.starts_with(&zstd::MAGIC));
        Ok(if gzip {
            Box::new(BufReader::with_capacity(64 << 10, Gzip::new(raw)))
        } else if zstd {
            Box::new(BufReader::with_capacity(64 << 10, Zstd::new(raw)))
        } else {
            Box::new(raw)
        })
    }
}

/// The size of a file that can be read from its begin as often as one likes; `None`: a stream, or
/// standard input of which somebody has read a part.
pub(super) fn whole_size(mut file: &File) -> io::Result<Option<u64>> {
    let metadata = file.metadata()?;
    let whole = metadata.is_file() && file.stream_position()? == 0;
    Ok(whole.then_some(metadata.len()))
}

/// Whether what begins so is packed.
pub(super) fn is_packed(begin: &[u8]) -> bool {
    begin.starts_with(&gzip::MAGIC) || begin.starts_with(&zstd::MAGIC)
}

/// Reads a file from its begin, whatever else reads it.
struct Rewound {
    file: File,
    at: u64,
}

impl Read for Rewound {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = std::os::unix::fs::FileExt::read_at(&self.file, out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A stream that is kept while it is read.
struct Kept<'s> {
    stream: File,
    source: &'s Source,
}

impl Read for Kept<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(out)?;
        let mut kept = self.source.kept();
        // Without room for it only a second reading is impossible.
        if kept.as_mut().is_some_and(|file| file.write_all(&out[..read]).is_err()) {
            *kept = None;
        }
        Ok(read)
    }
}

/// A file without a name, which is gone when this process is.
fn room() -> Option<File> {
    let named = std::env::var_os("TMPDIR").map(PathBuf::from);
    let dirs = named.into_iter().chain(["/var/tmp", "/tmp"].map(PathBuf::from));
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    dirs.filter_map(|dir| rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR).ok())
        .map(File::from)
        .next()
}

/// Sources of more files are not looked at beforehand.
const FEW: usize = 32;

/// How many bytes there are to be read; `None` where that is not known beforehand.
pub fn size(sources: &[Source]) -> Option<u64> {
    let plain = |path: &PathBuf| {
        let name = path.to_string_lossy();
        let packed = PACKED.iter().any(|end| name.ends_with(end));
        fs::metadata(path).ok().filter(|found| !packed && found.is_file()).map(|found| found.len())
    };
    let few = sources.len() <= FEW;
    few.then(|| sources.iter().map(|s| s.path.as_ref().and_then(plain)).sum())?
}

/// The sources that paths stand for: a file as it is, of a directory every file below that is named
/// like a report, by name; `-` is standard input.
pub fn sources(paths: &[PathBuf]) -> (Vec<Source>, Vec<Unread>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        if path == Path::new("-") {
            found.push(Source::new(None));
        } else if path.is_dir() {
            walk(path, 0, &mut found, &mut unread);
        } else {
            found.push(Source::new(Some(path.clone())));
        }
    }
    (found, unread)
}

fn walk(dir: &Path, depth: u32, found: &mut Vec<Source>, unread: &mut Vec<Unread>) {
    let mut failed = |why| unread.push(Unread { source: dir.display().to_string(), why });
    if depth == DEEPEST {
        return failed(io::Error::other("directories are nested too deeply"));
    }
    let entries = fs::read_dir(dir).and_then(|entries| {
        entries.map(|entry| entry.and_then(|e| Ok((e.file_name(), e.file_type()?)))).collect()
    });
    let mut entries: Vec<_> = match entries {
        Ok(entries) => entries,
        Err(why) => return failed(why),
    };
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (name, kind) in entries {
        let path = dir.join(&name);
        // A link may lead to a file, and to no further directory: those could be a circle.
        if kind.is_dir() {
            walk(&path, depth + 1, found, unread);
        } else if is_named(&name.to_string_lossy()) && (kind.is_file() || path.is_file()) {
            found.push(Source::new(Some(path)));
        }
    }
}

fn is_named(name: &str) -> bool {
    let plain = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let end = plain.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end);
    end.is_some_and(|end| NAMES.contains(&end)) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn reports_are_known_by_their_names() {
        for name in ["a.json", "a.b.ndjson", "a.jsonl.gz", "report.json.zst"] {
            assert!(is_named(name), "{name}");
        }
        for name in ["json", ".json", ".a.json", "a.json~", "a.gz", "a.json.xz", "a.yaml", ""] {
            assert!(!is_named(name), "{name}");
        }
    }
}
