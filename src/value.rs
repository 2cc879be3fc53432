//! Values of kernel parameters: how they are written, and when two texts mean the same to the kernel.
#![forbid(unsafe_code)]

mod canonical;
mod expected;
mod quantity;
mod rounding;

pub use canonical::{Canonical, NotAValue, agrees, canonical, completed, fields, kernel_number};
pub use expected::{Expected, single_number};
pub use quantity::{Percent, QuantityError, Size};
pub use rounding::Rounding;

/// The form of a parameter's text, which decides how two texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Number,
    /// One number that is a switch: `0` or `1`.
    Bool,
    /// That many numbers, printed with tabs; a shorter write changes the leading ones only.
    Numbers(u8),
    /// One number that the kernel keeps rounded, so that another may be read than was written.
    Rounded(Rounding),
    /// A set of numbers, written as `8080,9000-9002` and printed with ranges merged.
    Bitmap,
    /// A mask of processors in hexadecimal, in groups of eight digits divided by commas.
    CpuMask,
    /// A set of words; the kernel prints them in an order of its own.
    Words,
    /// A set of names divided by commas; the kernel prints them in an order of its own.
    Names,
    /// Free text on one line, kept up to that many bytes.
    Text(u16),
    /// An IPv6 address; the kernel prints its eight groups in full.
    Ipv6,
    /// Hexadecimal groups, divided by `-` and `,`; compared without regard to case.
    HexGroups,
    /// Not known: compared word by word, numbers by their value.
    Unknown,
}

impl Shape {
    /// Whether values are one number, so that bounds, sizes and percentages make sense.
    pub fn is_single_number(self) -> bool {
        matches!(self, Self::Number | Self::Bool | Self::Rounded(_))
    }

    /// Whether a number is less than a bound, and not just what the kernel makes of the bound.
    pub fn falls_short(self, number: i128, at_least: i128) -> bool {
        number < at_least && !self.keeps(at_least, number)
    }

    /// Whether a number is more than a bound, and not just what the kernel makes of the bound.
    pub fn exceeds(self, number: i128, at_most: i128) -> bool {
        number > at_most && !self.keeps(at_most, number)
    }

    fn keeps(self, wanted: i128, live: i128) -> bool {
        matches!(self, Self::Rounded(rounding) if rounding.keeps(wanted, live))
    }

    /// How many numbers a value has, where that is fixed.
    pub fn field_count(self) -> Option<usize> {
        match self {
            Self::Number | Self::Bool | Self::Rounded(_) => Some(1),
            Self::Numbers(n) => Some(usize::from(n)),
            _ => None,
        }
    }
}

/// What one unit of a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number, a switch or a mask.
    None,
    /// Bytes.
    Bytes,
    /// 1024 bytes.
    Kibibytes,
    /// Pages of the host's base page size.
    Pages,
    /// Huge pages of the host's default huge page size.
    HugePages,
    /// Hundredths of whatever the summary names.
    Percent,
    /// Hundredths of a second.
    Centiseconds,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    /// The short form that follows a number, such as `kB`; empty for plain numbers.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bytes => "B",
            Self::Kibibytes => "kB",
            Self::Pages => "pages",
            Self::HugePages => "huge pages",
            Self::Percent => "%",
            Self::Centiseconds => "cs",
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// Bytes in one unit, where the unit measures memory. `page` and `huge_page` are in bytes.
    pub fn bytes(self, page: u64, huge_page: u64) -> Option<u64> {
        match self {
            Self::Bytes => Some(1),
            Self::Kibibytes => Some(1024),
            Self::Pages => Some(page),
            Self::HugePages => Some(huge_page),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
