//! What is known of one parameter, made from its row when it is asked for.
#![forbid(unsafe_code)]

use std::fmt;

use super::bounds::IPC_MNI;
use super::packed::{EFFECTS, ORDER, OWNERS, RANGES, Row, part, text};
use super::{Effect, Hazard, Kind, Latch, Order, Range, Scope, Special};
use crate::observed::Release;
use crate::value::{Rounding, Shape, Unit};

/// What is known of one parameter, or of one name in every place that its `*` stands for.
#[derive(Clone, Copy)]
pub struct Parameter(pub(super) &'static Row);

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameter").field(&self.key()).finish()
    }
}

/// Each has one row.
impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Parameter {
    /// Canonical slash path; `*` is one component.
    pub fn key(self) -> &'static str {
        text(self.0.key)
    }

    /// What it does, in one sentence without a final full stop.
    pub fn summary(self) -> &'static str {
        text(self.0.summary)
    }

    /// Where the facts come from: a document or source file of the kernel.
    pub fn source(self) -> &'static str {
        text(self.0.source)
    }

    /// The form of its text.
    pub fn shape(self) -> Shape {
        self.0.shape
    }

    /// What one unit counts.
    pub fn unit(self) -> Unit {
        self.0.unit
    }

    /// Least and greatest value, for each number; newest kernels first.
    pub fn ranges(self) -> &'static [Range] {
        part(&RANGES, self.0.ranges)
    }

    /// What sort of thing it is.
    pub fn kind(self) -> Kind {
        self.0.kind
    }

    /// Of a latch: what only a reboot takes back.
    pub fn latch(self) -> Option<Latch> {
        self.0.latch
    }

    /// Whose value it is.
    pub fn scope(self) -> Scope {
        self.0.scope
    }

    /// The last component of the parameter that is zeroed by a write to this one, and the reverse.
    pub fn pair(self) -> Option<&'static str> {
        self.0.pair.map(text)
    }

    /// What must be written before it, or after it.
    pub fn order(self) -> &'static [Order] {
        part(&ORDER, self.0.order)
    }

    /// What else a write to it changes.
    pub fn effects(self) -> &'static [Effect] {
        part(&EFFECTS, self.0.effects)
    }

    /// The module that brings it, where it is not always there.
    pub fn module(self) -> Option<&'static str> {
        self.0.module.map(text)
    }

    /// First release that has it; `None`: older than 4.4.
    pub fn since(self) -> Option<Release> {
        self.0.since
    }

    /// First release that no longer has it.
    pub fn until(self) -> Option<Release> {
        self.0.until
    }

    /// What can go wrong.
    pub fn hazard(self) -> Option<Hazard> {
        self.0.hazard
    }

    /// Whether the kernel makes the value that it starts with from the memory or the processors of
    /// the machine, so that another machine has another one.
    pub fn is_sized_at_boot(self) -> bool {
        self.0.sized_at_boot
    }

    /// The number that is no amount of what the parameter counts.
    pub fn special(self) -> Option<Special> {
        match self.pair() {
            Some(_) => Some(Special::OtherHalf),
            None => self.0.unlimited.map(Special::NoLimit),
        }
    }

    /// What reads back differently from what was written, and why.
    pub fn reads_back(self) -> Option<&'static str> {
        self.0.reads_back.map(text)
    }

    /// Programs that are known to set it by themselves.
    pub fn owners(self) -> impl Iterator<Item = &'static str> + Clone {
        part(&OWNERS, self.0.owners).iter().map(|name| text(*name))
    }

    /// Whether the entry stands for a name in many places.
    pub fn is_pattern(&self) -> bool {
        self.key().contains('*')
    }

    /// Least and greatest number that `kernel` accepts, where known.
    pub fn range_on(self, kernel: Release) -> Option<Range> {
        self.ranges().iter().rfind(|r| r.until.is_none_or(|until| kernel < until)).copied()
    }

    /// The range, or what is not accepted whatever the kernel's clock rate.
    pub fn limits_on(self, kernel: Release) -> Option<Range> {
        self.range_on(kernel).or_else(|| self.time_limits())
    }

    /// The same for the number at that place of several, where it has a range of its own.
    pub fn limits_at(self, place: usize, kernel: Release) -> Option<Range> {
        // The kernel tells by ERANGE that it takes no more sets of semaphores.
        if place == 3 && self.key() == "kernel/sem" && kernel >= Release::new(4, 20) {
            return Some(Range::within(0, IPC_MNI));
        }
        self.limits_on(kernel)
    }

    /// Whether a kernel of that release may take the number there: stable releases and vendors'
    /// kernels take some numbers that came with later ones.
    pub fn may_take(self, place: usize, number: i128, kernel: Release) -> bool {
        let newest = Release::new(u16::MAX, 0);
        [kernel, newest]
            .into_iter()
            .any(|kernel| self.limits_at(place, kernel).is_none_or(|range| range.contains(number)))
    }

    /// What the kernel takes at most of a time without a range of its own, which it keeps in 32 bits:
    /// whole seconds in clock ticks, of which there are 100 a second or more, and parts of a second
    /// of the network.
    pub fn time_limits(self) -> Option<Range> {
        let all = Range::new(i32::MIN.into(), i32::MAX.into());
        if !self.ranges().is_empty() {
            return None;
        }
        match (self.unit(), self.shape()) {
            (Unit::Seconds, _) => Some(Range::within(-all.max / 100, all.max / 100)),
            _ if !self.key().starts_with("net/") => None,
            (Unit::Milliseconds, Shape::Rounded(Rounding::Milliseconds)) => {
                Some(Range { min: 0, ..all })
            }
            // It loses what overflows, and the sign, without a word.
            (Unit::Centiseconds, _) => Some(Range::within(0, i128::from(u32::MAX / 10))),
            (Unit::Milliseconds, _) => Some(all),
            _ => None,
        }
    }

    /// Least and greatest number that some kernel accepts; `None` where no range is known, or of
    /// some kernels only.
    pub fn widest_range(self) -> Option<Range> {
        let newest = self.ranges().iter().find(|r| r.until.is_none())?;
        let min = self.ranges().iter().map(|r| r.min).min()?;
        let max = self.ranges().iter().map(|r| r.max).max()?;
        Some(Range { min, max, ..*newest })
    }

    /// Whether `kernel` has it, as far as the release tells.
    pub fn exists_on(self, kernel: Release) -> bool {
        self.since().is_none_or(|s| kernel >= s) && self.until().is_none_or(|u| kernel < u)
    }
}
