//! JSON read in place, for lines by the hundred thousand: strings are slices of the line, what is
//! not asked for is skipped, and all of it must be JSON all the same.

use std::borrow::Cow;

use super::bytes::{plain_until, same};

/// Objects and arrays in each other, as deep as a line may have them.
const DEEPEST: u32 = 32;

/// Why a line is no JSON, or none of ours, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Byte in the line, from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// What was read, or why nothing was.
type Read<T> = Result<T, Bad>;

/// The fields of an object that are known.
pub trait Fields: Copy + 'static {
    /// Each as it is written, `"name":`, in the usual order.
    const ALL: &'static [(&'static str, Self)];
}

/// Declares the known fields of an object, in the order in which they are usually written.
macro_rules! fields {
    ($what:ident { $($field:ident = $name:literal),+ $(,)? }) => {
        #[derive(Clone, Copy)]
        enum $what { $($field),+ }

        impl $crate::fleet::json::Fields for $what {
            const ALL: &'static [(&'static str, Self)] =
                &[$((concat!("\"", $name, "\":"), Self::$field)),+];
        }
    };
}
pub(super) use fields;

/// A place in a line of JSON.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// The begin of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// A failure here.
    pub fn bad<T>(&self, what: &'static str) -> Read<T> {
        Err(Bad { at: self.at, what })
    }

    /// The next byte that is no blank; `None` at the end.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self, byte: u8) -> bool {
        // Mostly nothing stands before it.
        let bytes = self.text.as_bytes();
        let found = bytes.get(self.at) == Some(&byte) || self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The end of the line: nothing but blanks follow.
    pub fn end(&mut self) -> Read<()> {
        if self.peek().is_none() { Ok(()) } else { self.bad("something behind the object") }
    }

    /// Where the next value begins, as a byte of the line.
    pub fn start(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// What has been read since the byte `start`.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// Goes on behind `known`, where exactly that follows.
    pub fn passes(&mut self, known: &str) -> bool {
        let known = known.as_bytes();
        let same = self
            .text
            .as_bytes()
            .get(self.at..self.at + known.len())
            .is_some_and(|b| same(b, known));
        if same {
            self.at += known.len();
        }
        same
    }

    /// An object of known fields: `each` is called with every one that is there and must read its
    /// value; what is not known is passed over.
    pub fn fields<F: Fields>(
        &mut self,
        mut each: impl FnMut(&mut Self, F) -> Read<()>,
    ) -> Read<()> {
        // What may come next in the usual order.
        let mut usual = 0;
        self.members(|c| match c.field::<F>(&mut usual)? {
            Some(field) => each(c, field),
            None => c.skip(),
        })
    }

    /// A field's name and the colon behind it.
    fn field<F: Fields>(&mut self, usual: &mut usize) -> Read<Option<F>> {
        let mut next = *usual;
        while let Some((written, field)) = F::ALL.get(next) {
            next += 1;
            if self.passes(written) {
                *usual = next;
                return Ok(Some(*field));
            }
        }
        let name = self.name()?;
        let known = |(written, _): &&(&str, F)| written.get(1..written.len() - 2) == Some(&*name);
        Ok(F::ALL.iter().find(known).map(|(_, field)| *field))
    }

    /// An object: `each` is called with every field's name and must read its value.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Read<()>,
    ) -> Read<()> {
        self.members(|c| {
            let name = c.name()?;
            each(c, name)
        })
    }

    /// Any name of a field, and the colon behind it.
    fn name(&mut self) -> Read<Cow<'a, str>> {
        let name = self.string()?;
        if self.take(b':') { Ok(name) } else { self.bad("a colon belongs here") }
    }

    /// An object: `each` is called for every field and must read it, name and value.
    fn members(&mut self, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if !self.take(b'{') {
            return self.bad("an object belongs here");
        }
        self.deeper()?;
        if !self.take(b'}') {
            loop {
                each(self)?;
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return self.bad("a comma or the end of the object belongs here");
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// An array: `each` is called for every item and must read it.
    pub fn array(&mut self, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if !self.take(b'[') {
            return self.bad("an array belongs here");
        }
        self.deeper()?;
        if !self.take(b']') {
            loop {
                each(self)?;
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return self.bad("a comma or the end of the array belongs here");
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEEPEST { self.bad("nested too deeply") } else { Ok(()) }
    }

    /// A string; one without escapes is a slice of the line.
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        if !self.take(b'"') {
            return self.bad("a string belongs here");
        }
        let start = self.at;
        self.at = plain_until(self.text.as_bytes(), start);
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(&self.text[start..self.at - 1]))
            }
            Some(b'\\') => self.escaped(start).map(Cow::Owned),
            Some(_) => self.bad("a control character in a string"),
            None => self.bad("the string does not end"),
        }
    }

    /// The rest of a string that begins at `start` and has an escape here.
    fn escaped(&mut self, start: usize) -> Read<String> {
        let bytes = self.text.as_bytes();
        let mut out = self.text[start..self.at].to_owned();
        loop {
            let begin = self.at;
            self.at = plain_until(bytes, begin);
            out.push_str(&self.text[begin..self.at]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return self.bad("a control character in a string"),
                None => return self.bad("the string does not end"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let Some(byte) = self.text.as_bytes().get(self.at) else {
            return self.bad("the string does not end");
        };
        let c = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.code_point();
            }
            _ => return self.bad("no such escape"),
        };
        self.at += 1;
        Ok(c)
    }

    fn code_point(&mut self) -> Read<char> {
        let first = self.four()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.passes("\\u") {
                    return self.bad("half a surrogate pair");
                }
                let second = self.four()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.bad("half a surrogate pair");
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).map_or_else(|| self.bad("half a surrogate pair"), Ok)
    }

    /// Four hexadecimal digits.
    fn four(&mut self) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut code = 0;
        for &digit in digits.unwrap_or_default() {
            let Some(digit) = char::from(digit).to_digit(16) else {
                return self.bad("four hexadecimal digits belong here");
            };
            code = code * 16 + digit;
        }
        if digits.is_none() {
            return self.bad("four hexadecimal digits belong here");
        }
        self.at += 4;
        Ok(code)
    }

    /// A string, or nothing where `null` stands.
    pub fn optional(&mut self) -> Read<Option<Cow<'a, str>>> {
        if self.null()? { Ok(None) } else { self.string().map(Some) }
    }

    /// Whether `null` stands here; goes on behind it.
    pub fn null(&mut self) -> Read<bool> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        if self.passes("null") { Ok(true) } else { self.bad("no JSON value") }
    }

    /// Whether `true` stands here, and not `false` or `null`.
    pub fn truth(&mut self) -> Read<bool> {
        match self.peek() {
            Some(b't') if self.passes("true") => Ok(true),
            Some(b'f') if self.passes("false") => Ok(false),
            _ if self.null()? => Ok(false),
            _ => self.bad("true or false belongs here"),
        }
    }

    /// A number, as it is written.
    pub fn number(&mut self) -> Read<&'a str> {
        let start = self.start();
        let bytes = self.text.as_bytes();
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let whole = at;
        at = digits(whole);
        let mut good = at > whole && (bytes[whole] != b'0' || at == whole + 1);
        if good && bytes.get(at) == Some(&b'.') {
            let point = at + 1;
            at = digits(point);
            good = at > point;
        }
        if good && matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = at + 1 + sign;
            at = digits(exponent);
            good = at > exponent;
        }
        if !good {
            return self.bad("a number belongs here");
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    /// A number that counts something.
    pub fn count(&mut self) -> Read<u64> {
        let at = self.start();
        let text = self.number()?;
        text.parse().map_err(|_| Bad { at, what: "a whole number from 0 belongs here" })
    }

    /// Any value, which nobody asks for.
    pub fn skip(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.object(|cursor, _| cursor.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(b't') if self.passes("true") => Ok(()),
            Some(b'f') if self.passes("false") => Ok(()),
            Some(b'n') if self.passes("null") => Ok(()),
            Some(_) => self.bad("no JSON value"),
            None => self.bad("the line ends here"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skips(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        cursor.skip().and_then(|()| cursor.end()).is_ok()
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    }

    /// Texts that are JSON now and then.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\"a\"",
            "\"\\u00e9\"",
            "\\",
            "\\n",
            "\\ud83d\\ude00",
            "1",
            "-0.5e+3",
            "01",
            ".",
            "e",
            "true",
            "false",
            "null",
            "nul",
            " ",
            "\t",
            "\u{1}",
            "ü",
            "\"12345678\"",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|p| p.concat())
    }

    proptest! {
        #[test]
        fn takes_what_serde_json_takes(text in pieces()) {
            // Half a surrogate pair is refused here, and passed over by serde_json.
            let half = is_json(&text) && text.contains("\\u");
            prop_assert!(skips(&text) == is_json(&text) || half, "{}", text);
        }

        #[test]
        fn reads_any_string(text in "\\PC*", padding in 0..9_usize) {
            let line = format!("{}{}", " ".repeat(padding), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(&*Cursor::new(&line).string().unwrap(), text.as_str());
        }
    }

    #[test]
    fn any_nesting_is_bounded() {
        assert!(skips(&format!("{}{}", "[".repeat(32), "]".repeat(32))));
        assert!(!skips(&format!("{}{}", "[".repeat(33), "]".repeat(33))));
        assert!(!skips(&"[".repeat(1_000_000)));
        assert!(!skips(&"{\"a\":".repeat(1_000_000)));
    }
}
