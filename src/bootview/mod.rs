//! What the next boot would set: which file and line wins for each key under each loader's rules.
//!
//! Two loaders are modelled, as systemd 252 and procps 4.0.2 behave. Not seen: the credential
//! `sysctl.extra` that systemd reads last, and directories that a `..` in a procps key would need.
#![forbid(unsafe_code)]

mod changes;
mod cmdline;
pub mod dropin;
mod forms;
mod index;
mod line;
mod problem;
mod procps;
mod replaced;
mod systemd;
mod unseen;

pub use changes::Changes;
pub use cmdline::CMDLINE;
pub use problem::{Problem, ProblemKind};
pub use replaced::{with_file, without};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Position;
use crate::key::{Key, glob_matches, same};
use crate::observed::{ConfBody, ConfDir, ConfFile, ConfTree, Errno, Release};
use index::Index;
use line::{Before, Lines};

/// A program that carries sysctl.d files to the kernel at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loader {
    /// `systemd-sysctl`, which does not read `/etc/sysctl.conf` itself.
    Systemd,
    /// `sysctl --system` of procps-ng, which reads `/etc/sysctl.conf` last.
    Procps,
}

impl Loader {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Systemd, Self::Procps];

    /// The one that a host does not boot with.
    pub fn other(self) -> Self {
        match self {
            Self::Systemd => Self::Procps,
            Self::Procps => Self::Systemd,
        }
    }
}

impl fmt::Display for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Systemd => "systemd-sysctl",
            Self::Procps => "procps",
        })
    }
}

/// One line that assigns a value, as a loader understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The path below /proc/sys that is written, or the glob over such paths.
    pub selector_text: Arc<str>,
    /// What the loader would write, without the newline it appends. Bytes that are not UTF-8
    /// stand as U+FFFD.
    pub value: Arc<str>,
    /// The file as listed and the line; the kernel command line is a file of that name.
    pub source: Position,
    /// Whether the selector is a glob.
    pub is_glob: bool,
    /// The position among the loader's writes; `None` for a line that a later one replaces
    /// before anything is written.
    pub order: Option<usize>,
    /// Whether a failing write leaves the loader's exit status alone (`-key = value`).
    pub ignore_errors: bool,
    /// What its writes change besides.
    pub changes: Changes,
}

impl Assignment {
    /// Whether the selector names `key`, itself or by glob.
    #[inline]
    pub fn covers(&self, key: &Key) -> bool {
        if self.is_glob {
            glob_matches(&self.selector_text, key.as_path())
        } else {
            same(&self.selector_text, key.as_path())
        }
    }
}

/// What both loaders would do with the files of one host.
#[derive(Clone, Debug)]
pub struct BootView {
    /// What the kernel command line sets.
    cmdline: Vec<Assignment>,
    systemd: Outcome,
    procps: Outcome,
}

/// More globs are not looked into: each may name any parameter, so that each is matched with all.
const MOST_GLOBS: usize = 10_000;

/// What one loader makes of the files.
#[derive(Clone, Debug, Default)]
struct Outcome {
    /// The files it reads, in order.
    files: Vec<Arc<str>>,
    /// Every assignment, in the order of the files; the kernel command line first.
    lines: Vec<Assignment>,
    /// The lines that are written, as indices, in the order of the writes.
    sequence: Vec<usize>,
    /// Of the globs among the lines, those that the loader expands in another spelling than the
    /// selector's (`net//ipv4/…`): it compares the results with the fences as texts.
    spelled: BTreeMap<usize, Arc<str>>,
    /// Paths that no glob of the loader touches; once all are read, path by path.
    fences: Vec<Fence>,
    problems: Vec<Problem>,
    /// How many globs are among the lines, or are left out as too many.
    globs: usize,
    /// Where the writes stand that may concern a parameter.
    index: Index,
    /// What each file's lines say by themselves.
    read: Lines,
}

/// A path that keeps globs off itself: an explicit assignment or an exclusion.
#[derive(Clone, Debug)]
struct Fence {
    /// The key that is fenced off.
    path: Arc<str>,
    /// The path as the loader compares it with the results of a glob.
    literal: Arc<str>,
    /// Where the exclusion stands; `None` for an assignment.
    exclusion: Option<Position>,
}

/// A line that is written, among the others of its loader.
#[derive(Clone, Copy, Debug)]
pub struct Write<'v> {
    /// The line.
    pub line: &'v Assignment,
    outcome: &'v Outcome,
    at: usize,
    /// Its place among the writes of its loader.
    pub place: usize,
}

