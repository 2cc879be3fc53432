//! The shape of what `tunectl unlock` has done.

use serde::{Deserialize, Serialize};

/// Name of the schema of [`Unlocked`].
pub const UNLOCKED_SCHEMA: &str = "tunectl/unlocked/1";

/// A parameter that is let go for a while, or with `--end` taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlocked {
    /// [`UNLOCKED_SCHEMA`].
    pub schema: String,
    /// The key, in dots.
    pub key: String,
    /// When it is taken back, RFC 3339 in UTC; with `--end` that is now. `null` where the clock
    /// cannot tell, or where there was nothing to end.
    pub until: Option<String>,
    /// Why it was let go; empty where it was not.
    pub reason: String,
    /// Whether anything holds it otherwise: this host's baseline, or a daemon.
    pub held: bool,
    /// Whether a daemon runs, which takes it back by itself.
    pub daemon: bool,
}
