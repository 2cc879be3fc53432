//! Quantities as people write them: sizes with a unit, and percentages of memory.

use std::fmt;

/// A size in bytes, written as `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// The size, in bytes.
    pub bytes: u64,
}

/// A percentage, kept exactly: `0.78` is 780,000 millionths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    millionths: u64,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a number at all.
    #[error("{0:?} is not a number")]
    NotANumber(String),
    /// `512M`, `1G`, `512MB`: decimal or binary? The kernel takes neither.
    #[error("{written:?} does not say whether it counts in 1000s or in 1024s")]
    Ambiguous {
        /// The text as written.
        written: String,
        /// The same size in an unambiguous unit.
        instead: String,
    },
    /// `1.5GiB`, `512mib`: it is clear what is meant, and it is not written so.
    #[error("{written:?} is not how a size is written")]
    Misspelt {
        /// The text as written.
        written: String,
        /// The same size.
        instead: String,
    },
    /// A unit that does not exist.
    #[error("{0:?} is not a unit of memory")]
    UnknownUnit(String),
    /// More than 2^64-1 bytes.
    #[error("{0:?} is larger than 64 bits can hold")]
    TooLarge(String),
    /// More than 100 %, or more than six decimals.
    #[error("a percentage is between 0 and 100, with at most six decimals: {0:?}")]
    PercentRange(String),
}

impl Size {
    /// Reads a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`; `Ok(None)` when there is no
    /// unit at all, so that the caller reads a plain number.
    ///
    /// # Errors
    /// [`QuantityError`] when there is a unit that cannot be taken.
    pub fn parse(text: &str) -> Result<Option<Self>, QuantityError> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        if let Some((instead, ambiguous)) = whole(number, unit) {
            let written = text.to_owned();
            return Err(if ambiguous {
                QuantityError::Ambiguous { written, instead }
            } else {
                QuantityError::Misspelt { written, instead }
            });
        }
        let unit = unit.trim_start();
        if unit.is_empty() || number.is_empty() {
            return Ok(None);
        }
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => return Err(wrong_unit(text, number, unit)),
        };
        let too_large = || QuantityError::TooLarge(text.to_owned());
        let count: u64 = number.parse().map_err(|_| too_large())?;
        let bytes = count.checked_mul(1 << shift).ok_or_else(too_large)?;
        Ok(Some(Self { bytes }))
    }
}

/// The same size in whole numbers of a smaller unit, where a fraction comes to that, and whether
/// its own unit left open what it counts in.
fn whole(number: &str, rest: &str) -> Option<(String, bool)> {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let rest = rest.strip_prefix('.')?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (fraction, written) = rest.split_at(digits);
    let written = written.trim_start();
    let meant = if UNITS.contains(&written) { written } else { meant_unit(written)? };
    let mut unit = UNITS.iter().position(|u| *u == meant)?;
    let scale = 10u128.checked_pow(u32::try_from(digits).ok()?)?;
    let mut count: u128 = format!("{number}{fraction}").parse().ok()?;
    while unit > 0 && !count.is_multiple_of(scale) {
        count = count.checked_mul(1024)?;
        unit -= 1;
    }
    let ambiguous = written != meant && written.len() < "KiB".len();
    count.is_multiple_of(scale).then(|| (format!("{}{}", count / scale, UNITS[unit]), ambiguous))
}

/// The unit that another spelling most likely stands for.
fn meant_unit(unit: &str) -> Option<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => Some("KiB"),
        "m" | "mb" | "mib" => Some("MiB"),
        "g" | "gb" | "gib" => Some("GiB"),
        "t" | "tb" | "tib" => Some("TiB"),
        _ => None,
    }
}

fn wrong_unit(text: &str, number: &str, unit: &str) -> QuantityError {
    let Some(meant) = meant_unit(unit) else {
        return QuantityError::UnknownUnit(unit.to_owned());
    };
    let (written, instead) = (text.to_owned(), format!("{number}{meant}"));
    if unit.len() == "KiB".len() {
        return QuantityError::Misspelt { written, instead };
    }
    QuantityError::Ambiguous { written, instead }
}

impl fmt::Display for Size {
    /// The largest unit that divides the size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.bytes != 0 && self.bytes.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.bytes >> shift);
            }
        }
        write!(f, "{}B", self.bytes)
    }
}

impl Percent {
    /// Reads `0.78` or `5`, with or without a `%` behind it.
    ///
    /// # Errors
    /// [`QuantityError`] for anything but a decimal number from 0 to 100.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let trimmed = text.trim();
        let plain = trimmed.strip_suffix('%').unwrap_or(trimmed).trim_end();
        let range = || QuantityError::PercentRange(text.to_owned());
        if plain.starts_with('-') && plain.parse::<f64>().is_ok() {
            return Err(range());
        }
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || plain.ends_with('.') {
            return Err(QuantityError::NotANumber(text.to_owned()));
        }
        if fraction.len() > 6 || whole.len() > 3 {
            return Err(range());
        }
        let number: u64 = format!("{whole}{fraction:0<6}").parse().map_err(|_| range())?;
        if number > 100_000_000 {
            return Err(range());
        }
        Ok(Self { millionths: number })
    }

    /// That share of `amount`, rounded down.
    pub fn of(self, amount: u64) -> u64 {
        let share = u128::from(amount) * u128::from(self.millionths) / 100_000_000;
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths / 1_000_000, self.millionths % 1_000_000);
        if fraction == 0 {
            return write!(f, "{whole} %");
        }
        write!(f, "{whole}.{} %", format!("{fraction:06}").trim_end_matches('0'))
    }
}
