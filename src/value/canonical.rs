//! The kernel's own canonical form of a value, and equality in it.

use std::fmt::Write as _;
use std::iter::repeat_n;
use std::net::Ipv6Addr;

use super::Shape;

/// A value in the form in which the kernel keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical {
    /// Numbers in order; fewer than the parameter has leave the others as they are.
    Numbers(Vec<i128>),
    /// Sorted, disjoint, non-adjacent ranges, both ends included.
    Ranges(Vec<(u64, u64)>),
    /// Text with blanks normalised as the shape demands.
    Text(String),
    /// Words in alphabetical order.
    Words(Vec<String>),
    /// An address.
    Address(Ipv6Addr),
}

/// A text that the kernel would refuse for this shape (EINVAL).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    /// A field is not a number as the kernel reads one.
    #[error("{0:?} is not a whole number")]
    NotANumber(String),
    /// Commas between numbers: the kernel refuses them (only bitmaps have them).
    #[error("{0:?}: the kernel divides numbers by blanks, not by commas")]
    Commas(String),
    /// No value at all.
    #[error("the value is empty")]
    Empty,
    /// Not a list such as `8080,9000-9002`.
    #[error("{0:?} is not a list of numbers and ranges")]
    NotABitmap(String),
    /// Not an IPv6 address.
    #[error("{0:?} is not an IPv6 address")]
    NotAnAddress(String),
    /// Not one or two keys in hexadecimal; a secret, so it is not shown.
    #[error("it is no key of four groups")]
    NotAKey,
    /// Not a mask of processors.
    #[error("{0:?} is not a mask of processors")]
    NotAMask(String),
}

/// Of a longer one the kernel cannot tell where it ends, and refuses it.
const LONGEST_NUMBER: usize = 20;

/// The fields of a text as the kernel divides it: any blank may stand before a number, but behind it
/// a space, a tab or a newline. Another one belongs to the field, which then is no number.
pub fn fields(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| matches!(c, ' ' | '\t'..='\r'));
        let end = rest.find([' ', '\t', '\n']).unwrap_or(rest.len());
        let (field, behind) = rest.split_at(end);
        rest = behind;
        (!field.is_empty()).then_some(field)
    })
}

/// Reads one number as the kernel does: an optional `-`, then decimal, `0x` hexadecimal or
/// octal with a leading `0`. `+`, fractions, units and trailing text are refused (case E9).
pub fn kernel_number(token: &str) -> Option<i128> {
    if token.len() > LONGEST_NUMBER {
        return None;
    }
    let (negative, digits) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let magnitude = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        parse_radix(hex, 16)?
    } else if digits.len() > 1 && digits.starts_with('0') {
        parse_radix(&digits[1..], 8)?
    } else {
        parse_radix(digits, 10)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn parse_radix(digits: &str, radix: u32) -> Option<i128> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(i128::from)
}

/// The canonical form of `text` for a parameter of that shape.
///
/// Reads what the kernel would accept on a write, so also values from files: fields beyond the
/// parameter's own count are dropped, as the kernel drops them (cases E8 and E9).
///
/// # Errors
/// [`NotAValue`] where the kernel would refuse the text.
pub fn canonical(shape: Shape, text: &str) -> Result<Canonical, NotAValue> {
    match shape {
        Shape::Number | Shape::Bool | Shape::Rounded(_) => numbers(text, 1),
        Shape::Numbers(n) => numbers(text, usize::from(n)),
        Shape::Bitmap => bitmap(text),
        Shape::CpuMask => mask(text),
        Shape::HexGroups => hex_groups(text),
        Shape::Words | Shape::Names => {
            let mut words: Vec<String> = set_of(shape, text).map(str::to_owned).collect();
            words.sort_unstable();
            words.dedup();
            Ok(Canonical::Words(words))
        }
        Shape::Text(most) => Ok(Canonical::Text(kept(text, most).to_owned())),
        Shape::Ipv6 => match text.trim().parse() {
            Ok(address) => Ok(Canonical::Address(address)),
            Err(_) => Err(NotAValue::NotAnAddress(text.trim().to_owned())),
        },
        Shape::Unknown => Ok(Canonical::Text(normalised(text))),
    }
}

