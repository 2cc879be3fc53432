//! Many hosts' reports in one answer: schema `tunectl/fleet/1`.
//!
//! Lists are ordered by hosts, most first. `sample` has at most eight names of the hosts that are
//! counted, the first of them by name; that of a finding at most 100, or all with `-v`.

use serde::{Deserialize, Serialize};

/// Name of the answer's schema.
pub const FLEET_SCHEMA: &str = "tunectl/fleet/1";

/// What the reports of a fleet say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// [`FLEET_SCHEMA`].
    pub schema: String,
    /// When the reports were read, RFC 3339 in UTC.
    pub time: String,
    /// Hosts whose newest report is older than this count as silent, RFC 3339 in UTC.
    pub silent_before: String,
    /// Share of the last 10 s in which some task waited for memory, in percent, from which on a
    /// host counts as under memory pressure.
    pub pressure_from: f64,
    /// What was read.
    pub reports: FleetReports,
    /// Hosts, by their newest reports.
    pub hosts: FleetHosts,
    /// The same of the silent ones alone, by what they said last.
    #[serde(default)]
    pub stale: FleetHosts,
    /// Who the hosts are of which something is true.
    #[serde(default)]
    pub findings: Vec<FleetFinding>,
    /// Hosts whose baseline cannot be used, by name, and why; at most 100, or all with `-v`.
    #[serde(default)]
    pub failed: Vec<FleetFailed>,
    /// Hosts by baseline.
    pub baselines: Vec<FleetBaseline>,
    /// Hosts by version of tunectl.
    pub versions: Vec<FleetVersion>,
    /// Keys that are not as required somewhere, or have been changed.
    pub drift: Vec<FleetDrift>,
    /// Keys that somebody else keeps changing.
    pub contested: Vec<FleetContested>,
    /// Keys that the files of the next boot leave not as required.
    pub boot: Vec<FleetBoot>,
    /// Keys that are not there yet.
    pub pending: Vec<FleetKey>,
    /// Keys that an apply cannot bring in sync.
    pub blocked: Vec<FleetBlocked>,
    /// Values that few have among peers: hosts of the same roles, at least five, of which three
    /// quarters read another one, all the same.
    pub outliers: Vec<FleetOutlier>,
    /// Silent hosts, longest silent first; at most 100.
    pub silent: Vec<FleetSilent>,
    /// Names that several hosts seem to have, which count as one, most boots first; at most 100.
    #[serde(default)]
    pub namesakes: Vec<FleetNamesake>,
    /// Changes in each of the last 24 hours, the oldest hour first, as the reports' events say when
    /// the newest of alike ones was.
    pub changes_by_hour: Vec<u64>,
    /// What could not be read, by source and line; at most 100.
    pub unreadable: Vec<FleetUnreadable>,
    /// The gate; absent where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<FleetGate>,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetReports {
    /// Files and streams.
    pub sources: u64,
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Reports, older ones included.
    pub read: u64,
    /// Reports that do not count, because a newer one of their host is there.
    pub older: u64,
    /// Reports that are dated more than an hour ahead: they count only where the host has no other.
    #[serde(default)]
    pub ahead: u64,
    /// Lines, or whole files, that could not be read.
    pub unreadable: u64,
    /// Counts that are missing in the lists below, because there were too many different keys,
    /// values or writers to tell apart.
    pub beyond: u64,
}

/// Hosts; one can count several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetHosts {
    /// All of them.
    pub total: u64,
    /// Every parameter as required, now and after a reboot; silent ones are not among them, as that is
    /// no longer known.
    pub in_sync: u64,
    /// Some parameter is not as required now.
    pub drift: u64,
    /// The files of the next boot leave some parameter not as required, whether or not tunectl-boot
    /// then corrects it.
    pub boot: u64,
    /// Somebody else keeps changing some parameter.
    pub contested: u64,
    /// Some parameter is not there yet.
    pub pending: u64,
    /// Some parameter cannot be brought in sync by an apply.
    pub blocked: u64,
    /// Some parameter is covered by a waiver.
    pub waived: u64,
    /// Some parameter is let go on purpose: unlocked, yielded, tried or rolled back. That is neither
    /// drift nor, where it was rolled back or is tried, of the next boot.
    #[serde(default)]
    pub let_go: u64,
    /// Some parameter was changed within the 24 hours before the report.
    pub changed: u64,
    /// The newest report is old, or dated more than an hour ahead.
    pub silent: u64,
    /// The report that counts is dated more than an hour ahead.
    #[serde(default)]
    pub ahead: u64,
    /// Tasks waited for memory.
    pub pressure: u64,
    /// The baseline cannot be used.
    pub failed: u64,
    /// There is no baseline.
    pub no_baseline: u64,
    /// The baseline asks for something else than what was applied last.
    #[serde(default)]
    pub unapplied: u64,
}

