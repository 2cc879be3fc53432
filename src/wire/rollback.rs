//! What is given back: schema `tunectl/rollback/1`, and the same parameters in a plan.

use serde::{Deserialize, Serialize};

use super::{ActionOutcome, BootValue, Host};

/// Name of the rollback's schema.
pub const ROLLBACK_SCHEMA: &str = "tunectl/rollback/1";

/// What a rollback has done, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// [`ROLLBACK_SCHEMA`].
    pub schema: String,
    /// `rolled_back`; `planned`: with `--dry-run`; `nothing`: there was nothing to give back, and
    /// no baseline to let go; `incomplete`: with `--keep-going`; `failed`; `refused`.
    pub result: String,
    /// The host.
    pub host: Host,
    /// Each parameter, by key.
    pub parameters: Vec<RolledBack>,
    /// The drop-in.
    pub dropin: FileRolledBack,
    /// The numbers made from this boot's RAM.
    pub host_file: FileRolledBack,
    /// Keys that were put back to what they had read before the rollback, because another one
    /// failed, with what went wrong there.
    pub restored: Vec<ActionOutcome>,
    /// Everything that went wrong, in words.
    pub errors: Vec<String>,
}

/// One parameter of a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The parameter.
    #[serde(flatten)]
    pub returned: Returned,
    /// `written`, `refused`, `kept`, `unreadable`, `not_tried`; `null`: nothing was to be written,
    /// or it was not carried out.
    pub result: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// A parameter that is given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The key, in dots.
    pub key: String,
    /// What it reads; `null` where it cannot be read.
    pub live: Option<String>,
    /// What it was before tunectl; `null`: it is not known.
    pub was: Option<Was>,
    /// `restore`; `already`: it reads so; `changed`: somebody else has changed it since, it stays;
    /// `latched`: only a reboot undoes it; `unknown`: what it was; `stuck`: it is not there, or
    /// cannot be read or written; `bound`: a write would change another parameter that is held;
    /// `refused`: by a guard.
    pub verdict: String,
    /// Where it was changed since: what tunectl had left in it, or where that is not known to have
    /// been written what its file says.
    pub left: Option<String>,
    /// Who has changed it, where the daemon has seen it.
    pub by: Option<String>,
    /// What the other files set in it, or in the half that comes back, at the next boot; `null`:
    /// none does.
    #[serde(default)]
    pub boot: Option<BootValue>,
    /// Guards that refuse it, by name.
    pub refused_by: Vec<String>,
    /// The verdict in words, where that does not say it all.
    pub note: Option<String>,
}

/// What a parameter was before tunectl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Was {
    /// The key, in dots: of a pair the half that was in force.
    pub key: String,
    /// What it read.
    pub value: String,
    /// `this_boot`: before tunectl's first write in it; `boot_files`: what the other files set at
    /// boot; `first`: before tunectl's first write in an earlier boot.
    pub origin: String,
    /// Which line sets it, where files do: file:line.
    pub source: Option<String>,
    /// Of an earlier boot: the day, UTC.
    pub day: Option<String>,
    /// Of an earlier boot: `MemTotal` then, in kB.
    pub mem_total_kb: Option<u64>,
}

/// What becomes of a file of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRolledBack {
    /// Its path.
    pub path: String,
    /// `remove`, `edit`, `none`.
    #[serde(rename = "do")]
    pub todo: String,
    /// `unchanged`, `written` (or removed), `left_alone`, `failed`; `null`: not carried out.
    pub result: Option<String>,
}
