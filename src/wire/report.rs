//! How a host stands, for readers far away from it: schema `tunectl/report/1`, one line a host.
//!
//! Dense, because there are hundreds of thousands of them: what is `null`, empty or false is left
//! out. Readers ignore fields that they do not know and refuse a schema of another number. Values
//! of secret parameters are replaced by whoever writes a report, never by its readers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LatestPass;

/// Name of the report's schema.
pub const REPORT_SCHEMA: &str = "tunectl/report/1";

/// How a host stands against its own baseline, now and after a reboot, and what has drifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// When the host was looked at, RFC 3339 in UTC, ending in `Z`; of two reports of a host the
    /// newer one counts.
    pub time: String,
    /// The host.
    pub host: ReportHost,
    /// Version of the tunectl that wrote this.
    pub version: String,
    /// `in_sync`: now and after a reboot; `differs`; `no_baseline`; `failed`: the baseline cannot
    /// be used, and `errors` says why.
    pub result: String,
    /// The baseline; absent where the host has none, or one that cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<ReportBaseline>,
    /// How the parameters count.
    pub summary: ReportSummary,
    /// Pressure stall information; absent where the kernel has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
    /// What the boot found, in short; absent where there is no report of this boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<ReportBoot>,
    /// Whether the daemon runs; older reports do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<ReportWatch>,
    /// What `tunectl watch` has seen; absent where its log cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<ReportDrift>,
    /// The parameters of the baseline, by key: of more than [`MOST_PARAMETERS`] those that are not in
    /// sync come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ReportParameter>,
    /// How many are not among these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// What further parameters read, which the baseline does not set, by key in dots; only those
    /// that were asked for. Of what is not there, or cannot be read, `errors` tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
    /// What went wrong while looking, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A report lists no more parameters, and readers take no more: a host of containers has as many of
/// each interface, and what reads them keeps a series of each.
pub const MOST_PARAMETERS: usize = 3000;
/// Nor more bytes of them, about: a report is a line of less than 1 MiB.
pub const MOST_PARAMETER_BYTES: usize = 768 << 10;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportHost {
    /// Host name; one name is one host.
    pub name: String,
    /// `uname -r`.
    pub kernel: String,
    /// Boot id.
    pub boot_id: String,
    /// `MemTotal`, in kB.
    pub mem_total_kb: u64,
    /// How many memory nodes it has.
    pub numa_nodes: usize,
    /// `none`, or the name of what the host runs in.
    pub virtualization: String,
    /// What the host is for: the names of the baselines that its own one extends, or else its own
    /// one's. Hosts with the same roles are peers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// The baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBaseline {
    /// Its name.
    pub name: String,
    /// SHA-256 of its texts, one behind the other, in hexadecimal.
    pub sha256: String,
    /// The same without this host's further layers (`/etc/tunectl/baseline.d`): what hosts with the
    /// baseline have in common. Older reports do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_sha256: Option<String>,
    /// Whether it asks for something else than what was applied last, and no apply has come since:
    /// something is to be given back, taken out of the drop-in, or persisted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unapplied: bool,
}

/// How the parameters count; one parameter can count several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSummary {
    /// All of them.
    pub parameters: usize,
    /// As required now and after a reboot.
    pub in_sync: usize,
    /// Not as required now: `differs`, `absent`, `unreadable`, `read_only`, `kernel_keeps`; waived
    /// ones do not count.
    pub live_differs: usize,
    /// As the files of the next boot leave them not as required, whether or not tunectl-boot then
    /// corrects it; waived ones do not count.
    pub boot_differs: usize,
    /// Those of them that tunectl-boot corrects after the loader; older reports do not tell, and
    /// did not count these in `boot_differs`.
    #[serde(default)]
    pub boot_corrected: usize,
    /// Not there yet: their module or interface is missing.
    pub pending: usize,
    /// Somebody else keeps changing them, and the daemon has let go for a while.
    pub contested: usize,
    /// Covered by a waiver.
    pub waived: usize,
    /// Let go on purpose, whatever they read; older reports do not tell.
    #[serde(default)]
    pub let_go: usize,
    /// An apply cannot bring them in sync: `absent`, `unreadable`, `read_only`, `kernel_keeps`, or
    /// refused by a guard.
    pub blocked: usize,
}

