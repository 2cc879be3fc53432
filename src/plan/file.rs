//! A file of ours, as it is and as it will be.

use crate::bootview::dropin;
use crate::catalogue;
use crate::key::Selector;
use crate::observed::{Errno, exact_bytes};

/// One of our files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropin {
    /// Where it lies.
    pub path: &'static str,
    /// Its text now; `None` where there is none.
    pub before: Option<Vec<u8>>,
    /// Its text to be.
    pub text: String,
    /// Whether it is taken away instead.
    pub gone: bool,
    /// What it will be made of.
    pub lines: Vec<dropin::Line>,
    /// Its lines of what is given back, for what the kernel does not take back.
    pub taken_out: Vec<dropin::Line>,
    /// Keys that it sets now and will set no longer.
    pub leaving: Vec<Selector>,
    /// Why it cannot be written, where that is known beforehand.
    pub foreign: Option<Foreign>,
}

/// What lies where our drop-in belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A file that we did not write.
    File,
    /// A symbolic link.
    Link,
    /// Neither file nor link.
    Other,
    /// A file that could not be read, whoever asks (EIO, EFBIG, …): nobody knows whose it is.
    Unreadable(Errno),
    /// A file that this user may not read: another one will know whether it is ours.
    Unread,
}

impl Foreign {
    /// What is not known because of this error.
    pub fn unread(errno: Errno) -> Self {
        if errno.is_denial() { Self::Unread } else { Self::Unreadable(errno) }
    }
}

/// Whether a text of a file of ours sets a parameter whose value must not be shown.
pub fn has_secret(text: &str) -> bool {
    text.lines().any(|line| !line.starts_with("# ") && catalogue::names_secret(line))
}

impl Dropin {
    /// Whether it is known that it would be written, or taken away.
    pub fn changes(&self) -> bool {
        self.foreign != Some(Foreign::Unread) && self.differs()
    }

    /// Whether it is not known to be as planned; with nothing to say none is begun.
    pub fn differs(&self) -> bool {
        match (&self.before, self.after()) {
            (Some(before), Some(after)) => before[..] != *exact_bytes(after),
            (Some(_), None) => true,
            (None, _) => !self.gone && !self.lines.is_empty(),
        }
    }

    /// Whether a rollback leaves a file there that it does not know for ours.
    pub fn is_left(&self) -> bool {
        self.before.is_some() && self.lines.is_empty() && !self.gone
    }

    /// Its text to be; `None`: there will be none.
    pub fn after(&self) -> Option<&str> {
        (!self.gone).then_some(self.text.as_str())
    }
}
