//! What satisfies several entries for one parameter at once: bounds narrow each other.

use crate::catalogue;
use crate::key::Selector;
use crate::observed::Facts;
use crate::value::Shape;

use super::desired::Requirement;
use super::interpret::{Interpreted, Interpreter};
use super::schema::Entry;

/// Which of two sides counts where one value satisfies both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// The one, which asks for all that the other does.
    One,
    /// The other.
    Other,
    /// Each narrows the other, or would on a host with another amount of memory.
    Both,
}

/// Which of two sides counts on a host with those facts; `None` where no value satisfies both, or
/// neither is a bound.
pub(super) fn counts(one: &[&Entry], other: &[&Entry], facts: &Facts) -> Option<Counts> {
    let (a, b) = (of_all(one, facts)?, of_all(other, facts)?);
    let shape = one.first().map_or(Shape::Unknown, |entry| shape(&entry.selector));
    match (&a.requirement, &b.requirement) {
        (Requirement::Exact(text), within @ Requirement::Within { .. }) => {
            within.satisfied_by(shape, text).then_some(Counts::One)
        }
        (within @ Requirement::Within { .. }, Requirement::Exact(text)) => {
            within.satisfied_by(shape, text).then_some(Counts::Other)
        }
        (Requirement::Exact(_), Requirement::Exact(_)) => None,
        (first, second) => {
            let both = narrowed(first, second)?;
            Some(match () {
                () if a.from_ram || b.from_ram => Counts::Both,
                () if both == *first => Counts::One,
                () if both == *second => Counts::Other,
                () => Counts::Both,
            })
        }
    }
}

/// What all of them together ask for, told with the arithmetic of each.
pub(super) fn of_all(entries: &[&Entry], facts: &Facts) -> Option<Interpreted> {
    let mut all = entries.iter().map(|entry| interpreted(entry, facts));
    let first = all.next()??;
    all.try_fold(first, |sum, next| sum.beside(&next?))
}

impl Interpreted {
    /// This, narrowed by another one; `None` where nothing satisfies both.
    pub(super) fn beside(self, other: &Self) -> Option<Self> {
        let arithmetic = [self.arithmetic, other.arithmetic.clone()];
        let arithmetic: Vec<String> = arithmetic.into_iter().flatten().collect();
        Some(Self {
            requirement: narrowed(&self.requirement, &other.requirement)?,
            arithmetic: (!arithmetic.is_empty()).then(|| arithmetic.join("; ")),
            from_ram: self.from_ram || other.from_ram,
        })
    }
}

/// The bounds that are left of two: the higher `at_least`, the lower `at_most`.
fn narrowed(one: &Requirement, other: &Requirement) -> Option<Requirement> {
    let (
        Requirement::Within { at_least: least, at_most: most, special },
        Requirement::Within { at_least, at_most, .. },
    ) = (one, other)
    else {
        return None;
    };
    let at_least = (*least).max(*at_least);
    let at_most = [*most, *at_most].into_iter().flatten().min();
    let crossed = at_least.zip(at_most).is_some_and(|(least, most)| least > most);
    (!crossed).then_some(Requirement::Within { at_least, at_most, special: *special })
}

/// What is wrong with an entry is told where it is resolved.
fn interpreted(entry: &Entry, facts: &Facts) -> Option<Interpreted> {
    let mut interpreter = Interpreter {
        selector: &entry.selector,
        matched: None,
        known: catalogue::of_selector(&entry.selector),
        facts,
        here: true,
        problems: &mut Vec::new(),
    };
    interpreter.interpret(entry.span, &entry.terms.wish, false)
}

fn shape(selector: &Selector) -> Shape {
    catalogue::of_selector(selector).map_or(Shape::Unknown, catalogue::Parameter::shape)
}
