//! Whether two entries ask the same of a parameter, however each of them is spelt.

use crate::catalogue::{self, Kind, Parameter};
use crate::observed::Facts;
use crate::value::{Shape, agrees};

use super::desired::Requirement;
use super::interpret::Interpreter;
use super::schema::{Entry, Literal, Target, Wish};

/// Whether two entries for one selector ask the same of a host with those facts: values are
/// compared as the kernel keeps them, in the key's own unit.
pub(super) fn alike(one: &Entry, other: &Entry, facts: &Facts) -> bool {
    let judge = Judge { one, other, facts };
    match (&one.terms.wish, &other.terms.wish) {
        (Wish::Leave, Wish::Leave) => true,
        (
            Wish::Hold { target: t1, at_least: l1, at_most: m1 },
            Wish::Hold { target: t2, at_least: l2, at_most: m2 },
        ) => {
            let bounds = |a: &Option<Literal>, b: &Option<Literal>| match (a, b) {
                (Some(a), Some(b)) => judge.bounds(a, b),
                (a, b) => a.is_none() && b.is_none(),
            };
            judge.targets(t1.as_ref(), t2.as_ref()) && bounds(l1, l2) && bounds(m1, m2)
        }
        _ => false,
    }
}

struct Judge<'a> {
    one: &'a Entry,
    other: &'a Entry,
    facts: &'a Facts,
}

impl Judge<'_> {
    fn targets(&self, a: Option<&Target>, b: Option<&Target>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(Target::PercentOfRam(a)), Some(Target::PercentOfRam(b))) => a.value == b.value,
            (Some(Target::One(a)), Some(Target::One(b))) if same_text(a, b) => true,
            (Some(Target::Many(a)), Some(Target::Many(b)))
                if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_text(a, b)) =>
            {
                true
            }
            (Some(a), Some(b)) => {
                let (Some(a), Some(b)) = (self.value(self.one, a), self.value(self.other, b))
                else {
                    return false;
                };
                let shape = self.known().map_or(Shape::Unknown, Parameter::shape);
                let (there, back) = (agrees(shape, &a, &b), agrees(shape, &b, &a));
                // Fewer numbers than the parameter has agree with more of them, not the reverse;
                // so does, where the shape is not known, 0x10 with the 16 that the kernel prints.
                let words = |text: &str| text.split_whitespace().count();
                if shape == Shape::Unknown {
                    (there || back) && words(&a) == words(&b)
                } else {
                    there && back
                }
            }
            _ => false,
        }
    }

    /// A value without its bounds, as it would be written; a share of memory is none, as it is
    /// another number on another host.
    fn value(&self, entry: &Entry, target: &Target) -> Option<String> {
        if matches!(target, Target::PercentOfRam(_)) {
            return None;
        }
        let wish = Wish::Hold { target: Some(target.clone()), at_least: None, at_most: None };
        let action = self.known().is_some_and(|known| known.kind() == Kind::Action);
        let read = |mut reader: Interpreter<'_>| reader.interpret(entry.span, &wish, action);
        match self.reading(read)?.requirement {
            Requirement::Exact(text) => Some(text),
            Requirement::Within { .. } => None,
        }
    }

    fn bounds(&self, a: &Literal, b: &Literal) -> bool {
        let amount = |literal: &Literal| {
            self.reading(|mut reader| reader.amount(literal, "at_least"))
                .map(|amount| (amount.number, amount.from_ram))
        };
        same_text(a, b) || amount(a).is_some_and(|a| amount(b) == Some(a))
    }

    /// What is wrong with either is told where it is resolved.
    fn reading<T>(&self, read: impl FnOnce(Interpreter<'_>) -> T) -> T {
        read(Interpreter {
            selector: &self.one.selector,
            matched: None,
            known: self.known(),
            facts: self.facts,
            here: true,
            problems: &mut Vec::new(),
        })
    }

    fn known(&self) -> Option<Parameter> {
        catalogue::of_selector(&self.one.selector)
    }
}

fn same_text(a: &Literal, b: &Literal) -> bool {
    a.text.trim() == b.text.trim()
}
