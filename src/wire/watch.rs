//! How the daemon stands: schema `tunectl/watch/1`.

use serde::{Deserialize, Serialize};

/// The schema of [`Watch`].
pub const WATCH_SCHEMA: &str = "tunectl/watch/1";

/// What a daemon says of itself, in `/run/tunectl/watch.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// [`WATCH_SCHEMA`].
    pub schema: String,
    /// The boot.
    pub boot_id: String,
    /// Whether it runs; as whoever reads this has found.
    #[serde(default)]
    pub running: bool,
    /// Its process.
    pub pid: u32,
    /// When it began, RFC 3339 in UTC.
    pub since: String,
    /// The baseline that is in force.
    pub baseline: String,
    /// Why the one that lies on disk is not; `null` where it is.
    pub refused: Option<String>,
    /// How changes are seen: `bpf and fanotify`, `fanotify`, `inotify`, `sweeps` and the like.
    pub seen_by: String,
    /// Why BPF is not used, or does less than it can elsewhere; `null` where it does all.
    pub why_not: Option<String>,
    /// Everything is looked at that often, in seconds.
    pub sweep_every: u64,
    /// How many parameters are held.
    pub held: usize,
    /// How many are not there yet.
    pub waiting: usize,
    /// How many are fought over.
    pub contested: usize,
    /// How often it has put a parameter back.
    pub corrections: u64,
    /// The keys, in dots, to which foreign writes are refused.
    pub prevented: Vec<String>,
    /// Whether that goes on when the daemon ends (`--pin`).
    pub pinned: bool,
}
