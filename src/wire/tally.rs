//! What `tunectl watch` has counted since the boot: schema `tunectl/tally/1`.
//!
//! Counters that only ever rise, across restarts of the daemon too: Prometheus takes a smaller
//! number for a new beginning. The log of events is rotated, so they cannot be counted from it.

use serde::{Deserialize, Serialize};

/// Name of the tally's schema.
pub const TALLY_SCHEMA: &str = "tunectl/tally/1";

/// Upper bounds of the histogram of latencies, in microseconds; what took longer is in `count`.
pub const LATENCIES_US: [u64; 12] =
    [25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 100_000, 1_000_000, 10_000_000, 60_000_000];

/// What was counted since the boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// [`TALLY_SCHEMA`].
    pub schema: String,
    /// The boot; in another one all this is past.
    pub boot_id: String,
    /// When everything was last looked at, in seconds since 1970; 0: not yet.
    pub swept: u64,
    /// How changes are seen, in a word: `bpf and fanotify`, …, `sweeps`.
    pub seen_by: String,
    /// Keys, in dots, that somebody else keeps changing.
    pub contested: Vec<String>,
    /// Changes of parameters.
    pub drift: Vec<Counted>,
    /// Writes that were refused before they changed anything; their cause is `process`.
    pub prevented: Vec<Counted>,
    /// How long corrections took.
    pub latency: Latency,
}

/// How often one key was changed by one writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The key, in dots.
    pub key: String,
    /// `process`, `kernel`, `unknown`.
    pub cause: String,
    /// The process's name; `kernel`, `unknown`, or `other` where there are too many names.
    pub writer: String,
    /// How often.
    pub count: u64,
}

/// From an event to the end of the restoring write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Corrections that took at most as long as each of [`LATENCIES_US`], and longer than the one
    /// before it.
    pub within: Vec<u64>,
    /// All of them.
    pub count: u64,
    /// Microseconds of all of them.
    pub sum_us: u64,
}
