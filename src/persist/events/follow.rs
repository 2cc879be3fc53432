//! Follows the log as it grows, across rotations.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::read::{opened, parsed};
use super::{LONGEST_LINE, PersistError, Recent, is_missing, place};

/// Where nothing tells of changes, such as a directory that is not there yet, so often is looked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The log from now on.
pub struct Follow {
    path: PathBuf,
    notify: Option<OwnedFd>,
    file: Option<File>,
    /// The beginning of a line that is being written.
    rest: Vec<u8>,
    /// Whether the line that is read is longer than any event.
    is_too_long: bool,
}

impl Follow {
    /// Begins at the end of the log; one that is not there yet is waited for.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn begin(root: &Path) -> Result<Self, PersistError> {
        let path = place(root)?;
        let file = match opened(&path) {
            Ok(file) => Some(file),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(PersistError::new("read", &path)(error)),
        };
        let mut follow = Self { notify: None, path, file, rest: Vec::new(), is_too_long: false };
        if let Some(file) = &mut follow.file {
            let to_end = end_of_lines(file);
            to_end.map_err(PersistError::new("read", &follow.path))?;
        }
        follow.watch();
        Ok(follow)
    }

    /// What was added since the last call; waits for something, at most for `patience`.
    ///
    /// # Errors
    /// The log can no longer be read.
    pub fn next(&mut self, patience: Duration) -> Result<Recent, PersistError> {
        let added = match self.read() {
            Ok(added) if added == Recent::default() => {
                self.wait(patience).and_then(|()| self.read())
            }
            read => read,
        };
        added.map_err(PersistError::new("read", &self.path))
    }

    fn watch(&mut self) {
        let Some(directory) = self.path.parent() else { return };
        let wanted = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        self.notify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .ok()
            .filter(|notify| inotify::add_watch(notify, directory, wanted).is_ok());
    }

    fn wait(&mut self, patience: Duration) -> io::Result<()> {
        if self.notify.is_none() {
            self.watch();
        }
        let Some(notify) = &self.notify else {
            std::thread::sleep(patience.min(LOOK_AGAIN));
            return Ok(());
        };
        let timeout = Timespec::try_from(patience).ok();
        match poll(&mut [PollFd::new(notify, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut told = inotify::Reader::new(notify, &mut buffer);
        while told.next().is_ok() {}
        Ok(())
    }

    fn read(&mut self) -> io::Result<Recent> {
        let mut added = Recent::default();
        // What the file still got before it was moved away comes first.
        let is_moved = self.is_moved()?;
        self.read_on(&mut added)?;
        if is_moved {
            self.rest.clear();
            self.is_too_long = false;
            self.file = match opened(&self.path) {
                Ok(file) => Some(file),
                Err(error) if is_missing(&error) => None,
                Err(error) => return Err(error),
            };
            self.read_on(&mut added)?;
        }
        Ok(added)
    }

    fn is_moved(&self) -> io::Result<bool> {
        let there = match fs::symlink_metadata(&self.path) {
            Ok(there) => (there.dev(), there.ino()),
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let own = match &self.file {
            Some(file) => file.metadata().map(|own| (own.dev(), own.ino()))?,
            None => return Ok(true),
        };
        Ok(there != own)
    }

    fn read_on(&mut self, added: &mut Recent) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // A file that was emptied or repaired is read from its new end on.
        let size = file.metadata()?.len();
        if file.stream_position()? > size {
            file.seek(SeekFrom::Start(size))?;
            self.rest.clear();
        }
        let mut chunk = [0; 8192];
        loop {
            let read = match file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for piece in chunk[..read].split_inclusive(|&b| b == b'\n') {
                self.rest.extend_from_slice(piece);
                if self.rest.len() > LONGEST_LINE {
                    self.is_too_long = true;
                    self.rest.clear();
                }
                let Some(line) = piece.strip_suffix(b"\n").map(|_| self.rest.trim_ascii_end())
                else {
                    continue;
                };
                match parsed(line) {
                    Some(event) if !self.is_too_long => added.events.push(event),
                    None if line.is_empty() && !self.is_too_long => {}
                    _ => added.damaged += 1,
                }
                self.is_too_long = false;
                self.rest.clear();
            }
        }
    }
}

/// Goes to the beginning of what stands behind the last line end, which may be a line that is
/// being written.
fn end_of_lines(file: &mut File) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;

    let size = file.metadata()?.len();
    let start = size.saturating_sub(LONGEST_LINE as u64);
    let mut tail = vec![0; usize::try_from(size - start).unwrap_or_default()];
    file.read_exact_at(&mut tail, start)?;
    let end = tail.iter().rposition(|&b| b == b'\n').map_or(start, |at| start + at as u64 + 1);
    file.seek(SeekFrom::Start(end))?;
    Ok(())
}
