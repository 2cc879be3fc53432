//! Names of kernel parameters: one canonical form for every spelling.
#![forbid(unsafe_code)]

mod bracket;
mod glob;
mod nearest;

pub use glob::{glob_matches, has_sound_brackets, has_wildcard, is_wildcard};
pub use nearest::{edits_within, nearest};

use bracket::Fault;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Longest key that is accepted, in bytes; the longest real one is under 100.
pub const MAX_KEY_BYTES: usize = 512;
/// Nearly every key has room in so many.
const USUAL_KEY_BYTES: usize = 128;
/// Longest single path component, as the kernel's `NAME_MAX`.
const MAX_COMPONENT_BYTES: usize = 255;

/// The canonical name of one parameter: a path below `/proc/sys`, such as `net/ipv4/conf/eth0.100/rp_filter`.
///
/// Two spellings of one parameter compare equal. `Display` prints the form that sysctl.d(5)
/// reads back as the same key: dots between components, a slash for a dot inside one.
#[derive(Clone, Eq)]
pub struct Key(Arc<str>);

/// A key in which `*`, `?` or `[…]` stand for part of a component; none of them matches a `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

/// A key or a pattern, as an operator may write either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// One parameter.
    Key(Key),
    /// Every parameter that matches.
    Pattern(Pattern),
}

/// Why a text cannot name a kernel parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was written.
    #[error("the key is empty")]
    Empty,
    /// `/proc/sys/...`, or any other absolute path.
    #[error("a key is a name below /proc/sys, not an absolute path")]
    Absolute {
        /// The same key without the prefix, where the prefix was `/proc/sys`.
        instead: Option<String>,
    },
    /// `proc/sys/...` or `proc.sys...`.
    #[error("a key starts below /proc/sys; the prefix is not part of it")]
    ProcSysPrefix {
        /// The same key without the prefix.
        instead: String,
    },
    /// `.` or `..` as a component.
    #[error("a key cannot walk through directories (component {0:?})")]
    Traversal(String),
    /// Two separators in a row, or one at an end.
    #[error("a key cannot have an empty component")]
    EmptyComponent,
    /// A byte that no key has.
    #[error("a key cannot contain {}", describe_char(*.0))]
    BadCharacter(char),
    /// An upper-case letter where the kernel has none.
    #[error("the kernel has no upper-case letter in {component:?}")]
    UpperCase {
        /// The offending component.
        component: String,
        /// The key in lower case.
        instead: String,
    },
    /// A component longer than a file name can be.
    #[error("a component of a key has at most {MAX_COMPONENT_BYTES} bytes (this one has {0})")]
    ComponentTooLong(usize),
    /// `-` in front, as in a sysctl.d file.
    #[error("a key cannot begin with a dash")]
    LeadingDash,
    /// Longer than any key can be.
    #[error("a key has at most {MAX_KEY_BYTES} bytes (this one has {0})")]
    TooLong(usize),
    /// A wildcard where one parameter must be named.
    #[error("a wildcard cannot stand here: name one parameter")]
    WildcardNotAllowed,
    /// `[` without `]`.
    #[error("the bracket in {0:?} is never closed")]
    UnclosedBracket(String),
    /// `[[:name:]]` of a class that is none, or a class where none can stand.
    #[error("the brackets in {0:?} have a class that is none")]
    UnknownClass(String),
}

fn describe_char(c: char) -> String {
    match c {
        '\0' => "a NUL byte".into(),
        '\n' | '\r' => "a line break".into(),
        ' ' | '\t' => "a blank".into(),
        c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        c if !c.is_ascii() => format!("{c:?} (U+{:04X}): keys are ASCII", u32::from(c)),
        c => format!("{c:?}"),
    }
}

impl KeyError {
    /// What to write instead, where that is known.
    pub fn instead(&self) -> Option<&str> {
        match self {
            Self::Absolute { instead } => instead.as_deref(),
            Self::ProcSysPrefix { instead } | Self::UpperCase { instead, .. } => Some(instead),
            _ => None,
        }
    }
}

/// Swaps separators when the first one is a dot, as sysctl.d(5) defines: the first separator
/// of a key tells whether `.` or `/` divides its components.
///
/// Facts: kernel-facts case E1; `systemd`'s `sysctl_normalize` without its path clean-up.
pub fn to_slashes(text: &str) -> String {
    match text.find(['.', '/']) {
        Some(at) if text.as_bytes()[at] == b'.' => swap_separators(text),
        _ => text.to_owned(),
    }
}

/// Exchanges every dot with a slash: the dotted form of a path, and back.
pub fn swap_separators(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    swap(&mut bytes);
    // One ASCII byte for another: what was UTF-8 still is.
    String::from_utf8(bytes).unwrap_or_default()
}

fn swap(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = match *byte {
            b'.' => b'/',
            b'/' => b'.',
            other => other,
        };
    }
}

