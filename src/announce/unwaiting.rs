//! A stream whose reader nobody waits for: whoever holds parameters must not be held up by a
//! terminal, a pipe or a log that does not take what it is told.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};

use rustix::net::{SendFlags, send};

/// Standard output or standard error, of which each line is written at once or not at all. The
/// descriptor that was handed down stays as it is: others share it, and want to wait.
pub struct Unwaiting {
    stream: Stream,
    to: To,
    /// Lines that were not taken.
    missed: u64,
    /// The last line was taken in part.
    torn: bool,
}

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Results.
    Out,
    /// Everything else.
    Err,
}

enum To {
    /// A pipe or a terminal, opened once more so that it does not wait, or a file, which has no
    /// reader.
    File(File),
    /// A socket, which can be asked not to wait each time.
    Socket,
}

impl Unwaiting {
    /// Opens the stream.
    ///
    /// # Errors
    /// There is none, or it cannot be opened once more.
    pub fn open(stream: Stream) -> io::Result<Self> {
        let own = File::from(stream.with(|fd| fd.try_clone_to_owned())?);
        let found = own.metadata()?;
        let to = if found.file_type().is_socket() {
            To::Socket
        } else if found.file_type().is_fifo() || found.file_type().is_char_device() {
            let path = format!("/proc/self/fd/{}", own.as_raw_fd());
            let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
            let again = OpenOptions::new().write(true).custom_flags(flags.bits()).open(path)?;
            let same = again.metadata()?;
            if (same.dev(), same.ino()) != (found.dev(), found.ino()) {
                return Err(io::ErrorKind::NotFound.into());
            }
            To::File(again)
        } else {
            To::File(own)
        };
        Ok(Self { stream, to, missed: 0, torn: false })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::File(file) => file.write(bytes),
            To::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(self.stream.with(|fd| send(fd, bytes, flags))?)
            }
        }
    }

    fn take_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.take(bytes) {
                Ok(taken) => {
                    bytes = bytes.get(taken..).unwrap_or_default();
                    self.torn = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Write for Unwaiting {
    /// All of it is taken or counted as missed.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begin = match (self.torn, self.missed, self.stream) {
            (torn, missed @ 1.., Stream::Err) => {
                let (end, s) = (if torn { "\n" } else { "" }, if missed == 1 { "" } else { "s" });
                format!("{end}(what came before was not taken here: {missed} message{s})\n")
            }
            (true, ..) => "\n".to_owned(),
            _ => String::new(),
        };
        let taken = self.take_all(begin.as_bytes()).and_then(|()| {
            self.missed = 0;
            self.take_all(bytes)
        });
        if matches!(&taken, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.missed += 1;
            return Ok(bytes.len());
        }
        taken.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn with<T>(self, run: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Self::Out => run(io::stdout().as_fd()),
            Self::Err => run(io::stderr().as_fd()),
        }
    }
}
