//! What one line of a file says to a loader by itself, before other lines come into it.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::changes::Changes;
use super::problem::ProblemKind;

/// One line that is more than a comment.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Counted from 1.
    pub number: u32,
    /// What is wrong with it.
    pub problems: Vec<ProblemKind>,
    /// What it sets or excludes; `None` where it is passed over.
    pub says: Option<Saying>,
}

/// An assignment or an exclusion.
#[derive(Debug, PartialEq)]
pub(super) struct Saying {
    /// The path as the loader spells it.
    pub literal: Arc<str>,
    /// The path that is written.
    pub path: Arc<str>,
    /// Whether that is a glob.
    pub is_glob: bool,
    /// The value; `None` for an exclusion.
    pub value: Option<Arc<str>>,
    /// Whether it began with a dash.
    pub dash: bool,
    /// What its writes change besides.
    pub changes: Changes,
}

/// The lines of the texts that a loader has read, for another look at the same texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    texts: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    text: Arc<[u8]>,
    lines: Rc<[Line]>,
    /// Whether every loader reads it so.
    plain: bool,
}

/// The lines that need not be read again.
#[derive(Clone, Copy, Default)]
pub(super) struct Before<'a> {
    /// By the same loader.
    pub own: Option<&'a Lines>,
    /// By the other one.
    pub other: Option<&'a Lines>,
}

impl Lines {
    /// The lines of a text: those that are known already, else what `read` finds in it.
    pub fn of(
        &mut self,
        text: &Arc<[u8]>,
        before: Before<'_>,
        read: impl FnOnce(&[u8]) -> Vec<Line>,
    ) -> Rc<[Line]> {
        let own = self.find(text).or_else(|| before.own?.find(text));
        let known = own.or_else(|| before.other?.find(text).filter(|known| known.plain));
        let known = known.cloned().unwrap_or_else(|| {
            let plain = plain_lines(text);
            let (plain, lines) = (plain.is_some(), plain.unwrap_or_else(|| read(text)).into());
            Known { text: Arc::clone(text), lines, plain }
        });
        let lines = Rc::clone(&known.lines);
        self.texts.push(known);
        lines
    }

    /// The very text, not one like it: that is known without a look at it.
    fn find(&self, text: &Arc<[u8]>) -> Option<&Known> {
        self.texts.iter().find(|known| Arc::ptr_eq(&known.text, text))
    }
}

/// The lines of a text of the plainest kind, as nearly all are: comments, and keys of lower-case
/// letters with values in ASCII. Every loader reads them alike. `None` where there is anything else.
fn plain_lines(text: &[u8]) -> Option<Vec<Line>> {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let mut lines = Vec::new();
    let (mut rest, mut number) = (text, 0);
    while !rest.is_empty() {
        number += 1;
        let (line, end) = rest.split_at(first_of([0, b'\n', b'\r'], rest).unwrap_or(rest.len()));
        rest = match end {
            [] => end,
            [b'\n', rest @ ..] => rest,
            _ => return None,
        };
        let begin = line.iter().position(|b| !is_blank(b));
        let line = &line[begin.unwrap_or(line.len())..];
        if !matches!(line.first(), None | Some(b'#' | b';')) {
            lines.push(Line { number, problems: Vec::new(), says: Some(plain_assignment(line)?) });
        }
    }
    Some(lines)
}

fn plain_assignment(line: &[u8]) -> Option<Saying> {
    if line.len() > PLAIN_BYTES || !line.iter().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return None;
    }
    let equals = line.iter().position(|b| *b == b'=')?;
    let (key, value) = (line[..equals].trim_ascii_end(), line[equals + 1..].trim_ascii());
    let path = plain_key(key)?;
    Some(Saying {
        literal: Arc::clone(&path),
        value: Some(str::from_utf8(value).ok()?.into()),
        is_glob: false,
        dash: false,
        changes: Changes::of_one(&path),
        path,
    })
}

/// Longer lines take a closer look.
const PLAIN_BYTES: usize = 256;

/// The path that a plain key names.
fn plain_key(key: &[u8]) -> Option<Arc<str>> {
    let mut path = [0; PLAIN_BYTES];
    let (mut separator, mut before) = (None, b'/');
    for (to, byte) in path.iter_mut().zip(key) {
        *to = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => *byte,
            b'-' if before != b'/' => *byte,
            b'.' | b'/' if before != b'/' && separator.get_or_insert(*byte) == byte => b'/',
            _ => return None,
        };
        before = *to;
    }
    let path = str::from_utf8(path.get(..key.len())?).ok()?;
    let is_key = separator.is_some() && before != b'/' && !path.starts_with("proc/");
    is_key.then(|| path.into())
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
    use proptest::prelude::*;

    use super::{first_of, plain_lines};
    use crate::bootview::{procps, systemd};

    /// What lines are made of, each piece with its pitfalls.
    const PIECES: [&str; 36] = [
        "vm",
        ".",
        "/",
        "swappiness",
        "net",
        "a-b",
        "-",
        "=",
        "=1",
        " = ",
        "60",
        "1 2\t3",
        "\n",
        "\n",
        "\n",
        "#",
        ";",
        " ",
        "\t",
        "\r",
        "\0",
        "\u{b}",
        "\u{c}",
        "\u{7f}",
        "\u{e9}",
        "*",
        "?",
        "[a]",
        "..",
        "proc",
        "sys",
        "A",
        "eth0",
        "0x10",
        "~",
        "\u{feff}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn both_loaders_read_a_plain_text_as_it_is_read_here(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
            keys in prop::collection::vec(("[a-z0-9_./-]{1,12}", "[ -~]{0,6}"), 0..3),
        ) {
            let lines = keys.iter().flat_map(|(key, value)| [key, " =", value, "\n"]);
            let lines: String = lines.collect();
            for text in [lines.clone(), pieces.concat(), lines + &pieces.concat()] {
                if let Some(plain) = plain_lines(text.as_bytes()) {
                    prop_assert_eq!(&plain, &systemd::read(text.as_bytes()));
                    prop_assert_eq!(&plain, &procps::read(text.as_bytes()));
                }
            }
        }
    }

    #[test]
    fn the_usual_texts_are_plain() {
        let text = "# caf\u{e9}\n\n  vm.swappiness =\t60 \n;x\nnet/ipv4/tcp_rmem=1 2 3\nkernel.x=";
        assert_eq!(plain_lines(text.as_bytes()).map(|lines| lines.len()), Some(3));
    }

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
