//! Reads the newest events, from the end of the log.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::below;
use crate::wire::event::Event;

use super::{LONGEST_LINE, Limits, PersistError, is_missing, place, rotated};

const CHUNK: usize = 64 << 10;

/// The newest events of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Oldest first.
    pub events: Vec<Event>,
    /// Lines among them that are no events: a crash or another program left them.
    pub damaged: u64,
}

/// The newest events for which `wanted` holds, at most `most`, from as many files as are kept;
/// looking ends once `looked_at` lines were read. A log that is not there has none.
///
/// # Errors
/// The log cannot be read.
pub fn newest(
    root: &Path,
    most: usize,
    looked_at: usize,
    wanted: &dyn Fn(&Event) -> bool,
) -> Result<Recent, PersistError> {
    let path = place(root)?;
    let mut recent = Recent::default();
    let mut looked = 0;
    for n in 0..Limits::default().files {
        let path = rotated(&path, n);
        let failed = |error| PersistError::new("read", &path)(error);
        // In an image it may be a device, which acts when it is opened.
        if root != Path::new("/") && path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
            return Err(failed(io::Error::other(below::NotAFile)));
        }
        let file = match opened(&path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => break,
            Err(error) => return Err(failed(error)),
        };
        let more = backwards(&file, &mut |line| {
            match parsed(line) {
                Some(event) if wanted(&event) => recent.events.push(event),
                Some(_) => {}
                None => recent.damaged += 1,
            }
            looked += 1;
            recent.events.len() < most && looked < looked_at
        })
        .map_err(failed)?;
        if !more {
            break;
        }
    }
    recent.events.reverse();
    Ok(recent)
}

pub(super) fn opened(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

pub(super) fn parsed(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok()
}

/// Gives each whole line that is not empty, the last one first, until `each` has enough: then
/// `false`. What stands behind the last line end is about to be written, and not looked at.
fn backwards(file: &File, each: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
    let mut start = file.metadata()?.len();
    // What was read of the line whose beginning is not reached yet.
    let mut rest: Vec<u8> = Vec::new();
    let mut is_whole = false;
    let mut is_too_long = false;
    let mut chunk = vec![0; CHUNK];
    while start > 0 {
        let end = start;
        start = end.saturating_sub(CHUNK as u64);
        let part = &mut chunk[..usize::try_from(end - start).unwrap_or_default()];
        file.read_exact_at(part, start)?;
        let mut part = &*part;
        while let Some(at) = part.iter().rposition(|&b| b == b'\n') {
            let head = &part[at + 1..];
            part = &part[..at];
            let line = if is_too_long { b"too long".to_vec() } else { [head, &rest].concat() };
            rest.clear();
            is_too_long = false;
            if std::mem::replace(&mut is_whole, true) && !line.is_empty() && !each(&line) {
                return Ok(false);
            }
        }
        if part.len() + rest.len() > LONGEST_LINE {
            is_too_long = true;
            rest.clear();
        } else {
            rest = [part, &rest].concat();
        }
    }
    if is_too_long {
        rest = b"too long".to_vec();
    }
    Ok(!is_whole || rest.is_empty() || each(&rest))
}
