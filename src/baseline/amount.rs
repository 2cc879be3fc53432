//! Amounts as they are written: numbers, sizes in the key's own unit, shares of memory.

use std::fmt;

use crate::catalogue::Range;
use crate::diagnostic::{Diagnostic, Span};
use crate::value::{Percent, QuantityError, Rounding, Shape, Size, Unit, kernel_number};

use super::interpret::Interpreter;
use super::mistaken::{
    boundless_help, is_boundless, is_truth_value, number_help, truth_value_help,
};
use super::schema::Literal;

/// Most hosts' size of a huge page.
const USUAL_HUGE_PAGE: u64 = 2 << 20;

/// A number, and how it came about.
pub(super) struct Amount {
    /// In the key's own unit.
    pub(super) number: i128,
    /// Whether it was made from the host's memory.
    pub(super) from_ram: bool,
    /// What it is told with; most never are.
    pub(super) told: Told,
}

/// What a number is told with.
#[derive(Clone)]
pub(super) enum Told {
    /// Its unit, if it has one.
    Unit(Option<Unit>),
    /// The arithmetic that it came of, which has the number.
    Arithmetic(String),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Told::Unit(Some(unit)) => write!(f, "{} {}", self.number, unit.symbol()),
            Told::Unit(None) => write!(f, "{}", self.number),
            Told::Arithmetic(text) => f.write_str(text),
        }
    }
}

impl Amount {
    /// A number as it was written.
    pub(super) fn plain(number: i128) -> Self {
        Self { number, from_ram: false, told: Told::Unit(None) }
    }
}

