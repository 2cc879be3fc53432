//! A document as bytes: what the build makes of each built-in baseline, so that no run reads its
//! YAML.
//!
//! `build.rs` compiles this file as well. A number is in groups of seven bits, the lowest first; a
//! text or a list has its length before it; of several kinds the number comes first.

use crate::diagnostic::Span;
use crate::key::Selector;
use crate::value::Percent;

use super::schema::{
    Condition, Document, Entry, FactName, Literal, OnDrift, Target, Terms, Text, Waiver, When,
    Wish, Written,
};

/// The bytes of a document, whichever number it has among the sources.
#[allow(dead_code, reason = "of the build, and of a test")]
pub fn write(document: &Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    Document { source: 0, ..document.clone() }.write(&mut bytes);
    bytes
}

/// The document that those bytes are of, as the one of number `source` among the sources; `None`
/// where they are of none.
pub fn read(source: usize, bytes: &'static [u8]) -> Option<Document> {
    let mut from = Bytes { rest: bytes, source };
    let document = Document { source, ..Document::read(&mut from)? };
    from.rest.is_empty().then_some(document)
}

/// What is left to read.
struct Bytes {
    rest: &'static [u8],
    source: usize,
}

impl Bytes {
    fn take(&mut self, length: usize) -> Option<&'static [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn text(&mut self) -> Option<&'static str> {
        let length = usize::read(self)?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn one_of<T: Copy>(&mut self, names: &[(&str, T)]) -> Option<T> {
        names.get(usize::from(self.byte()?)).map(|(_, value)| *value)
    }
}

/// What a document is made of.
trait Part: Sized {
    fn write(&self, bytes: &mut Vec<u8>);
    fn read(from: &mut Bytes) -> Option<Self>;
}

/// A struct is its fields, one behind the other.
macro_rules! fields {
    ($name:ident: $($field:ident)*) => {
        impl Part for $name {
            fn write(&self, bytes: &mut Vec<u8>) {
                $(self.$field.write(bytes);)*
            }

            fn read(from: &mut Bytes) -> Option<Self> {
                Some(Self { $($field: Part::read(from)?),* })
            }
        }
    };
}

fields!(Document: source name description extends on_drift parameters exclude actions when waivers);
fields!(Entry: selector span terms);
fields!(Terms: wish reason reference module allow on_drift optional);
fields!(Literal: text plain span);
fields!(When: span conditions faulty parameters);
fields!(Condition: fact test span);
fields!(Waiver: selector span until reason);

impl<T: Part> Part for Written<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.value.write(bytes);
        self.span.write(bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        Some(Self { value: T::read(from)?, span: Span::read(from)? })
    }
}

impl Part for Wish {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Leave => bytes.push(0),
            Self::Hold { target, at_least, at_most } => {
                bytes.push(1);
                target.write(bytes);
                at_least.write(bytes);
                at_most.write(bytes);
            }
        }
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Leave),
            1 => Some(Self::Hold {
                target: Part::read(from)?,
                at_least: Part::read(from)?,
                at_most: Part::read(from)?,
            }),
            _ => None,
        }
    }
}

impl Part for Target {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::One(literal) => {
                bytes.push(0);
                literal.write(bytes);
            }
            Self::Many(literals) => {
                bytes.push(1);
                literals.write(bytes);
            }
            Self::PercentOfRam(percent) => {
                bytes.push(2);
                percent.write(bytes);
            }
        }
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        match from.byte()? {
            0 => Part::read(from).map(Self::One),
            1 => Part::read(from).map(Self::Many),
            2 => Part::read(from).map(Self::PercentOfRam),
            _ => None,
        }
    }
}

impl Part for Span {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.start.write(bytes);
        (self.end - self.start).write(bytes);
        (self.line as usize).write(bytes);
        (self.column as usize).write(bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        let start = usize::read(from)?;
        let end = start.checked_add(usize::read(from)?)?;
        let line = usize::read(from)?.try_into().ok()?;
        let column = usize::read(from)?.try_into().ok()?;
        Some(Self { source: from.source, start, end, line, column })
    }
}

impl Part for Selector {
    fn write(&self, bytes: &mut Vec<u8>) {
        write_text(self.as_path(), bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        Self::from_path(from.text()?).ok()
    }
}

impl Part for Percent {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.to_string().write(bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        Self::parse(from.text()?).ok()
    }
}

impl Part for OnDrift {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::NAMES.iter().zip(0..).find(|(n, _)| n.1 == *self).map(|(_, at)| at));
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        from.one_of(&Self::NAMES)
    }
}

impl Part for FactName {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::NAMES.iter().zip(0..).find(|(n, _)| n.1 == *self).map(|(_, at)| at));
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        from.one_of(&Self::NAMES)
    }
}

impl<T: Part> Part for Option<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            None => bytes.push(0),
            Some(part) => {
                bytes.push(1);
                part.write(bytes);
            }
        }
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        match from.byte()? {
            0 => Some(None),
            1 => T::read(from).map(Some),
            _ => None,
        }
    }
}

impl<T: Part> Part for Vec<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        for part in self {
            part.write(bytes);
        }
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        let length = usize::read(from)?;
        // Each part has a byte at least, so that no length asks for more than there is.
        let mut parts = Self::with_capacity(length.min(from.rest.len()));
        for _ in 0..length {
            parts.push(T::read(from)?);
        }
        Some(parts)
    }
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    text.len().write(bytes);
    bytes.extend_from_slice(text.as_bytes());
}

impl Part for String {
    fn write(&self, bytes: &mut Vec<u8>) {
        write_text(self, bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        from.text().map(str::to_owned)
    }
}

impl Part for Text {
    fn write(&self, bytes: &mut Vec<u8>) {
        write_text(self, bytes);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        from.text().map(Self::Borrowed)
    }
}

impl Part for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Part for usize {
    fn write(&self, bytes: &mut Vec<u8>) {
        let mut left = *self;
        while left > 0x7f {
            bytes.push(0x80 | left.to_le_bytes()[0]);
            left >>= 7;
        }
        bytes.push(left.to_le_bytes()[0]);
    }

    fn read(from: &mut Bytes) -> Option<Self> {
        let mut number = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let byte = from.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}