impl Write<'_> {
    /// Whether the write gets to `key`: no explicit line keeps the glob off it.
    pub fn gets_to(&self, key: &Key) -> bool {
        self.outcome.reaches(self.at, key)
    }

    /// The same for the key beside `key` that has that last component.
    pub fn gets_to_sibling(&self, key: &Key, leaf: &str) -> bool {
        if self.line.is_glob {
            return self.gets_to(&key.sibling(leaf));
        }
        key.is_sibling(leaf, &self.line.selector_text)
    }
}

impl BootView {
    /// Reads the whole tree under both loaders' rules, for a new kernel.
    pub fn new(tree: &ConfTree) -> Self {
        Self::on(cmdline::FIRST, tree)
    }

    /// The same for that kernel, which may take no parameter from its command line.
    pub fn on(kernel: Release, tree: &ConfTree) -> Self {
        let cmdline = cmdline::assignments(&tree.cmdline, kernel);
        Self::made(tree, cmdline, None)
    }

    /// The view of a tree that was made of the one of this view: the texts that both have are not
    /// read again, and neither is the kernel command line.
    pub fn of_changed(&self, tree: &ConfTree) -> Self {
        Self::made(tree, self.cmdline.clone(), Some(self))
    }

    fn made(tree: &ConfTree, cmdline: Vec<Assignment>, known: Option<&Self>) -> Self {
        let before = Before { own: known.map(|view| &view.systemd.read), other: None };
        let mut systemd = systemd::outcome(tree, &cmdline, before);
        let own = known.map(|view| &view.procps.read);
        let before = Before { own, other: Some(&systemd.read) };
        let mut procps = procps::outcome(tree, &cmdline, before);
        systemd.sort();
        procps.sort();
        Self { cmdline, systemd, procps }
    }

    fn of(&self, loader: Loader) -> &Outcome {
        match loader {
            Loader::Systemd => &self.systemd,
            Loader::Procps => &self.procps,
        }
    }

    /// The last write to `key`; `None` where the boot leaves it alone.
    ///
    /// The kernel may refuse the value: then an earlier one of [`Self::writes_to`] stands.
    pub fn winner(&self, loader: Loader, key: &Key) -> Option<&Assignment> {
        let mut writes = self.writes_about(loader, key).rev();
        writes.find(|write| write.gets_to(key)).map(|write| write.line)
    }

    /// Every write that is tried on `key`, in order: the winner is the last one.
    pub fn writes_to(&self, loader: Loader, key: &Key) -> Vec<&Assignment> {
        let writes = self.writes_about(loader, key);
        writes.filter(|write| write.gets_to(key)).map(|write| write.line).collect()
    }

    /// The writes of this loader that may set `key`, or change it by what they set, in order: of
    /// those that do neither some are among them, and most are not.
    pub fn writes_about(
        &self,
        loader: Loader,
        key: &Key,
    ) -> impl DoubleEndedIterator<Item = Write<'_>> {
        let outcome = self.of(loader);
        outcome.index.about(outcome, key).map(|place| outcome.write(place))
    }

    /// Every write of this loader, in order.
    #[cfg(test)]
    fn each_write(&self, loader: Loader) -> impl Iterator<Item = Write<'_>> {
        let outcome = self.of(loader);
        (0..outcome.sequence.len()).map(|place| outcome.write(place))
    }

    /// Every line that names `key` or matches it, in the order of the files, with the winner
    /// moved to the end. Empty where there is no winner.
    #[cfg(test)]
    fn all_for(&self, loader: Loader, key: &Key) -> Vec<&Assignment> {
        let Some(winner) = self.winner(loader, key) else { return Vec::new() };
        let lines = self.of(loader).lines.iter();
        lines
            .filter(|a| a.covers(key) && !std::ptr::eq(*a, winner))
            .chain(std::iter::once(winner))
            .collect()
    }

    /// The line `-key` that keeps globs off `key`, if there is one.
    pub fn exclusion(&self, loader: Loader, key: &Key) -> Option<&Position> {
        self.of(loader).fences_of(key).iter().rev().find_map(|f| f.exclusion.as_ref())
    }

    /// What this loader would stumble over, in the order of the files.
    pub fn problems(&self, loader: Loader) -> &[Problem] {
        &self.of(loader).problems
    }

    /// Every write of this loader, globs not expanded, in order; the kernel command line first.
    pub fn writes(&self, loader: Loader) -> impl Iterator<Item = &Assignment> {
        let outcome = self.of(loader);
        outcome.sequence.iter().map(|i| &outcome.lines[*i])
    }

    /// Every line of this loader that assigns a value, in the order of the files, whether or not it
    /// counts in the end; the kernel command line first.
    pub fn lines(&self, loader: Loader) -> &[Assignment] {
        &self.of(loader).lines
    }

    /// The files that this loader reads, in order: one of each name, from the first directory
    /// that has it.
    pub fn files(&self, loader: Loader) -> &[Arc<str>] {
        &self.of(loader).files
    }
}

