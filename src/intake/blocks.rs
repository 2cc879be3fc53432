//! A stream cut into blocks of whole records, each small enough to be kept in memory.

use std::io::{self, BufRead, Read as _};

use super::lines::{Form, LONGEST};

/// Bytes of a block, unless a record is longer.
pub const PIECE: usize = 256 << 10;

/// Of so many bytes in a row without a report nothing more is read: a few kB may unpack to a
/// hundred million empty records.
const DENSE: usize = 1 << 20;

/// Of a record that is too long, so many bytes are passed over; what has more has no end: a few kB
/// may unpack to many GB of one letter.
const ENDLESS: u64 = 64 << 20;

/// A block of whole records.
#[derive(Debug)]
pub struct Block {
    /// The records.
    pub bytes: Vec<u8>,
    /// How they stand there.
    pub form: Form,
    /// Its number in the stream.
    pub piece: u64,
    /// Its first byte in the stream.
    pub offset: u64,
    /// Whether nothing follows.
    pub last: bool,
}

/// What comes next in a stream.
#[derive(Debug)]
pub enum Next {
    /// A block.
    Block(Block),
    /// A record that is too long, in a piece of its own.
    Long {
        /// That piece.
        piece: u64,
        /// Its first byte in the stream.
        offset: u64,
    },
    /// The stream cannot be read from here on.
    Broken {
        /// The piece that it breaks off in; `None` where it could be read and is given up.
        piece: Option<u64>,
        /// Its first byte in the stream.
        offset: u64,
        /// Why.
        why: io::Error,
    },
}

/// A stream.
pub struct Blocks<R> {
    content: R,
    form: Option<Form>,
    /// The begin of the next block.
    rest: Vec<u8>,
    piece: u64,
    offset: u64,
    broken: Option<io::Error>,
    /// Whether that could be read on.
    gives_up: bool,
    ended: bool,
    /// Bytes of the blocks since the last that may have had a report.
    dense: usize,
}

impl<R: BufRead> Blocks<R> {
    /// The blocks of `content`.
    pub fn new(content: R) -> Self {
        Self {
            content,
            form: None,
            rest: Vec::new(),
            piece: 0,
            offset: 0,
            broken: None,
            gives_up: false,
            ended: false,
            dense: 0,
        }
    }

    /// What comes next, in a buffer that is used anew; `None` at the end.
    pub fn next(&mut self, mut bytes: Vec<u8>) -> Option<Next> {
        if let Some(why) = self.broken.take() {
            self.ended = true;
            let piece = (!self.gives_up).then_some(self.piece);
            return Some(Next::Broken { piece, offset: self.offset, why });
        }
        if self.ended {
            return None;
        }
        bytes.clear();
        bytes.append(&mut self.rest);
        let (form, whole) = loop {
            if bytes.len() >= PIECE {
                let form = *self.form.get_or_insert_with(|| Form::of(&bytes));
                match form.whole(&bytes) {
                    0 if bytes.len() > LONGEST => return Some(self.long(form, bytes.len())),
                    0 => {}
                    whole => break (form, whole),
                }
            }
            match fill(&mut self.content, &mut bytes) {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    break (self.form.unwrap_or_else(|| Form::of(&bytes)), bytes.len());
                }
                Err(why) => {
                    // What came before counts, but for a record that is cut off.
                    self.broken = Some(why);
                    let form = self.form.unwrap_or_else(|| Form::of(&bytes));
                    break (form, form.whole(&bytes));
                }
            }
        };
        self.rest.extend_from_slice(&bytes[whole..]);
        bytes.truncate(whole);
        let (piece, offset) = (self.piece, self.offset);
        self.piece += 1;
        self.offset += whole as u64;
        self.dense = if form.is_too_dense(&bytes) { self.dense + whole } else { 0 };
        if self.dense >= DENSE && !self.ended && self.broken.is_none() {
            let most = DENSE >> 20;
            self.give_up(format!("{most} MiB on end are lines too short for a report"));
        }
        Some(Next::Block(Block { bytes, form, piece, offset, last: self.ended }))
    }

    fn give_up(&mut self, why: String) {
        self.broken = Some(io::Error::other(why + ": what follows is not read"));
        self.gives_up = true;
    }

    /// Passes over a record of which so many bytes have been read.
    fn long(&mut self, form: Form, read: usize) -> Next {
        let (piece, offset) = (self.piece, self.offset);
        self.piece += 1;
        self.offset += read as u64;
        match self.content.by_ref().take(ENDLESS).skip_until(b'\n') {
            Ok(skipped) if skipped as u64 == ENDLESS => {
                let most = ENDLESS >> 20;
                self.give_up(format!("a line of more than {most} MiB is no report"));
            }
            Ok(skipped) => self.offset += skipped as u64,
            Err(why) => self.broken = Some(why),
        }
        // Where the next of several lines begins cannot be told in the midst of one.
        self.ended = form == Form::Documents;
        Next::Long { piece, offset }
    }
}

