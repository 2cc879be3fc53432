//! Where reports come from: files and streams; opened again where they are read twice.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};

use super::gzip::{self, Gzip};
use super::inside;
use super::paths::Paths;
use super::scratch::{Failed, Scratch};
use super::walk::is_named_packed;
use super::zstd::{self, Zstd};

/// Files and streams, by number.
#[derive(Debug, Default)]
pub struct Sources {
    /// `-`: standard input.
    paths: Paths,
    /// From which number on they were found in which directory, or were named.
    found_in: Vec<(usize, Option<PathBuf>)>,
    /// What streams have given.
    kept: Mutex<BTreeMap<usize, Arc<Mutex<Kept>>>>,
}

/// What stands for standard input.
const STDIN: &str = "-";

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

impl Sources {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a file, or standard input.
    ///
    /// # Errors
    /// There is no room on disk.
    pub(super) fn add(&mut self, path: &Path) -> Result<(), Failed> {
        self.paths.add(path.as_os_str().as_bytes())
    }

    /// What is added from now on was found in that directory, or is named.
    pub(super) fn found_in(&mut self, directory: Option<&Path>) {
        self.found_in.push((self.len(), directory.map(Path::to_owned)));
    }

    /// The directory that it was found in; `None` where it was named.
    fn directory(&self, number: usize) -> Option<&Path> {
        let after = self.found_in.partition_point(|(first, _)| *first <= number);
        self.found_in.get(after.checked_sub(1)?)?.1.as_deref()
    }

    fn path(&self, number: usize) -> Result<PathBuf, Failed> {
        self.paths.get(number).map(|path| OsString::from_vec(path).into())
    }

    /// What people call it.
    pub fn name(&self, number: usize) -> String {
        match self.path(number) {
            Ok(path) if path == Path::new(STDIN) => "standard input".into(),
            Ok(path) => path.display().to_string(),
            Err(failed) => format!("file {} of them ({failed})", number + 1),
        }
    }

    /// Opens it; a stream that has been read before, where it was kept.
    pub(super) fn open(&self, number: usize, again: bool) -> io::Result<File> {
        let kept = locked(&self.kept).get(&number).cloned();
        if again && let Some(kept) = kept {
            match &*locked(&kept) {
                Kept::Few(file, _) | Kept::Many(file) => {
                    // Its place is that of the last byte, and a file is read from its begin.
                    let mut file = file.try_clone()?;
                    file.rewind()?;
                    return Ok(file);
                }
                Kept::Lost(why) => return Err(once(why)),
                Kept::Nothing => {}
            }
        }
        let path = self.path(number).map_err(io::Error::other)?;
        let file = match self.directory(number) {
            Some(directory) => inside::open(directory, &path)?,
            None if path == Path::new(STDIN) => {
                File::from(io::stdin().as_fd().try_clone_to_owned()?)
            }
            None => File::open(path)?,
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

    /// The content of a stream, unpacked; the first time, it is kept for a second one.
    pub(super) fn content(
        &self,
        number: usize,
        file: File,
        again: bool,
    ) -> io::Result<Box<dyn BufRead + Send>> {
        let raw: Box<dyn Read + Send> = if again || whole_size(&file)?.is_some() {
            Box::new(Rewound { file, at: 0 })
        } else {
            let kept = Arc::<Mutex<Kept>>::default();
            locked(&self.kept).insert(number, Arc::clone(&kept));
            Box::new(Keeping { stream: file, kept })
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
struct Keeping {
    stream: File,
    kept: Arc<Mutex<Kept>>,
}

impl Read for Keeping {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(out)?;
        let mut kept = locked(&self.kept);
        // Without room for it only a second reading is impossible.
        if let Err(why) = kept.put(&out[..read]) {
            *kept = Kept::Lost(why);
        }
        Ok(read)
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sources of more files are not looked at beforehand.
const FEW: usize = 32;

/// How many bytes there are to be read; `None` where that is not known beforehand.
pub fn size(sources: &Sources) -> Option<u64> {
    let plain = |path: PathBuf| {
        let found = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
        found.filter(|_| !is_named_packed(&path.to_string_lossy())).map(|found| found.len())
    };
    let few = sources.len() <= FEW;
    few.then(|| (0..sources.len()).map(|n| sources.path(n).ok().and_then(plain)).sum())?
}
