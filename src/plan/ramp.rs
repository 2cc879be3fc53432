//! A large raise of the reserve of memory, in steps: how many, and whether the host bears them.

use std::time::Duration;

use crate::observed::Strain;
use crate::value::kernel_number;

use super::order::Step;
use super::preflight::{RESERVE_PERCENT, TAKEN_PERCENT, percent};
use super::{Note, Plan};

const RESERVE: &str = "vm/min_free_kbytes";
/// A raise of more than that share of the RAM is made in steps of that size, in percent.
const RUNG_PERCENT: u64 = 1;
/// No raise takes more steps.
const MOST_RUNGS: u64 = 64;
/// That share of the RAM must be left to be had, in percent.
const LEFT_PERCENT: u64 = 5;
/// Of the time since a step, tasks may have waited for memory so much, in percent.
const STALLED_PERCENT: u64 = 40;
/// A step is watched at least so long: a shorter look at the pressure says nothing.
const AT_LEAST: Duration = Duration::from_millis(100);
/// The kernel gets so long to free what a step asks for.
const AT_MOST: Duration = Duration::from_secs(5);
/// The kernel's low watermark, above which nobody has memory freed, in percent of the reserve.
const LOW_PERCENT: u64 = 125;

/// Why a raise went no further; memory in kB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strained {
    /// Less could be had than the next step would take and must be left.
    Available {
        /// What could be had.
        available_kb: u64,
        /// What would be taken.
        needs_kb: u64,
        /// What must be left.
        left_kb: u64,
    },
    /// What is free did not come back above the reserve.
    Free {
        /// What was free.
        free_kb: u64,
        /// For how long it was waited for.
        waited: Duration,
    },
    /// Tasks waited for memory.
    Stalled {
        /// Of the time since the step, in percent.
        percent: u64,
        /// That time.
        waited: Duration,
    },
    /// The kernel killed for want of memory.
    Killed {
        /// So many processes.
        processes: u64,
    },
}

/// What is to be done after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look again: the kernel is still freeing.
    Wait,
    /// The host bears it.
    Borne,
    /// It does not.
    Stop(Strained),
}

impl Plan {
    /// Makes large raises of the reserve in steps. For who applies and waits: at boot, and while it
    /// is held, a value is written at once.
    pub fn ramp(&mut self, mem_total_kb: u64) {
        let Some(at) = self.steps.iter().position(|step| step.key.as_path() == RESERVE) else {
            return;
        };
        let rungs = rungs(&self.steps[at], mem_total_kb);
        if rungs.len() < 2 {
            return;
        }
        let key = self.steps[at].key.clone();
        for item in self.items.iter_mut().filter(|item| item.desired.key == key) {
            item.notes.push(Note::Ramped { steps: rungs.len(), by_kb: raised(&rungs[0]).0 });
        }
        self.steps.splice(at..=at, rungs);
    }
}

/// The steps that one write becomes, with equal raises; itself alone where it raises little.
fn rungs(step: &Step, mem_total_kb: u64) -> Vec<Step> {
    let alone = || vec![step.clone()];
    let number = |text: &str| u64::try_from(kernel_number(text.trim())?).ok();
    let Some((old, new)) = step.expect.as_deref().and_then(number).zip(number(&step.value)) else {
        return alone();
    };
    let raise = new.saturating_sub(old);
    let size = (mem_total_kb / 100 * RUNG_PERCENT).max(raise.div_ceil(MOST_RUNGS)).max(1);
    let count = raise.div_ceil(size);
    if count < 2 {
        return alone();
    }
    let value = |n: u64| match n {
        0 => step.expect.clone().unwrap_or_default(),
        n if n == count => step.value.clone(),
        n => (old + raise / count * n).to_string(),
    };
    let rung = |n: u64| Step {
        key: step.key.clone(),
        expect: Some(value(n - 1)),
        value: value(n),
        // What is written several times is taken back with its first write.
        undo: if n == 1 { step.undo.clone() } else { None },
        rung: true,
    };
    (1..=count).map(rung).collect()
}

/// How much a step raises the reserve, and to what, in kB.
fn raised(step: &Step) -> (u64, u64) {
    let number = |text: &str| u64::try_from(kernel_number(text.trim()).unwrap_or(0)).unwrap_or(0);
    let reserve_kb = number(&step.value);
    (reserve_kb.saturating_sub(step.expect.as_deref().map_or(0, number)), reserve_kb)
}

/// Whether the host can bear a step that is about to be taken.
pub fn bearable(step: &Step, now: &Strain, mem_total_kb: u64) -> Option<Strained> {
    let needs_kb = percent(raised(step).0, RESERVE_PERCENT);
    let left_kb = mem_total_kb / 100 * LEFT_PERCENT;
    let available_kb = now.available_kb?;
    let short = available_kb < needs_kb.saturating_add(left_kb)
        || needs_kb > available_kb / 100 * TAKEN_PERCENT;
    short.then_some(Strained::Available { available_kb, needs_kb, left_kb })
}

