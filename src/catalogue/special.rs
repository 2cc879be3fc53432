//! Numbers that are no amount of what their parameter counts.
#![forbid(unsafe_code)]

use crate::value::{Shape, single_number};

/// A number that a parameter may read and that is not more or less than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// That one stands for no limit at all.
    NoLimit(i8),
    /// Of a half of a pair 0: the other half is in force.
    OtherHalf,
}

impl Special {
    /// The number.
    pub fn number(self) -> i128 {
        match self {
            Self::NoLimit(number) => number.into(),
            Self::OtherHalf => 0,
        }
    }

    /// The amount that a number comes to, to be compared with others: no limit is above them all.
    /// `None`: it is none.
    pub fn amount(special: Option<Self>, number: i128) -> Option<i128> {
        match special {
            Some(special) if special.number() == number => match special {
                Self::NoLimit(_) => Some(i128::MAX),
                Self::OtherHalf => None,
            },
            _ => Some(number),
        }
    }

    /// The same of what a parameter reads, or is to read.
    pub fn read(special: Option<Self>, shape: Shape, text: &str) -> Option<i128> {
        Self::amount(special, single_number(shape, text)?)
    }
}
