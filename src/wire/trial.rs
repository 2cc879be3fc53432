//! A trial, as scripts read it.

use serde::{Deserialize, Serialize};

/// Name of the schema of [`Confirmed`].
pub const CONFIRMED_SCHEMA: &str = "tunectl/confirmed/1";

/// A trial that is pending: its values are live and not persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The baseline that is tried.
    pub baseline: String,
    /// When everything is put back unless it is confirmed, RFC 3339 in UTC.
    pub ends: Option<String>,
    /// How long that is, in seconds.
    pub left_s: Option<u64>,
    /// The keys that were written, in dots.
    pub keys: Vec<String>,
    /// The health command that decides; `null`: none does, or this user may not see it.
    pub check: Option<String>,
    /// Whether its keeper is alive; `null` where this user cannot see it. One without is put back
    /// by the next command.
    pub kept: Option<bool>,
}

/// What `tunectl confirm` has done, with `--cancel` or without, or what a trial came to that
/// `apply --confirm-within --wait` has waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// [`CONFIRMED_SCHEMA`].
    pub schema: String,
    /// `confirmed` or `put_back`.
    pub result: String,
    /// The baseline.
    pub baseline: String,
    /// The keys that were tried, in dots.
    pub keys: Vec<String>,
    /// The files that were put in place.
    pub persisted: Vec<String>,
    /// Whether the baseline has become this host's own.
    pub adopted: bool,
    /// Those of the keys that somebody else has changed since they were tried.
    pub changed: Vec<String>,
    /// What putting back came to, a line each.
    pub put_back: Vec<String>,
}
