//! Texts that come again and again, kept once each and spoken of by number.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use super::bytes::same;
use super::hash::Quick;

/// A text longer than this is cut, so that one hostile report costs no memory.
const LONGEST: usize = 256;
/// So many different texts are told apart.
const MOST: usize = 1 << 16;

/// Texts by number.
pub struct Names {
    /// Numbers of texts from 1, each where its hash says or in the next place that was free; 0 is a
    /// free place. At least half of them are, and there is a power of two of them.
    places: Vec<u32>,
    texts: Vec<Box<str>>,
    most: usize,
    quick: Quick,
}

/// A text's number.
pub type Name = u32;

impl Default for Names {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Names {
    /// None yet, and room for `most` texts.
    pub fn new(most: usize) -> Self {
        Self { places: vec![0; 64], texts: Vec::new(), most, quick: Quick::default() }
    }

    /// The number of `text`; `None` where there are too many different ones already.
    pub fn of(&mut self, text: &str) -> Option<Name> {
        if text.len() > LONGEST {
            return self.of(&shortened(text));
        }
        let mut at = self.first(text);
        loop {
            match self.places[at] {
                0 => break,
                number if same(self.text(number - 1).as_bytes(), text.as_bytes()) => {
                    return Some(number - 1);
                }
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
        let name =
            Name::try_from(self.texts.len()).ok().filter(|_| self.texts.len() < self.most)?;
        self.texts.push(text.into());
        self.places[at] = name + 1;
        if self.texts.len() * 2 > self.places.len() {
            self.grow();
        }
        Some(name)
    }

    /// The place where `text` belongs, unless it is taken.
    fn first(&self, text: &str) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "its lower bits are asked for")]
        let hash = self.quick.hash_one(text.as_bytes()) as usize;
        hash & (self.places.len() - 1)
    }

    fn grow(&mut self) {
        self.places = vec![0; self.places.len() * 2];
        for (number, text) in (1..).zip(&self.texts) {
            let mut at = self.first(text);
            while self.places[at] != 0 {
                at = (at + 1) & (self.places.len() - 1);
            }
            self.places[at] = number;
        }
    }

    /// The text of that number.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(name as usize).map_or("", |t| t)
    }
}

/// The begin of a long text, with its length: two that begin alike are mostly not of one length.
fn shortened(text: &str) -> String {
    let end = (0..=LONGEST - 40).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

/// A unit's name with `*` for what is another one on each host: numbers behind a dash, and ids.
pub fn without_numbers(unit: &str) -> Cow<'_, str> {
    if !unit.contains('-') {
        return Cow::Borrowed(unit);
    }
    let mut out = String::with_capacity(unit.len());
    for (n, part) in unit.split('-').enumerate() {
        let end = part.find('.').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let id = name.len() >= 12 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        if n > 0 {
            out.push('-');
        }
        out.push_str(if n > 0 && (id || number) { "*" } else { name });
        out.push_str(rest);
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_once_and_bounded() {
        let mut names = Names::default();
        let a = names.of("a").unwrap();
        assert_eq!((names.of("a"), names.text(a)), (Some(a), "a"));
        let long = names.of(&"ü".repeat(10_000)).unwrap();
        assert!(names.text(long).len() <= LONGEST && names.text(long).ends_with("… (20000 bytes)"));
        for n in 0..2 * MOST {
            names.of(&n.to_string());
        }
        assert_eq!((names.texts.len(), names.of("new"), names.of("a")), (MOST, None, Some(a)));
        for name in 0..Name::try_from(MOST).unwrap() {
            let text = names.text(name).to_owned();
            assert_eq!(names.of(&text), Some(name));
        }
        let mut few = Names::new(1);
        assert_eq!((few.of("x"), few.of("y"), few.of("x")), (Some(0), None, Some(0)));
    }
}
