//! Numbers that the kernel keeps only roughly: what a parameter reads after a write.

/// How the kernel rounds what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Milliseconds, kept in clock ticks: up to the next one.
    Milliseconds,
    /// Hundredths of a second (USER_HZ), kept in clock ticks: down, and down again when read.
    Centiseconds,
    /// A switch: everything but 0 reads 1.
    Switch,
    /// Up to a power of two.
    PowerOfTwo,
    /// Up to as many pointers as fill whole pages.
    WholePages,
}

impl Rounding {
    /// Whether the kernel, given `wanted`, may print `live`. The rate of its ticks and the size of
    /// its pages cannot always be known: what any of them makes of it will do.
    pub(super) fn keeps(self, wanted: i128, live: i128) -> bool {
        let up_to = |step: i128| wanted > 0 && (wanted + step - 1) / step * step == live;
        wanted == live
            || match self {
                Self::Milliseconds => [100, 250, 300, 1000].into_iter().any(|hz: i128| {
                    let ticks = (wanted * hz + 999).div_euclid(1000);
                    ticks * 1000 / hz == live
                }),
                Self::Centiseconds => wanted > 0 && live == wanted - 1,
                Self::Switch => wanted != 0 && live == 1,
                Self::PowerOfTwo => u64::try_from(wanted)
                    .ok()
                    .filter(|wanted| *wanted > 0)
                    .and_then(u64::checked_next_power_of_two)
                    .is_some_and(|power| i128::from(power) == live),
                // Of 8 bytes, in pages of 4, 16 and 64 KiB.
                Self::WholePages => [512, 2048, 8192].into_iter().any(up_to),
            }
    }
}
