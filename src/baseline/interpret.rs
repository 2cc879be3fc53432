//! Turns what was written for one parameter into what is required of it on one host.

use crate::catalogue::{self, Kind, Parameter, Range};
use crate::diagnostic::{Diagnostic, Span};
use crate::key::{Key, Selector};
use crate::observed::{Facts, Release, breaks_line};
use crate::value::{Canonical, NotAValue, Shape, Size, Unit, canonical};

use super::amount::Amount;
use super::desired::Requirement;
use super::mistaken::{dashed, is_truth_value, out_of_range_help};
use super::schema::{Literal, Target, Wish};
use super::special::As;

/// A requirement with how it came about.
#[derive(Clone, Debug)]
pub struct Interpreted {
    /// What is required.
    pub requirement: Requirement,
    /// The arithmetic, where the number was made from the host's memory, or clamped.
    pub arithmetic: Option<String>,
    /// Whether another amount of memory would lead to another number.
    pub from_ram: bool,
}

impl Interpreted {
    /// A value as it was written.
    fn plain(text: String) -> Self {
        Self { requirement: Requirement::Exact(text), arithmetic: None, from_ram: false }
    }
}

/// What an entry is judged with.
pub struct Interpreter<'a> {
    /// The entry's key or pattern, for messages.
    pub selector: &'a Selector,
    /// Of a pattern, the parameter that it is judged for, where it is one of its matches.
    pub matched: Option<&'a Key>,
    /// What the catalogue knows of it.
    pub known: Option<Parameter>,
    /// The host.
    pub facts: &'a Facts,
    /// Whether the entry counts on this host; one that does not is judged for any host.
    pub here: bool,
    /// Where problems go.
    pub problems: &'a mut Vec<Diagnostic>,
}

