//! Texts that people take for numbers, and what to write instead of each.

use std::fmt::Write as _;

use crate::catalogue::Range;
use crate::value::kernel_number;

/// Whether YAML, or a person, would read a truth value.
pub fn is_truth_value(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// What to write instead of a truth value. Where a parameter is more than a switch it is not known
/// which of its numbers is meant.
pub fn truth_value_help(text: &str, switch: bool, limits: Option<&Range>) -> String {
    if switch || limits.is_some_and(is_switch) {
        let on = ["on", "yes", "true", "y"].iter().any(|word| word.eq_ignore_ascii_case(text));
        return format!("write {}", i32::from(on));
    }
    limits.map_or_else(|| "write a number".to_owned(), within)
}

/// Whether a text asks for no limit at all, which no number of the kernel's means.
pub fn is_boundless(text: &str) -> bool {
    let words = ["unlimited", "infinity", "infinite", "inf", "max", "maximum"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// What to write instead of no limit.
pub fn boundless_help(limits: Option<&Range>) -> String {
    let mut help = "write the number that you want".to_owned();
    if let Some(range) = limits {
        let _ = write!(help, "; the most that {} is {}", takes(range), range.max);
    }
    help
}

/// What to write instead of a number that the kernel does not take. Below its range the nearest
/// one is none to suggest: who writes -1 wants no limit, and a limit of 0 stops the host.
pub fn out_of_range_help(number: i128, range: &Range) -> String {
    if number > range.max {
        return format!("the nearest value that {} is {}", takes(range), range.max);
    }
    if is_switch(range) {
        return "write 0 or 1".to_owned();
    }
    if number < 0 && range.min >= 0 { boundless_help(Some(range)) } else { within(range) }
}

fn takes(range: &Range) -> &'static str {
    if range.outer { "a kernel may take" } else { "the kernel takes" }
}

fn is_switch(range: &Range) -> bool {
    (range.min, range.max) == (0, 1)
}

fn within(range: &Range) -> String {
    format!("write a number from {} to {}", range.min, range.max)
}

/// What to write instead of a text that people take for a number.
pub fn number_help(text: &str) -> String {
    if let Some(octal) = text.strip_prefix("0o").and_then(|o| u64::from_str_radix(o, 8).ok()) {
        return format!("write {octal}");
    }
    if let Some(rest) = text.strip_prefix('+').filter(|r| kernel_number(r).is_some()) {
        return format!("write {rest}: the kernel refuses a `+`");
    }
    if let Some((number, _)) =
        text.split_once(['#', ';']).filter(|(n, _)| kernel_number(n.trim()).is_some())
    {
        return format!("write {}, and the comment behind it without quotes", number.trim());
    }
    if let Some(plain) = ungrouped(text) {
        return format!("write {plain}");
    }
    if let Some(number) = text.split(' ').next().filter(|n| kernel_number(n).is_some()) {
        return format!("write {number}: the kernel would ignore what follows");
    }
    match text.parse::<f64>() {
        Ok(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("write {float:.0}"),
        Ok(float) if float.is_finite() => "the kernel takes whole numbers only".to_owned(),
        _ => "write decimal digits, or hexadecimal ones behind 0x".to_owned(),
    }
}

/// Two numbers with a dash between them, as people write a range, in the kernel's way.
pub fn dashed(text: &str) -> Option<String> {
    let (first, last) = text.split_once('-')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (number(first) && number(last)).then(|| format!("{first} {last}"))
}

/// A number without the marks that divide its thousands. What is not grouped in threes may be a
/// list of numbers, and joined it would be quite another one.
fn ungrouped(text: &str) -> Option<String> {
    let mark = text.chars().find(|c| matches!(c, '_' | ',' | '\'' | ' '))?;
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let threes = (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3);
    let plain: String = text.chars().filter(|c| *c != mark).collect();
    let digits = plain.bytes().all(|b| b.is_ascii_digit()) && kernel_number(&plain).is_some();
    ((threes || mark == '_') && digits).then_some(plain)
}
