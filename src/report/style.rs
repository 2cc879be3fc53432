//! Styles by meaning, and texts of foreign origin made harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::observed::is_hidden;

/// As required.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Will change.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// Wrong, refused or impossible.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Worth a look.
pub const WARN: Style = AnsiColor::Magenta.on_default();
/// Secondary.
pub const DIM: Style = Style::new().dimmed();
/// As it comes.
pub const PLAIN: Style = Style::new();
/// The one line that matters first.
pub const HEAD: Style = Style::new().bold();

/// Adds a line in that style, or in none.
pub fn styled_line(out: &mut String, style: Style, text: &str) {
    if style == PLAIN {
        out.push_str(text);
        out.push('\n');
    } else {
        let _ = writeln!(out, "{style}{text}{style:#}");
    }
}

/// Adds so many blanks.
pub fn blanks(out: &mut String, count: usize) {
    const SOME: &str = "                                ";
    let mut left = count;
    while left > 0 {
        let some = &SOME[..left.min(SOME.len())];
        out.push_str(some);
        left -= some.len();
    }
}

/// `text` in that style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A text of foreign origin for one line of a terminal: tabs as blanks, other control characters
/// escaped, so that a value cannot move the cursor or end the line.
pub fn harmless(text: &str) -> String {
    made_harmless(text).into_owned()
}

fn made_harmless(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if is_hidden(c) => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out.into()
}

/// A harmless text between the tags of XML or HTML, or in an attribute of theirs.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in made_harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML cannot hold these, escaped or not.
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// A JSON text that means the same and is harmless to look at: JSON itself demands escapes only
/// below U+0020, and a terminal obeys U+009B as well.
pub fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A text made [`harmless`], cut to at most `width` characters.
pub fn cut(text: &str, width: usize) -> String {
    shortened(text, width).into_owned()
}

/// The same, of a text that is mostly left as it is.
pub fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    let text = made_harmless(text);
    if text.len() <= width || text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect()
}

/// Paragraph lines of at most `width` characters behind an indent.
pub fn wrapped(out: &mut String, indent: usize, width: usize, style: Style, text: &str) {
    let room = width.saturating_sub(indent).max(30);
    let text = made_harmless(text);
    let mut put = |line: &str| {
        blanks(out, indent);
        styled_line(out, style, line);
    };
    // What has room in one line need not be divided into words.
    if text.len() < room {
        return put(text.trim_end_matches(' '));
    }
    if let Cow::Borrowed(text) = text
        && let Some(lines) = of_single_blanks(text, room)
    {
        return lines.into_iter().for_each(put);
    }
    let options = textwrap::Options::new(room)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(&text, options) {
        put(&line);
    }
}

/// The lines of a printable text in ASCII, as textwrap makes them, where single blanks divide its
/// words and each word has room in a line: as nearly always.
fn of_single_blanks(text: &str, room: usize) -> Option<Vec<&str>> {
    let mut lines = Vec::with_capacity(text.len() / room + 2);
    let (mut start, mut blank) = (0, None);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b' ' {
            // Before a word there is nothing, or one blank.
            if at == start || blank.is_some_and(|blank| blank + 1 == at) {
                return None;
            }
            blank = Some(at);
        }
        if at - start == room {
            let end = blank.take()?;
            lines.push(&text[start..end]);
            start = end + 1;
        }
    }
    lines.push(&text[start..]);
    (!text.ends_with(' ')).then_some(lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BAD, PLAIN, blanks, of_single_blanks, paint, styled_line};

    proptest! {
        #[test]
        fn a_plain_text_is_divided_as_textwrap_divides_it(
            text in "[ -~]{0,40}|([a-z.]{1,9} ){0,30}[a-z]{1,9}|[a ]{0,30}",
            room in 8_usize..40,
        ) {
            let options = textwrap::Options::new(room)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            if let Some(lines) = of_single_blanks(&text, room) {
                prop_assert_eq!(lines, textwrap::wrap(&text, options));
            }
        }
    }

    #[test]
    fn lines_are_painted_and_blanks_are_as_many_as_asked_for() {
        let (mut plain, mut styled) = (String::new(), String::new());
        styled_line(&mut plain, PLAIN, "text");
        styled_line(&mut styled, BAD, "text");
        assert_eq!((plain, styled), ("text\n".to_owned(), paint(BAD, "text") + "\n"));
        for count in [0, 1, 31, 32, 33, 64, 100] {
            let mut out = String::new();
            blanks(&mut out, count);
            assert_eq!(out, " ".repeat(count));
        }
    }

    #[test]
    fn the_usual_texts_are_plain() {
        let text = "the kernel then starts background writeback at half the limit, 25";
        assert_eq!(of_single_blanks(text, 30).map(|lines| lines.len()), Some(3));
        assert_eq!(of_single_blanks("two  blanks", 30), None);
    }
}