impl Interpreter<'_> {
    pub(super) fn wrong<T>(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        let help = help.into();
        let problem = Diagnostic::error(span, message);
        self.problems.push(if help.is_empty() { problem } else { problem.help(help) });
        None
    }

    /// Of a pattern whose matches may be parameters of several kinds, the match that is judged.
    fn one_match(&self) -> Option<&Key> {
        let Selector::Pattern(pattern) = self.selector else { return None };
        self.matched.filter(|_| catalogue::of_pattern(pattern).is_none())
    }

    /// What is spoken of.
    pub(super) fn name(&self) -> String {
        self.one_match().map_or_else(|| self.selector.to_string(), ToString::to_string)
    }

    pub(super) fn shape(&self) -> Shape {
        self.known.map_or(Shape::Unknown, Parameter::shape)
    }

    /// The requirement of an entry; `None` when it leaves the key alone or is wrong.
    pub fn interpret(&mut self, span: Span, wish: &Wish, action: bool) -> Option<Interpreted> {
        let Wish::Hold { target, at_least, at_most } = wish else { return None };
        self.check_kind(span, action)?;
        let bounded = at_least.is_some() || at_most.is_some();
        let single = self.shape().is_single_number() || self.shape() == Shape::Unknown;
        if bounded && (!single || matches!(target, Some(Target::Many(_)))) {
            let message = format!("{} is not one number, so it has no bounds", self.name());
            return self.wrong(span, message, "give the whole value");
        }
        // All that is wrong with any of them is told, so each is read before one ends it.
        let [least, most] = [(at_least, "at_least"), (at_most, "at_most")]
            .map(|(bound, field)| bound.as_ref().map(|literal| self.amount(literal, field)));
        let amount = match target {
            Some(Target::PercentOfRam(percent)) => {
                Some((percent.span, self.share(percent.value, percent.span)))
            }
            Some(Target::One(literal)) if bounded => {
                Some((literal.span, self.amount(literal, "value")))
            }
            _ => None,
        };
        let [mut least, most] =
            [least.map_or(Some(None), |l| l.map(Some))?, most.map_or(Some(None), |m| m.map(Some))?];
        if let (Some(l), Some(m)) = (&least, &most)
            && l.number > m.number
        {
            let at = at_least.as_ref().map_or(span, |l| l.span);
            if !l.from_ram && !m.from_ram {
                let message = format!("at_least {} is above at_most {}", l.number, m.number);
                return self.wrong(at, message, "exchange them, or drop one");
            }
            // A target's arithmetic tells of both.
            if target.is_none() {
                let message =
                    format!("on this host at_least {l} is above at_most {m}; at_most counts");
                if self.here {
                    self.problems.push(Diagnostic::warning(at, message));
                }
                // As near to what is asked as the host allows.
                least = Some(Amount { number: m.number, from_ram: false, told: m.told.clone() });
            }
        }
        if let Some((span, amount)) = amount {
            return self.clamped(span, &amount?, least.as_ref(), most.as_ref());
        }
        match target {
            None => {
                let bounds = [(&least, at_least, As::AtLeast), (&most, at_most, As::AtMost)];
                let fit = bounds.map(|(bound, literal, place)| {
                    let (Some(amount), Some(literal)) = (bound, literal) else { return Some(()) };
                    self.check_special(literal.span, amount.number, place)?;
                    self.check_range(literal.span, amount.number, amount.from_ram)
                });
                let [Some(()), Some(())] = fit else { return None };
                let [least_number, most_number] =
                    [&least, &most].map(|a| a.as_ref().map(|a| a.number));
                let arithmetic: Vec<String> = [least, most]
                    .into_iter()
                    .flatten()
                    .filter(|a| a.from_ram)
                    .map(|a| a.to_string())
                    .collect();
                let arithmetic = (!arithmetic.is_empty()).then(|| arithmetic.join("; "));
                let requirement = Requirement::Within {
                    at_least: least_number,
                    at_most: most_number,
                    special: self.special(),
                };
                let from_ram = arithmetic.is_some();
                Some(Interpreted { requirement, arithmetic, from_ram })
            }
            Some(Target::One(literal)) => {
                let text = self.one(literal)?;
                Some(Interpreted::plain(text))
            }
            Some(Target::Many(literals)) => {
                let text = self.many(span, literals)?;
                Some(Interpreted::plain(text))
            }
            Some(Target::PercentOfRam(_)) => None,
        }
    }

    fn check_kind(&mut self, span: Span, action: bool) -> Option<()> {
        let Some(known) = self.known else { return Some(()) };
        let (what, help) = match (known.kind(), action) {
            (Kind::Action, false) => (
                "is an action, not a setting: it holds no value",
                "move it below `actions:`; it is run on request only",
            ),
            (Kind::Action, true) => return Some(()),
            (_, true) => ("is a setting, not an action", "move it below `parameters:`"),
            (Kind::Counter, false) => {
                ("is read-only: the kernel reports there and holds no value", "remove it")
            }
            _ => return Some(()),
        };
        let exclude = self.one_match().map(|key| format!("leave it out: `exclude: [{key}]`"));
        let help = exclude.unwrap_or_else(|| help.to_owned());
        self.wrong(span, format!("{} {what}", self.name()), help)
    }

    /// A single value that is not clamped: a number, or whatever the shape takes.
    fn one(&mut self, literal: &Literal) -> Option<String> {
        match self.shape() {
            Shape::Number | Shape::Bool | Shape::Rounded(_) => {
                let amount = self.amount(literal, "value")?;
                self.check_special(literal.span, amount.number, As::Value)?;
                self.check_range(literal.span, amount.number, amount.from_ram)?;
                Some(amount.number.to_string())
            }
            Shape::Numbers(_) if literal.text.contains(',') => {
                let error = NotAValue::Commas(literal.text.clone().into_owned());
                let divides = |c: char| c == ',' || c.is_whitespace();
                let parts: Vec<&str> =
                    literal.text.split(divides).filter(|part| !part.is_empty()).collect();
                let help = format!("write [{}]", parts.join(", "));
                self.wrong(literal.span, error.to_string(), help)
            }
            Shape::Numbers(_) => {
                let parts: Vec<Literal> = literal
                    .text
                    .split_whitespace()
                    .map(|text| Literal { text: text.to_owned().into(), ..literal.clone() })
                    .collect();
                self.many(literal.span, &parts)
            }
            Shape::Bitmap => match canonical(Shape::Bitmap, &literal.text) {
                Ok(Canonical::Ranges(ranges)) => {
                    let ends = ranges.first().zip(ranges.last());
                    let fit = ends.is_none_or(|(first, last)| {
                        let fits = [first.0, last.1].map(|number| {
                            self.check_range(literal.span, number.into(), false).is_some()
                        });
                        fits == [true; 2]
                    });
                    let text = fit.then(|| render_ranges(&ranges))?;
                    // The kernel stops there, in the middle of the list (E55 is the same of numbers).
                    let most = self.facts.page_bytes.saturating_sub(2);
                    if text.len() as u64 > most {
                        let message = format!(
                            "{} has {} bytes, and the kernel takes {most} in one write",
                            self.name(),
                            text.len()
                        );
                        return self.wrong(literal.span, message, "write longer ranges, or fewer");
                    }
                    Some(text)
                }
                Ok(_) => None,
                Err(error) => self.refused(literal, &error),
            },
            Shape::Text(max) => {
                let text = self.line(literal)?;
                if text.len() > usize::from(max) {
                    let message =
                        format!("{} keeps {max} bytes, this has {}", self.name(), text.len());
                    return self.wrong(literal.span, message, "shorten it");
                }
                Some(text)
            }
            Shape::Unknown => self.unknown(literal),
            Shape::Names => Some(names(&self.line(literal)?)),
            shape @ (Shape::CpuMask | Shape::Words | Shape::Ipv6 | Shape::HexGroups) => {
                let text = self.line(literal)?;
                match canonical(shape, &text) {
                    Ok(_) => Some(text),
                    Err(error) => self.refused(literal, &error),
                }
            }
        }
    }

    fn unknown(&mut self, literal: &Literal) -> Option<String> {
        if literal.plain && is_truth_value(&literal.text) {
            let message = format!("{:?} reads as a truth value", literal.text);
            return self.wrong(
                literal.span,
                message,
                "write 1 or 0, or quote it if the kernel wants the word",
            );
        }
        if matches!(Size::parse(&literal.text), Ok(Some(_))) && literal.plain {
            let message = format!("the unit of {} is not known, so it takes no size", self.name());
            return self.wrong(literal.span, message, "write the number that the kernel wants");
        }
        self.line(literal)
    }

    /// Text that fits one line of a file and survives being read back from it.
    fn line(&mut self, literal: &Literal) -> Option<String> {
        let text = &literal.text;
        if text.contains(['\n', '\r']) {
            return self.wrong(literal.span, "a value is one line", "remove the line break");
        }
        if let Some(c) = text.chars().find(|c| breaks_line(*c)) {
            let message =
                format!("a value cannot contain the control character U+{:04X}", u32::from(c));
            return self.wrong(literal.span, message, "remove it");
        }
        if text.len() > 4095 {
            let message = format!("a value has at most 4095 bytes, this has {}", text.len());
            return self.wrong(literal.span, message, "shorten it");
        }
        if text.trim() != text {
            let help = "remove the blanks: no sysctl.d file can keep them";
            return self.wrong(literal.span, "a value cannot begin or end with a blank", help);
        }
        Some(text.clone().into_owned())
    }

    fn refused(&mut self, literal: &Literal, error: &NotAValue) -> Option<String> {
        let help = match error {
            NotAValue::NotABitmap(_) => "write numbers and ranges, as 8080,9000-9002",
            NotAValue::NotAnAddress(_) => "write it as 2001:db8::1",
            NotAValue::NotAMask(_) => {
                "write groups of at most 8 hexadecimal digits, the highest first, as 3 or 1,00000000"
            }
            NotAValue::NotAKey => "write four groups of hexadecimal digits, as 1-2-3-4",
            _ => "",
        };
        self.wrong(literal.span, format!("{}: {error}", self.name()), help)
    }

    fn many(&mut self, span: Span, literals: &[Literal]) -> Option<String> {
        match self.shape() {
            Shape::Numbers(count) => {
                if count > 1
                    && let [Literal { text, span, .. }] = literals
                    && let Some(instead) = dashed(text)
                {
                    let message =
                        format!("{text:?}: the kernel divides numbers by blanks, not by a dash");
                    return self.wrong(*span, message, format!("write {instead}"));
                }
                if literals.len() > usize::from(count) || literals.is_empty() {
                    let message = format!(
                        "{} has {count} numbers, {} are given",
                        self.name(),
                        literals.len()
                    );
                    let help = if literals.is_empty() {
                        "write the numbers, or `null` to leave the key alone"
                    } else {
                        "the kernel would drop the ones behind without a word"
                    };
                    self.wrong::<()>(span, message, help);
                }
                let mut numbers = Vec::with_capacity(literals.len());
                for (place, literal) in literals.iter().enumerate() {
                    let Some(Amount { number, from_ram, .. }) = self.amount(literal, "value")
                    else {
                        continue;
                    };
                    if self.check_range_at(place, literal.span, number, from_ram).is_some() {
                        numbers.push(number);
                    }
                }
                // Each that is missing has been told of.
                if numbers.len() < literals.len()
                    || !(1..=usize::from(count)).contains(&numbers.len())
                {
                    return None;
                }
                self.check_ascent(span, &numbers)?;
                let numbers: Vec<String> = numbers.iter().map(i128::to_string).collect();
                Some(numbers.join(" "))
            }
            Shape::Unknown | Shape::Words => {
                let words: Option<Vec<String>> = literals.iter().map(|l| self.unknown(l)).collect();
                Some(words?.join(" "))
            }
            Shape::Names => {
                let lines: Option<Vec<String>> = literals.iter().map(|l| self.line(l)).collect();
                Some(names(&lines?.join(",")))
            }
            Shape::Bitmap => {
                let text: Vec<&str> = literals.iter().map(|l| &*l.text).collect();
                self.one(&Literal { text: text.join(",").into(), plain: true, span })
            }
            _ => {
                let message = format!("{} takes one value, not a list", self.name());
                self.wrong(span, message, "write the value without brackets")
            }
        }
    }

    /// First and last of a range: the kernel refuses one that goes down (case E19), or makes of it
    /// the one that holds nothing.
    fn check_ascent(&mut self, span: Span, numbers: &[i128]) -> Option<()> {
        let (&[first, last], Some(known)) = (numbers, self.known) else { return Some(()) };
        let help = match known.key() {
            "net/ipv4/ip_local_port_range" => "write the lower port first",
            "net/ipv4/ping_group_range" if numbers != [1, 0] => {
                "write the lower group first, or [1, 0] for no group at all"
            }
            _ => return Some(()),
        };
        if first <= last {
            return Some(());
        }
        self.wrong(span, format!("{first} to {last} is no range: it goes down"), help)
    }

    fn clamped(
        &mut self,
        span: Span,
        amount: &Amount,
        least: Option<&Amount>,
        most: Option<&Amount>,
    ) -> Option<Interpreted> {
        let mut number = amount.number;
        let mut told = amount.to_string();
        if let Some(least) = least.filter(|l| self.beside_bounds(number) < l.number) {
            number = least.number;
            told = format!("{told}, raised to at_least {least}");
        }
        if let Some(most) = most.filter(|m| self.beside_bounds(number) > m.number) {
            number = most.number;
            told = format!("{told}, lowered to at_most {most}");
        }
        let from_ram = amount.from_ram
            || least.is_some_and(|l| l.from_ram)
            || most.is_some_and(|m| m.from_ram);
        self.check_special(span, number, As::Value)?;
        self.check_range(span, number, from_ram)?;
        Some(Interpreted {
            requirement: Requirement::Exact(number.to_string()),
            arithmetic: (from_ram || number != amount.number).then_some(told),
            from_ram,
        })
    }

    /// What the kernel takes at that place of several, as far as it is known.
    pub(super) fn limits_at(&self, place: usize) -> Option<Range> {
        let known = self.known?;
        if self.here {
            return known.limits_at(place, self.facts.kernel);
        }
        known.widest_range().or_else(|| known.time_limits())
    }

    fn check_range(&mut self, span: Span, number: i128, from_ram: bool) -> Option<()> {
        self.check_range_at(0, span, number, from_ram)
    }

    fn check_range_at(
        &mut self,
        place: usize,
        span: Span,
        number: i128,
        from_ram: bool,
    ) -> Option<()> {
        let Some(known) = self.known else { return Some(()) };
        // With another host's memory it may be another number.
        let range = self.limits_at(place).filter(|_| self.here || !from_ram);
        let Some(range) = range.filter(|range| !range.contains(number)) else { return Some(()) };
        let kernel = match self.facts.kernel {
            Release { major, minor, .. } if self.here => format!("kernel {major}.{minor}"),
            _ => "any kernel".to_owned(),
        };
        if self.here && known.may_take(place, number, self.facts.kernel) {
            let (selector, min, max) = (&self.selector, range.min, range.max);
            let message = format!(
                "{number} may be out of range: {selector} takes {min} to {max} on {kernel} as it was \
                 released, more on later ones"
            );
            let help = "where this kernel has it from a later one it takes it, else it refuses it";
            self.problems.push(Diagnostic::warning(span, message).help(help));
            return Some(());
        }
        let takes = if range.outer { "takes nothing outside" } else { "takes" };
        let message = format!(
            "{number} is out of range: {} {takes} {} to {} on {kernel}",
            self.name(),
            range.min,
            range.max
        );
        if known.unit() == Unit::Seconds && range.outer && number > range.max {
            let most = range.max / 10;
            let help = format!("it is kept in clock ticks: with 1000 a second {most} is the most");
            return self.wrong(span, message, help);
        }
        self.wrong(span, message, out_of_range_help(number, &range))
    }
}

/// Names as the kernel divides them: it takes a blank for a part of a name.
fn names(text: &str) -> String {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(",")
}

fn render_ranges(ranges: &[(u64, u64)]) -> String {
    let parts: Vec<String> = ranges
        .iter()
        .map(|(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") })
        .collect();
    parts.join(",")
}
