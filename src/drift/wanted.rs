//! What one parameter is to read, and what is written where it does not: prepared once.

use crate::baseline::Requirement;
use crate::catalogue::Special;
use crate::value::{Expected, Shape};

/// A requirement that is judged, and its bytes chosen, without allocating.
#[derive(Clone, Debug)]
pub struct Wanted {
    shape: Shape,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Exact(Expected, Bytes),
    Within {
        at_least: Option<(i128, Bytes)>,
        at_most: Option<(i128, Bytes)>,
        special: Option<Special>,
    },
}

/// With its newline, for one write(2).
type Bytes = Box<[u8]>;

fn bytes(text: &str) -> Bytes {
    text.bytes().chain(*b"\n").collect()
}

impl Wanted {
    /// Prepares a requirement.
    pub fn new(shape: Shape, requirement: &Requirement) -> Self {
        let bound = |n: &Option<i128>| n.map(|n| (n, bytes(&n.to_string())));
        let form = match requirement {
            Requirement::Exact(text) => Form::Exact(Expected::new(shape, text), bytes(text)),
            Requirement::Within { at_least, at_most, special } => Form::Within {
                at_least: bound(at_least),
                at_most: bound(at_most),
                special: *special,
            },
        };
        Self { shape, form }
    }

    /// Whether a parameter that reads `live` is as required.
    pub fn satisfied_by(&self, live: &str) -> bool {
        match &self.form {
            Form::Exact(expected, _) => expected.agrees(live),
            Form::Within { at_least, at_most, special } => {
                Special::read(*special, self.shape, live).is_some_and(|n| {
                    at_least.as_ref().is_none_or(|(least, _)| !self.shape.falls_short(n, *least))
                        && at_most.as_ref().is_none_or(|(most, _)| !self.shape.exceeds(n, *most))
                })
            }
        }
    }

    /// The bytes of the one write that puts it right; `None` where `live` satisfies it, or where
    /// nothing is asked.
    pub fn target(&self, live: &str) -> Option<&[u8]> {
        match &self.form {
            Form::Exact(_, bytes) => Some(bytes),
            Form::Within { at_least, at_most, special } => {
                let (at_least, at_most) = (at_least.as_ref(), at_most.as_ref());
                match Special::read(*special, self.shape, live) {
                    Some(n) => at_least
                        .filter(|(least, _)| self.shape.falls_short(n, *least))
                        .or(at_most.filter(|(most, _)| self.shape.exceeds(n, *most))),
                    None => at_least.or(at_most),
                }
                .map(|(_, bytes)| &**bytes)
            }
        }
    }
}