/// The words of a set.
pub(super) fn set_of(shape: Shape, text: &str) -> impl Iterator<Item = &str> + Clone {
    let divides = move |c: char| match shape {
        Shape::Names => c == ',' || c == '\n',
        _ => c.is_whitespace(),
    };
    text.trim().split(divides).filter(|word| !word.is_empty())
}

/// What a parameter that reads `before` reads once `written` is written to it: fewer numbers than it
/// has change the leading ones alone (case E8).
pub fn completed(shape: Shape, before: &str, written: &str) -> String {
    let rest = before.split_whitespace().skip(written.split_whitespace().count());
    let whole = written.split_whitespace().chain(rest).collect::<Vec<_>>().join(" ");
    if agrees(shape, written, &whole) { whole } else { written.to_owned() }
}

/// Whether a parameter that reads `live` already holds what `wanted` asks for.
///
/// Fewer numbers than the parameter has ask for those alone, since a write of them would change
/// no others (case E8).
pub fn agrees(shape: Shape, wanted: &str, live: &str) -> bool {
    if wanted == live {
        return true;
    }
    if matches!(shape, Shape::Number | Shape::Bool) && is_plain(wanted) && is_plain(live) {
        return false;
    }
    let (Ok(want), Ok(have)) = (canonical(shape, wanted), canonical(shape, live)) else {
        return wanted.trim() == live.trim();
    };
    match (&want, &have) {
        (Canonical::Numbers(w), Canonical::Numbers(h)) => match shape {
            Shape::Rounded(rounding) => {
                w.first().zip(h.first()).is_some_and(|(w, h)| rounding.keeps(*w, *h))
            }
            _ => h.starts_with(w),
        },
        (Canonical::Text(w), Canonical::Text(h)) if shape == Shape::Unknown => words_agree(w, h),
        _ => want == have,
    }
}

/// Whether a text is a number that has no other spelling as short, as nearly all are.
fn is_plain(text: &str) -> bool {
    let digits = text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit());
    digits && (!text.starts_with('0') || text == "0") && !text.is_empty()
}

fn numbers(text: &str, count: usize) -> Result<Canonical, NotAValue> {
    let mut found = Vec::with_capacity(count);
    for token in fields(text).take(count) {
        match kernel_number(token) {
            Some(n) => found.push(n),
            None if token.contains(',') => return Err(NotAValue::Commas(text.trim().to_owned())),
            None => return Err(NotAValue::NotANumber(token.to_owned())),
        }
    }
    if found.is_empty() { Err(NotAValue::Empty) } else { Ok(Canonical::Numbers(found)) }
}

/// What the kernel keeps of a text: so many bytes. What is left of a character that it cuts is left
/// out.
pub(super) fn kept(text: &str, most: u16) -> &str {
    let text = text.trim();
    let most = usize::from(most).min(text.len());
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A number in a list such as `8080,9000-9002`: as any other, but never negative.
pub(super) fn bitmap_number(text: &str) -> Option<u64> {
    kernel_number(text).filter(|_| !text.starts_with('-')).and_then(|n| n.try_into().ok())
}

/// The items of a list: one comma may stand behind the last, and none in another's place.
pub(super) fn list_items(text: &str) -> std::str::Split<'_, char> {
    let text = text.trim();
    let mut items = text.strip_suffix(',').unwrap_or(text).split(',');
    if text.is_empty() {
        items.next();
    }
    items
}

