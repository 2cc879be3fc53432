//! A fleet's reports, made up from a seed, with what is wrong in it known beforehand.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tunectl::wire::report::{
    Pressure, REPORT_SCHEMA, Report, ReportBaseline, ReportBoot, ReportBootValue, ReportDrift,
    ReportEvent, ReportHost, ReportParameter, ReportSummary, ReportWriter,
};

/// A role: its name, its baseline's hash, its parameters with the desired value; `None`: made from
/// the host's memory.
type Role = (&'static str, &'static str, &'static [(&'static str, Option<&'static str>)]);

const ROLES: [Role; 3] = [
    (
        "rocketmq-broker",
        "8f3c6e0c8c1a4b3d9e5f7a6b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d",
        &[
            ("vm.dirty_background_ratio", Some("50")),
            ("vm.dirty_ratio", Some("50")),
            ("vm.dirty_writeback_centisecs", Some("360000")),
            ("vm.max_map_count", Some("655360")),
            ("vm.min_free_kbytes", None),
            ("vm.overcommit_memory", Some("1")),
            ("vm.page-cluster", Some("3")),
            ("vm.swappiness", Some("1")),
            ("vm.zone_reclaim_mode", Some("0")),
        ],
    ),
    (
        "kafka-broker",
        "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809",
        &[
            ("net.core.rmem_max", Some("16777216")),
            ("net.core.wmem_max", Some("16777216")),
            ("net.ipv4.tcp_rmem", Some("4096 131072 16777216")),
            ("net.ipv4.tcp_wmem", Some("4096 131072 16777216")),
            ("vm.dirty_background_ratio", Some("5")),
            ("vm.dirty_ratio", Some("60")),
            ("vm.max_map_count", Some("262144")),
            ("vm.min_free_kbytes", None),
            ("vm.swappiness", Some("1")),
        ],
    ),
    (
        "kubernetes-node",
        "99aabbccddeeff00112233445566778899aabbccddeeff001122334455667788",
        &[
            ("fs.inotify.max_user_instances", Some("8192")),
            ("fs.inotify.max_user_watches", Some("1048576")),
            ("kernel.panic", Some("10")),
            ("kernel.panic_on_oops", Some("1")),
            ("net.bridge.bridge-nf-call-iptables", Some("1")),
            ("net.ipv4.ip_forward", Some("1")),
            ("net.netfilter.nf_conntrack_max", Some("1048576")),
            ("vm.overcommit_memory", Some("1")),
            ("vm.panic_on_oom", Some("0")),
        ],
    ),
];

/// The hash of a baseline of last week, which some brokers still have.
const OLD: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is wrong in a fleet, as a reader must find it.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Known {
    /// Hosts.
    pub hosts: u64,
    /// Reports that a newer one of their host makes void.
    pub older: u64,
    /// Hosts by what is true of them.
    pub counts: BTreeMap<&'static str, u64>,
    /// Hosts by baseline, `name sha256`.
    pub baselines: BTreeMap<String, u64>,
    /// Hosts by key that has drifted.
    pub drift: BTreeMap<String, u64>,
    /// Changes by key.
    pub changes: BTreeMap<String, u64>,
    /// Hosts by contested key and writer, `key comm`.
    pub contested: BTreeMap<String, u64>,
    /// Hosts by what the boot leaves wrong, `key status file`.
    pub boot: BTreeMap<String, u64>,
    /// Hosts by key that nobody's baseline sets and by the value that few have, `key value`.
    pub outliers: BTreeMap<String, u64>,
}

impl Known {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// Numbers from a seed: splitmix64; and the time, in seconds since 1970.
struct Dice {
    state: u64,
    now: u64,
}

impl Dice {
    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    /// So many seconds ago, in words.
    fn ago(&self, seconds: u64) -> String {
        let second = i64::try_from(self.now - seconds).unwrap_or_default();
        jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
    }

    /// True in `n` of 10,000.
    fn hits(&mut self, n: u64) -> bool {
        self.below(10_000) < n
    }
}

/// Writes the reports of so many hosts, a line each, as they were at `now`, in seconds since 1970,
/// and says what is wrong in them. Of `again` in 10,000 hosts an older report stands there, too.
pub fn generate(
    seed: u64,
    hosts: u64,
    again: u64,
    now: u64,
    out: &mut impl Write,
) -> io::Result<Known> {
    let mut dice = Dice { state: seed, now };
    let mut known = Known { hosts, ..Known::default() };
    for n in 0..hosts {
        let mut report = healthy(&mut dice, n);
        if dice.hits(again) {
            let mut older = report.clone();
            let days = 12 + dice.below(5);
            older.time = dice.ago(86_400 * days);
            // Everything in it is wrong, and nothing of that counts.
            for parameter in &mut older.parameters {
                parameter.live = Some("0".into());
                parameter.live_status = "differs".into();
            }
            known.older += 1;
            line(&older, out)?;
        }
        spoil(&mut report, &mut dice, &mut known);
        line(&report, out)?;
    }
    Ok(known)
}

fn line(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b"\n")
}

/// The report of a host on which nothing is wrong.
fn healthy(dice: &mut Dice, n: u64) -> Report {
    let (role, sha256, parameters) = ROLES[usize::try_from(dice.below(3)).unwrap_or_default()];
    let gib = [32, 64, 128, 256][usize::try_from(dice.below(4)).unwrap_or_default()];
    // What the firmware keeps differs a little from host to host.
    let mem_total_kb = gib * 1024 * 1024 * 98 / 100 - 4 * dice.below(64);
    let min_free = mem_total_kb * 78 / 10_000;
    let (looked_at, booted) = (60 + dice.below(3600), 86_400 * 3 + dice.below(86_400));
    let parameters: Vec<_> = parameters
        .iter()
        .enumerate()
        .map(|(line, (key, desired))| {
            let value = desired.map_or_else(|| min_free.to_string(), str::to_owned);
            let file = if desired.is_none() {
                "/run/sysctl.d/99-tunectl-host.conf:6".to_owned()
            } else {
                format!("/etc/sysctl.d/99-tunectl.conf:{}", 6 + line)
            };
            ReportParameter {
                key: (*key).to_owned(),
                desired: Some(value.clone()),
                bound: None,
                live: Some(value.clone()),
                live_status: "in_sync".into(),
                boot: Some(ReportBootValue { value, source: file }),
                boot_status: "same".into(),
                marks: if desired.is_none() { vec!["from_ram".into()] } else { Vec::new() },
                let_go: None,
                writer: None,
            }
        })
        .collect();
    Report {
        schema: REPORT_SCHEMA.into(),
        time: dice.ago(looked_at),
        host: ReportHost {
            name: format!("{}-{n:06}.dc{}.example.net", &role[..5], n % 7),
            kernel: ["6.1.0-18-amd64", "6.1.0-25-amd64"][usize::from(dice.hits(3000))].into(),
            boot_id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                dice.roll() >> 32,
                dice.roll() >> 48,
                dice.roll() >> 52,
                dice.roll() >> 52,
                dice.roll() >> 16
            ),
            mem_total_kb,
            numa_nodes: if gib > 64 { 2 } else { 1 },
            virtualization: "none".into(),
            roles: vec![role.into()],
        },
        version: "0.1.0".into(),
        result: "in_sync".into(),
        baseline: Some(ReportBaseline {
            name: role.into(),
            sha256: sha256.into(),
            shared_sha256: None,
            unapplied: false,
        }),
        summary: ReportSummary {
            parameters: parameters.len(),
            in_sync: parameters.len(),
            ..ReportSummary::default()
        },
        #[allow(clippy::cast_precision_loss, reason = "some hundredths")]
        pressure: Some(Pressure { memory_some_avg10: dice.below(300) as f64 / 100.0 }),
        boot: Some(ReportBoot {
            result: "in_sync".into(),
            time: dice.ago(booted),
            found: 0,
            corrected: 0,
            latest: None,
        }),
        watch: None,
        drift: Some(ReportDrift::default()),
        parameters,
        omitted: 0,
        others: BTreeMap::from([("kernel.sysrq".to_owned(), "438".to_owned())]),
        errors: Vec::new(),
    }
}

