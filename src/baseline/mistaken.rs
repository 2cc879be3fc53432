//! Texts that people take for numbers, and what to write instead of each.

use crate::value::kernel_number;

/// Whether YAML, or a person, would read a truth value.
pub fn is_truth_value(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
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
