//! Writes the log of events: it holds nobody up, and what it cannot write it counts.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::wire::event::{EVENT_SCHEMA, Event};

use super::{LONGEST_LINE, Limits, PersistError, is_missing, place, readers, rotated};
use crate::persist::made::make_directories;

/// Of a value that makes a line too long, so much is kept, in bytes.
const KEPT_OF_A_VALUE: usize = 1024;

/// The log of events, open for appending.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    group: Option<u32>,
    limits: Limits,
    file: Option<File>,
    line: Vec<u8>,
    /// How many could not be written and are not told by the log itself yet, and why.
    untold: u64,
    why: Option<String>,
}

/// What was found at the end of the log when it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Bytes of whole lines.
    pub kept: u64,
    /// Bytes of a last line that a crash or a full disk had cut off: they were removed.
    pub removed: u64,
}

impl EventLog {
    /// Opens the log, makes it where it is missing, and removes a last line that is not whole.
    ///
    /// # Errors
    /// It cannot be made, opened or repaired, or is not a regular file. The host is watched all
    /// the same: see [`EventLog::closed`].
    pub fn open(root: &Path, limits: Limits) -> Result<(Self, Repaired), PersistError> {
        let mut log = Self::closed(root, limits)?;
        if let Some(parent) = log.path.parent() {
            make_directories(parent)?;
        }
        let file = log.opened().map_err(PersistError::new("open", &log.path))?;
        let repaired = repair(&file).map_err(PersistError::new("repair", &log.path))?;
        log.file = Some(file);
        Ok((log, repaired))
    }

    /// A log that could not be opened; each append tries again.
    ///
    /// # Errors
    /// Its path leads through too many links.
    pub fn closed(root: &Path, limits: Limits) -> Result<Self, PersistError> {
        Ok(Self {
            path: place(root)?,
            group: readers::group(root),
            limits,
            file: None,
            line: Vec::with_capacity(1024),
            untold: 0,
            why: None,
        })
    }

    /// Adds one event with one write(2). The disk is not waited for.
    ///
    /// # Errors
    /// The event is lost and counted; the next one is tried again, and the log then says first how
    /// many are missing.
    pub fn append(&mut self, event: &Event) -> Result<(), PersistError> {
        let written = self.tell_lost(event).and_then(|()| self.write(event));
        written.map_err(|error| {
            self.untold += 1;
            self.why = Some(error.to_string());
            PersistError::new("write to", &self.path)(error)
        })
    }

    fn tell_lost(&mut self, next: &Event) -> io::Result<()> {
        if self.untold == 0 {
            return Ok(());
        }
        let why = self.why.as_deref().unwrap_or("unknown");
        let event = Event {
            schema: EVENT_SCHEMA.into(),
            time: next.time.clone(),
            boot_id: next.boot_id.clone(),
            key: None,
            desired: None,
            from: None,
            to: None,
            action: "lost".into(),
            cause: "unknown".into(),
            writer: None,
            latency_us: None,
            count: self.untold,
            detail: Some(format!("events before this one could not be written: {why}")),
        };
        self.write(&event)?;
        self.untold = 0;
        self.why = None;
        Ok(())
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        if self.line.len() >= LONGEST_LINE {
            self.line.clear();
            self.line.shrink_to(1024);
            serde_json::to_writer(&mut self.line, &shortened(event))?;
        }
        if self.line.len() >= LONGEST_LINE {
            return Err(io::Error::other("the event is longer than a line may be"));
        }
        self.line.push(b'\n');
        let length = self.line.len() as u64;
        self.find()?;
        let size = self.size()?;
        if size > 0 && size + length > self.limits.bytes {
            self.rotate()?;
        }
        let before = self.size()?;
        let Some(file) = self.file.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        match file.write(&self.line) {
            Ok(written) if written == self.line.len() => Ok(()),
            // A full disk takes part of a line: that part is taken away again.
            Ok(_) => {
                file.set_len(before)?;
                Err(io::ErrorKind::StorageFull.into())
            }
            Err(error) => Err(error),
        }
    }

    fn size(&self) -> io::Result<u64> {
        self.file.as_ref().map_or(Ok(0), |file| Ok(file.metadata()?.len()))
    }

    /// Opens the file again where it was removed or replaced meanwhile.
    fn find(&mut self) -> io::Result<()> {
        let there = match fs::symlink_metadata(&self.path) {
            Ok(there) => Some((there.dev(), there.ino())),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(error),
        };
        let own = match &self.file {
            Some(file) => Some(file.metadata().map(|own| (own.dev(), own.ino()))?),
            None => None,
        };
        if there.is_none() || there != own {
            self.file = None;
            let file = self.opened()?;
            repair(&file)?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Moves each file one on; the oldest goes. Where names cannot be changed, the file is emptied,
    /// so that it does not grow without bound.
    fn rotate(&mut self) -> io::Result<()> {
        let last = self.limits.files.saturating_sub(1);
        for n in (0..last).rev() {
            let moved = fs::rename(rotated(&self.path, n), rotated(&self.path, n + 1));
            if let Err(error) = moved
                && !is_missing(&error)
            {
                log::warn!("cannot rotate {}: {error}; it is emptied", self.path.display());
                return self.empty();
            }
        }
        if last == 0 {
            return self.empty();
        }
        self.file = None;
        self.file = Some(self.opened()?);
        Ok(())
    }

    fn empty(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.set_len(0))
    }

    fn opened(&self) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let mut options = OpenOptions::new();
        options.read(true).append(true).custom_flags(flags).mode(readers::MODE);
        let file = match options.open(&self.path) {
            Err(error) if is_missing(&error) => {
                let file = options.create_new(true).open(&self.path)?;
                readers::admit(&file, self.group)?;
                file
            }
            opened => opened?,
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok(file)
    }
}

/// Cuts the file behind its last line end.
fn repair(file: &File) -> io::Result<Repaired> {
    let size = file.metadata()?.len();
    let mut chunk = [0; 4096];
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..usize::try_from(end - start).unwrap_or_default()];
        file.read_exact_at(part, start)?;
        if let Some(at) = part.iter().rposition(|&b| b == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < size {
        file.set_len(end)?;
    }
    Ok(Repaired { kept: end, removed: size - end })
}

/// The event with its long texts cut.
fn shortened(event: &Event) -> Event {
    let cut = |text: &Option<String>| {
        let text = text.as_deref()?;
        if text.len() <= KEPT_OF_A_VALUE {
            return Some(text.to_owned());
        }
        let end = (0..=KEPT_OF_A_VALUE).rev().find(|&end| text.is_char_boundary(end))?;
        Some(format!("{}...", &text[..end]))
    };
    Event {
        desired: cut(&event.desired),
        from: cut(&event.from),
        to: cut(&event.to),
        detail: cut(&event.detail),
        ..event.clone()
    }
}
