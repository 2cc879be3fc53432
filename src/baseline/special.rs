//! Numbers that are no amount of what their parameter counts, where a baseline writes one.

use crate::catalogue::{Parameter, Special, half_of};
use crate::diagnostic::Span;
use crate::key::Key;

use super::interpret::Interpreter;

/// What a number is asked for as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// The value.
    Value,
    /// What it may not be less than.
    AtLeast,
    /// What it may not exceed.
    AtMost,
}

impl Interpreter<'_> {
    /// The number that is no amount of what the parameter counts.
    pub(super) fn special(&self) -> Option<Special> {
        self.known.and_then(Parameter::special)
    }

    /// What a number comes to beside bounds.
    pub(super) fn beside_bounds(&self, number: i128) -> i128 {
        Special::amount(self.special(), number).unwrap_or(number)
    }

    /// Whether a number can be asked for like that: nothing is compared with one that is no amount,
    /// and a 0 in one half of overcommit's pair takes the other half with it (case E23).
    pub(super) fn check_special(&mut self, span: Span, number: i128, place: As) -> Option<()> {
        let (Some(known), Some(special)) = (self.known, self.special()) else { return Some(()) };
        if number != special.number() {
            return Some(());
        }
        let name = self.name();
        match (special, place) {
            (Special::NoLimit(_), As::AtMost) => {
                let message = format!("at_most {number} of {name}: there {number} sets no limit");
                let help = format!("write the most that it may be, or {number} as its value");
                self.wrong(span, message, help)
            }
            (Special::OtherHalf, As::AtLeast | As::AtMost) => {
                let half = half(known)?;
                let message =
                    format!("0 is no bound of {name}: it reads 0 while {half} is in force");
                self.wrong(span, message, format!("write 1 or more, or bound {half}"))
            }
            (Special::OtherHalf, As::Value) if known.key().starts_with("vm/overcommit_") => {
                let half = half(known)?;
                let message = format!(
                    "0 is no value of {name}: a write of it sets {half} to 0 as well, and strict \
                     overcommit counts swap alone"
                );
                self.wrong(span, message, format!("leave it out, and write what {half} is to be"))
            }
            _ => Some(()),
        }
    }
}

fn half(known: Parameter) -> Option<Key> {
    half_of(&Key::from_path(known.key()).ok()?)
}
