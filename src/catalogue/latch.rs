//! What the kernel makes of a write to a latch.
#![forbid(unsafe_code)]

use super::{Latch, Parameter};
use crate::value::kernel_number;

impl Parameter {
    /// Whether only a reboot takes that value back, as far as is known.
    pub fn is_latched(self, value: &str) -> bool {
        match self.latch() {
            Some(Latch::At(locked) | Latch::Only(locked) | Latch::Perhaps(locked)) => {
                first(value) == Some(locked.into())
            }
            Some(Latch::Falls) => first(value) != Some(-1),
            Some(Latch::Clears) => true,
            None => false,
        }
    }

    /// Whether it is certain that the kernel does not take `value`, or not all of it, while the
    /// latch has `live`.
    pub fn is_latched_against(self, live: &str, value: &str) -> bool {
        let (Some(from), Some(to)) = (first(live), first(value)) else { return false };
        match self.latch() {
            Some(Latch::At(locked)) => from == locked.into() && to != from,
            Some(Latch::Only(locked)) => to != locked.into(),
            Some(Latch::Falls) => to < 0 || (from >= 0 && to >= from),
            Some(Latch::Clears) => numbers(live)
                .zip(numbers(value))
                .any(|(from, to)| from.zip(to).is_some_and(|(from, to)| to & !from != 0)),
            Some(Latch::Perhaps(_)) | None => false,
        }
    }

    /// Whether the kernel never takes that value, not even right after a boot: some latches have
    /// one way to go, and start with what nobody can write.
    pub fn is_only_read(self, value: &str) -> bool {
        match (self.latch(), first(value)) {
            (Some(Latch::Only(locked)), Some(number)) => number != locked.into(),
            (Some(Latch::Falls), Some(number)) => number < 0,
            _ => false,
        }
    }
}

fn first(text: &str) -> Option<i128> {
    numbers(text).next().flatten()
}

fn numbers(text: &str) -> impl Iterator<Item = Option<i128>> {
    text.split_whitespace().map(kernel_number)
}