/// Whether the host bears a step that was taken so long ago, when it stood as `before`.
pub fn verdict(step: &Step, before: &Strain, now: &Strain, waited: Duration) -> Verdict {
    let grown = |then: Option<u64>, now: Option<u64>| Some(now?.saturating_sub(then?));
    if let Some(processes) = grown(before.killed, now.killed).filter(|killed| *killed > 0) {
        return Verdict::Stop(Strained::Killed { processes });
    }
    if waited < AT_LEAST {
        return Verdict::Wait;
    }
    if let Some(stalled) = grown(before.stalled_us, now.stalled_us) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let percent = stalled.saturating_mul(100) / micros.max(1);
        if percent > STALLED_PERCENT {
            return Verdict::Stop(Strained::Stalled { percent, waited });
        }
    }
    let reserve_kb = raised(step).1;
    match now.free_kb {
        Some(free_kb) if free_kb < percent(reserve_kb, LOW_PERCENT) => {
            match waited < AT_MOST {
                true => Verdict::Wait,
                // Above the reserve itself nobody has to free memory before getting some.
                false if free_kb < reserve_kb => Verdict::Stop(Strained::Free { free_kb, waited }),
                false => Verdict::Borne,
            }
        }
        _ => Verdict::Borne,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::key::Key;
    use proptest::prelude::*;

    fn step(old: u64, new: u64) -> Step {
        let key = Key::from_path(RESERVE).unwrap();
        let undo = Some((key.clone(), old.to_string()));
        Step { key, expect: Some(old.to_string()), value: new.to_string(), undo, rung: false }
    }

    const RAM: u64 = 1 << 20;

    #[test]
    fn only_a_large_raise_is_made_in_steps() {
        assert_eq!(rungs(&step(4000, 14_000), RAM), [step(4000, 14_000)]);
        assert_eq!(rungs(&step(400_000, 4000), RAM).len(), 1, "what falls falls at once");
        assert_eq!(rungs(&step(4000, 419_430), RAM).len(), 40);
        assert_eq!(rungs(&step(0, u64::from(u32::MAX)), RAM).len(), 64);
    }

    proptest! {
        #[test]
        fn steps_rise_from_what_was_to_what_is_wanted(
            old in 0..2_000_000_u64, raise in 0..2_000_000_u64, ram in 1..1_u64 << 32,
        ) {
            let whole = step(old, old + raise);
            let rungs = rungs(&whole, ram);
            prop_assert!(!rungs.is_empty() && rungs.len() <= 64);
            prop_assert_eq!(&rungs[0].expect, &whole.expect);
            prop_assert_eq!(&rungs[0].undo, &whole.undo);
            prop_assert_eq!(&rungs.last().unwrap().value, &whole.value);
            for pair in rungs.windows(2) {
                prop_assert_eq!(pair[1].expect.as_ref(), Some(&pair[0].value));
                prop_assert!(raised(&pair[0]).1 < raised(&pair[1]).1 && pair[1].undo.is_none());
            }
        }
    }

    #[test]
    fn what_is_to_be_had_must_suffice_for_the_step_and_for_the_rest() {
        let rung = step(100_000, 110_000);
        let with = |available| Strain { available_kb: Some(available), ..Strain::default() };
        let left_kb = RAM / 100 * 5;
        let short = Strained::Available { available_kb: 67_000, needs_kb: 15_000, left_kb };
        assert_eq!(bearable(&rung, &with(67_000), RAM), Some(short));
        assert_eq!(bearable(&rung, &with(68_000), RAM), None);
        assert_eq!(bearable(&rung, &Strain::default(), RAM), None, "not known, not judged");
        assert!(bearable(&step(0, u64::MAX), &with(u64::MAX / 2), u64::MAX).is_some());
        let short = Strain { free_kb: Some(u64::MAX / 100), ..Strain::default() };
        let waited = Duration::from_secs(1);
        assert_eq!(verdict(&step(0, u64::MAX), &short, &short, waited), Verdict::Wait);
    }

    #[test]
    fn a_step_is_borne_once_what_it_asks_for_is_free() {
        let rung = step(90_000, 100_000);
        let with = |free| Strain { free_kb: Some(free), ..Strain::default() };
        let ms = Duration::from_millis;
        let after = |now: &Strain, waited| verdict(&rung, &with(200_000), now, waited);
        assert_eq!(after(&with(200_000), ms(50)), Verdict::Wait, "too early to tell");
        assert_eq!(after(&with(200_000), ms(100)), Verdict::Borne);
        assert_eq!(after(&with(120_000), ms(4900)), Verdict::Wait);
        assert_eq!(after(&with(120_000), ms(5000)), Verdict::Borne, "above the reserve");
        let stop = Strained::Free { free_kb: 90_000, waited: ms(5000) };
        assert_eq!(after(&with(90_000), ms(5000)), Verdict::Stop(stop));
        assert_eq!(after(&Strain::default(), ms(100)), Verdict::Borne, "not known, not judged");
    }

    #[test]
    fn pressure_and_kills_stop_it() {
        let rung = step(90_000, 100_000);
        let with = |stalled, killed| Strain {
            free_kb: Some(900_000),
            stalled_us: Some(stalled),
            killed: Some(killed),
            ..Strain::default()
        };
        let ms = Duration::from_millis;
        let after = |now: &Strain, waited| verdict(&rung, &with(1_000_000, 7), now, waited);
        assert_eq!(after(&with(1_080_000, 7), ms(200)), Verdict::Borne, "40 %");
        let stop = Strained::Stalled { percent: 45, waited: ms(200) };
        assert_eq!(after(&with(1_090_000, 7), ms(200)), Verdict::Stop(stop));
        assert_eq!(
            after(&with(1_000_000, 9), ms(1)),
            Verdict::Stop(Strained::Killed { processes: 2 })
        );
    }
}
