//! Guards: what is refused unless the baseline allows it for that key, with a reason.

use std::net::IpAddr;

use crate::baseline::{Desired, Requirement};
use crate::catalogue::{Hazard, Special, half_of};
use crate::diff::LiveStatus;
use crate::key::Key;
use crate::value::kernel_number;

use super::{Observed, preflight};

/// The greatest share of RAM that `vm.min_free_kbytes` may take without being allowed to.
pub const MIN_FREE_PERCENT: u64 = 5;

/// A guard that stands in the way of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `vm.min_free_kbytes` above 5 % of RAM, all in kB.
    MinFreeAboveGuard {
        /// What is desired.
        wanted_kb: u64,
        /// What the guard lets through.
        limit_kb: u64,
        /// RAM.
        mem_total_kb: u64,
    },
    /// Its value is run as root.
    ExecutesCode,
    /// It cannot be taken back without a reboot.
    OneWay {
        /// What it reads now.
        live: Option<String>,
    },
    /// More is promised than strict overcommit would let be promised, or nearly; in kB.
    OvercommitStrict {
        /// What processes have been promised.
        promised_kb: u64,
        /// What could be promised.
        limit_kb: u64,
    },
    /// It takes nearly all the memory that can be had, or more; in kB.
    TakesMemory {
        /// What it takes.
        needs_kb: u64,
        /// What can be had.
        available_kb: u64,
        /// On which memory node; `None`: on the whole host.
        node: Option<u32>,
    },
    /// It limits something to less than is in use.
    BelowUse {
        /// What is desired.
        wanted: u64,
        /// What is in use.
        in_use: u64,
        /// Of what.
        what: &'static str,
    },
    /// It can cut off the session that runs this.
    CutsSession {
        /// Where that comes from.
        session: IpAddr,
    },
    /// Another desired parameter is the same thing under another name, or sets it, and asks for
    /// something else; no guard allows it.
    Contradicted {
        /// The other one.
        by: Key,
    },
    /// The kernel takes no value above that of another parameter; no guard allows it.
    Exceeds {
        /// The other one.
        other: Key,
        /// What it will hold.
        at_most: i128,
    },
    /// The kernel takes no value below that of another parameter; no guard allows it.
    Undercuts {
        /// The other one.
        other: Key,
        /// What it will hold.
        at_least: i128,
    },
    /// Its first number above its last one, which is not asked for and stays; no guard allows it.
    GoesDown {
        /// What it would come to.
        range: String,
    },
    /// The kernel takes no value while another parameter has that one; no guard allows it.
    Barred {
        /// The other one.
        other: Key,
        /// What it will hold.
        value: i128,
    },
    /// It is one half of a pair and reads 0, as the other half is in force: its bounds compare with
    /// nothing; no guard allows it.
    NotInForce {
        /// The other half.
        half: Key,
        /// What that reads.
        value: String,
    },
    /// The kernel takes that value only once a secret is set, and none is or will be; no guard
    /// allows it.
    NeedsSecret {
        /// The parameter that holds it.
        secret: Key,
        /// The value.
        value: i64,
    },
}

impl Refusal {
    /// The guard's name, as `allow` takes it.
    pub fn guard(&self) -> &'static str {
        match self {
            Self::MinFreeAboveGuard { .. } => Hazard::MinFree.guard(),
            Self::ExecutesCode => Hazard::ExecutesCode.guard(),
            Self::OneWay { .. } => Hazard::OneWay.guard(),
            Self::OvercommitStrict { .. } => Hazard::OvercommitStrict.guard(),
            Self::TakesMemory { .. } => Hazard::TakesMemory.guard(),
            Self::BelowUse { .. } => Hazard::Starves.guard(),
            Self::CutsSession { .. } => Hazard::CutsNetwork.guard(),
            Self::Contradicted { .. } => "contradicted",
            Self::Exceeds { .. } => "exceeds",
            Self::Undercuts { .. } => "undercuts",
            Self::GoesDown { .. } => "goes-down",
            Self::Barred { .. } => "barred",
            Self::NotInForce { .. } => "not-in-force",
            Self::NeedsSecret { .. } => "needs-secret",
        }
    }

    /// Whether a baseline can have it all the same, by allowing the guard.
    pub fn can_be_allowed(&self) -> bool {
        !matches!(
            self,
            Self::Contradicted { .. }
                | Self::Exceeds { .. }
                | Self::Undercuts { .. }
                | Self::GoesDown { .. }
                | Self::Barred { .. }
                | Self::NotInForce { .. }
                | Self::NeedsSecret { .. }
        )
    }

    /// Whether it is judged by what is in use now, and may be none tomorrow.
    pub fn is_of_this_moment(&self) -> bool {
        matches!(
            self,
            Self::OvercommitStrict { .. }
                | Self::TakesMemory { .. }
                | Self::BelowUse { .. }
                | Self::CutsSession { .. }
                | Self::NotInForce { .. }
        )
    }
}

