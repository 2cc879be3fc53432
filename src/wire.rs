//! The JSON that scripts read: schema `tunectl/plan/1`, `tunectl/outcome/1` and their kin.
#![forbid(unsafe_code)]

mod boot;
pub mod event;
pub mod fleet;
pub mod report;
mod rollback;
mod status;
mod tally;
mod trial;
mod unlocked;
mod watch;

pub use boot::{BOOT_SCHEMA, BootReport, Found, LatestPass, Pending, SetBy};
pub use rollback::{FileRolledBack, ROLLBACK_SCHEMA, Returned, Rollback, RolledBack, Was};
pub use status::{Changed, Drift, LetGo, NextBoot, STATUS_SCHEMA, Status};
pub use tally::{Counted, LATENCIES_US, Latency, TALLY_SCHEMA, Tally};
pub use trial::{CONFIRMED_SCHEMA, Confirmed, Trial};
pub use unlocked::{UNLOCKED_SCHEMA, Unlocked};
pub use watch::{WATCH_SCHEMA, Watch};

use serde::{Deserialize, Serialize};

/// Name of the plan's schema.
pub const PLAN_SCHEMA: &str = "tunectl/plan/1";
/// Name of the outcome's schema.
pub const OUTCOME_SCHEMA: &str = "tunectl/outcome/1";

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The host.
    pub host: Host,
    /// The baseline.
    pub baseline: Baseline,
    /// Each desired parameter, by key.
    pub parameters: Vec<Parameter>,
    /// Parameters that the baseline asks for no longer, and that are given back.
    #[serde(default)]
    pub returned: Vec<Returned>,
    /// The baseline's actions.
    pub actions: Vec<Action>,
    /// How the parameters count.
    pub summary: Summary,
    /// Writes, in order.
    pub steps: Vec<Step>,
    /// The drop-in.
    pub dropin: Dropin,
    /// The numbers made from this boot's RAM, where tunectl-boot makes them at each boot.
    pub host_file: Dropin,
    /// Why an apply would refuse this plan; empty where it would not.
    pub refusals: Vec<String>,
    /// What systemd-sysctl or procps would stumble over at boot.
    pub boot_problems: Vec<String>,
    /// What is worth knowing of the baseline: waivers that have ended, and those that end within 14
    /// days.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A plan in a file, to be reviewed and carried out: the plan's own fields, and these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// The baseline as it is found again: a name, or an absolute path; `null`: the host's own.
    pub saved_baseline: Option<String>,
    /// When it was saved, RFC 3339 in UTC.
    pub saved_at: String,
}

/// The host that is planned for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Host name.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// Boot id.
    pub boot_id: String,
    /// `MemTotal`, in kB.
    pub mem_total_kb: u64,
    /// `MemTotal` of each memory node, in kB.
    pub numa_nodes_kb: Vec<u64>,
    /// Bytes in a page.
    pub page_bytes: u64,
    /// Bytes in a huge page.
    pub huge_page_bytes: u64,
    /// `none`, or the name of what the host runs in.
    pub virtualization: String,
    /// `systemd-sysctl` or `procps`: the loader that the boot status is judged by.
    pub loader: String,
    /// Whether tunectl-boot.service is enabled.
    pub boot_unit: bool,
}

/// The baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// SHA-256 of its texts, one behind the other.
    pub sha256: String,
    /// Those texts' names.
    pub sources: Vec<String>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The key, in dots.
    pub key: String,
    /// What it should read; `null` for bounds that it satisfies.
    pub desired: Option<String>,
    /// The requirement in words: `1`, `>= 655360`.
    pub requirement: String,
    /// What it reads; `null` where it cannot be read.
    pub live: Option<String>,
    /// `in_sync`, `differs`, `pending`, `absent`, `unreadable`, `read_only`, `kernel_keeps`.
    pub live_status: String,
    /// What the next boot would leave in it.
    pub boot: Boot,
    /// `same`, `unset`, `overridden`, `differs`; `unknown`: `same`, but for a file that could not be
    /// looked into.
    pub boot_status: String,
    /// `write`, `persist`.
    #[serde(rename = "do")]
    pub todo: Vec<String>,
    /// Where the baseline asks for it: file:line:column.
    pub source: String,
    /// Why.
    pub reason: Option<String>,
    /// The public document that the value comes from.
    pub reference: Option<String>,
    /// How a number made from the host's memory came about.
    pub arithmetic: Option<String>,
    /// `waived`, `refused`, `released` (rolled back).
    pub marks: Vec<String>,
    /// `enforce`, `report`, `yield`, `prevent`.
    pub policy: String,
    /// The text that is persisted for it.
    pub persist_as: Option<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Guards that refuse it, by name.
    pub refused_by: Vec<String>,
}

