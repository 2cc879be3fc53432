//! The report of one boot: schema `tunectl/boot/1`.

use serde::{Deserialize, Serialize};

use super::{Baseline, Host};

/// Name of the boot report's schema.
pub const BOOT_SCHEMA: &str = "tunectl/boot/1";

/// What `tunectl apply --boot` found and did at one boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootReport {
    /// [`BOOT_SCHEMA`].
    pub schema: String,
    /// The boot that it is of.
    pub boot_id: String,
    /// When the first pass ended, RFC 3339, UTC.
    pub time: String,
    /// How long the first pass took, in microseconds.
    pub took_us: u64,
    /// `in_sync`: nothing was wrong; `corrected`: all that was wrong was put right; `incomplete`:
    /// something is not as required, or was not persisted; `failed`: the baseline could not be
    /// used. Of several passes, the worst.
    pub result: String,
    /// The baseline; `null` where the host has none, or one that cannot be used.
    pub baseline: Option<Baseline>,
    /// The host.
    pub host: Host,
    /// How many parameters were as required already.
    pub right: usize,
    /// How many are covered by a waiver.
    pub waived: usize,
    /// What was not as required.
    pub found: Vec<Found>,
    /// What was not there yet.
    pub pending: Vec<Pending>,
    /// What became of the drop-in: `unchanged`, `written`, `left_alone`, `failed`.
    pub dropin: String,
    /// What became of the file of numbers made from this boot's RAM, in the same words.
    pub host_file: String,
    /// When the settled pass ended; `null`: there has been none.
    pub settled: Option<String>,
    /// How the newest pass ended by itself; `result` is of all. Reports of before do not tell.
    #[serde(default)]
    pub latest: Option<LatestPass>,
    /// What later passes found: it had been changed since the one before.
    pub since: Vec<Found>,
    /// Everything that went wrong, in words.
    pub errors: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// The newest pass of a boot: tunectl-boot was started again, or all services were up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestPass {
    /// Which one it is; 1 is the first.
    pub pass: u64,
    /// When it ended, RFC 3339, UTC.
    pub time: String,
    /// In the words of the boot's result.
    pub result: String,
    /// Whether all is right that can be, as the exit code says: what this kernel has not, or lets
    /// nobody write, does not count.
    pub successful: bool,
}

/// A parameter that was not as required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The key, in dots.
    pub key: String,
    /// What it read; `null` where it could not be read.
    pub found: Option<String>,
    /// What it should read.
    pub desired: Option<String>,
    /// What it must keep to, such as `<= 512`, where that is no single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// The line of a sysctl.d file, or of the kernel command line, that sets what was found;
    /// `null`: none does.
    pub set_by: Option<SetBy>,
    /// Programs that are known to set this parameter.
    pub owners: Vec<String>,
    /// Whether it reads as desired now.
    pub corrected: bool,
    /// Why it does not.
    pub error: Option<String>,
    /// When it was found, in `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// A line that sets a value at boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBy {
    /// file:line, or `kernel command line`.
    pub source: String,
    /// The value that it sets.
    pub value: String,
}

/// A parameter that was not there yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The key, in dots.
    pub key: String,
    /// The module that brings it; `null`: an interface does.
    pub module: Option<String>,
    /// When it appeared and was found as required or set, RFC 3339, UTC; `null`: not yet.
    pub set_at: Option<String>,
}