impl Selector {
    /// Reads any spelling of a key or pattern: dots, slashes or mixed.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong and, where it can, what to write instead.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::of_checked(canonical_path(text)?)
    }

    /// Takes a canonical slash path as [`Self::as_path`] gives it.
    ///
    /// # Errors
    /// As [`Selector::parse`].
    pub fn from_path(path: &str) -> Result<Self, KeyError> {
        if is_plain(path) {
            return Ok(Self::Key(Key(path.into())));
        }
        check_path(path, path)?;
        Self::of_checked(path.to_owned())
    }

    fn of_checked(path: String) -> Result<Self, KeyError> {
        if has_wildcard(&path) {
            check_brackets(&path)?;
            Ok(Self::Pattern(Pattern(path.into())))
        } else {
            Ok(Self::Key(Key(path.into())))
        }
    }

    /// The canonical slash path.
    pub fn as_path(&self) -> &str {
        match self {
            Self::Key(k) => k.as_path(),
            Self::Pattern(p) => p.as_path(),
        }
    }

    /// Whether this names `key`, itself or by pattern.
    pub fn covers(&self, key: &Key) -> bool {
        match self {
            Self::Key(k) => k == key,
            Self::Pattern(p) => p.matches(key),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(k) => k.fmt(f),
            Self::Pattern(p) => p.fmt(f),
        }
    }
}

impl Key {
    /// Reads any spelling of one parameter's name.
    ///
    /// # Errors
    /// As [`Selector::parse`], and [`KeyError::WildcardNotAllowed`] for a pattern.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match Selector::parse(text)? {
            Selector::Key(key) => Ok(key),
            Selector::Pattern(_) => Err(KeyError::WildcardNotAllowed),
        }
    }

    /// Takes a path below `/proc/sys` as the kernel lists it (no spelling to interpret).
    ///
    /// # Errors
    /// As [`Key::parse`].
    pub fn from_path(path: &str) -> Result<Self, KeyError> {
        check_path(path, path)?;
        if has_wildcard(path) {
            return Err(KeyError::WildcardNotAllowed);
        }
        Ok(Self(path.into()))
    }

    /// The path below `/proc/sys`, components divided by `/`.
    pub fn as_path(&self) -> &str {
        &self.0
    }

    /// The components, in order; never empty.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component, such as `rp_filter`.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The same key with another last component: the other half of a pair.
    pub fn sibling(&self, leaf: &str) -> Self {
        let parent = self.parent();
        // Put together where nothing has to be allocated but the key itself.
        let mut path = [0; USUAL_KEY_BYTES];
        let length = parent.len() + leaf.len();
        let Some(room) = path.get_mut(..length) else {
            return Self([parent, leaf].concat().into());
        };
        room[..parent.len()].copy_from_slice(parent.as_bytes());
        room[parent.len()..].copy_from_slice(leaf.as_bytes());
        Self(str::from_utf8(room).unwrap_or_default().into())
    }

    /// Whether a path is that of such a sibling, which need not be made for that.
    pub fn is_sibling(&self, leaf: &str, path: &str) -> bool {
        path.strip_suffix(leaf).is_some_and(|parent| same(parent, self.parent()))
    }

    /// All but the last component, with the slash.
    fn parent(&self) -> &str {
        self.0.rfind('/').map_or("", |slash| &self.0[..=slash])
    }
}

/// Whether two paths are the same. Most have much in common at their beginning, and the C library
/// of a static build compares byte by byte: here it is eight at a time, from behind.
#[inline]
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && same_bytes(one.as_bytes(), other.as_bytes())
}

fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    let ((rest, ones), (other_rest, others)) = (one.as_rchunks::<8>(), other.as_rchunks::<8>());
    if !ones.iter().rev().eq(others.iter().rev()) {
        return false;
    }
    // What is left at the beginning lies among the first eight, where there are so many.
    match (one.first_chunk::<8>(), other.first_chunk::<8>()) {
        (Some(one), Some(other)) => one == other,
        _ => rest == other_rest,
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of the paths' bytes. Keys have much in common, and the C library of a static build
/// compares byte by byte: here it is eight at a time.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ones, one) = self.0.as_bytes().as_chunks::<8>();
        let (twos, two) = other.0.as_bytes().as_chunks::<8>();
        for (one, two) in ones.iter().zip(twos) {
            let (one, two) = (u64::from_be_bytes(*one), u64::from_be_bytes(*two));
            if one != two {
                return one.cmp(&two);
            }
        }
        if ones.len() == twos.len() { one.cmp(two) } else { self.0.cmp(&other.0) }
    }
}

impl Pattern {
    /// The canonical slash path with its wildcards.
    pub fn as_path(&self) -> &str {
        &self.0
    }

    /// What every key that matches begins with.
    pub fn beginning(&self) -> &str {
        self.0.split(['*', '?', '[']).next().unwrap_or_default()
    }