/// Lets something be wrong on some hosts, and takes note of it.
fn spoil(report: &mut Report, dice: &mut Dice, known: &mut Known) {
    let mut wrong = Wrong::default();
    let count = report.parameters.len() as u64;
    // 2 % have drifted: one key, or two.
    if dice.hits(200) {
        wrong.drift = true;
        for _ in 0..=dice.below(2) {
            let parameter = &mut report.parameters[usize::try_from(dice.below(count)).unwrap_or(0)];
            if parameter.live_status != "in_sync" {
                continue;
            }
            parameter.live = Some(["60", "10"][usize::from(dice.hits(2000))].into());
            parameter.live_status = "differs".into();
            parameter.writer = Some(writer("sysctl", "session-12.scope"));
            *known.drift.entry(parameter.key.clone()).or_default() += 1;
        }
    }
    // 3 % were changed and put right again; a tenth of these fight over it.
    if dice.hits(300) {
        wrong.contested = usize::from(change(report, dice, known));
    }
    // On 1 % a vendor's file overrides a key; on 0.5 % no file has it.
    for (share, status) in [(100, "overridden"), (50, "unset")] {
        if !dice.hits(share) {
            continue;
        }
        let parameter = &mut report.parameters[usize::try_from(dice.below(count)).unwrap_or(0)];
        if parameter.boot_status != "same" {
            continue;
        }
        let line = 3 + dice.below(5);
        parameter.boot_status = status.into();
        parameter.boot = (status == "overridden").then(|| ReportBootValue {
            value: "20".into(),
            source: format!("/etc/sysctl.d/zz-vendor.conf:{line}"),
        });
        wrong.boot += 1;
        let file = if status == "overridden" { "/etc/sysctl.d/zz-vendor.conf" } else { "-" };
        *known.boot.entry(format!("{} {status} {file}", parameter.key)).or_default() += 1;
    }
    if dice.hits(50) {
        let parameter = &mut report.parameters[usize::try_from(dice.below(count)).unwrap_or(0)];
        if parameter.live_status == "in_sync" && parameter.boot_status == "same" {
            parameter.live = None;
            parameter.live_status = "pending".into();
            wrong.pending = 1;
            known.count("pending");
        }
    }
    if dice.hits(20) {
        let value = if dice.hits(5000) { "1" } else { "0" };
        report.others.insert("kernel.sysrq".into(), value.into());
        *known.outliers.entry(format!("kernel.sysrq {value}")).or_default() += 1;
    }
    if dice.hits(30) {
        report.pressure = Some(Pressure { memory_some_avg10: 12.5 });
        known.count("pressure");
    }
    if dice.hits(40) {
        let silent = 86_401 + dice.below(10 * 86_400);
        report.time = dice.ago(silent);
        known.count("silent");
        wrong.silent = true;
    }
    if let Some(baseline) = report.baseline.as_mut().filter(|b| b.name != "kafka-broker") {
        if dice.hits(60) {
            baseline.sha256 = OLD.into();
        }
        *known.baselines.entry(format!("{} {}", baseline.name, baseline.sha256)).or_default() += 1;
    } else if let Some(baseline) = &report.baseline {
        *known.baselines.entry(format!("{} {}", baseline.name, baseline.sha256)).or_default() += 1;
    }
    summarise(report, wrong, known);
}

