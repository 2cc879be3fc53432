//! What is done about a drift, and when it is a fight: the policy of one parameter, without a clock.
#![forbid(unsafe_code)]

mod wanted;

use std::time::Duration;

pub use crate::baseline::OnDrift;
pub use wanted::Wanted;

/// Whoever changed a parameter, in a form that is compared only: by name rather than by process,
/// because whoever fights starts a process for each blow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterId(pub u64);

impl WriterId {
    /// Nobody knows who: it may be anybody.
    pub const UNKNOWN: Self = Self(0);

    /// Whether both may be the same.
    fn may_be(self, other: Self) -> bool {
        self == other || self == Self::UNKNOWN || other == Self::UNKNOWN
    }
}

/// When corrections become a fight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contest {
    /// More corrections than this …
    pub corrections: u32,
    /// … within this time.
    pub within: Duration,
}

impl Default for Contest {
    fn default() -> Self {
        Self { corrections: 20, within: Duration::from_secs(60) }
    }
}

/// The first pause of a fight; each one that follows is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// What is only reported and changes without end is reported that often.
pub const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, and nothing is worth a word.
    Quiet,
    /// Write it back, and say so.
    Restore,
    /// Say so.
    Report,
    /// Say so, and leave it until the pause is over: it changes all the time.
    ReportOnce {
        /// How long, from now.
        pause: Duration,
    },
    /// Say so, and leave it to the other from now on.
    Yield,
    /// Leave it until the pause is over, and say who fights.
    Contest {
        /// How long, from now.
        pause: Duration,
    },
}

/// What is remembered of one parameter. Nothing is allocated once it is made.
#[derive(Clone, Debug)]
pub struct State {
    policy: OnDrift,
    contest: Option<Contest>,
    /// When the last corrections were, and of whose change; a ring.
    recent: Box<[(Duration, WriterId)]>,
    next: usize,
    filled: usize,
    /// Corrections of anybody's changes since `burst.0`.
    burst: (Duration, u32),
    standing: Standing,
}

/// How the parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is held.
    Held,
    /// A drift was reported and still is there.
    Reported(u64),
    /// The same, and nothing more is said before `until`.
    Muted { until: Duration, told: u64 },
    /// It was left to another.
    Yielded,
    /// It is contested: nothing is done before `until`.
    Contested { until: Duration, pause: Duration },
    /// A pause is over; the fight is, too, if all is quiet until then.
    Probing { until: Duration, pause: Duration },
}

impl State {
    /// A parameter that is held by that policy. `contest`: never a fight where it is `None`.
    pub fn new(policy: OnDrift, contest: Option<Contest>) -> Self {
        let size = contest.map_or(0, |c| c.corrections as usize);
        Self {
            policy,
            contest,
            recent: vec![(Duration::ZERO, WriterId::UNKNOWN); size].into(),
            next: 0,
            filled: 0,
            burst: (Duration::ZERO, 0),
            standing: Standing::Held,
        }
    }

    /// The policy.
    pub fn policy(&self) -> OnDrift {
        self.policy
    }

    /// Whether a fight goes on.
    pub fn is_contested(&self) -> bool {
        matches!(self.standing, Standing::Contested { .. } | Standing::Probing { .. })
    }

    /// Whether nothing is done and nothing said before a pause is over.
    pub fn is_paused(&self, now: Duration) -> bool {
        match self.standing {
            Standing::Contested { until, .. } | Standing::Muted { until, .. } => now < until,
            _ => false,
        }
    }

    /// Whether it is held, with nothing that is remembered of a drift.
    pub fn is_held(&self) -> bool {
        self.standing == Standing::Held
    }

    /// Whether it was left to another.
    pub fn has_yielded(&self) -> bool {
        self.standing == Standing::Yielded
    }

    /// When a pause ends, or a fight may be over: look at the parameter then, and tell how it is.
    pub fn due(&self) -> Option<Duration> {
        match self.standing {
            Standing::Contested { until, .. }
            | Standing::Probing { until, .. }
            | Standing::Muted { until, .. } => Some(until),
            Standing::Held | Standing::Reported(_) | Standing::Yielded => None,
        }
    }

