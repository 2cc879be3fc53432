//! A value that a parameter is compared with again and again: as `agrees` does, without allocating.

use std::net::Ipv6Addr;
use std::str::SplitWhitespace;

use super::Shape;
use super::canonical::{
    Canonical, agrees, bitmap_number, canonical, kept, kernel_number, key_groups, list_items,
    mask_digits, set_of,
};

/// A wanted value, taken apart once.
///
/// [`Expected::agrees`] answers as [`agrees`] for every text. It allocates only for lists of
/// numbers and ranges that are not in rising order, which the kernel never prints.
#[derive(Clone, Debug)]
pub struct Expected {
    shape: Shape,
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// As many of the leading numbers as are wanted.
    Numbers(Box<[i128]>),
    /// Ranges, sorted and merged.
    Ranges(Box<[(u64, u64)]>),
    Address(Ipv6Addr),
    /// Sorted, each once.
    Words(Box<[Box<str>]>),
    /// Digits without leading zeros, in small letters.
    Mask(Box<str>),
    /// The groups of one or two keys, padded, in small letters.
    Groups(Box<str>),
    /// As it stands.
    Exactly,
    /// Word by word; whether there are words, and numbers only.
    WordByWord(bool),
    /// The kernel would refuse it.
    NoValue,
}

impl Expected {
    /// Takes a wanted value apart.
    pub fn new(shape: Shape, text: &str) -> Self {
        let form = match canonical(shape, text) {
            Err(_) => Form::NoValue,
            Ok(Canonical::Numbers(numbers)) => Form::Numbers(numbers.into()),
            Ok(Canonical::Ranges(ranges)) => Form::Ranges(ranges.into()),
            Ok(Canonical::Address(address)) => Form::Address(address),
            Ok(Canonical::Words(words)) => {
                Form::Words(words.into_iter().map(String::into_boxed_str).collect())
            }
            Ok(Canonical::Text(text)) => match shape {
                Shape::CpuMask => Form::Mask(text.into()),
                Shape::HexGroups => Form::Groups(text.into()),
                Shape::Unknown => {
                    let numbers = text.split_whitespace().all(|w| kernel_number(w).is_some());
                    Form::WordByWord(!text.is_empty() && numbers)
                }
                _ => Form::Exactly,
            },
        };
        Self { shape, text: text.trim().into(), form }
    }

    /// The wanted text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a parameter that reads `live` already holds it.
    pub fn agrees(&self, live: &str) -> bool {
        let as_they_stand = || *self.text == *live.trim();
        match &self.form {
            Form::NoValue => as_they_stand(),
            Form::Exactly => match self.shape {
                Shape::Text(most) => kept(&self.text, most) == kept(live, most),
                _ => as_they_stand(),
            },
            Form::Groups(wanted) => groups_agree(wanted, live).unwrap_or_else(as_they_stand),
            Form::Numbers(wanted) => {
                numbers_agree(self.shape, wanted, live).unwrap_or_else(as_they_stand)
            }
            Form::Address(wanted) => live
                .trim()
                .parse()
                .map_or_else(|_| as_they_stand(), |live: Ipv6Addr| live == *wanted),
            Form::Words(wanted) => {
                let live = set_of(self.shape, live);
                let known = |l: &str| wanted.binary_search_by(|w| (**w).cmp(l)).is_ok();
                live.clone().all(known) && wanted.iter().all(|w| live.clone().any(|l| *l == **w))
            }
            Form::Mask(wanted) => mask_agrees(wanted, live).unwrap_or_else(as_they_stand),
            Form::Ranges(wanted) => {
                let mut wanted = wanted.iter().copied();
                match same_ranges(&mut || Ok(wanted.next()), live) {
                    Ok(same) => same,
                    Err(Unfit::NotAList) => as_they_stand(),
                    Err(Unfit::NotInOrder) => agrees(self.shape, &self.text, live),
                }
            }
            Form::WordByWord(numbers) => words_agree(&self.text, *numbers, live)
                .unwrap_or_else(|_| agrees(self.shape, &self.text, live)),
        }
    }
}

/// The one number that a text is, for parameters that are bounded.
pub fn single_number(shape: Shape, text: &str) -> Option<i128> {
    let count = match shape {
        Shape::Number | Shape::Bool | Shape::Rounded(_) | Shape::Unknown => 1,
        Shape::Numbers(n) => usize::from(n),
        _ => return None,
    };
    let mut first = None;
    for token in text.split_whitespace().take(count) {
        let number = kernel_number(token)?;
        first = first.or(Some(number));
    }
    first
}

