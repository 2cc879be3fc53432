//! Texts that come again and again, kept once each and spoken of by number.

use std::collections::HashMap;

use super::hash::Quick;

/// A text longer than this is cut, so that one hostile report costs no memory.
const LONGEST: usize = 256;
/// So many different texts are told apart.
const MOST: usize = 1 << 16;

/// Texts by number.
#[derive(Default)]
pub struct Names {
    known: HashMap<Box<str>, u32, Quick>,
    texts: Vec<Box<str>>,
}

/// A text's number.
pub type Name = u32;

impl Names {
    /// The number of `text`; `None` where there are too many different ones already.
    pub fn of(&mut self, text: &str) -> Option<Name> {
        if text.len() > LONGEST {
            return self.of(&shortened(text));
        }
        if let Some(name) = self.known.get(text) {
            return Some(*name);
        }
        let name = Name::try_from(self.texts.len()).ok().filter(|_| self.texts.len() < MOST)?;
        self.known.insert(text.into(), name);
        self.texts.push(text.into());
        Some(name)
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
    }
}