/// Pressure stall information, `/proc/pressure`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Share of the last 10 s in which some task waited for memory, in percent.
    pub memory_some_avg10: f64,
}

/// The boot report, in short; `tunectl/boot/1` has all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBoot {
    /// `in_sync`, `corrected`, `incomplete`, `failed`.
    pub result: String,
    /// When its first pass ended, RFC 3339 in UTC.
    pub time: String,
    /// How many parameters it found not as required, later passes included.
    pub found: usize,
    /// How many of them were put right.
    pub corrected: usize,
    /// How its newest pass ended by itself; `result` is the worst of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<LatestPass>,
}

/// The daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWatch {
    /// Whether it runs.
    pub running: bool,
    /// Whether it should: its unit is enabled, or it has run in this boot and was not told to end.
    pub expected: bool,
    /// It looks at everything that often, in seconds; absent where it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_every: Option<u64>,
}

/// What happened to parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDrift {
    /// Changes since the boot, as often as they happened.
    pub since_boot: u64,
    /// Changes of the last 24 hours, of this boot or the one before.
    pub last_day: u64,
    /// Whether the log reaches back further than was looked: the numbers are at least so great.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Those since the boot and those of the last 24 hours, alike ones put together, newest first;
    /// at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ReportEvent>,
}

/// Changes of one key by one writer that ended alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportEvent {
    /// The key, in dots.
    pub key: String,
    /// What it read before the newest of them, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What the newest of them made it, or would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// As in `tunectl/event/1`: `restored`, `reported`, `yielded`, `prevented`, `contested`,
    /// `failed`.
    pub action: String,
    /// `process`, `kernel`, `unknown`.
    pub cause: String,
    /// Who did it; absent where nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<ReportWriter>,
    /// How often.
    pub count: u64,
    /// When the newest of them was, RFC 3339 in UTC.
    pub last: String,
}

/// A process that changed a parameter; without its arguments, in which secrets may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportWriter {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Its systemd unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its container's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportParameter {
    /// The key, in dots.
    pub key: String,
    /// What it should read; absent for bounds that it satisfies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<String>,
    /// What it must keep to, such as `<= 512`, where that is no single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// What it reads; absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
    /// `in_sync`, `differs`, `pending`, `absent`, `unreadable`, `read_only`, `kernel_keeps`.
    pub live_status: String,
    /// What the loader that this host boots with would leave in it;
    /// absent where no file sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<ReportBootValue>,
    /// What the loader's files come to: `same`, `unset`, `overridden`, `differs`; `unknown`: `same`,
    /// but for a file that could not be looked into.
    pub boot_status: String,
    /// `waived`, `refused`, `contested`, `yielded`, `prevented`; `from_ram`: the desired value was
    /// made from this host's memory, so that peers may have another one; `boot_unit`: whatever the
    /// loader leaves, tunectl-boot sets it after that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// That nobody holds it now, on purpose: what it reads is no drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_go: Option<ReportLetGo>,
    /// Who has made it what it reads, where the daemon saw that in this boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<ReportWriter>,
}