/// `None` where the kernel would refuse `live` for a value.
fn numbers_agree(shape: Shape, wanted: &[i128], live: &str) -> Option<bool> {
    let count = shape.field_count().unwrap_or(usize::MAX);
    let mut have = 0;
    let mut same = true;
    for token in live.split_whitespace().take(count) {
        let number = kernel_number(token)?;
        if let Some(wanted) = wanted.get(have) {
            same &= match shape {
                Shape::Rounded(rounding) => rounding.keeps(*wanted, number),
                _ => *wanted == number,
            };
        }
        have += 1;
    }
    (have > 0).then_some(same && have >= wanted.len())
}

fn mask_agrees(wanted: &str, live: &str) -> Option<bool> {
    let mut digits = mask_digits(live)?.peekable();
    Some(if digits.peek().is_none() { wanted == "0" } else { digits.eq(wanted.chars()) })
}

/// `None` where the kernel would refuse `live` for a value.
fn groups_agree(wanted: &str, live: &str) -> Option<bool> {
    let mut wanted = wanted.split(',');
    let mut same = true;
    for key in live.trim().split(',').take(2) {
        let have = key_groups(key)?;
        same &= wanted.next().and_then(key_groups) == Some(have);
    }
    Some(same && wanted.next().is_none())
}

/// Why a list was not compared.
enum Unfit {
    NotAList,
    NotInOrder,
}

/// The ranges of a list, merged as they are met.
struct Merged<'a> {
    items: std::str::Split<'a, char>,
    last: Option<(u64, u64)>,
}

impl<'a> Merged<'a> {
    fn of(list: &'a str) -> Self {
        Self { items: list_items(list), last: None }
    }

    fn next(&mut self) -> Result<Option<(u64, u64)>, Unfit> {
        for item in self.items.by_ref() {
            let (low, high) = item.split_once('-').unwrap_or((item, item));
            let number = |text: &str| bitmap_number(text).ok_or(Unfit::NotAList);
            let (low, high) = (number(low)?, number(high)?);
            if low > high {
                return Err(Unfit::NotAList);
            }
            match &mut self.last {
                None => self.last = Some((low, high)),
                Some(last) if low < last.0 => return Err(Unfit::NotInOrder),
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                Some(last) => {
                    let done = *last;
                    *last = (low, high);
                    return Ok(Some(done));
                }
            }
        }
        Ok(self.last.take())
    }
}

type NextRange<'a> = &'a mut dyn FnMut() -> Result<Option<(u64, u64)>, Unfit>;

/// The whole of `live` is read even where an early range differs: it may be no list at all.
fn same_ranges(wanted: NextRange<'_>, live: &str) -> Result<bool, Unfit> {
    let mut live = Merged::of(live);
    let mut same = true;
    loop {
        let have = live.next()?;
        same &= wanted()? == have;
        if have.is_none() {
            return Ok(same);
        }
    }
}

/// One word for a text of none, as both sides of the comparison have.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let none: SplitWhitespace<'_> = text.split_whitespace();
    let empty = text.trim().is_empty().then_some("");
    none.chain(empty)
}

fn words_agree(wanted: &str, numbers: bool, live: &str) -> Result<bool, Unfit> {
    let numbers = numbers && words(live).all(|word| kernel_number(word).is_some());
    let (mut wanted, mut live) = (words(wanted), words(live));
    loop {
        match (wanted.next(), live.next()) {
            (None, None) => return Ok(true),
            (None, Some(_)) if numbers => return Ok(true),
            (Some(w), Some(l)) if same_word(w, l)? => {}
            _ => return Ok(false),
        }
    }
}

fn same_word(wanted: &str, live: &str) -> Result<bool, Unfit> {
    if wanted == live {
        return Ok(true);
    }
    if is_decimal(live) && kernel_number(live).is_some_and(|n| kernel_number(wanted) == Some(n)) {
        return Ok(true);
    }
    if !live.contains(['-', ',']) {
        return Ok(false);
    }
    let mut merged = Merged::of(wanted);
    match same_ranges(&mut || merged.next(), live) {
        // Which of the two is no list, or not in order, is found out at leisure.
        Err(_) => Err(Unfit::NotInOrder),
        same => same,
    }
}

/// Whether a number is written as the kernel prints it.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "0" || (!digits.starts_with(['0', '-']) && !digits.starts_with("0x"))
}
