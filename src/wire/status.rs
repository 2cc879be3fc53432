//! How a host stands: schema `tunectl/status/1`.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::{Baseline, BootReport, Host, Pending, SetBy, Trial, Watch};

/// Name of the status's schema.
pub const STATUS_SCHEMA: &str = "tunectl/status/1";

/// How a host stands against its own baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// [`STATUS_SCHEMA`].
    pub schema: String,
    /// `in_sync`: now and after a reboot; `differs`; `no_baseline`; `failed`: the baseline cannot
    /// be used.
    pub result: String,
    /// The host.
    pub host: Host,
    /// The host's own baseline; `null` where it has none, or one that cannot be used.
    pub baseline: Option<Baseline>,
    /// How many parameters are as required now.
    pub right: usize,
    /// How many are covered by a waiver.
    pub waived: usize,
    /// What is not as required now.
    pub changed: Vec<Changed>,
    /// Keys, in dots, that this user may not read: nothing is known of them. For root there are none.
    #[serde(default)]
    pub unreadable: Vec<String>,
    /// What is as required now and would not be after a reboot.
    pub next_boot: Vec<NextBoot>,
    /// What is not there yet.
    pub pending: Vec<Pending>,
    /// Keys and patterns, in dots, of which the baseline asks for something else than what was
    /// applied last: an apply would give them back, take them out of the drop-in, or persist them.
    #[serde(default)]
    pub unapplied: Vec<String>,
    /// Why an apply would be refused, a line each, as in a plan.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// Whether tunectl-boot.service is enabled.
    pub boot_unit: bool,
    /// The report of this boot; `null`: there is none.
    pub boot: Option<BootReport>,
    /// The daemon of this boot; `null`: none has begun, or it was told to end.
    #[serde(default)]
    pub daemon: Option<Watch>,
    /// What is let go for a while.
    #[serde(default)]
    pub let_go: Vec<LetGo>,
    /// What `tunectl watch` has seen since the boot; `null` where its log cannot be read.
    pub drift: Option<Drift>,
    /// The trial that is pending; `null`: none is.
    pub trial: Option<Trial>,
    /// Why the baseline cannot be used, a line each.
    pub errors: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// What happened to parameters since the boot, from the log of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// How often parameters were put back.
    pub corrections: u64,
    /// How many writes were prevented.
    pub prevented: u64,
    /// How long a foreign value stood, in microseconds, in the median of what was put back; `null`
    /// where no event has told.
    #[serde(default)]
    pub latency_median_us: Option<u64>,
    /// The same for all but one in a hundred.
    #[serde(default)]
    pub latency_99_us: Option<u64>,
    /// Keys, in dots, that somebody else keeps changing.
    pub contested: Vec<String>,
    /// The newest events, oldest first.
    pub recent: Vec<Event>,
    /// Lines of the log that are no events.
    pub damaged: u64,
    /// Whether the log reaches back further than was looked: the numbers are at least so great.
    pub partial: bool,
}

/// A parameter that is let go for a while: nobody holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// The key, in dots; of what was rolled back also a pattern, or `*` for everything.
    pub key: String,
    /// `unlocked`: somebody asked for it; `yielded`: another program has it; `released`: it was
    /// rolled back.
    pub kind: String,
    /// Who let it go.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Until when, RFC 3339 in UTC; `null`: until the next boot or apply, and where it was rolled
    /// back until the next apply.
    pub until: Option<String>,
}

/// A parameter that is not as required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The key, in dots.
    pub key: String,
    /// What it read when tunectl-boot was done; `null` where no report of this boot tells.
    pub from: Option<String>,
    /// What it reads; `null` where it cannot be read.
    pub to: Option<String>,
    /// What it should read.
    pub desired: Option<String>,
    /// What it must keep to, such as `<= 512`, where that is no single value.
    #[serde(default)]
    pub bound: Option<String>,
    /// Whether it has been changed since tunectl-boot was done.
    pub since_boot: bool,
    /// The line of a sysctl.d file, or of the kernel command line, that sets what it reads;
    /// `null`: none does.
    pub set_by: Option<SetBy>,
    /// Programs that are known to set this parameter.
    pub owners: Vec<String>,
    /// Why an apply cannot put it right; `null` where it can.
    pub error: Option<String>,
}

/// A parameter that a reboot takes away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextBoot {
    /// The key, in dots.
    pub key: String,
    /// `unset`, `overridden`, `differs`, `unknown`, as in a plan.
    pub boot_status: String,
    /// What the boot would leave; `null` where no file sets it.
    pub value: Option<String>,
    /// The line that sets that; of an unknown one the file that could not be looked into.
    pub source: Option<String>,
    /// Whether tunectl-boot.service is enabled and sets it after the loader has.
    pub unit: bool,
}