/// What each loader would leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// systemd-sysctl.
    pub systemd: BootValue,
    /// procps.
    pub procps: BootValue,
    /// Whether tunectl-boot sets it after the loader, whatever that leaves.
    pub unit: bool,
}

/// A value with the line that sets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootValue {
    /// The value; `null` where nothing sets it.
    pub value: Option<String>,
    /// file:line.
    pub source: Option<String>,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The key, in dots.
    pub key: String,
    /// What would be written.
    pub value: String,
    /// Why.
    pub reason: Option<String>,
    /// Where the baseline asks for it.
    pub source: String,
}

/// How the parameters count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As required now and after a reboot.
    pub in_sync: usize,
    /// Will be written.
    pub to_write: usize,
    /// Will be persisted.
    pub to_persist: usize,
    /// Not there yet.
    pub pending: usize,
    /// Cannot be brought in sync by an apply.
    pub blocked: usize,
    /// Those of them of which only that is so: another file overrides them at the next boot.
    #[serde(default)]
    pub overridden: usize,
    /// Covered by a waiver.
    pub waived: usize,
    /// Refused by a guard.
    pub refused: usize,
    /// Of which it is not known what the next boot leaves; waived ones do not count.
    #[serde(default)]
    pub boot_unknown: usize,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position, from 1.
    pub n: usize,
    /// The key, in dots.
    pub key: String,
    /// What it reads before.
    pub expect: Option<String>,
    /// What is written, newline included.
    pub bytes: String,
}

/// A file of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropin {
    /// Its path.
    pub path: String,
    /// Whether it would be written.
    pub changes: bool,
    /// SHA-256 of its bytes now; `null` where there is none.
    pub before_sha256: Option<String>,
    /// Its text to be.
    pub text: String,
    /// Keys, in dots, that it sets now and will set no longer.
    pub leaving: Vec<String>,
}

/// What an apply has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`OUTCOME_SCHEMA`].
    pub schema: String,
    /// `applied`, `on_trial`, `in_sync`, `overridden`, `incomplete`, `failed`, `refused`; `overridden`:
    /// nothing was to be written, and another file overrides something at the next boot; `incomplete`:
    /// everything that was written succeeded, and something could not be brought in sync.
    pub result: String,
    /// The plan that was carried out.
    pub plan: Plan,
    /// Each step.
    pub steps: Vec<StepOutcome>,
    /// Each action that was run.
    pub actions: Vec<ActionOutcome>,
    /// Keys that were put back, with what went wrong there.
    pub restored: Vec<ActionOutcome>,
    /// `unchanged`, `written`, `not_asked`, `on_trial`, `left_alone`, `failed`.
    pub dropin: String,
    /// The same of the numbers made from RAM.
    pub host_file: String,
    /// Everything that went wrong, in words.
    pub errors: Vec<String>,
    /// What the next boot will take back, and which line does; waivers that have ended, and those
    /// that end within 14 days.
    pub notes: Vec<String>,
    /// The trial that has begun; `null`: none was asked for, or it did not.
    pub trial: Option<Trial>,
}

/// A step's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The key, in dots.
    pub key: String,
    /// What it read before.
    pub from: Option<String>,
    /// What was written.
    pub to: String,
    /// `written`, `refused`, `kept`, `unreadable`, `not_tried`.
    pub result: String,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// An action's end, or that of a key that was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionOutcome {
    /// The key, in dots.
    pub key: String,
    /// What went wrong; `null`: nothing.
    pub error: Option<String>,
}