fn bitmap(text: &str) -> Result<Canonical, NotAValue> {
    let wrong = || NotAValue::NotABitmap(text.trim().to_owned());
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for item in list_items(text) {
        let (low, high) = item.split_once('-').unwrap_or((item, item));
        let low = bitmap_number(low).ok_or_else(wrong)?;
        let high = bitmap_number(high).ok_or_else(wrong)?;
        if low > high {
            return Err(wrong());
        }
        ranges.push((low, high));
    }
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    Ok(Canonical::Ranges(merged))
}

fn mask(text: &str) -> Result<Canonical, NotAValue> {
    let digits = mask_digits(text).ok_or_else(|| NotAValue::NotAMask(text.trim().to_owned()))?;
    let short: String = digits.collect();
    Ok(Canonical::Text(if short.is_empty() { "0".into() } else { short }))
}

/// The digits of a mask without leading zeros; `None` where it is none. It has groups of 32 bits,
/// the highest first, each of which may leave its own leading zeros out: `1,2` is the bits 32 and 1.
pub(super) fn mask_digits(text: &str) -> Option<impl Iterator<Item = char>> {
    let groups = || text.split([',', ' ', '\t', '\n']).filter(|group| !group.is_empty());
    let is_group = |group: &str| group.len() <= 8 && group.bytes().all(|b| b.is_ascii_hexdigit());
    if groups().next().is_none() || !groups().all(is_group) {
        return None;
    }
    let padded = groups().flat_map(|group| repeat_n('0', 8 - group.len()).chain(group.chars()));
    Some(padded.skip_while(|c| *c == '0').map(|c| c.to_ascii_lowercase()))
}

/// One or two keys of four groups each, as 1-2-3-4,5-6-7-8, which the kernel reads with sscanf(3):
/// leading zeros mean nothing, and neither does what follows the fourth group.
fn hex_groups(text: &str) -> Result<Canonical, NotAValue> {
    let mut canonical = String::with_capacity(text.len());
    // The kernel reads no further than the second one.
    for (at, key) in text.trim().split(',').take(2).enumerate() {
        let groups = key_groups(key).ok_or(NotAValue::NotAKey)?;
        let comma = if at > 0 { "," } else { "" };
        let [a, b, c, d] = groups;
        let _ = write!(canonical, "{comma}{a:08x}-{b:08x}-{c:08x}-{d:08x}");
    }
    Ok(Canonical::Text(canonical))
}

/// What `%x-%x-%x-%x` reads, in 32 bits each.
pub(super) fn key_groups(key: &str) -> Option<[u32; 4]> {
    let mut rest = key;
    let mut groups = [0; 4];
    for (at, group) in groups.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('-')?;
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix("0x").or(rest.strip_prefix("0X")).unwrap_or(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        // Of a longer number the last ones are kept.
        let (number, behind) = rest.split_at(digits);
        *group = u32::from_str_radix(&number[digits.saturating_sub(8)..], 16).ok()?;
        rest = behind;
    }
    Some(groups)
}

fn normalised(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Word by word, where fewer numbers than there are ask for the leading ones; a number that is
/// written in hexadecimal or octal equals the decimal that the kernel prints for it, and a list
/// of numbers the same set in ranges.
fn words_agree(wanted: &str, live: &str) -> bool {
    let same = |w: &str, l: &str| {
        w == l
            || kernel_number(l).is_some_and(|n| n.to_string() == l && kernel_number(w) == Some(n))
            // A list of numbers and ranges, which the kernel prints with ranges merged.
            || (l.contains(['-', ',']) && bitmap(l).is_ok_and(|have| bitmap(w) == Ok(have)))
    };
    let number = |word: &str| kernel_number(word).is_some();
    let numbers = !wanted.is_empty() && wanted.split(' ').chain(live.split(' ')).all(number);
    let (mut wanted, mut live) = (wanted.split(' '), live.split(' '));
    loop {
        match (wanted.next(), live.next()) {
            (None, None) => return true,
            // The leading ones of several numbers: a write of them leaves the others (case E8).
            (None, Some(_)) if numbers => return true,
            (Some(w), Some(l)) if same(w, l) => {}
            _ => return false,
        }
    }
}