/// The guards that stand in the way of `desired` on this host.
pub fn refusals(
    desired: &Desired,
    status: LiveStatus,
    all: &[Desired],
    observed: &Observed<'_>,
) -> Vec<Refusal> {
    let Some(known) = desired.known else { return Vec::new() };
    // Where nothing is written and nothing persisted there is nothing to refuse.
    if desired.waiver.is_some() || status == LiveStatus::Absent {
        return Vec::new();
    }
    let live = observed.snapshot.text(&desired.key);
    let refusal = match known.hazard() {
        Some(Hazard::MinFree) => min_free(desired, observed.facts.mem_total_kb, live),
        // A value that the kernel already has was not chosen by this baseline.
        Some(Hazard::ExecutesCode) if runs(desired) && !in_sync(desired, live) => {
            Some(Refusal::ExecutesCode)
        }
        Some(Hazard::OneWay) if latches(desired, live) => {
            Some(Refusal::OneWay { live: live.map(str::to_owned) })
        }
        _ => None,
    };
    // What is not written now takes nothing from what is in use now.
    let now = preflight::hazard(desired)
        .filter(|_| status == LiveStatus::Differs)
        .and_then(|hazard| preflight::refusal(desired, hazard, all, observed));
    refusal
        .into_iter()
        .chain(now)
        .chain(not_in_force(desired, live, observed))
        .filter(|r| !desired.allow.iter().any(|a| a == r.guard()))
        .collect()
}

fn in_sync(desired: &Desired, live: Option<&str>) -> bool {
    live.is_some_and(|text| desired.requirement.satisfied_by(desired.shape, text))
}

/// What a half counts that is not in force nobody can tell from the other one: of free memory a
/// share is now more and now less. Writing a bound of it may lower what is in force.
fn not_in_force(desired: &Desired, live: Option<&str>, observed: &Observed<'_>) -> Option<Refusal> {
    let Requirement::Within { special: special @ Some(Special::OtherHalf), .. } =
        desired.requirement
    else {
        return None;
    };
    let is_none = |number| Special::amount(special, number).is_none();
    live.and_then(|text| kernel_number(text.trim())).filter(|number| is_none(*number))?;
    let half = half_of(&desired.key)?;
    let value = observed.snapshot.text(&half).unwrap_or_default().trim().to_owned();
    Some(Refusal::NotInForce { half, value })
}

/// Whether the value leads to a program: an empty one names none, and a core pattern without `|`
/// names a file.
pub(super) fn runs(desired: &Desired) -> bool {
    match desired.requirement.exact() {
        Some("") => false,
        Some(text) if desired.key.as_path() == "kernel/core_pattern" => text.starts_with('|'),
        _ => true,
    }
}

/// Whether it comes to a value that only a reboot takes back.
pub(super) fn latches(desired: &Desired, live: Option<&str>) -> bool {
    let target = desired.requirement.target(desired.shape, live);
    let locks = |target| desired.known.is_some_and(|known| known.is_latched(target));
    !in_sync(desired, live) && target.as_deref().is_some_and(locks)
}

fn min_free(desired: &Desired, mem_total_kb: u64, live: Option<&str>) -> Option<Refusal> {
    let wanted_kb: u64 = desired.requirement.target(desired.shape, live)?.parse().ok()?;
    let limit_kb =
        mem_total_kb / 100 * MIN_FREE_PERCENT + mem_total_kb % 100 * MIN_FREE_PERCENT / 100;
    (wanted_kb > limit_kb).then_some(Refusal::MinFreeAboveGuard {
        wanted_kb,
        limit_kb,
        mem_total_kb,
    })
}