    /// Whether `key` matches, component by component, as glob(3) would find it.
    pub fn matches(&self, key: &Key) -> bool {
        glob_matches(&self.0, key.as_path())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(&self.0, f)
    }
}

/// The form with dots, made without a text of its own in between.
fn dotted(path: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut bytes = [0; USUAL_KEY_BYTES];
    let Some(room) = bytes.get_mut(..path.len()) else { return f.pad(&swap_separators(path)) };
    room.copy_from_slice(path.as_bytes());
    swap(room);
    f.pad(str::from_utf8(room).unwrap_or_default())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(&self.0, f)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.0)
    }
}

fn canonical_path(text: &str) -> Result<String, KeyError> {
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    if text.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong(text.len()));
    }
    if let Some(rest) = text.strip_prefix('/') {
        return Err(KeyError::Absolute { instead: below_proc_sys(rest).and_then(corrected) });
    }
    let path = to_slashes(text);
    if let Some(rest) = below_proc_sys(&path) {
        let rest = swap_separators(rest);
        return Err(KeyError::ProcSysPrefix { instead: corrected(&rest).unwrap_or(rest) });
    }
    check_path(&path, text)?;
    Ok(path)
}

/// What follows `proc/sys/`, in whatever case that is written.
fn below_proc_sys(path: &str) -> Option<&str> {
    let (prefix, rest) = path.split_at_checked("proc/sys/".len())?;
    (prefix.eq_ignore_ascii_case("proc/sys/") && !rest.is_empty()).then_some(rest)
}

/// A key that will do: the text itself, or what is to be written instead of it.
fn corrected(text: &str) -> Option<String> {
    match Selector::parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => error.instead().map(str::to_owned),
    }
}

fn check_path(path: &str, written: &str) -> Result<(), KeyError> {
    if is_plain(path) {
        return Ok(());
    }
    // Traversal is told first: it is what an attacker, not a typist, would write.
    for part in written.split('/').chain(path.split('/')) {
        if part == "." || part == ".." {
            return Err(KeyError::Traversal(part.to_owned()));
        }
    }
    if let Some(c) = path.chars().find(|c| !allowed(*c)) {
        return Err(KeyError::BadCharacter(c));
    }
    if path.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong(path.len()));
    }
    for (index, part) in path.split('/').enumerate() {
        if part.is_empty() {
            return Err(KeyError::EmptyComponent);
        }
        if part.len() > MAX_COMPONENT_BYTES {
            return Err(KeyError::ComponentTooLong(part.len()));
        }
        if index == 0 && part.starts_with('-') {
            return Err(KeyError::LeadingDash);
        }
        if part.bytes().any(|b| b.is_ascii_uppercase()) && !names_are_free(path, index) {
            return Err(KeyError::UpperCase {
                component: part.to_owned(),
                instead: swap_separators(&lower_case(path)),
            });
        }
    }
    Ok(())
}

/// Whether a canonical path is of the plainest kind, as nearly all are: it names one parameter, and
/// nothing in it needs a closer look.
pub fn is_plain(path: &str) -> bool {
    let mut before = b'/';
    for byte in path.bytes() {
        let plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => true,
            b'-' | b'/' => before != b'/',
            _ => false,
        };
        if !plain {
            return false;
        }
        before = byte;
    }
    before != b'/' && path.len() <= MAX_COMPONENT_BYTES
}

/// Characters that a key may have: those of interface names and of the kernel's own, and the
/// wildcards. Left out on purpose: blanks, `=`, quotes, `#`, `;`, `%` and `\`, which a sysctl.d
/// file or a shell would read as something else.
fn allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./@+~,:*?[]!^".contains(c)
}

/// Components whose names come from outside the kernel: interfaces, binary formats, devices.
fn names_are_free(path: &str, index: usize) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["net", _, "conf" | "neigh", ..] => index == 3,
        ["fs", "binfmt_misc", ..] => index == 2,
        ["dev", ..] => index > 1,
        // The one name with upper case that the kernel itself has.
        ["kernel", "numa_balancing_promote_rate_limit_MBps"] => true,
        _ => false,
    }
}

/// The path with the kernel's own names in lower case, as they all are, and the others as written.
fn lower_case(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let part = |(index, (written, small))| {
        if names_are_free(&lower, index) { written } else { small }
    };
    let parts = path.split('/').zip(lower.split('/')).enumerate().map(part);
    parts.collect::<Vec<&str>>().join("/")
}

fn check_brackets(path: &str) -> Result<(), KeyError> {
    match path.split('/').find_map(|part| Some((part.to_owned(), glob::fault(part)?))) {
        Some((part, Fault::Unclosed)) => Err(KeyError::UnclosedBracket(part)),
        Some((part, Fault::Class)) => Err(KeyError::UnknownClass(part)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
