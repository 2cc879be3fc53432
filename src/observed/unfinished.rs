//! An apply that did not come to its end, as it wrote down itself.

use crate::key::Key;

/// What an apply had begun when it was killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The boot that it ran in.
    pub boot_id: String,
    /// Its process id.
    pub pid: u32,
    /// The baseline's name.
    pub baseline: String,
    /// Values that its writes may have changed besides, as they were before.
    pub originals: Vec<(Key, String)>,
    /// The writes that it had begun, in order; the last may not have happened.
    pub writes: Vec<Begun>,
    /// Files that it was about to replace, in order.
    pub files: Vec<Replaced>,
    /// Whether it had done everything, and was killed while it tidied up.
    pub done: bool,
}

/// A write that was about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The parameter.
    pub key: Key,
    /// What it read before; `None` where it could not be read.
    pub from: Option<String>,
    /// What was to be written.
    pub to: String,
    /// The write that takes it back.
    pub undo: Option<(Key, String)>,
}

/// A file that was about to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Where.
    pub path: String,
    /// Its text before, as [`super::exact_text`] has it; `None` where there was none.
    pub before: Option<String>,
    /// Its text to be; `None`: it is taken away.
    pub after: Option<String>,
}
