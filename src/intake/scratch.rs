//! Files without a name, for what finds no room in memory: gone when this process is.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// What went wrong with such a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} an unnamed file in {dirs}: {error}")]
pub struct Failed {
    /// `make`, `write` or `read`.
    doing: &'static str,
    /// Its directory, or those that were tried.
    dirs: String,
    /// The system's answer.
    error: io::Error,
}

/// A file without a name.
#[derive(Debug)]
pub struct Scratch {
    file: File,
    dir: PathBuf,
}

impl Scratch {
    /// A new one in the first directory that takes one: what TMPDIR names, /var/tmp, /tmp.
    ///
    /// # Errors
    /// None of them takes one.
    pub fn new() -> Result<Self, Failed> {
        let named = std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let dirs: Vec<_> =
            named.into_iter().chain(["/var/tmp", "/tmp"].map(PathBuf::from)).collect();
        let mut first = None;
        for dir in &dirs {
            match unnamed(dir) {
                Ok(file) => return Ok(Self { file, dir: dir.clone() }),
                Err(error) => _ = first.get_or_insert(error),
            }
        }
        let dirs: Vec<_> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        let error = first.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        Err(Failed { doing: "make", dirs: dirs.join(", "), error })
    }

    /// Writes all of `bytes` from byte `at` on.
    ///
    /// # Errors
    /// There is no room, for one.
    pub fn write(&self, bytes: &[u8], at: u64) -> Result<(), Failed> {
        self.file.write_all_at(bytes, at).map_err(|error| self.failed("write", error))
    }

    /// Fills all of `bytes` from byte `at` on.
    ///
    /// # Errors
    /// So much was not written, or the medium fails.
    pub fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), Failed> {
        self.file.read_exact_at(bytes, at).map_err(|error| self.failed("read", error))
    }

    /// The file itself.
    pub fn into_file(self) -> File {
        self.file
    }

    fn failed(&self, doing: &'static str, error: io::Error) -> Failed {
        Failed { doing, dirs: self.dir.display().to_string(), error }
    }
}

fn unnamed(dir: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR) {
        return Ok(file.into());
    }
    // Not every file system has such files; there it has a name for a moment.
    let path =
        dir.join(format!(".tunectl-{}-{:?}", std::process::id(), std::thread::current().id()));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let scratch = Scratch::new().unwrap();
        scratch.write(b"abc", 5).unwrap();
        let mut three = [0; 3];
        scratch.read(&mut three, 5).unwrap();
        assert_eq!(&three, b"abc");
        let failed = scratch.read(&mut three, 6).unwrap_err().to_string();
        assert!(failed.starts_with("cannot read an unnamed file in /"), "{failed}");
    }

    #[test]
    fn a_directory_that_takes_none_says_why() {
        assert_eq!(unnamed(Path::new("/proc/absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