/// Why nobody holds a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLetGo {
    /// `unlocked`: somebody asked for it; `yielded`: another program has it, as the baseline says;
    /// `trial`: it is tried, by `apply --confirm-within`; `released`: it was rolled back.
    pub kind: String,
    /// Who let it go, in words.
    pub by: String,
    /// Why, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when, RFC 3339 in UTC; absent: until the next boot or apply, and where it was rolled
    /// back until the next apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A value with the line that sets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBootValue {
    /// The value; of `overridden` parameters that of the line that overrides.
    pub value: String,
    /// file:line, or `kernel command line`.
    pub source: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    /// A report in which every field is there.
    fn full() -> Report {
        let text = || "x".to_owned();
        let writer = || ReportWriter {
            comm: Some("tuned".into()),
            unit: Some("tuned.service".into()),
            container: Some(text()),
        };
        Report {
            schema: REPORT_SCHEMA.into(),
            time: "2026-11-26T12:30:00Z".into(),
            host: ReportHost {
                name: "broker-1".into(),
                kernel: "6.1.0-18-amd64".into(),
                boot_id: text(),
                mem_total_kb: 65_801_284,
                numa_nodes: 2,
                virtualization: "none".into(),
                roles: vec!["rocketmq-broker".into()],
            },
            version: "0.1.0".into(),
            result: "differs".into(),
            baseline: Some(ReportBaseline {
                name: text(),
                sha256: "0".repeat(64),
                shared_sha256: Some("1".repeat(64)),
                unapplied: true,
            }),
            summary: ReportSummary::default(),
            pressure: Some(Pressure { memory_some_avg10: 0.25 }),
            boot: Some(ReportBoot {
                result: "corrected".into(),
                time: "2026-11-26T12:00:00Z".into(),
                found: 1,
                corrected: 1,
                latest: Some(LatestPass {
                    pass: 2,
                    time: "2026-11-26T12:01:00Z".into(),
                    result: "in_sync".into(),
                    successful: true,
                }),
            }),
            watch: Some(ReportWatch { running: true, expected: true, sweep_every: Some(10) }),
            drift: Some(ReportDrift {
                since_boot: 1,
                last_day: 1,
                partial: true,
                events: vec![ReportEvent {
                    key: "vm.swappiness".into(),
                    from: Some("1".into()),
                    to: Some("10".into()),
                    action: "restored".into(),
                    cause: "process".into(),
                    writer: Some(writer()),
                    count: 1,
                    last: "2026-11-26T12:20:00.123456Z".into(),
                }],
            }),
            parameters: vec![ReportParameter {
                key: "vm.swappiness".into(),
                desired: Some("1".into()),
                bound: Some("<= 1".into()),
                live: Some("10".into()),
                live_status: "differs".into(),
                boot: Some(ReportBootValue { value: "1".into(), source: "/x.conf:1".into() }),
                boot_status: "same".into(),
                marks: vec!["contested".into()],
                let_go: Some(ReportLetGo {
                    kind: "unlocked".into(),
                    by: "root".into(),
                    reason: Some(text()),
                    until: Some("2026-11-26T14:30:00Z".into()),
                }),
                writer: Some(writer()),
            }],
            omitted: 7,
            others: BTreeMap::from([("vm.dirty_ratio".to_owned(), "20".to_owned())]),
            errors: vec![text()],
        }
    }

    /// Holds an object of a report against its schema: the same fields in both, and those required
    /// that are never left out.
    fn compare(value: &Value, schema: &Value, root: &Value, required: &mut Vec<String>) {
        let schema = match schema["$ref"].as_str() {
            Some(path) => root.pointer(path.strip_prefix('#').unwrap()).unwrap(),
            None => schema,
        };
        match value {
            Value::Object(fields) if schema["properties"].is_object() => {
                let known = schema["properties"].as_object().unwrap();
                let names = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
                let (mut ours, mut theirs) = (names(fields), names(known));
                ours.sort();
                theirs.sort();
                assert_eq!(ours, theirs, "{value}");
                let listed = schema["required"].as_array();
                required.extend(listed.into_iter().flatten().map(|r| r.as_str().unwrap().into()));
                for (name, field) in fields {
                    compare(field, &known[name], root, required);
                }
            }
            Value::Array(items) => {
                for item in items {
                    compare(item, &schema["items"], root, required);
                }
            }
            Value::String(text) => {
                let taken = schema["enum"].as_array();
                assert!(taken.is_none_or(|t| t.contains(value)), "{text}: {schema}");
            }
            _ => {}
        }
    }

    #[test]
    fn the_published_schema_has_the_same_fields() {
        let text = include_str!("../../packaging/schema/report-1.schema.json");
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["properties"]["schema"]["const"], REPORT_SCHEMA);
        let mut required = Vec::new();
        compare(&serde_json::to_value(full()).unwrap(), &schema, &schema, &mut required);
        assert!(required.len() > 20, "{required:?}");
        let line = serde_json::to_string(&full()).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), full());
    }

    #[test]
    fn what_is_not_required_can_be_left_out_and_what_is_unknown_is_ignored() {
        let mut value = serde_json::to_value(full()).unwrap();
        let fields = value.as_object_mut().unwrap();
        for name in ["baseline", "pressure", "boot", "drift", "parameters", "others", "errors"] {
            fields.remove(name).unwrap();
        }
        fields.insert("later".into(), Value::Null);
        let report: Report = serde_json::from_value(value).unwrap();
        assert!(report.parameters.is_empty() && report.drift.is_none());
        for absent in ["null", "[]", "{}"] {
            assert!(!serde_json::to_string(&report).unwrap().contains(absent));
        }
    }
}