/// Appends what there is; `false` at the end.
fn fill(content: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        match content.fill_buf() {
            Ok(more) => {
                let length = more.len();
                bytes.extend_from_slice(more);
                content.consume(length);
                return Ok(length > 0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    /// Some bytes, then an error.
    struct Breaks<'a>(&'a [u8]);

    impl Read for Breaks<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(io::Error::other("gone")),
                n => Ok(n),
            }
        }
    }

    fn told(content: impl BufRead) -> Vec<String> {
        let mut blocks = Blocks::new(content);
        let mut told = Vec::new();
        while let Some(next) = blocks.next(Vec::new()) {
            told.push(match next {
                Next::Block(b) => {
                    assert!(b.bytes.len() <= LONGEST + PIECE, "{}", b.bytes.len());
                    format!(
                        "{}@{} {}{}",
                        b.piece,
                        b.offset,
                        b.bytes.len(),
                        if b.last { " last" } else { "" }
                    )
                }
                Next::Long { piece, offset } => format!("{piece}@{offset} long"),
                Next::Broken { piece: Some(piece), why, .. } => format!("{piece} {why}"),
                Next::Broken { why, .. } => format!("{why}"),
            });
        }
        told
    }

    #[test]
    fn blocks_are_whole_records() {
        assert_eq!(told(&b""[..]), ["0@0 0 last"]);
        assert_eq!(told(&b"a\nb"[..]), ["0@0 3 last"]);
        assert_eq!(told(BufReader::new(Breaks(b"a\nb"))), ["0@0 2", "1 gone"]);
        let text = [b"0123456\n".repeat(PIECE / 8), vec![b'x'; 2 * LONGEST], b"\nend".to_vec()];
        let text = text.concat();
        let told = told(BufReader::with_capacity(1 << 16, text.as_slice()));
        let after = PIECE + 2 * LONGEST + 1;
        assert_eq!(
            told,
            [format!("0@0 {PIECE}"), format!("1@{PIECE} long"), format!("2@{after} 3 last")]
        );
    }

    #[test]
    fn what_is_no_report_is_given_up_and_what_may_be_is_not() {
        let stream = |text: &[u8]| told(BufReader::with_capacity(1 << 16, text));
        let report = [b"{".to_vec(), vec![b'x'; 98], b"}\n".to_vec()].concat();
        for line in ["{}\n", "\n", "{\n}\n", "{\n  \"a\": 1\n}\n"] {
            let told = stream(line.repeat(3 * DENSE / line.len()).as_bytes());
            let blocks = told.len();
            assert!((DENSE / PIECE + 1..DENSE / PIECE + 4).contains(&blocks), "{line:?} {blocks}");
            assert!(told.concat().ends_with("what follows is not read"), "{line:?} {told:?}");
            // A report in between begins the count anew.
            let some = line.repeat(DENSE / 2 / line.len()).into_bytes();
            let between = report.repeat(2 * PIECE / report.len());
            let text = [some.as_slice(), &between, &some, &between, &some].concat();
            let told = stream(&text);
            assert!(told.concat().ends_with(" last"), "{line:?} {told:?}");
        }
        for text in [
            report,
            b"{\n  \"schema\": \"tunectl/report/1\",\n  \"host\": {\n    \"name\": \"a\"\n  }\n}\n"
                .to_vec(),
        ] {
            let told = stream(&text.repeat(3 * DENSE / text.len()));
            assert!(told.concat().ends_with(" last"), "{told:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let stream = |length: u64, end: &'static [u8]| {
            let text = io::repeat(b'a').take(LONGEST as u64 + length).chain(end);
            told(BufReader::with_capacity(1 << 16, text))
        };
        let end = format!("1@{} 5 last", LONGEST as u64 + ENDLESS / 2 + 1);
        assert_eq!(stream(ENDLESS / 2, b"\nend\n.")[..], ["0@0 long".to_owned(), end]);
        let why = "a line of more than 64 MiB is no report: what follows is not read";
        for length in [2 * ENDLESS, u64::MAX - LONGEST as u64] {
            assert_eq!(stream(length, b"\nend\n"), ["0@0 long", why]);
        }
    }

    #[test]
    fn a_document_without_an_end_is_bounded() {
        let text = [b"{\n".to_vec(), b"12345678\n".repeat(LONGEST)].concat();
        assert_eq!(told(text.as_slice()), ["0@0 long"]);
    }
}
