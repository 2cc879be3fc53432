//! Where reports come from: files, directories, streams; opened again where they are read twice.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};

use super::gzip::{self, Gzip};
use super::scratch::Scratch;
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
    /// What a stream has given.
    kept: Mutex<Kept>,
}

/// What a stream has given, for a second reading.
#[derive(Debug, Default)]
enum Kept {
    /// Nothing yet.
    #[default]
    Nothing,
    /// All so far, as many bytes, in memory.
    Few(File, u64),
    /// All so far, on disk.
    Many(File),
    /// Not all of it, and why.
    Lost(String),
}

/// So much of a stream is kept in memory, in bytes.
const FEW_BYTES: u64 = 1 << 20;

impl Kept {
    fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        if matches!(self, Self::Nothing) {
            let memory = memfd_create("tunectl-fleet", MemfdFlags::CLOEXEC);
            *self = Self::Few(File::from(memory.map_err(|error| error.to_string())?), 0);
        }
        if let Self::Few(file, length) = self
            && *length + bytes.len() as u64 > FEW_BYTES
        {
            let mut disk = Scratch::new().map_err(|failed| failed.to_string())?.into_file();
            file.rewind().and_then(|()| io::copy(file, &mut disk)).map_err(|e| e.to_string())?;
            *self = Self::Many(disk);
        }
        match self {
            Self::Few(file, length) => {
                *length += bytes.len() as u64;
                file.write_all(bytes)
            }
            Self::Many(file) => file.write_all(bytes),
            Self::Nothing | Self::Lost(_) => Ok(()),
        }
        .map_err(|error| error.to_string())
    }
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
        Self { path, kept: Mutex::default() }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "standard input".into(), |p| p.display().to_string())
    }

    /// Opens it; a stream that has been read before, where it was kept.
    pub(super) fn open(&self, again: bool) -> io::Result<File> {
        match &*self.kept() {
            Kept::Few(file, _) | Kept::Many(file) if again => {
                // Its place is that of the last byte, and a file is read from its begin.
                let mut file = file.try_clone()?;
                file.rewind()?;
                return Ok(file);
            }
            Kept::Lost(why) if again => return Err(once(why)),
            _ => {}
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
            return Err(once("it is a stream"));
        }
        Ok(file)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
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
            Box::new(Keeping { stream: file, source: self })
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

fn once(why: &str) -> io::Error {
    io::Error::other(format!(
        "it cannot be read again, which hosts with several reports ask for, and was not kept: \
         {why}; give it as a file, or let TMPDIR name a directory with room for it"
    ))
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
struct Keeping<'s> {
    stream: File,
    source: &'s Source,
}

impl Read for Keeping<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(out)?;
        let mut kept = self.source.kept();
        // Without room for it only a second reading is impossible.
        if let Err(why) = kept.put(&out[..read]) {
            *kept = Kept::Lost(why);
        }
        Ok(read)
    }
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