impl Interpreter<'_> {
    /// A number, a size in the key's unit, or (for bounds) a percentage of memory.
    pub(super) fn amount(&mut self, literal: &Literal, field: &str) -> Option<Amount> {
        let text = literal.text.trim();
        if text.ends_with('%') {
            if field == "value" {
                let plain = text.trim_end_matches(['%', ' ']);
                let help = if self.known.is_none() || self.memory_unit().is_some() {
                    "write `percent_of_ram: …` for a share of memory".to_owned()
                } else if kernel_number(plain).is_some() {
                    format!("write {plain}: the kernel takes the number alone")
                } else {
                    number_help(plain)
                };
                return self.wrong(literal.span, format!("{text:?} is not a number"), help);
            }
            return match Percent::parse(text) {
                Ok(percent) => self.share(percent, literal.span),
                Err(error) => self.wrong(literal.span, error.to_string(), "write it as 5%"),
            };
        }
        if is_truth_value(text) {
            let switch = [Shape::Bool, Shape::Rounded(Rounding::Switch)].contains(&self.shape());
            if switch && literal.plain && (text == "true" || text == "false") {
                return Some(Amount::plain(i128::from(text == "true")));
            }
            let message = format!("{text:?} is a truth value where a number belongs");
            let help = truth_value_help(text, switch, self.limits().as_ref());
            return self.wrong(literal.span, message, help);
        }
        if is_boundless(text) {
            let message = format!("{text:?} is not a whole number");
            return self.wrong(literal.span, message, boundless_help(self.limits().as_ref()));
        }
        if let Some(number) = kernel_number(text) {
            if let Some(decimal) = octal(text) {
                let message = format!("{text} is octal for the kernel: {number}");
                let help = if decimal == number.to_string() {
                    format!("write {number}")
                } else {
                    format!("write {number}, or {decimal} if decimal was meant")
                };
                self.problems.push(Diagnostic::warning(literal.span, message).help(help));
            }
            return Some(self.counted(number));
        }
        match Size::parse(text) {
            Ok(Some(size)) => self.size(size, literal),
            Err(QuantityError::Ambiguous { instead, .. }) if self.memory_unit().is_some() => {
                let help = format!("write {instead}");
                self.wrong(
                    literal.span,
                    format!("{text:?} does not say whether it counts in 1000s or 1024s"),
                    help,
                )
            }
            Err(error @ QuantityError::Misspelt { .. }) if self.memory_unit().is_some() => {
                let QuantityError::Misspelt { instead, .. } = &error else { return None };
                self.wrong(literal.span, error.to_string(), format!("write {instead}"))
            }
            Err(QuantityError::TooLarge(_)) => self.too_large(literal),
            Err(QuantityError::UnknownUnit(unit))
                if self.memory_unit().is_some()
                    && unit.chars().all(|c| c.is_ascii_alphabetic()) =>
            {
                let message = format!("{unit:?} is not a unit of memory");
                self.wrong(literal.span, message, "the units are B, KiB, MiB, GiB and TiB")
            }
            Ok(None) if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() => {
                let decimal = text.trim_start_matches('0');
                if decimal.len() == text.len() || !decimal.contains(['8', '9']) {
                    return self.too_large(literal);
                }
                let message = format!(
                    "{text:?} is no number to the kernel: with a leading 0 it is octal, which has \
                     no 8 and no 9"
                );
                self.wrong(literal.span, message, format!("write {decimal}"))
            }
            Ok(None) | Err(_) => {
                let help = number_help(text);
                self.wrong(literal.span, format!("{text:?} is not a whole number"), help)
            }
        }
    }

    /// What the kernel takes of a single number.
    fn limits(&self) -> Option<Range> {
        self.limits_at(0).filter(|_| self.shape().is_single_number())
    }

    /// The unit and the bytes in one, where the key measures memory.
    pub(super) fn memory_unit(&self) -> Option<(Unit, u64)> {
        let unit = self.known?.unit();
        let bytes = unit.bytes(self.facts.page_bytes, self.facts.huge_page_bytes)?;
        // Where the entry counts there may well be huge pages.
        let bytes = if bytes == 0 && !self.here { USUAL_HUGE_PAGE } else { bytes };
        (bytes > 0).then_some((unit, bytes))
    }

    pub(super) fn too_large<T>(&mut self, literal: &Literal) -> Option<T> {
        let message = format!("{:?} is larger than 64 bits can hold", literal.text);
        self.wrong(literal.span, message, format!("the greatest number is {}", u64::MAX))
    }

    /// A number, told with what it counts.
    pub(super) fn counted(&self, number: i128) -> Amount {
        let unit = self.memory_unit().map(|(unit, _)| unit);
        Amount { number, from_ram: false, told: Told::Unit(unit) }
    }

    pub(super) fn size(&mut self, size: Size, literal: &Literal) -> Option<Amount> {
        let Some((unit, bytes)) = self.memory_unit() else {
            let message = match self.known {
                Some(_) => {
                    format!("{} is not an amount of memory, so it takes no size", self.name())
                }
                None => format!("the unit of {} is not known, so it takes no size", self.name()),
            };
            return self.wrong(literal.span, message, "write a plain number");
        };
        // Pages have another size elsewhere.
        let of_this_host = matches!(unit, Unit::Pages | Unit::HugePages);
        if !size.bytes.is_multiple_of(bytes) && (self.here || !of_this_host) {
            let message = format!("{size} is not a whole number of {}", unit_name(unit, bytes));
            let below = Size { bytes: size.bytes / bytes * bytes };
            return self.wrong(literal.span, message, format!("the next smaller one is {below}"));
        }
        Some(self.counted(i128::from(size.bytes / bytes)))
    }

    pub(super) fn share(&mut self, percent: Percent, span: Span) -> Option<Amount> {
        let Some((unit, bytes)) = self.memory_unit() else {
            let message = match self.known {
                Some(_) => format!("{} is not an amount of memory", self.name()),
                None => format!("the unit of {} is not known", self.name()),
            };
            return self.wrong(
                span,
                message,
                "a percentage of RAM fits keys that count memory; write a number",
            );
        };
        let total = self.facts.mem_total_kb;
        let number = percent.of(total.saturating_mul(1024)) / bytes;
        let symbol = unit.symbol();
        let told = Told::Arithmetic(format!("{percent} of {total} kB = {number} {symbol}"));
        Some(Amount { number: i128::from(number), from_ram: true, told })
    }
}

/// What a number with a leading 0 would be in decimal; `None` of one that is not octal.
fn octal(text: &str) -> Option<String> {
    let (sign, digits) = text.split_at(text.len() - text.trim_start_matches('-').len());
    let behind = digits.strip_prefix('0').filter(|rest| !rest.is_empty())?;
    let number = behind.trim_start_matches('0');
    let number = if number.is_empty() { "0" } else { number };
    let sign = if number == "0" { "" } else { sign };
    (!behind.starts_with(['x', 'X'])).then(|| format!("{sign}{number}"))
}

fn unit_name(unit: Unit, bytes: u64) -> String {
    match unit {
        Unit::Pages => format!("pages of {} kB", bytes / 1024),
        Unit::HugePages => format!("huge pages of {} kB", bytes / 1024),
        other => other.symbol().to_owned(),
    }
}
