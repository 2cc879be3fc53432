//! Texts of whatever origin: bytes that are nearly always UTF-8, where their lines end, and the
//! characters in them that nobody sees.

use std::borrow::Cow;

/// Bytes as text; what is not UTF-8 stands as U+FFFD. That all is UTF-8 is known sooner than where
/// it is not.
pub fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Whether a character acts on a terminal, or on the text around it, rather than being shown: two
/// names that differ in such a one alone would look the same.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_ignorable(c)
}

/// Whether Unicode has a character shown as nothing (`Default_Ignorable_Code_Point`, which those that
/// turn the direction are among, and the annotation marks).
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character may end a line where a text is read, or is another control character; a
/// tab is none of these.
pub fn breaks_line(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character turns the direction of what stands behind it; unlike others that nobody sees
/// it belongs in no baseline, not even in a comment.
pub fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where the first of a few control characters stands; nearly all of a text is passed over eight
/// bytes at a time.
pub fn first_of<const N: usize>(wanted: [u8; N], text: &[u8]) -> Option<usize> {
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
    use super::{as_text, breaks_line, first_of, is_hidden, turns_text};

    #[test]
    fn what_is_not_utf_8_is_marked() {
        assert_eq!(as_text(b"plain"), "plain");
        assert_eq!(as_text(b"caf\xe9!"), "caf\u{fffd}!");
    }

    #[test]
    fn characters_that_nobody_sees() {
        let seen = |is: fn(char) -> bool| {
            let some = ['a', '\u{e9}', ' ', '\t', '\n', '\u{1b}', '\u{9b}', '\u{2028}', '\u{202e}'];
            some.map(|c| if is(c) { 'x' } else { '.' }).iter().collect::<String>()
        };
        assert_eq!(seen(is_hidden), "...xxxxxx");
        assert_eq!(seen(breaks_line), "....xxxx.");
        assert_eq!(seen(turns_text), "........x");
        for c in ('\0'..=char::MAX).filter(|c| turns_text(*c)) {
            assert!(is_hidden(c), "{c:?}");
        }
        // The soft hyphen, zero-width ones, joiners, variation selectors, the order mark, tags.
        for c in "\u{ad}\u{200b}\u{200d}\u{2060}\u{fe0f}\u{feff}\u{fffb}\u{e0041}".chars() {
            assert!(is_hidden(c) && !breaks_line(c) && !turns_text(c), "{c:?}");
        }
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