/// Hosts of which the same is true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetFinding {
    /// What: one of the counts of [`FleetHosts`], as a gate calls it.
    pub finding: String,
    /// Hosts.
    pub hosts: u64,
    /// Some of the hosts, the first by name.
    pub sample: Vec<String>,
    /// How many are not among these.
    pub more: u64,
}

/// A host whose baseline cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetFailed {
    /// Its name.
    pub host: String,
    /// The first error of its report; empty where it names none.
    pub error: String,
}

/// Hosts with the same baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetBaseline {
    /// Its name.
    pub name: String,
    /// SHA-256 of its texts, in hexadecimal: without a host's further layers, where its report tells
    /// that.
    pub sha256: String,
    /// Hosts.
    pub hosts: u64,
    /// Those in sync.
    pub in_sync: u64,
    /// Those that have drifted.
    pub drift: u64,
    /// Those on which it asks for something else than what was applied last.
    #[serde(default)]
    pub unapplied: u64,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// Hosts with the same tunectl.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetVersion {
    /// Its version.
    pub version: String,
    /// Hosts.
    pub hosts: u64,
    /// Some of the hosts.
    #[serde(default)]
    pub sample: Vec<String>,
}

/// A key that is not as required somewhere, or has been changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetDrift {
    /// The key, in dots.
    pub key: String,
    /// Hosts on which it is not as required now.
    pub hosts: u64,
    /// What it reads there; absent values are those that cannot be read.
    pub values: Vec<FleetValue>,
    /// Hosts whose reports have changes of it.
    pub changed_hosts: u64,
    /// Those changes.
    pub changes: u64,
    /// Who made them.
    pub writers: Vec<FleetWriter>,
    /// Some of the hosts on which it is not as required now.
    pub sample: Vec<String>,
}

/// A value that a key has on some hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetValue {
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The live status, as in a report.
    pub live_status: String,
    /// Hosts.
    pub hosts: u64,
}

/// Who changes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetWriter {
    /// The process's name; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Its systemd unit, with `*` for numbers of sessions and ids of containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// `process`, `container`, `kernel`, `unknown`.
    pub cause: String,
    /// Hosts.
    pub hosts: u64,
    /// How often.
    pub changes: u64,
}

/// A key that somebody else keeps changing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetContested {
    /// The key, in dots.
    pub key: String,
    /// Hosts.
    pub hosts: u64,
    /// Who does it; a host counts with each of its writers.
    pub writers: Vec<FleetWriter>,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// A key that the files of the next boot leave not as required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetBoot {
    /// The key, in dots.
    pub key: String,
    /// `unset`, `overridden`, `differs`, as in a report.
    pub boot_status: String,
    /// The file that sets it, without the line; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether tunectl-boot corrects it after that.
    pub boot_unit: bool,
    /// Hosts.
    pub hosts: u64,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// A key, and on how many hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetKey {
    /// The key, in dots.
    pub key: String,
    /// Hosts.
    pub hosts: u64,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// A key that an apply cannot bring in sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetBlocked {
    /// The key, in dots.
    pub key: String,
    /// The live status, as in a report; `refused` where a guard does.
    pub why: String,
    /// Hosts.
    pub hosts: u64,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// A value that few have among peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetOutlier {
    /// What the peers are for.
    pub roles: String,
    /// The key, in dots.
    pub key: String,
    /// The value.
    pub value: String,
    /// Hosts with it.
    pub hosts: u64,
    /// The value that most have.
    pub usual: String,
    /// Hosts with that one.
    pub usual_hosts: u64,
    /// Hosts of the same roles that report the key.
    pub peers: u64,
    /// Whether the baseline of those hosts wants another value, so that it counts as drift, too.
    pub drift: bool,
    /// Some of the hosts.
    pub sample: Vec<String>,
}

/// A silent host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSilent {
    /// Its name.
    pub host: String,
    /// When its newest report was made, RFC 3339 in UTC.
    pub time: String,
}

/// A name that several hosts seem to have: its reports are of boots that alternate, or of three that
/// began to report within an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetNamesake {
    /// The name.
    pub host: String,
    /// How many boots, by their ids.
    pub boots: u64,
}

/// A line, or a file, that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetUnreadable {
    /// The file, or `standard input`.
    pub source: String,
    /// The line, from 1; absent where the whole file is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Byte in the line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong.
    pub error: String,
}

/// What the gate says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetGate {
    /// The expression, as it was given.
    pub expression: String,
    /// Whether the rollout may go on.
    pub passed: bool,
    /// Why not, where no term says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its terms, in their order.
    pub terms: Vec<FleetTerm>,
}

/// One term of a gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetTerm {
    /// As it was given, `drift<=1%`.
    pub term: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was counted: hosts, or unreadable reports.
    pub count: u64,
    /// Of how many: hosts that are not silent, and those silent ones that `count` has.
    pub of: u64,
    /// The share, in percent.
    pub percent: f64,
}
