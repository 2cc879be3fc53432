//! The policy, blow by blow.
#![allow(clippy::panic, reason = "tests")]

use super::*;
use proptest::prelude::*;

const TUNED: WriterId = WriterId(1);
const ADMIN: WriterId = WriterId(2);

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn state(policy: OnDrift) -> State {
    State::new(policy, Some(Contest { corrections: 3, within: at(1000) }))
}

#[test]
fn what_is_enforced_is_restored_until_it_is_a_fight() {
    let mut state = state(OnDrift::Enforce);
    for blow in 0..3 {
        assert_eq!(state.drifted(TUNED, 60, at(blow)), Verdict::Restore);
    }
    assert_eq!(state.drifted(TUNED, 60, at(3)), Verdict::Contest { pause: FIRST_PAUSE });
    assert!(state.is_contested());
    assert_eq!(state.drifted(TUNED, 60, at(4)), Verdict::Quiet, "the pause has begun");
    assert_eq!(state.due(), Some(at(1003)));
}

#[test]
fn slow_changes_and_those_of_many_are_no_fight() {
    let mut slow = state(OnDrift::Enforce);
    for blow in 0..100 {
        assert_eq!(slow.drifted(TUNED, 60, at(blow * 400)), Verdict::Restore);
    }
    let mut many = state(OnDrift::Enforce);
    for blow in 0..12 {
        assert_eq!(many.drifted(WriterId(blow), 60, at(blow)), Verdict::Restore);
    }
    // So many within the time that it does not matter whose they are.
    assert!(matches!(many.drifted(WriterId(99), 60, at(12)), Verdict::Contest { .. }));
}

/// Whether it is seen who it was may change from one blow to the next.
#[test]
fn a_writer_whom_nobody_knows_may_be_the_same() {
    let mut state = state(OnDrift::Enforce);
    for (blow, who) in [WriterId::UNKNOWN, TUNED, WriterId::UNKNOWN].into_iter().enumerate() {
        assert_eq!(state.drifted(who, 60, at(blow as u64)), Verdict::Restore);
    }
    assert!(matches!(state.drifted(TUNED, 60, at(3)), Verdict::Contest { .. }));
}

