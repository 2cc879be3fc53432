//! Blocks of text cut into records: a line each, or several lines of which the first is `{` and the
//! last `}`, as a report that was printed for people.

/// A record of more bytes is none.
pub const LONGEST: usize = 1 << 20;

/// As few bytes as no report has that names its schema, time and host.
pub const SHORTEST: usize = 64;
/// As few as the lines of one that was printed for people have on the average, by far.
const SHORTEST_LINE: usize = 4;

/// How a source's records stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One a line.
    Lines,
    /// Over several lines each.
    Documents,
}

impl Form {
    /// The form of a source that begins so.
    pub fn of(begin: &[u8]) -> Self {
        let mut lines = begin.split(|b| *b == b'\n');
        match lines.find(|line| !line.trim_ascii().is_empty()) {
            // A last line may be cut off here; without an end it is no first line of several.
            Some(line) if line.trim_ascii_end() == b"{" && line.len() < begin.len() => {
                Self::Documents
            }
            _ => Self::Lines,
        }
    }

    /// Where in `text` the last whole record ends; 0 where none does.
    pub fn whole(self, text: &[u8]) -> usize {
        match self {
            Self::Lines => memchr::memrchr(b'\n', text).map_or(0, |at| at + 1),
            Self::Documents => {
                let (mut at, mut whole, mut inside) = (0, 0, false);
                while let Some(length) = memchr::memchr(b'\n', &text[at..]) {
                    let line = text[at..at + length].trim_ascii_end();
                    inside = if inside { line != b"}" } else { line == b"{" };
                    at += length + 1;
                    if !inside {
                        whole = at;
                    }
                }
                whole
            }
        }
    }

    /// Whether a block has more records, or more lines, than could be reports.
    pub fn is_too_dense(self, block: &[u8]) -> bool {
        let lines = memchr::memchr_iter(b'\n', block).count();
        match self {
            Self::Lines => lines * SHORTEST > block.len(),
            Self::Documents => {
                let ends = memchr::memmem::find_iter(block, "\n}\n").count();
                ends * SHORTEST > block.len() || lines * SHORTEST_LINE > block.len()
            }
        }
    }

    /// Calls `each` with every record of a block of whole ones: the byte where it begins, its line
    /// from 0, and its bytes. Says how many lines there are.
    pub fn records<'b>(self, block: &'b [u8], mut each: impl FnMut(usize, u64, &'b [u8])) -> u64 {
        let mut lines = 0;
        let mut at = 0;
        // Where a record of several lines began.
        let mut begun: Option<(usize, u64)> = None;
        while at < block.len() {
            let rest = &block[at..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..length];
            match begun {
                Some((begin, first)) => {
                    if line.trim_ascii_end() == b"}" {
                        each(begin, first, &block[begin..at + length]);
                        begun = None;
                    }
                }
                None if line.trim_ascii().is_empty() => {}
                None if self == Self::Documents && line.trim_ascii_end() == b"{" => {
                    begun = Some((at, lines));
                }
                None => each(at, lines, line),
            }
            lines += 1;
            at += length + 1;
        }
        if let Some((begin, first)) = begun {
            each(begin, first, &block[begin..]);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(form: Form, text: &str) -> Vec<(usize, u64, String)> {
        let mut found = Vec::new();
        form.records(text.as_bytes(), |at, line, record| {
            found.push((at, line, String::from_utf8_lossy(record).into_owned()));
        });
        found
    }

    #[test]
    fn lines_and_documents() {
        assert_eq!(
            records(Form::Lines, "a\n\n \r\nb\r\nc"),
            [(0, 0, "a".into()), (6, 3, "b\r".into()), (9, 4, "c".into())]
        );
        let text = "{\n  1\n}\n\n{\"a\": 1}\n{\n}\n{\n 2";
        assert_eq!(Form::of(text.as_bytes()), Form::Documents);
        assert_eq!(
            records(Form::Documents, text),
            [
                (0, 0, "{\n  1\n}".into()),
                (9, 4, "{\"a\": 1}".into()),
                (18, 5, "{\n}".into()),
                (22, 7, "{\n 2".into())
            ]
        );
        assert_eq!(Form::Documents.whole(text.as_bytes()), 22);
        for lines in ["", "{", "{}", "{\"a\":1}\n{\n", "x\n{\n"] {
            assert_eq!(Form::of(lines.as_bytes()), Form::Lines, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn blocks_make_no_difference(lines in prop::collection::vec("[{} a]{0,3}", 0..30), cut in 0..60_usize) {
            let text = lines.join("\n") + "\n";
            for form in [Form::Lines, Form::Documents] {
                let whole = form.whole(&text.as_bytes()[..cut.min(text.len())]);
                let mut pieces = records(form, &text[..whole]);
                let before = text[..whole].matches('\n').count() as u64;
                pieces.extend(records(form, &text[whole..]).into_iter().map(|(a, l, r)| (a + whole, l + before, r)));
                prop_assert_eq!(pieces, records(form, &text));
            }
        }
    }
}
