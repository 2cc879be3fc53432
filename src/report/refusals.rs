//! Refusals in words: what would follow, with the figures, and how to have it all the same.

use std::time::Duration;

use crate::plan::{Foreign, Plan, Refusal, Strained, TAKEN_PERCENT};

use super::words::foreign;

/// A guard's refusal, with the figures and the way to override it.
pub fn refusal(refusal: &Refusal) -> String {
    let why = danger(refusal);
    match overridden_by(refusal) {
        Some(guard) => {
            format!("refused: {why}; to have it, give the key `allow: [{guard}]` and a `reason`")
        }
        None => format!("refused: {why}"),
    }
}

/// The guard that can be overridden to have it all the same.
fn overridden_by(refusal: &Refusal) -> Option<&'static str> {
    refusal.can_be_allowed().then(|| refusal.guard())
}

/// What would follow.
fn danger(refusal: &Refusal) -> String {
    match refusal {
        Refusal::MinFreeAboveGuard { wanted_kb, limit_kb, mem_total_kb } => format!(
            "{wanted_kb} kB is above 5 % of {mem_total_kb} kB RAM ({limit_kb} kB): so much \
             reserved memory can stop the machine at once"
        ),
        Refusal::ExecutesCode => "its value leads to a program that runs as root".to_owned(),
        Refusal::OneWay { live } => {
            let now = live.as_deref().map(|text| format!(" (now {text})")).unwrap_or_default();
            format!("it cannot be taken back without a reboot{now}")
        }
        Refusal::OvercommitStrict { promised_kb, limit_kb } => format!(
            "strict overcommit would let {limit_kb} kB be promised, and {promised_kb} kB are: \
             nothing new would start, not even a shell to undo it"
        ),
        Refusal::TakesMemory { needs_kb, available_kb, node } => {
            let place = node.map(|id| format!(" on memory node {id}")).unwrap_or_default();
            format!(
                "it takes {needs_kb} kB{place}, more than {TAKEN_PERCENT} % of the {available_kb} kB \
                 that can be had there now: the host would reclaim, swap or kill to free it"
            )
        }
        Refusal::BelowUse { wanted, in_use, what } => {
            format!(
                "{in_use} {what} are in use, and {wanted} is not more: new ones would be refused"
            )
        }
        Refusal::CutsSession { session } => {
            format!("it can cut off the session from {session} that runs this")
        }
        Refusal::Contradicted { by } => format!(
            "a write to {by}, of which the baseline asks something else, sets this one as well: \
             keep one of the two"
        ),
        Refusal::Exceeds { other, at_most } => {
            format!("the kernel takes no value above that of {other} ({at_most})")
        }
        Refusal::Undercuts { other, at_least } => {
            format!("the kernel takes no value below that of {other} ({at_least})")
        }
        Refusal::GoesDown { range } => format!("{range} is no range: it goes down"),
        Refusal::Barred { other, value } => {
            format!("the kernel takes no value while {other} is {value}")
        }
        Refusal::NotInForce { half, value } => {
            let (force, instead) = match value.as_str() {
                "0" => (format!("neither it nor {half} is in force"), "of one of the two".into()),
                _ => (
                    format!("it is not in force, {half} ({value}) is"),
                    format!("of it, or bound {half}"),
                ),
            };
            format!("{force}: a bound has nothing to compare with; set an exact value {instead}")
        }
        Refusal::NeedsSecret { secret, value } => {
            format!("the kernel takes {value} only once {secret} is set")
        }
    }
}

/// Why a raise of the reserve of memory went no further.
pub fn strained(why: &Strained) -> String {
    let ms = |time: &Duration| time.as_millis();
    match why {
        Strained::Available { available_kb, needs_kb, left_kb } => format!(
            "{available_kb} kB could be had, of which the next step takes {needs_kb} kB, and \
             {left_kb} kB must be left"
        ),
        Strained::Free { free_kb, waited } => format!(
            "only {free_kb} kB were free {} ms after the last step, less than the reserve",
            ms(waited)
        ),
        Strained::Stalled { percent, waited } => format!(
            "tasks waited for memory {percent} % of the {} ms after the last step",
            ms(waited)
        ),
        Strained::Killed { processes } => {
            format!("the kernel killed {processes} for want of memory after the last step")
        }
    }
}

/// A guard's refusal to give a parameter back.
pub fn refusal_back(why: &Refusal) -> String {
    match overridden_by(why) {
        Some(guard) => format!(
            "not given back: {}; to have it all the same, `tunectl rollback --allow {guard}`",
            danger(why)
        ),
        None => refusal(why),
    }
}

/// How many parameters a guard refuses.
pub fn refused(plan: &Plan) -> usize {
    let given_back = plan.returned.iter().map(|r| &r.item);
    plan.items.iter().chain(given_back).filter(|item| !item.refusals.is_empty()).count()
}

/// Why an apply would refuse the plan, a line each.
pub fn refusals(plan: &Plan) -> Vec<String> {
    let in_place = plan.in_place().filter(|(what, _)| *what != Foreign::Unread);
    let foreign = in_place.map(|(what, path)| foreign(what, path));
    of_guards(plan).into_iter().chain(foreign).collect()
}

/// What guards refuse, a line each.
pub fn of_guards(plan: &Plan) -> Vec<String> {
    plan.refusals()
        .map(|(item, why)| {
            let why = if plan.gives_back(item) { refusal_back(why) } else { refusal(why) };
            format!("{}: {why}", item.desired.key)
        })
        .collect()
}