#[test]
fn pauses_grow_and_end_when_the_other_gives_up() {
    let mut state = state(OnDrift::Enforce);
    let mut now = at(0);
    for _ in 0..3 {
        state.drifted(TUNED, 60, now);
    }
    let mut pauses = Vec::new();
    for _ in 0..11 {
        let Verdict::Contest { pause } = state.drifted(TUNED, 60, now) else { panic!() };
        pauses.push(pause.as_secs());
        now += pause;
        assert_eq!(state.due(), Some(now));
        assert_eq!(state.drifted(TUNED, 60, now), Verdict::Restore, "one try for each pause");
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert!(!state.in_sync(now + at(1)) && state.is_contested());
    now += LONGEST_PAUSE;
    assert_eq!(state.due(), Some(now));
    assert!(state.in_sync(now), "nothing has happened for long enough");
    assert!(!state.is_contested() && state.due().is_none());
    assert_eq!(state.drifted(TUNED, 60, now), Verdict::Restore);
}

#[test]
fn who_finds_it_in_sync_after_the_pause_waits_before_it_is_over() {
    let mut state = state(OnDrift::Enforce);
    for _ in 0..4 {
        state.drifted(TUNED, 60, at(0));
    }
    assert!(!state.in_sync(at(1000)) && state.is_contested());
    assert_eq!(state.due(), Some(at(2000)));
    assert_eq!(state.drifted(TUNED, 60, at(1500)), Verdict::Contest { pause: FIRST_PAUSE * 2 });
}

#[test]
fn the_first_look_after_a_pause_restores_and_a_new_blow_goes_on_with_the_fight() {
    let mut state = state(OnDrift::Enforce);
    for _ in 0..4 {
        state.drifted(TUNED, 60, at(0));
    }
    assert_eq!(state.drifted(TUNED, 60, at(1001)), Verdict::Restore);
    assert_eq!(state.drifted(TUNED, 60, at(1002)), Verdict::Contest { pause: FIRST_PAUSE * 2 });
}

#[test]
fn one_drift_is_reported_once_and_again_after_it_was_over() {
    let mut state = state(OnDrift::Report);
    assert_eq!(state.drifted(TUNED, 60, at(0)), Verdict::Report);
    assert_eq!(state.drifted(TUNED, 60, at(1)), Verdict::Quiet);
    assert_eq!(state.drifted(ADMIN, 40, at(2)), Verdict::Report, "another value");
    assert!(!state.in_sync(at(2)));
    assert_eq!(state.drifted(TUNED, 40, at(3)), Verdict::Report);
}

#[test]
fn what_changes_without_end_is_reported_once_in_a_while() {
    let mut state = state(OnDrift::Report);
    for value in 0..3 {
        assert_eq!(state.drifted(TUNED, value, at(value)), Verdict::Report);
    }
    assert_eq!(state.drifted(TUNED, 3, at(3)), Verdict::ReportOnce { pause: REPORT_PAUSE });
    assert!(!state.in_sync(at(4)), "what is not seen now is looked at then");
    let until = at(3) + REPORT_PAUSE;
    assert_eq!((state.drifted(TUNED, 4, at(5)), state.due()), (Verdict::Quiet, Some(until)));
    assert!(state.is_paused(at(5)) && !state.is_paused(until));
    // What it is by then is reported, however long ago the others were.
    assert_eq!(state.drifted(TUNED, 5, until), Verdict::ReportOnce { pause: REPORT_PAUSE });
    let due = until + REPORT_PAUSE;
    assert_eq!(state.due(), Some(due));
    assert_eq!(state.drifted(ADMIN, 5, due), Verdict::Quiet, "as it was told");
    assert!(state.due().is_none());
    assert_eq!(state.drifted(ADMIN, 6, due), Verdict::Report);
    assert!(!state.in_sync(due) && state.is_held());
}

#[test]
fn what_is_yielded_stays_so_until_it_is_taken_back() {
    let mut state = state(OnDrift::Yield);
    assert_eq!(state.drifted(TUNED, 60, at(0)), Verdict::Yield);
    assert!(!state.in_sync(at(1)));
    assert_eq!(state.drifted(ADMIN, 10, at(1)), Verdict::Quiet);
    state.reset();
    assert_eq!(state.drifted(ADMIN, 10, at(2)), Verdict::Yield);
}

#[test]
fn without_a_limit_there_is_no_fight() {
    let mut state = State::new(OnDrift::Enforce, None);
    for _ in 0..100_000 {
        assert_eq!(state.drifted(TUNED, 60, at(0)), Verdict::Restore);
    }
}

proptest! {
    /// Whatever happens: no more corrections within the time than the limits allow, and in a fight
    /// at most one for each pause.
    #[test]
    fn corrections_are_bounded(blows in prop::collection::vec((0_u64..400, 0_u64..3), 1..400)) {
        let limit = Contest { corrections: 5, within: at(1000) };
        let mut state = State::new(OnDrift::Enforce, Some(limit));
        let mut restored: Vec<u64> = Vec::new();
        let mut now = 0;
        for (wait, who) in blows {
            now += wait;
            if state.drifted(WriterId(who), 1, at(now)) == Verdict::Restore {
                restored.push(now);
            }
            if state.due().is_some_and(|due| due <= at(now)) {
                state.in_sync(at(now));
            }
        }
        for (i, first) in restored.iter().enumerate() {
            let within = restored[i..].iter().filter(|t| *t - first < 1000).count();
            prop_assert!(within <= 2 * 4 * 5 + 2, "{within} within a second");
        }
    }
}

mod wanted {
    use proptest::prelude::*;

    use super::super::Wanted;
    use crate::baseline::Requirement;
    use crate::catalogue::Special;
    use crate::value::{Rounding, Shape};

    proptest! {
        #[test]
        fn judges_and_targets_as_the_requirement_does(
            at_least in prop::option::of(-20i128..20),
            at_most in prop::option::of(-20i128..20),
            special in prop_oneof![Just(None), Just(Some(Special::OtherHalf)),
                                  (-1i8..1).prop_map(|number| Some(Special::NoLimit(number)))],
            shape in prop_oneof![Just(Shape::Number), Just(Shape::Unknown), Just(Shape::Text(9)),
                                Just(Shape::Rounded(Rounding::Centiseconds)),
                                Just(Shape::Rounded(Rounding::Switch))],
            live in prop_oneof!["-?[0-9]{1,2}", "[a-z]{1,2}", "[0-9] [0-9x]", "0x1[0-9]?"],
            exact in "[0-9]{1,2}",
        ) {
            let within = Requirement::Within { at_least, at_most, special };
            for requirement in [within, Requirement::Exact(exact)] {
                let wanted = Wanted::new(shape, &requirement);
                prop_assert_eq!(
                    wanted.satisfied_by(&live), requirement.satisfied_by(shape, &live)
                );
                let bytes = requirement.target(shape, Some(&live)).map(|t| format!("{t}\n"));
                prop_assert_eq!(wanted.target(&live), bytes.as_ref().map(String::as_bytes));
            }
        }
    }
}