    /// It reads something that is not desired, by the doing of `writer`. `value` stands for what it
    /// reads, so that the same drift is reported once; `now` is a time that only ever rises.
    pub fn drifted(&mut self, writer: WriterId, value: u64, now: Duration) -> Verdict {
        match (self.policy, self.standing) {
            (_, Standing::Yielded) => Verdict::Quiet,
            (OnDrift::Report, Standing::Muted { until, .. }) if now < until => Verdict::Quiet,
            (OnDrift::Report, Standing::Reported(told) | Standing::Muted { told, .. })
                if told == value =>
            {
                self.standing = Standing::Reported(value);
                Verdict::Quiet
            }
            // One for each pause, until it is found as it was told.
            (OnDrift::Report, Standing::Muted { .. }) => self.mute(value, now),
            (OnDrift::Report, _) => self.report(writer, value, now),
            (OnDrift::Yield, _) => {
                self.standing = Standing::Yielded;
                Verdict::Yield
            }
            // What a prevention let through is put right like anything else.
            (OnDrift::Enforce | OnDrift::Prevent, standing) => match standing {
                Standing::Contested { until, .. } if now < until => Verdict::Quiet,
                // The first correction after a pause shows whether the other has given up.
                Standing::Contested { pause, .. } => {
                    self.probe(pause, now);
                    Verdict::Restore
                }
                Standing::Probing { pause, .. } => self.fight((pause * 2).min(LONGEST_PAUSE), now),
                _ if self.is_one_too_many(writer, now) => self.fight(FIRST_PAUSE, now),
                _ => {
                    self.remember(writer, now);
                    Verdict::Restore
                }
            },
        }
    }

    /// It reads what is desired, and not because it was just put back. `true` where a fight is over.
    pub fn in_sync(&mut self, now: Duration) -> bool {
        match self.standing {
            Standing::Reported(_) => self.standing = Standing::Held,
            Standing::Muted { until, .. } if now >= until => self.standing = Standing::Held,
            Standing::Contested { until, pause } if now >= until => self.probe(pause, now),
            Standing::Probing { until, .. } if now >= until => {
                self.reset();
                return true;
            }
            _ => {}
        }
        false
    }

    /// It is taken back: whatever was yielded, reported or fought over is forgotten.
    pub fn reset(&mut self) {
        self.standing = Standing::Held;
        self.filled = 0;
        self.burst = (Duration::ZERO, 0);
    }

    /// A fight is over once nothing has happened for as long as the pause was, and for as long as
    /// corrections count.
    fn probe(&mut self, pause: Duration, now: Duration) {
        let within = self.contest.map_or(pause, |c| c.within);
        self.standing = Standing::Probing { until: now + pause.max(within), pause };
    }

    /// As many drifts are reported as are corrected elsewhere; then one for each pause.
    fn report(&mut self, writer: WriterId, told: u64, now: Duration) -> Verdict {
        if self.is_one_too_many(writer, now) {
            return self.mute(told, now);
        }
        self.remember(writer, now);
        self.standing = Standing::Reported(told);
        Verdict::Report
    }

    fn mute(&mut self, told: u64, now: Duration) -> Verdict {
        self.standing = Standing::Muted { until: now + REPORT_PAUSE, told };
        Verdict::ReportOnce { pause: REPORT_PAUSE }
    }

    fn fight(&mut self, pause: Duration, now: Duration) -> Verdict {
        self.standing = Standing::Contested { until: now + pause, pause };
        Verdict::Contest { pause }
    }

    /// Whether one more correction would be more than the limit: of this writer's changes, or of
    /// anybody's, where many writers fight at once.
    fn is_one_too_many(&self, writer: WriterId, now: Duration) -> bool {
        let Some(contest) = self.contest else { return false };
        let recent = |then: Duration| now.saturating_sub(then) < contest.within;
        let of_writer = self.recent[..self.filled]
            .iter()
            .filter(|(then, who)| who.may_be(writer) && recent(*then))
            .count();
        let (since, corrections) = self.burst;
        of_writer >= contest.corrections as usize
            || (recent(since) && corrections >= contest.corrections.saturating_mul(4))
    }

    fn remember(&mut self, writer: WriterId, now: Duration) {
        let Some(contest) = self.contest else { return };
        if now.saturating_sub(self.burst.0) >= contest.within {
            self.burst = (now, 0);
        }
        self.burst.1 += 1;
        if let Some(slot) = self.recent.get_mut(self.next) {
            *slot = (now, writer);
            self.next = (self.next + 1) % self.recent.len();
            self.filled = (self.filled + 1).min(self.recent.len());
        }
    }
}

#[cfg(test)]
mod tests;
