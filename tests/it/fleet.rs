//! `tunectl fleet` on made-up fleets of which is known what is wrong in them, and on what is no
//! report at all.

#[path = "../fleet/reports.rs"]
mod reports;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use reports::{Known, generate};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tunectl::wire::fleet::Fleet;

use crate::support::run;

/// When the made-up reports are looked at.
const NOW: &str = "2026-11-26T12:00:00Z";
/// The same in seconds since 1970.
const NOW_SECONDS: u64 = 1_795_694_400;
/// Reports before this are old: a day before.
const SILENT_BEFORE: &str = "2026-11-25T12:00:00Z";

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tunectl-fleet-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn fleet(&self) -> Fleet {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

fn command(args: &[&str], reports: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
    command.args(["fleet", "--since", SILENT_BEFORE]).args(args).args(reports);
    command
}

fn fleet(args: &[&str], reports: &[&Path]) -> Ran {
    told(command(args, reports))
}

fn told(mut command: Command) -> Ran {
    let ran = run(&mut command);
    Ran {
        code: ran.status.code(),
        out: String::from_utf8(ran.stdout).unwrap(),
        err: String::from_utf8(ran.stderr).unwrap(),
    }
}

fn json(reports: &[&Path]) -> Ran {
    fleet(&["--format", "json"], reports)
}

/// A fleet's reports, and what is wrong in them.
fn made_up(seed: u64, hosts: u64, again: u64) -> (Vec<u8>, Known) {
    made_up_at(seed, hosts, again, NOW_SECONDS)
}

fn made_up_at(seed: u64, hosts: u64, again: u64, now: u64) -> (Vec<u8>, Known) {
    let mut bytes = Vec::new();
    let known = generate(seed, hosts, again, now, &mut bytes).unwrap();
    (bytes, known)
}

/// What an answer says of what is known.
fn found(fleet: &Fleet) -> Known {
    let hosts = &fleet.hosts;
    let counts = [
        ("boot", hosts.boot),
        ("changed", hosts.changed),
        ("contested", hosts.contested),
        ("drift", hosts.drift),
        ("in_sync", hosts.in_sync),
        ("pending", hosts.pending),
        ("pressure", hosts.pressure),
        ("silent", hosts.silent),
        ("ahead", hosts.ahead),
    ];
    let writers = fleet.contested.iter().flat_map(|c| {
        c.writers
            .iter()
            .map(|w| (format!("{} {}", c.key, w.comm.as_deref().unwrap_or("?")), w.hosts))
    });
    let boot = fleet.boot.iter().map(|b| {
        let file = b.source.as_deref().unwrap_or("-");
        (format!("{} {} {file}", b.key, b.boot_status), b.hosts)
    });
    let mut outliers = BTreeMap::new();
    for outlier in fleet.outliers.iter().filter(|o| !o.drift) {
        let key = format!("{} {}", outlier.key, outlier.value);
        *outliers.entry(key).or_default() += outlier.hosts;
    }
    let positive = |n: &u64| *n > 0;
    Known {
        hosts: hosts.total,
        older: fleet.reports.older,
        counts: counts.into_iter().filter(|c| positive(&c.1)).collect(),
        baselines: fleet
            .baselines
            .iter()
            .map(|b| (format!("{} {}", b.name, b.sha256), b.hosts))
            .collect(),
        drift: fleet
            .drift
            .iter()
            .map(|d| (d.key.clone(), d.hosts))
            .filter(|d| positive(&d.1))
            .collect(),
        changes: fleet
            .drift
            .iter()
            .map(|d| (d.key.clone(), d.changes))
            .filter(|d| positive(&d.1))
            .collect(),
        contested: writers.collect(),
        boot: boot.collect(),
        outliers,
    }
}

/// An answer without what differs with the time and the form of what was read.
fn lasting(ran: &Ran) -> Fleet {
    let mut fleet = ran.fleet();
    fleet.time = String::new();
    fleet.changes_by_hour = Vec::new();
    (fleet.reports.sources, fleet.reports.bytes) = (0, 0);
    fleet
}

#[test]
fn finds_exactly_what_is_wrong() {
    let dir = Dir::new("known");
    for (seed, hosts, again) in [(1, 3000, 0), (2, 1500, 2000), (3, 1, 0), (4, 20, 10_000)] {
        let (bytes, known) = made_up(seed, hosts, again);
        let file = dir.file(&format!("{seed}.ndjson"), &bytes);
        let ran = json(&[&file]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{seed}");
        let fleet = ran.fleet();
        assert_eq!(found(&fleet), known, "{seed}");
        assert_eq!(fleet.reports.bytes, bytes.len() as u64);
        assert_eq!(fleet.reports.read, hosts + known.older);
        assert_eq!((fleet.reports.beyond, fleet.reports.unreadable), (0, 0));
    }
}

#[test]
fn the_same_reports_give_the_same_answer_in_any_form() {
    let dir = Dir::new("forms");
    let (bytes, known) = made_up(5, 900, 500);
    let whole = dir.file("whole.ndjson", &bytes);
    let expected = lasting(&json(&[&whole]));
    assert_eq!(found(&expected), known);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let pretty: Vec<u8> = lines
        .iter()
        .flat_map(|line| {
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            serde_json::to_vec_pretty(&value).unwrap().into_iter().chain(*b"\n")
        })
        .collect();
    let gzip = |bytes: &[u8], name: &str| {
        let path = dir.file(name, bytes);
        assert!(run(Command::new("gzip").arg("-f").arg(&path)).status.success());
        dir.0.join(format!("{name}.gz"))
    };
    let middle = lines[..lines.len() / 2].concat().len();
    let (first, second) = bytes.split_at(middle);
    let packed = compress_to_vec(bytes.as_slice(), CompressionLevel::Fastest);
    let many = dir.0.join("many");
    for (n, line) in lines.iter().enumerate() {
        // A file each, as one collects them; some packed, some below another directory.
        let name = format!("many/rack-{}/{n}.json", n % 3);
        if n % 50 == 0 {
            gzip(line, &name)
        } else {
            dir.file(&name, line)
        };
    }
    dir.file("many/rack-0/notes.txt", "no report, and not named like one");
    let forms: [(&str, Vec<PathBuf>); 8] = [
        ("pretty", vec![dir.file("pretty.json", &pretty)]),
        ("gzip", vec![gzip(&bytes, "a.ndjson")]),
        (
            "two gzip members",
            vec![{
                let (a, b) = (gzip(first, "b.ndjson"), gzip(second, "c.ndjson"));
                dir.file("joined.gz", [fs::read(a).unwrap(), fs::read(b).unwrap()].concat())
            }],
        ),
        ("zstd", vec![dir.file("d.ndjson.zst", packed)]),
        ("pretty gzip", vec![gzip(&pretty, "e.json")]),
        ("two files", vec![dir.file("f.ndjson", first), dir.file("g.ndjson", second)]),
        ("the other way round", vec![dir.file("g.ndjson", second), dir.file("f.ndjson", first)]),
        ("a directory", vec![many]),
    ];
    for (form, paths) in &forms {
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let ran = json(&paths);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{form}");
        assert_eq!(lasting(&ran), expected, "{form}");
    }
    // From a pipe it is read once, and kept for the second time.
    for (form, piped) in [("pipe", &whole), ("packed pipe", &forms[1].1[0])] {
        let mut cat = Command::new("cat").arg(piped).stdout(Stdio::piped()).spawn().unwrap();
        let mut command = command(&["--format", "json"], &[Path::new("-")]);
        command.stdin(cat.stdout.take().unwrap());
        let ran = told(command);
        assert!(cat.wait().unwrap().success());
        assert_eq!(lasting(&ran), expected, "{form}");
    }
    let mut from_file = command(&["--format", "json"], &[Path::new("-")]);
    from_file.stdin(File::open(&whole).unwrap());
    assert_eq!(lasting(&told(from_file)), expected, "standard input that is a file");
}

/// One wrong clock must not hide what a host says from then on.
#[test]
fn a_report_that_is_dated_ahead_yields_to_all_that_are_not() {
    let dir = Dir::new("ahead");
    let (bytes, _) = made_up(6, 1, 0);
    let text = String::from_utf8(bytes).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut of = |time: &str, baseline: &str| {
        value["time"] = time.into();
        value["baseline"]["name"] = baseline.into();
        value["result"] = "in_sync".into();
        format!("{value}\n")
    };
    let (old, older, ahead) = (
        of("2020-01-02T00:00:00Z", "newest"),
        of("2020-01-01T00:00:00Z", "older"),
        of("2999-01-01T00:00:00Z", "ahead"),
    );
    for order in [[&old, &older, &ahead], [&ahead, &older, &old], [&older, &ahead, &old]] {
        let file = dir.file("ahead.jsonl", order.map(String::as_str).concat());
        let ran = json(&[&file]);
        let fleet = ran.fleet();
        assert_eq!((fleet.reports.ahead, fleet.reports.older), (1, 2));
        assert_eq!(fleet.baselines[0].name, "newest");
        assert!(ran.err.contains("dated more than an hour ahead"), "{}", ran.err);
    }
    let file = dir.file("alone.jsonl", &ahead);
    assert_eq!(json(&[&file]).fleet().baselines[0].name, "ahead");
}

/// A host that is dated ahead would never be silent, whatever becomes of it.
#[test]
fn a_clock_that_is_ahead_is_told_and_counts_as_silence() {
    let dir = Dir::new("clock");
    let ahead = "2999-01-01T00:00:00Z";
    let reports = simple(20, |n, report| {
        if n < 7 {
            report["time"] = ahead.into();
        }
    });
    // Another report of a host whose clock is right now and then.
    let mut again = simple(20, |_, report| report["time"] = ahead.into());
    again.drain(..again.len() / 20 * 19);
    let file = dir.file("some.ndjson", [reports, again].concat());
    let ran = fleet(&[], &[&file]);
    assert_eq!(
        ran.err,
        "warning: 7 hosts' reports are dated more than an hour ahead of this clock, so that nobody \
         knows when they were made, and count as silent: host-000, host-001, host-002, host-003, \
         host-004 and 2 more\n\
         warning: 1 report is dated more than an hour ahead of this clock, and counts for nothing, \
         as the host has another\n"
    );
    assert!(ran.out.starts_with("20 hosts: 13 in sync, 7 silent, 7 ahead of"), "{}", ran.out);
    assert!(
        ran.out.contains("host-000             2999-01-01 00:00:00Z, ahead of this"),
        "{}",
        ran.out
    );
    for (gate, code) in [("silent=0", 2), ("ahead<=7", 0), ("ahead=0", 2), ("hosts>=14", 2)] {
        assert_eq!(fleet_code(gate, &file), Some(code), "{gate}");
    }
    assert_eq!(fleet(&["--hosts", "ahead"], &[&file]).out.lines().count(), 7);
    // Where all are, it may be this one; nothing is known all the same.
    let all = dir.file("all.ndjson", simple(3, |_, report| report["time"] = ahead.into()));
    let ran = fleet(&["--gate", "drift=0"], &[&all]);
    assert!(ran.code == Some(2) && ran.out.contains("every host is silent"), "{}", ran.out);
    assert!(
        ran.err.contains("every host's report is dated")
            && ran.err.contains("is this clock right?")
    );
}

#[test]
fn a_damaged_line_costs_that_line() {
    let dir = Dir::new("damage");
    let (bytes, known) = made_up(6, 1200, 0);
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    assert_eq!(lines.pop(), Some(Vec::new()));
    let healthy = |what: &[u8]| {
        [br#"{"schema":"tunectl/report/1","time":"2026-11-26T11:00:00Z","#, what].concat()
    };
    let damages: [(usize, Vec<u8>, Option<u64>, &str); 9] = [
        (1, b"no JSON".to_vec(), Some(1), "an object belongs here"),
        (2, lines[700][..1000].to_vec(), None, ""),
        (500, b"{}".to_vec(), Some(1), "no tunectl report: it names no schema"),
        (
            501,
            br#"{"schema":"tunectl/report/2"}"#.to_vec(),
            Some(29),
            "another schema than tunectl/report/1",
        ),
        (
            502,
            healthy(br#""host":{}}"#),
            Some(1),
            "the report names no host, or a name that is too long",
        ),
        (700, b"\xff\xfe".to_vec(), Some(1), "no UTF-8"),
        (701, vec![b'x'; 2 << 20], None, "a report of more than 1024 KiB"),
        (
            1000,
            healthy(br#""host":{"name":"a"},"parameters":[{"key":"vm.a"},{"key":"vm.a"}]}"#),
            None,
            "a parameter stands twice in the report",
        ),
        (1209, "[".repeat(5000).into_bytes(), Some(1), "an object belongs here"),
    ];
    for (line, damage, ..) in &damages {
        lines.insert(line - 1, damage.clone());
    }
    let text = lines.join(&b'\n');
    let plain = dir.file("damaged.ndjson", &text);
    let packed = dir.file("packed.ndjson", &text);
    assert!(run(Command::new("gzip").arg(&packed)).status.success());
    for path in [&plain, &dir.0.join("packed.ndjson.gz")] {
        let ran = json(&[path]);
        let fleet = ran.fleet();
        assert_eq!(ran.code, Some(0));
        assert_eq!(found(&fleet), known);
        assert_eq!(fleet.reports.unreadable, damages.len() as u64);
        for ((line, _, column, error), told) in damages.iter().zip(&fleet.unreadable) {
            assert_eq!(told.source, path.display().to_string());
            assert_eq!(told.line, Some(*line as u64), "{told:?}");
            assert!(error.is_empty() || told.error == *error, "{told:?}");
            assert!(column.is_none() || told.column == *column, "{told:?}");
        }
        let first = format!("warning: {}:1:1: an object belongs here\n", path.display());
        assert!(ran.err.starts_with(&first), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), damages.len());
        // The gate can mind it.
        for (gate, code) in [("unreadable<=9", 0), ("unreadable=0", 2), ("unreadable<0.5%", 2)] {
            assert_eq!(fleet_code(gate, path), Some(code), "{gate}");
        }
    }
}

fn fleet_code(gate: &str, path: &Path) -> Option<i32> {
    fleet(&["--gate", gate, "-q"], &[path]).code
}

#[test]
fn who_is_silent_since_a_day_is_so_since_its_beginning() {
    let dir = Dir::new("day");
    let good = dir.file("good.ndjson", &made_up(5, 1, 0).0);
    let since = |since: &str| {
        told({
            let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
            command.args(["fleet", "--since", since]).arg(&good);
            command
        })
    };
    let day = since("2026-11-26");
    assert_eq!(day.out, since("2026-11-26T00:00:00Z").out);
    assert!(day.code == Some(0) && day.out.contains("before 2026-11-26 00:00:00Z"), "{}", day.out);
    for wrong in ["2026-11-31", "2026-11", "yesterday", "2026-11-26T"] {
        let ran = since(wrong);
        assert!(ran.code == Some(1) && ran.err.contains("a day such as"), "{}", ran.err);
    }
}

/// Where a transfer fails or a disk is full, some host's report is such a file.
#[test]
fn a_file_with_nothing_in_it_is_told_and_counts_as_unreadable() {
    let dir = Dir::new("empty");
    let (bytes, known) = made_up(5, 1, 10_000);
    let good = dir.file("good.ndjson", &bytes);
    let packed = dir.file("packed.json", b"");
    assert!(run(Command::new("gzip").arg(&packed)).status.success());
    let packed = dir.0.join("packed.json.gz");
    for empty in [&dir.file("empty.json", b""), &dir.file("blank.json", b" \n\n"), &packed] {
        let ran = json(&[empty, &good]);
        let fleet = ran.fleet();
        // The other is read twice, because its host has two reports.
        assert_eq!((ran.code, fleet.reports.older), (Some(0), 1), "{}", ran.err);
        assert_eq!(found(&fleet), known);
        assert_eq!(ran.err, format!("warning: {}: it is empty\n", empty.display()));
        assert_eq!(fleet.reports.unreadable, 1);
        for (gate, code) in [("unreadable<=1", 0), ("unreadable=0", 2)] {
            assert_eq!(self::fleet(&["--gate", gate], &[empty, &good]).code, Some(code), "{gate}");
        }
    }
    let text = fleet(&[], &[&good]).out.replace('\n', " ");
    assert!(text.contains("; 1 is an older one of the same host"), "{text}");
    let text = fleet(&[], &[&dir.file("empty.json", b""), &good]).out.replace('\n', " ");
    assert!(text.contains("; 1 unreadable"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_the_rest_counts() {
    let dir = Dir::new("unread");
    let (bytes, known) = made_up(7, 50, 0);
    let good = dir.file("good.ndjson", &bytes);
    let absent = dir.0.join("absent.json");
    let cut = dir.file("cut.ndjson", &bytes);
    assert!(run(Command::new("gzip").arg(&cut)).status.success());
    let cut = dir.0.join("cut.ndjson.gz");
    let packed = fs::read(&cut).unwrap();
    fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    for (bad, told) in [(&absent, "No such file"), (&cut, "the gzip stream is cut off")] {
        let ran = json(&[bad, &good]);
        let fleet = ran.fleet();
        assert_eq!(found(&fleet).hosts, known.hosts, "of the cut off one the same hosts");
        assert_eq!(fleet.reports.unreadable, 1);
        assert!(
            ran.err.contains(told) && ran.err.contains(&bad.display().to_string()),
            "{}",
            ran.err
        );
    }
    assert_eq!(fleet(&["--gate", "drift<=100%"], &[&absent, &good]).code, Some(1));
    assert_eq!(fleet(&["--gate", "drift>100"], &[&absent, &good]).code, Some(2));
    // Nothing at all is no fleet in sync.
    let empty = dir.file("empty.ndjson", "");
    assert_eq!(json(&[&empty]).code, Some(1));
    let ran = fleet(&["--gate", "drift<=1%"], &[&empty]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.out.contains("gate: stop") && ran.out.contains("no host has reported"),
        "{}",
        ran.out
    );
}

#[test]
fn the_gate_stops_a_rollout_and_says_why() {
    let dir = Dir::new("gate");
    let (bytes, known) = made_up(8, 2000, 0);
    let file = dir.file("fleet.ndjson", &bytes);
    let (drift, contested) = (known.counts["drift"], known.counts["contested"]);
    let ran = fleet(&["--gate", "drift<=1% and contested=0"], &[&file]);
    assert_eq!(ran.code, Some(2));
    // Of those that are heard of, and of the silent ones of what they had wrong.
    for (term, count) in [("drift<=1%  ", drift), ("contested=0", contested)] {
        let line = format!("{term}  fails  {count} of 1,99");
        assert!(ran.out.contains(&line), "{line}: {}", ran.out);
    }
    assert_eq!(fleet_code(&format!("drift<={drift} and contested<={contested}"), &file), Some(0));
    let heard = known.hosts - known.counts["silent"];
    for (gate, code) in [(format!("hosts>={heard}"), 0), (format!("hosts>={}", heard + 1), 2)] {
        assert_eq!(fleet_code(&format!("drift=0 or {gate}"), &file), Some(code), "{gate}");
    }
    let ran = fleet(&["--gate", "drfit<=1%"], &[&file]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(
        ran.err.starts_with("error: --gate at character 1: one of ahead, baseline, blocked, "),
        "{}",
        ran.err
    );
}

/// Reports of so many hosts, as small as they can be; each of them is changed by `with`.
fn simple(hosts: usize, mut with: impl FnMut(usize, &mut serde_json::Value)) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..hosts {
        let mut report = serde_json::json!({
            "schema": "tunectl/report/1", "time": "2026-11-26T11:00:00Z", "version": "0.1.0",
            "host": { "name": format!("host-{n:03}"), "boot_id": format!("boot-{n:03}") },
            "result": "in_sync", "baseline": { "name": "broker", "sha256": "1a2b3c4d5e6f" },
        });
        with(n, &mut report);
        writeln!(bytes, "{report}").unwrap();
    }
    bytes
}

/// A parameter that has drifted.
fn drifted() -> serde_json::Value {
    serde_json::json!([{ "key": "vm.swappiness", "live": "60", "live_status": "differs",
        "boot_status": "same" }])
}

/// What was right ten days ago is not known to be right, and dilutes no share.
#[test]
fn a_silent_host_is_not_in_sync() {
    let dir = Dir::new("silent");
    let reports = simple(100, |n, report| {
        if n >= 10 {
            report["time"] = "2026-11-16T11:00:00Z".into();
        }
        if matches!(n, 0 | 99) {
            report["parameters"] = drifted();
        }
    });
    let file = dir.file("silent.ndjson", reports);
    let ran = fleet(&["--gate", "drift<=2%"], &[&file]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.starts_with("100 hosts: 9 in sync, 2 drifted, 90 silent\n"), "{}", ran.out);
    assert!(ran.out.contains("drift<=2%  fails  2 of 11, 18.18 %"), "{}", ran.out);
    let ran = json(&[&file]);
    let fleet = ran.fleet();
    assert_eq!((fleet.hosts.in_sync, fleet.baselines[0].in_sync), (9, 9));
    assert_eq!((fleet.stale.total, fleet.stale.silent, fleet.stale.drift), (90, 90, 1));
    for (gate, code) in [("silent<=90%", 0), ("hosts>=10", 0), ("hosts>=11", 2), ("drift<=2", 0)] {
        assert_eq!(fleet_code(gate, &file), Some(code), "{gate}");
    }
    let ran = self::fleet(&["--gate", "hosts>=100"], &[&file]);
    assert!(ran.out.contains("hosts>=100  fails  10 hosts of 100"), "{}", ran.out);
    let old = simple(3, |_, report| report["time"] = "2026-11-16T11:00:00Z".into());
    let ran = self::fleet(&["--gate", "drift=0"], &[&dir.file("old.ndjson", old)]);
    assert!(ran.code == Some(2) && ran.out.contains("every host is silent"), "{}", ran.out);
}

/// Of a fleet of which nothing is found there is no list of findings.
#[test]
fn a_table_without_rows_has_no_head() {
    let dir = Dir::new("unfound");
    let ran = fleet(&[], &[&dir.file("reports.ndjson", simple(3, |_, _| {}))]);
    assert!(ran.out.starts_with("3 hosts: 3 in sync\n"), "{}", ran.out);
    assert!(!ran.out.contains("finding"), "{}", ran.out);
}

/// What is wrong is of use with the hosts on which it is.
#[test]
fn hosts_are_named_on_the_screen_in_json_on_the_page_and_for_other_programs() {
    let dir = Dir::new("named");
    let reports = simple(300, |n, report| match n {
        0..150 => report["parameters"] = drifted(),
        150 => {
            report["result"] = "failed".into();
            report["baseline"] = serde_json::Value::Null;
            report["errors"] = serde_json::json!(["baseline.yaml:3:1: no such key", "another"]);
        }
        151 => report["baseline"] = serde_json::Value::Null,
        152 => report["pressure"] = serde_json::json!({ "memory_some_avg10": 50.0 }),
        153 => report["version"] = "0.0.9".into(),
        154 => report["baseline"]["sha256"] = "99aabbcc".into(),
        155 => report["host"]["name"] = "-oProxyCommand=reboot".into(),
        156 => report["host"]["name"] = "two words".into(),
        _ => {}
    });
    let file = dir.file("named.ndjson", reports);
    let page = dir.0.join("named.html");
    let ran = fleet(&["--html", page.to_str().unwrap()], &[&file]);
    for line in [
        "drift          150  host-000, host-001, host-002, host-003 and 146 more",
        "failed           1  host-150",
        "no_baseline      1  host-151",
        "pressure         1  host-152",
        "host-150                        baseline.yaml:3:1: no such key",
        "0.0.9        1  host-153",
        "broker        1        1        0  99aabbcc      host-154",
    ] {
        assert!(ran.out.lines().any(|found| found == line), "{line}\n{}", ran.out);
    }
    let page = fs::read_to_string(page).unwrap();
    for text in [
        "<b>1</b>with a baseline that cannot be used",
        "<b>1</b>without a baseline",
        "host-098, host-099 and 50 more</td>",
        "baseline.yaml:3:1: no such key",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let all = fleet(&["-v"], &[&file]).out;
    assert!(
        all.contains("\ndrift: 150 hosts\n  host-000, ") && all.contains(" host-149\n"),
        "{all}"
    );
    for (args, named, more) in [(&[][..], 100, 50), (&["-v"], 150, 0)] {
        let ran = fleet(&[args, &["--format", "json"]].concat(), &[&file]);
        let fleet = ran.fleet();
        let drift = &fleet.findings[0];
        assert_eq!((drift.finding.as_str(), drift.hosts), ("drift", 150));
        assert_eq!((drift.sample.len(), drift.more), (named, more));
        assert_eq!(fleet.failed[0].error, "baseline.yaml:3:1: no such key");
    }
    // Twice the reports: the second reading names them, each once.
    let again = dir.file("again.ndjson", fs::read(&file).unwrap().repeat(2));
    for file in [&file, &again] {
        for (which, first, count) in [
            ("drift", "host-000", 150),
            ("failed", "host-150", 1),
            ("no_baseline", "host-151", 1),
            ("pressure", "host-152", 1),
            ("version!=0.1.0", "host-153", 1),
            ("version=0.0.9", "host-153", 1),
            ("baseline=broker@99aa", "host-154", 1),
            ("baseline!=broker@1a2b3c", "host-150", 3),
            ("silent", "", 0),
        ] {
            let ran = fleet(&["--hosts", which], &[file]);
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{which}");
            assert_eq!(ran.out.lines().next().unwrap_or_default(), first, "{which}");
            assert_eq!(ran.out.lines().count(), count, "{which}: {}", ran.out);
        }
    }
    // A name is no option, and no second word, of the command that it is given to.
    let ran = fleet(&["--hosts", "in_sync"], &[&file]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 146), "{}", ran.err);
    assert!(ran.out.starts_with("host-152\n") && !ran.out.contains("reboot"), "{}", ran.out);
    assert!(
        ran.err.contains("left out, as no host is called like that: \"two words\""),
        "{}",
        ran.err
    );
    for args in [&["--hosts", "drfit"][..], &["--hosts", "drift", "--format", "json"]] {
        let ran = fleet(args, &[&file]);
        assert!(ran.code == Some(1) && ran.out.is_empty(), "{}", ran.err);
    }
    assert_eq!(fleet(&["--hosts", "drift", "--gate", "drift=0"], &[&file]).code, Some(2));
}

/// What somebody let go on purpose stops no rollout, and is told.
#[test]
fn what_is_let_go_is_no_drift() {
    let dir = Dir::new("let-go");
    let kinds = ["unlocked", "yielded", "trial", "released", ""];
    let reports = simple(5, |n, report| {
        report["parameters"] = drifted();
        report["parameters"][0]["boot_status"] = "unset".into();
        if !kinds[n].is_empty() {
            report["parameters"][0]["let_go"] =
                serde_json::json!({"kind": kinds[n], "by": "root, by `tunectl unlock`"});
        }
    });
    let file = dir.file("f.ndjson", reports);
    let hosts = json(&[&file]).fleet().hosts;
    assert_eq!((hosts.drift, hosts.let_go, hosts.in_sync), (1, 4, 2), "{hosts:?}");
    // Unlocked or yielded, the baseline has it again after a reboot.
    assert_eq!(hosts.boot, 3, "{hosts:?}");
    assert_eq!(fleet_code("drift<=1 and let_go=4", &file), Some(0));
    let ran = fleet(&["--hosts", "let_go"], &[&file]);
    assert_eq!(ran.out.lines().count(), 4, "{}", ran.out);
    let text = fleet(&[], &[&file]).out;
    assert!(text.contains("4 with something let go"), "{text}");
}

/// Hosts that the rollout has not reached are in sync, with the old baseline.
#[test]
fn the_gate_asks_for_the_baseline_that_is_rolled_out() {
    let dir = Dir::new("target");
    let part = |reached: usize| {
        let reports = simple(10, |n, report| {
            if n >= reached {
                report["baseline"]["sha256"] = "0f0f0f0f".into();
            }
        });
        dir.file(&format!("{reached}.ndjson"), reports)
    };
    let (half, all) = (part(5), part(10));
    let gate = "drift=0 and failed=0 and boot=0";
    assert_eq!(fleet_code(gate, &half), Some(0));
    let gate = format!("{gate} and baseline=broker@1a2b3c");
    let ran = fleet(&["--gate", &gate], &[&half]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("baseline=broker@1a2b3c  fails  5 of 10, 50.00 %"), "{}", ran.out);
    assert_eq!(fleet_code(&gate, &all), Some(0));
    for (gate, code) in [("baseline!=@0f0f0f0f", 0), ("baseline!=broker", 2)] {
        assert_eq!(fleet_code(gate, &all), Some(code), "{gate}");
    }
    // What a host has of its own on top makes it no other baseline.
    let layered = simple(4, |n, report| {
        report["baseline"] = serde_json::json!(
            { "name": "broker", "sha256": format!("00{n:02}"), "shared_sha256": "1a2b3c4d" });
    });
    assert_eq!(fleet_code(&gate, &dir.file("layered.ndjson", layered)), Some(0));
    let names = fleet(&["--hosts", "baseline!=broker@1a2b3c"], &[&half]).out;
    assert_eq!(names, "host-005\nhost-006\nhost-007\nhost-008\nhost-009\n");
}

/// One name is one host: a fleet of clones looks like a single host in sync.
#[test]
fn a_name_that_several_hosts_have_is_told() {
    let dir = Dir::new("namesakes");
    let clones = simple(50, |n, report| {
        report["host"]["name"] = "localhost".into();
        report["time"] = format!("2026-11-26T11:{n:02}:00Z").into();
    });
    // Two that report in turn; and one with a history, in which it was booted twice in ten days.
    let pair = simple(6, |n, report| {
        report["host"]["name"] = "pair".into();
        report["host"]["boot_id"] = ["a", "b"][n % 2].into();
        report["time"] = format!("2026-11-26T1{n}:00:00Z").into();
    });
    let one = simple(10, |n, report| {
        report["host"]["name"] = "one".into();
        report["host"]["boot_id"] = ["a", "b", "c"][n / 4].into();
        report["time"] = format!("2026-11-{:02}T12:00:00Z", 16 + n).into();
    });
    let file = dir.file("all.ndjson", [clones, pair, one].concat());
    let ran = json(&[&file]);
    let fleet = ran.fleet();
    assert_eq!((ran.code, fleet.hosts.total, fleet.reports.older), (Some(0), 3, 63));
    let found: Vec<_> = fleet.namesakes.iter().map(|n| (n.host.as_str(), n.boots)).collect();
    assert_eq!(found, [("localhost", 50), ("pair", 2)]);
    assert!(
        ran.err.starts_with("warning: localhost: its reports are of 50 boots that"),
        "{}",
        ran.err
    );
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
    let ran = self::fleet(&[], &[&file]);
    assert!(ran.out.contains("one name, several boots  boots\nlocalhost "), "{}", ran.out);
}

#[test]
fn a_fleet_fits_a_screen_and_a_page_of_its_own() {
    let dir = Dir::new("screen");
    // Changes are counted by the hours before today's.
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    let file = dir.file("fleet.ndjson", made_up_at(9, 3000, 0, now).0);
    let page = dir.0.join("fleet.html");
    let ran = fleet(&["--html", page.to_str().unwrap(), "--gate", "drift<=1%"], &[&file]);
    assert!(ran.out.lines().count() <= 60, "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    let all = fleet(&["--top", "0"], &[&file]);
    assert!(all.out.lines().count() > 60, "{}", all.out);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("gate: stop") && page.contains("<svg") && page.contains("vm.swappiness"));
}

/// What others may lay in a directory neither holds the command nor leads it elsewhere.
#[test]
fn in_a_directory_only_its_own_files_are_read() {
    let dir = Dir::new("inside");
    let bytes = made_up(9, 20, 0).0;
    let all = dir.0.join("reports");
    // As Kubernetes mounts a volume.
    dir.file("reports/..2026/a.ndjson", &bytes);
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, all.join(name)).unwrap();
    link("..2026".as_ref(), "..data");
    link("..data/a.ndjson".as_ref(), "a.ndjson");
    let ran = json(&[&all]);
    assert!(ran.code == Some(0) && ran.fleet().hosts.total == 20, "{}", ran.err);

    let out = dir.file("out.ndjson", &bytes);
    link(&out, "out.ndjson");
    link("/proc/kmsg".as_ref(), "k.json");
    let ran = json(&[&all]);
    let answer = ran.fleet();
    assert_eq!((ran.code, answer.hosts.total, answer.reports.unreadable), (Some(1), 20, 2));
    let told: Vec<_> = answer.unreadable.iter().map(|u| (&*u.source, &*u.error)).collect();
    let why = format!("a link leads out of {}: name the file itself", all.display());
    let name = |name: &str| all.join(name).display().to_string();
    assert_eq!(told, [(&*name("k.json"), &*why), (&*name("out.ndjson"), &*why)]);
    // What the operator names is read, wherever it leads.
    fs::remove_file(all.join("k.json")).unwrap();
    assert_eq!(json(&[&all.join("out.ndjson")]).code, Some(0));

    // A report that becomes a FIFO behind the look at it.
    fs::remove_file(all.join("out.ndjson")).unwrap();
    let (fifo, file) = (all.join("x"), dir.file("reports/y.ndjson", &bytes));
    assert!(run(Command::new("mkfifo").arg(&fifo)).status.success());
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                renameat_with(CWD, &fifo, CWD, &file, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..30 {
            let mut child = command(&["-q"], &[&all]).stdout(Stdio::null()).spawn().unwrap();
            let begun = std::time::Instant::now();
            while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(2));
            }
            let hangs = child.try_wait().unwrap().is_none();
            let _ = child.kill();
            ended.store(hangs, std::sync::atomic::Ordering::Relaxed);
            assert!(!hangs, "it waits for a FIFO");
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// A page that takes the place of a device, of a link or of the reports costs more than it tells.
#[test]
fn a_page_replaces_files_alone_and_none_that_it_is_made_of() {
    let dir = Dir::new("place");
    let bytes = made_up(9, 20, 0).0;
    let file = dir.file("reports/fleet.ndjson", &bytes);
    let all = dir.0.join("reports");
    let link = dir.0.join("link.html");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let pipe = dir.0.join("pipe");
    assert!(run(Command::new("mkfifo").arg(&pipe)).status.success());
    let absent = dir.0.join("absent/fleet.html");
    for (page, reports, told) in [
        (&pipe, &file, "there is something that is not a file"),
        (&link, &file, "there is something that is not a file"),
        (&all, &file, "there is something that is not a file"),
        (&absent, &file, "absent is no directory"),
        (&file, &file, "it is read from there"),
        (&file, &link, "it is read from there"),
        (&file, &all, "it is read from there"),
    ] {
        let ran = fleet(&["--html", page.to_str().unwrap()], &[reports]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{told}: {}", ran.err);
        let what = format!("error: the page cannot be written to {}: ", page.display());
        assert!(ran.err.starts_with(&what) && ran.err.contains(told), "{told}: {}", ran.err);
    }
    let mut from_file = command(&["--html", file.to_str().unwrap()], &[Path::new("-")]);
    from_file.stdin(File::open(&file).unwrap());
    let ran = told(from_file);
    assert!(ran.code == Some(1) && ran.err.contains("it is read from there"), "{}", ran.err);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert!(link.is_symlink() && !absent.parent().unwrap().exists());
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 3);
    // A page of yesterday is replaced, also beside the reports.
    let page = dir.file("reports/fleet.html", "of yesterday");
    assert_eq!(fleet(&["--html", page.to_str().unwrap()], &[&all]).code, Some(0));
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    // To standard output, however that is called.
    for stdout in ["-", "/dev/stdout"] {
        let ran = fleet(&["--html", stdout], &[&file]);
        assert!(ran.code == Some(0) && ran.out.starts_with("<!DOCTYPE html>"), "{}", ran.out);
        assert!(ran.out.ends_with("</html>\n") && ran.err.is_empty(), "{}", ran.err);
        let ran = fleet(&["--html", stdout, "--format", "json"], &[&file]);
        assert!(ran.code == Some(1) && ran.out.is_empty(), "{}", ran.err);
    }
}

/// Whoever may write to the page's directory, such as /tmp, neither holds the command nor ends it.
#[test]
fn nobody_keeps_a_page_from_its_place_by_its_temporaries() {
    let dir = Dir::new("temporaries");
    let file = dir.file("fleet.ndjson", made_up(9, 20, 0).0);
    let page = dir.0.join("page.html");
    let begin = || {
        // Its process id is known before it writes.
        let mut waits = Command::new("sh");
        waits.args(["-c", "read go; exec \"$0\" \"$@\" </dev/null"]).stdin(Stdio::piped());
        waits.arg(env!("CARGO_BIN_EXE_tunectl")).args(["fleet", "--since", SILENT_BEFORE]);
        waits.arg("--html").arg(&page).arg(&file);
        waits.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = begin();
    let taken: Vec<File> = std::iter::once(String::new())
        .chain((0..100).map(|n| format!("{n:02}")))
        .map(|n| {
            let taken = dir.file(&format!(".page.html.{}{n}.tmp", child.id()), "");
            let taken = File::open(taken).unwrap();
            taken.lock().unwrap();
            taken
        })
        .collect();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let ran = child.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    drop(taken);

    // Here it is the same user who locks each as soon as it is there.
    for _ in 0..10 {
        let mut child = begin();
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let mut held = Vec::new();
        let begun = std::time::Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it waits for a lock");
            for entry in fs::read_dir(&dir.0).unwrap().flatten() {
                let is_temporary = entry.path().extension().is_some_and(|end| end == "tmp");
                let opened = File::open(entry.path()).ok().filter(|_| is_temporary);
                held.extend(opened.filter(|file| file.try_lock().is_ok()));
            }
        }
        let told = child.wait_with_output().unwrap();
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(told.is_empty() || told.contains("takes each temporary file beside it"), "{told}");
    }
}

#[test]
fn hosts_and_keys_are_hostile_texts() {
    let dir = Dir::new("hostile");
    let mut bytes = made_up(10, 8, 0).0;
    let evil = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{200b}\u{feff}\u{ad}\u{e0041}<img src=x onerror=alert(1)>";
    let line = serde_json::json!({
        "schema": "tunectl/report/1", "time": "2026-11-01T00:00:00Z", "version": evil,
        "host": { "name": evil, "roles": [evil] }, "result": evil,
        "baseline": { "name": evil, "sha256": evil },
        "drift": { "last_day": 1, "events": [{
            "key": evil, "action": evil, "cause": evil, "count": u64::MAX, "last": NOW,
            "writer": { "comm": evil, "unit": evil } }, { "key": evil, "count": u64::MAX }] },
        "parameters": [{
            "key": evil, "live": evil.repeat(3000), "live_status": evil, "boot_status": evil,
            "boot": { "value": evil, "source": evil }, "marks": ["contested", evil] }],
        "others": { evil: evil },
    });
    writeln!(bytes, "{line}").unwrap();
    let file = dir.file("hostile.ndjson", &bytes);
    let page = dir.0.join("fleet.html");
    let ran = fleet(&["--top", "0", "--html", page.to_str().unwrap()], &[&file]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let page = fs::read_to_string(page).unwrap();
    for text in [&ran.out, &page, &json(&[&file]).out] {
        let unseen = ['\u{202e}', '\u{200b}', '\u{feff}', '\u{ad}', '\u{e0041}'];
        let acts = |c: char| c.is_control() && c != '\n' || unseen.contains(&c);
        assert!(!text.contains(acts), "{text:?}");
    }
    assert!(!page.contains("<img"));
    // Escaped or not, it is the same name.
    let named = json(&[&file]).fleet().silent;
    assert!(named.iter().any(|silent| silent.host == evil), "{named:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Reports with bytes changed, added and taken away are told line by line, and nothing else
    /// happens: no crash, and no report more than there are lines.
    #[test]
    fn any_damage_is_told(
        seed in 0..1000_u64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..60),
        packed in any::<bool>(),
    ) {
        let dir = Dir::new("any");
        let mut bytes = made_up(seed, 40, 2000).0;
        if packed {
            bytes = compress_to_vec(bytes.as_slice(), CompressionLevel::Fastest);
        }
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let lines = bytes.split(|b| *b == b'\n').count() as u64;
        let file = dir.file("any.ndjson", &bytes);
        let ran = json(&[&file]);
        prop_assert!(matches!(ran.code, Some(0 | 1)), "{:?} {}", ran.code, ran.err);
        let fleet = ran.fleet();
        prop_assert!(packed || fleet.reports.read + fleet.reports.unreadable <= lines);
        prop_assert!(fleet.hosts.total <= fleet.reports.read);
    }
}

/// More reports, of few bytes each, than are kept in memory: `hosts` hosts with one to three. And the
/// hosts by the version that their newest report has.
fn many(reports: u32, hosts: u32) -> (Vec<u8>, BTreeMap<String, u64>) {
    let mut bytes = Vec::new();
    let mut newest: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for n in 0..reports {
        // Later lines are not always later reports, and some are as old as others.
        let (host, minute, version) = (n * 7919 % hosts, n * 31 % 60, n % 7);
        writeln!(
            bytes,
            r#"{{"schema":"tunectl/report/1","time":"2026-11-26T11:{minute:02}:00Z","host":{{"name":"{host}"}},"version":"{version}"}}"#
        )
        .unwrap();
        let known = newest.entry(host).or_insert((minute, version));
        if minute > known.0 {
            *known = (minute, version);
        }
    }
    let mut versions = BTreeMap::new();
    for (_, version) in newest.values() {
        *versions.entry(version.to_string()).or_default() += 1;
    }
    (bytes, versions)
}

#[test]
fn more_reports_than_memory_keeps_give_the_same_answer() {
    let dir = Dir::new("many");
    let (bytes, versions) = many(200_000, 150_000);
    let file = dir.file("many.ndjson", &bytes);
    let ran = json(&[&file]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let fleet = ran.fleet();
    assert_eq!((fleet.reports.read, fleet.reports.older), (200_000, 50_000));
    let found: BTreeMap<String, u64> =
        fleet.versions.iter().map(|v| (v.version.clone(), v.hosts)).collect();
    assert_eq!(found, versions);
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_told_and_few_reports_need_none() {
    crate::support::in_namespaces("fleet::a_full_disk_is_told_and_few_reports_need_none", || {
        let dir = Dir::new("full");
        let small = dir.0.join("small");
        fs::create_dir(&small).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=64k", "none"];
        assert!(run(Command::new("mount").args(mount).arg(&small)).status.success());
        let started = |args: &[&str], reports: &[&Path]| {
            let mut command = command(args, reports);
            command.env("TMPDIR", &small);
            command
        };
        let (few, many) = (many(2000, 1000).0, many(200_000, 200_000).0);
        let (few, many) = (dir.file("few.ndjson", few), dir.file("many.ndjson", many));
        let ran = told(started(&["--gate", "hosts>0"], &[&many]));
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
        let what = format!(
            "error: cannot tell which report of each host is its newest: cannot write an unnamed \
             file in {}: No space left on device",
            small.display()
        );
        assert!(ran.err.starts_with(&what) && ran.err.contains("TMPDIR"), "{}", ran.err);
        // A pipe is kept for a second reading: a short one in memory.
        let piped = |file: &Path| {
            let mut cat = Command::new("cat").arg(file).stdout(Stdio::piped()).spawn().unwrap();
            let mut command = started(&["--format", "json"], &[Path::new("-")]);
            command.stdin(cat.stdout.take().unwrap());
            let ran = told(command);
            assert!(cat.wait().unwrap().success());
            ran
        };
        let ran = piped(&few);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert_eq!(ran.fleet().hosts.total, 1000);
        assert_eq!(lasting(&ran), lasting(&json(&[&few])));
        let long = dir.file("long.ndjson", self::many(40_000, 39_000).0);
        let ran = piped(&long);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
        let what = "error: standard input: it cannot be read again, which hosts with several \
                    reports ask for, and was not kept: No space left on device";
        assert!(ran.err.starts_with(what), "{}", ran.err);
        assert!(run(Command::new("umount").arg(&small)).status.success());
    });
}

/// A few kB unpack to one line of as many GB as one likes.
#[test]
fn a_packed_line_without_an_end_is_given_up_and_hides_no_other() {
    let dir = Dir::new("endless");
    let (bytes, known) = made_up(7, 50, 3);
    let good = dir.file("good.ndjson", &bytes);
    let first = bytes.split_inclusive(|b| *b == b'\n').next().unwrap();
    // A frame of 256 MiB of one letter, without the checksum that costs time.
    let mut packed = compress_to_vec(first, CompressionLevel::Fastest);
    packed.extend([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]);
    for n in 1..=2048_u32 {
        // A block that is one byte, 128 kiB times: size, kind and whether it is the last.
        let head = (128 << 10) << 3 | 1 << 1 | u32::from(n == 2048);
        packed.extend(&head.to_le_bytes()[..3]);
        packed.push(b'a');
    }
    let endless = dir.file("endless.json.zst", packed);
    let ran = json(&[&endless, &good]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let fleet = ran.fleet();
    assert_eq!(found(&fleet).hosts, known.hosts, "{}", ran.err);
    assert_eq!(fleet.reports.unreadable, 2, "{}", ran.err);
    let told = ": a line of more than 64 MiB is no report: what follows is not read";
    let told = format!("warning: {}{told}\n", endless.display());
    assert!(ran.err.contains(&told), "{}", ran.err);
}

/// A few kB unpack to as many empty records as one likes.
#[test]
fn a_file_of_empty_records_is_given_up_and_hides_no_other() {
    let dir = Dir::new("dense");
    let (bytes, known) = made_up(7, 50, 3);
    let good = dir.file("good.ndjson", &bytes);
    let first = bytes.split_inclusive(|b| *b == b'\n').next().unwrap();
    for (name, line) in [("a.ndjson", "{}\n"), ("b.ndjson", "\n"), ("c.ndjson", "{\"a\":1}\n")] {
        // A report, and another one that nobody reaches.
        let many = line.repeat(2_000_000);
        let dense = dir.file(name, [first, many.as_bytes(), &[b'x'; 70]].concat());
        assert!(run(Command::new("gzip").arg(&dense)).status.success());
        let dense = dir.0.join(format!("{name}.gz"));
        let ran = json(&[&dense, &good]);
        let fleet = ran.fleet();
        // Its one report is a host's of the others; both are read twice.
        assert_eq!(found(&fleet).hosts, known.hosts, "{name}: {}", ran.err);
        let told = format!("{}: 1 MiB on end are lines too short for a report", dense.display());
        assert!(ran.err.starts_with(&format!("warning: {told}")), "{name}: {}", ran.err);
        assert!(fleet.reports.unreadable <= 1 + (2 << 20) / line.len() as u64);
        assert_eq!(self::fleet(&["--gate", "drift<=100%"], &[&dense, &good]).code, Some(1));
    }
}