impl Outcome {
    /// An outcome that so far has the kernel command line, and the directories that hide files.
    fn starting_with(cmdline: &[Assignment], dirs: &[ConfDir]) -> Self {
        let closed = dirs.iter().filter_map(|dir| {
            let what = ProblemKind::Unreadable(dir.closed?);
            Some(Problem { source: line_of(&dir.path.as_str().into(), 1), what })
        });
        Self {
            sequence: (0..cmdline.len()).collect(),
            lines: cmdline.to_vec(),
            problems: closed.collect(),
            ..Self::default()
        }
    }

    /// Whether this line's write gets to `key`: it covers it, and no explicit line takes
    /// precedence.
    #[inline]
    fn reaches(&self, line: usize, key: &Key) -> bool {
        let write = &self.lines[line];
        write.covers(key) && !(write.is_glob && self.is_fenced(line, key))
    }

    /// Whether an explicit line keeps the glob of this line off `key`.
    fn is_fenced(&self, line: usize, key: &Key) -> bool {
        let spelling = self.spelled.get(&line).unwrap_or(&self.lines[line].selector_text);
        self.fences_of(key).iter().any(|fence| glob_matches(spelling, &fence.literal))
    }

    /// The fences of one key, in the order of the files.
    fn fences_of(&self, key: &Key) -> &[Fence] {
        let path = key.as_path();
        let start = self.fences.partition_point(|fence| *fence.path < *path);
        let end = self.fences[start..].partition_point(|fence| same(&fence.path, path));
        &self.fences[start..start + end]
    }

    /// Makes what is looked up by path ready for it.
    fn sort(&mut self) {
        // Stable: those of one path stay in order.
        self.fences.sort_by(|one, other| one.path.cmp(&other.path));
        self.index = Index::of(self);
    }

    fn write(&self, place: usize) -> Write<'_> {
        let at = self.sequence[place];
        Write { line: &self.lines[at], outcome: self, at, place }
    }

    /// Whether so many more globs are looked into; where they first are not, that is a problem.
    fn has_room_for(&mut self, globs: usize, source: &Position) -> bool {
        let had_room = self.globs <= MOST_GLOBS;
        self.globs = self.globs.saturating_add(globs);
        let has_room = self.globs <= MOST_GLOBS;
        if had_room && !has_room {
            self.problem(source.clone(), ProblemKind::TooManyGlobs(MOST_GLOBS));
        }
        has_room
    }

    fn problem(&mut self, source: Position, what: ProblemKind) {
        self.problems.push(Problem { source, what });
    }

    fn problems_at(&mut self, source: &Position, line: &line::Line) {
        for what in &line.problems {
            self.problem(source.clone(), what.clone());
        }
    }

    /// Notes the file as read; its path and its text, if it has one.
    fn open<'a>(&mut self, file: &'a ConfFile) -> Option<(Arc<str>, &'a Arc<[u8]>)> {
        let path = Arc::clone(&file.path);
        self.files.push(Arc::clone(&path));
        let what = match &file.body {
            ConfBody::Text(bytes) => {
                if bytes.starts_with(b"\xef\xbb\xbf") {
                    self.problem(line_of(&path, 1), ProblemKind::ByteOrderMark);
                }
                return Some((path, bytes));
            }
            ConfBody::Masked | ConfBody::NotRead => return None,
            ConfBody::Directory => ProblemKind::Directory,
            ConfBody::Special => ProblemKind::Special,
            ConfBody::Unreadable(Errno::ENOENT) => {
                ProblemKind::DanglingLink(file.link.clone().unwrap_or_default())
            }
            ConfBody::Unreadable(errno) => ProblemKind::Unreadable(*errno),
        };
        self.problem(line_of(&path, 1), what);
        None
    }
}

fn line_of(file: &Arc<str>, line: u32) -> Position {
    Position { file: Arc::clone(file), line, column: 0 }
}

/// The entries that `wanted` accepts, one of each name from the first directory that has it,
/// in the order of their names' bytes.
fn by_name(dirs: &[ConfDir], wanted: impl Fn(&str) -> bool) -> Vec<&ConfFile> {
    let all = dirs.iter().flat_map(|d| &d.files).map(|f| (f.name(), f));
    let mut files: Vec<(&str, &ConfFile)> = all.filter(|(name, _)| wanted(name)).collect();
    // Stable: of two files of one name the one from the earlier directory stays first.
    files.sort_by_key(|(name, _)| *name);
    files.dedup_by_key(|(name, _)| *name);
    files.into_iter().map(|(_, file)| file).collect()
}

fn ends_in_conf(name: &str) -> bool {
    name.as_bytes().ends_with(b".conf")
}

#[cfg(test)]
mod tests;