/// Changes a parameter, once or in a fight, which it says.
fn change(report: &mut Report, dice: &mut Dice, known: &mut Known) -> bool {
    let at = dice.below(report.parameters.len() as u64);
    let parameter = &mut report.parameters[usize::try_from(at).unwrap_or(0)];
    let fight = dice.hits(1000) && parameter.live_status == "in_sync";
    let changes = if fight { 40 } else { 1 + dice.below(3) };
    let who =
        if fight { writer("tuned", "tuned.service") } else { writer("sysctl", "cron.service") };
    let last = 60 + 3600 * dice.below(23) + dice.below(3000);
    let event = ReportEvent {
        key: parameter.key.clone(),
        from: parameter.desired.clone(),
        to: Some("77".into()),
        action: if fight { "contested".into() } else { "restored".into() },
        cause: "process".into(),
        writer: Some(who.clone()),
        count: changes,
        last: dice.ago(last),
    };
    report.drift = Some(ReportDrift {
        since_boot: changes,
        last_day: changes,
        partial: false,
        events: vec![event],
    });
    *known.changes.entry(parameter.key.clone()).or_default() += changes;
    known.count("changed");
    if fight {
        known.count("contested");
        parameter.marks.push("contested".into());
        *known.contested.entry(format!("{} tuned", parameter.key)).or_default() += 1;
        parameter.writer = Some(who);
    }
    fight
}

fn writer(comm: &str, unit: &str) -> ReportWriter {
    ReportWriter { comm: Some(comm.into()), unit: Some(unit.into()), container: None }
}

/// What was spoilt.
#[derive(Clone, Copy, Default)]
struct Wrong {
    drift: bool,
    boot: usize,
    pending: usize,
    contested: usize,
    silent: bool,
}

fn summarise(report: &mut Report, wrong: Wrong, known: &mut Known) {
    let right = |p: &&ReportParameter| p.live_status == "in_sync" && p.boot_status == "same";
    report.summary.in_sync = report.parameters.iter().filter(right).count();
    report.summary.live_differs =
        report.parameters.iter().filter(|p| p.live_status == "differs").count();
    report.summary.boot_differs = wrong.boot;
    report.summary.pending = wrong.pending;
    report.summary.contested = wrong.contested;
    if wrong.drift || wrong.boot > 0 {
        report.result = "differs".into();
    } else if !wrong.silent {
        known.count("in_sync");
    }
    if wrong.drift {
        known.count("drift");
    }
    if wrong.boot > 0 {
        known.count("boot");
    }
}
