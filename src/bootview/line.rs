//! What one line of a file says to a loader by itself, before other lines come into it.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::changes::Changes;
use super::problem::ProblemKind;
use super::replaced::concerns;
use crate::observed::ConfFile;

/// One line that is more than a comment.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1.
    pub number: u32,
    /// What is wrong with it.
    pub problems: Vec<ProblemKind>,
    /// What it sets or excludes; `None` where it is passed over.
    pub says: Option<Saying>,
}

/// An assignment or an exclusion.
#[derive(Debug)]
pub(super) struct Saying {
    /// The path as the loader spells it.
    pub literal: Arc<str>,
    /// The path that is written.
    pub path: Arc<str>,
    /// The value; `None` for an exclusion.
    pub value: Option<Arc<str>>,
    /// Whether it began with a dash.
    pub dash: bool,
    /// What its writes change besides.
    pub changes: Changes,
}

/// The lines of the files that a loader has read, for another look at nearly the same files.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    files: Vec<(Arc<str>, Rc<[Line]>)>,
}

/// The lines that need not be read again.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Those of the files as they were.
    pub lines: &'a Lines,
    /// The files that were replaced.
    pub replaced: &'a [&'a str],
}

impl Lines {
    /// The lines of `file`, which is read at `path`: those that are known already, else what `read` finds in it.
    pub fn of(
        &mut self,
        file: &ConfFile,
        path: &Arc<str>,
        known: Option<Known<'_>>,
        read: impl FnOnce() -> Vec<Line>,
    ) -> Rc<[Line]> {
        let lines = known.and_then(|k| k.find(file)).unwrap_or_else(|| read().into());
        self.files.push((Arc::clone(path), Rc::clone(&lines)));
        lines
    }
}

impl Known<'_> {
    fn find(self, file: &ConfFile) -> Option<Rc<[Line]>> {
        if self.replaced.iter().any(|path| concerns(file, path)) {
            return None;
        }
        let found = self.lines.files.iter().find(|(path, _)| **path == *file.path);
        found.map(|(_, lines)| Rc::clone(lines))
    }
}

/// A part of a line as text; bytes that are not UTF-8 stand as U+FFFD.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly every text is UTF-8, which is known sooner than where it is not.
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Where the first of a few control characters stands; nearly all of a text is passed over eight
/// bytes at a time.
pub(super) fn first_of<const N: usize>(wanted: [u8; N], text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    debug_assert!(wanted.iter().all(|b| *b < b' '), "others are passed over");
    let (eights, _) = text.as_chunks::<8>();
    // Of a byte below a blank its highest bit is left; by the borrow of one, also of some that
    // stand behind it.
    let control = |eight: &[u8; 8]| {
        let bytes = u64::from_le_bytes(*eight);
        bytes.wrapping_sub(ONES * u64::from(b' ')) & !bytes & (ONES << 7) != 0
    };
    let mut from = 0;
    loop {
        from += 8 * eights[from / 8..].iter().take_while(|eight| !control(eight)).count();
        let piece = text.get(from..)?;
        let piece = piece.get(..8).unwrap_or(piece);
        match piece.iter().position(|b| wanted.contains(b)) {
            Some(at) => return Some(from + at),
            None if piece.len() < 8 => return None,
            None => from += 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_of;

    #[test]
    fn the_first_control_character_is_found_wherever_it_stands() {
        for length in 0..40 {
            let plain: Vec<u8> =
                (0..length).map(|n| [b' ', b'a', 0x7f, 0x80, 0xff][n % 5]).collect();
            assert_eq!(first_of([0, b'\n', b'\r'], &plain), None, "{length}");
            for at in 0..length {
                for (byte, later) in [(0, b'\n'), (b'\n', b'\t'), (b'\r', 0), (b'\n', b'\n')] {
                    let mut text = plain.clone();
                    text[at..].fill(later);
                    text[at] = byte;
                    text[..at].iter_mut().skip(1).step_by(3).for_each(|b| *b = b'\t');
                    assert_eq!(first_of([0, b'\n', b'\r'], &text), Some(at), "{length} {byte}");
                }
            }
        }
    }
}
