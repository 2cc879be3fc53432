//! `report` as an operator and what collects reports meet it.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::operator::Host;
use crate::support::{is_root, left_out, run};

const BASELINE: &str = "name: broker
extends: [./common.yaml]
parameters:
  vm.swappiness: 1
  vm.max_map_count: { at_least: 262144 }
  net.ipv4.tcp_fastopen_key: 00000001-00000002-00000003-00000004
  net.netfilter.nf_conntrack_max: { value: 1048576, module: nf_conntrack }
waivers:
  - { key: vm.dirty_background_ratio, until: 2099-01-31, reason: incident 4711 }
";
const COMMON: &str =
    "name: common\nparameters:\n  vm.dirty_ratio: 20\n  vm.dirty_background_ratio: 7\n";
const BOOT_ID: &str = "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c";
const COLLECTOR: &str = "var/lib/prometheus/node-exporter";
const METRICS: &str = "var/lib/prometheus/node-exporter/tunectl.prom";

/// A host with that baseline in force, with one value that was changed since, and with one that
/// another file takes back at the next boot.
fn host() -> Host {
    let host = Host::usual();
    host.live("net.ipv4.tcp_fastopen_key = 00000000-00000000-00000000-00000000");
    host.file("etc/tunectl/common.yaml", COMMON).file("etc/tunectl/baseline.yaml", BASELINE);
    let applied = host.run(["apply"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    host.file("etc/sysctl.d/zz-vendor.conf", "vm.dirty_ratio = 40\n").live("vm.swappiness = 60");
    host
}

/// What the daemon has recorded: three changes by one writer, a prevented write, and an older boot.
fn recorded(host: &Host) {
    let now = now();
    let event = |time: &str, boot: &str, key: &str, to: &str, action: &str, comm: &str| {
        format!(
            r#"{{"schema":"tunectl/event/1","time":"{time}","boot_id":"{boot}","key":"{key}","desired":"1","from":"1","to":"{to}","action":"{action}","cause":"process","writer":{{"pid":7,"comm":"{comm}","exe":null,"cmdline":"{comm} --password hunter2","uid":0,"login_uid":null,"cgroup":null,"unit":"{comm}.service","container":null,"parent":null,"via":"bpf","namespace":"host"}},"latency_us":40,"count":1,"detail":null}}"#
        )
    };
    let old = "2001-01-01T00:00:00.000000Z";
    let lines = [
        event(old, "another", "vm.swappiness", "5", "restored", "ancient"),
        event(&now, "another", "vm.swappiness", "6", "restored", "earlier"),
        event(&now, BOOT_ID, "vm.swappiness", "10", "restored", "tuned"),
        event(&now, BOOT_ID, "vm.swappiness", "20", "restored", "tuned"),
        event(&now, BOOT_ID, "vm.swappiness", "60", "contested", "tuned"),
        event(&now, BOOT_ID, "net.ipv4.tcp_fastopen_key", "hunter2", "reported", "sysctl"),
        event(&now, BOOT_ID, "vm.dirty_ratio", "9", "prevented", "sysctl"),
    ];
    host.file("var/lib/tunectl/events.jsonl", &(lines.join("\n") + "\n"));
    let tally = r#"{"schema":"tunectl/tally/1","boot_id":"BOOT","swept":1700000000,"seen_by":"bpf and fanotify","contested":["vm.swappiness"],"drift":[{"key":"vm.swappiness","cause":"process","writer":"tuned","count":41},{"key":"net.ipv4.tcp_fastopen_key","cause":"process","writer":"a\"b\\c\nd","count":1}],"prevented":[{"key":"vm.dirty_ratio","cause":"process","writer":"sysctl","count":3}],"latency":{"within":[0,30,11],"count":42,"sum_us":2000},"later":1}"#;
    host.file("run/tunectl/tally.json", &tally.replace("BOOT", BOOT_ID));
}

/// Now, as events have it.
fn now() -> String {
    let date = run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.000000Z"]));
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

fn json(host: &Host, more: &[&str]) -> Value {
    let ran = host.run(["report", "--format", "json"].iter().chain(more).copied());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "one line, for many to be put together");
    serde_json::from_str(&ran.out).unwrap()
}

fn parameter<'a>(report: &'a Value, key: &str) -> &'a Value {
    let all = report["parameters"].as_array().unwrap();
    all.iter().find(|p| p["key"] == key).unwrap_or_else(|| panic!("no {key}: {report}"))
}

#[test]
fn what_matters_comes_first_as_text() {
    let host = host();
    recorded(&host);
    let before = host.tree();
    let ran = host.run(["report", "--detailed-exitcode"]);
    assert_eq!(host.tree(), before, "it changes nothing");
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_data_eq!(
        ran.out,
        str![[r#"
broker-7: 2 of 6 parameters of broker in sync; 1 not as required now; 1 not after a reboot; 1
contested; 1 pending; 1 waived
sha256 4e1f7dbd5799, tunectl 0.1.0, Linux 6.18.44, 67108864 kB RAM, 2 NUMA nodes, bare metal;
[..]Z

  parameter                       live  desired  now      next boot
p net.netfilter.nf_conntrack_max  -     1048576  pending  same
w vm.dirty_background_ratio       10    7        differs  unset
      waived
~ vm.dirty_ratio                  20    20       in sync  overridden
      prevented
      the next boot sets 40 (/etc/sysctl.d/zz-vendor.conf:1)
! vm.swappiness                   60    1        differs  same
      contested
      changed last by tuned (tuned.service)
  (2 in sync; -v shows them)

drift: 42 since boot, 5 in the last 24 hours
  [..]Z  net.ipv4.tcp_fastopen_key: (secret) -> (secret) reported; by sysctl (sysctl.service)
  [..]Z  vm.dirty_ratio: 1 -> 9 prevented; by sysctl (sysctl.service)
  [..]Z  vm.swappiness: 1 -> 60 contested; by tuned (tuned.service)
  [..]Z  vm.swappiness: 1 -> 6 restored; by earlier (earlier.service)
  [..]Z  vm.swappiness: 1 -> 20 restored, the last of 2; by tuned (tuned.service)

"#]]
    );
    assert_eq!(host.run(["report"]).code, 0, "without --detailed-exitcode it is an answer");
}

#[test]
fn as_json_both_axes_and_the_writers_are_told_and_no_secret() {
    let host = host();
    recorded(&host);
    let ran = host.run(["report", "--format", "json"]);
    assert!(!ran.out.contains("hunter2") && !ran.out.contains("00000003"), "{}", ran.out);
    let report = json(&host, &["--also", "vm.page-cluster", "--also", "vm.swappiness"]);
    assert_eq!(report["schema"], "tunectl/report/1");
    assert_eq!(
        (&report["result"], &report["version"]),
        (&"differs".into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_eq!(report["host"]["name"], "broker-7");
    assert_eq!(report["host"]["roles"], Value::from(vec!["common"]));
    let summary = &report["summary"];
    for (name, count) in [
        ("parameters", 6),
        ("live_differs", 1),
        ("boot_differs", 1),
        ("pending", 1),
        ("contested", 1),
        ("waived", 1),
        ("blocked", 0),
    ] {
        assert_eq!(summary[name], count, "{name}: {summary}");
    }
    let swappiness = parameter(&report, "vm.swappiness");
    assert_eq!((&swappiness["live"], &swappiness["desired"]), (&"60".into(), &"1".into()));
    assert_eq!(
        (&swappiness["live_status"], &swappiness["boot_status"]),
        (&"differs".into(), &"same".into())
    );
    assert_eq!(swappiness["marks"], Value::from(vec!["contested"]));
    assert_eq!(swappiness["writer"]["comm"], "tuned");
    let ratio = parameter(&report, "vm.dirty_ratio");
    assert_eq!(ratio["boot"]["source"], "/etc/sysctl.d/zz-vendor.conf:1");
    assert_eq!(ratio["boot_status"], "overridden");
    assert_eq!(report["others"], serde_json::json!({ "vm.page-cluster": "3" }));
    let drift = &report["drift"];
    // The tally has counted more than the log still has; two days ago is not of the last day.
    assert_eq!((&drift["since_boot"], &drift["last_day"]), (&42.into(), &5.into()));
    let tuned = drift["events"].as_array().unwrap();
    assert!(tuned.iter().all(|e| e["writer"]["comm"] != "ancient"), "{drift}");
    let restored = |e: &&Value| e["writer"]["comm"] == "tuned" && e["action"] == "restored";
    let tuned = tuned.iter().find(restored).unwrap();
    assert_eq!((&tuned["count"], &tuned["to"]), (&2.into(), &"20".into()));
    host.live("vm.swappiness = 61");
    let report = json(&host, &[]);
    assert_eq!(parameter(&report, "vm.swappiness")["writer"], Value::Null, "nobody saw who");
}

#[test]
fn a_further_parameter_that_is_not_there_is_told() {
    let host = host();
    // A device that comes with a module, of which a pattern finds nothing.
    let also = ["--also", "nosuch.key", "--also", "dev.raid.*", "--also", "vm.page-cluster"];
    let missing = [
        "--also nosuch.key: this kernel has no such parameter",
        "--also dev.raid.*: this kernel has no such parameter",
    ];
    let report = json(&host, &also);
    assert_eq!(report["errors"], Value::from(missing.to_vec()));
    assert_eq!(report["others"], serde_json::json!({ "vm.page-cluster": "3" }));
    let warned = host.run(["report", "--format", "json"].iter().chain(&also).copied()).err;
    let text = host.run(["report"].iter().chain(&also).copied()).out;
    for line in missing {
        assert!(warned.contains(line) && text.contains(line), "{warned}{text}");
    }
    // On a host without a baseline, too.
    fs::remove_file(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
    let report = json(&host, &also);
    assert_eq!(report["errors"], Value::from(missing.to_vec()));
    assert_eq!(report["others"], serde_json::json!({ "vm.page-cluster": "3" }));
}

#[test]
fn what_prometheus_reads_has_bounded_labels_no_timestamps_and_an_end() {
    let host = host();
    recorded(&host);
    let ran = host.run(["report", "--format", "prometheus"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in [
        "tunectl_parameter_in_sync{key=\"vm.swappiness\"} 0",
        "tunectl_parameter_in_sync{key=\"vm.dirty_ratio\"} 1",
        "tunectl_parameter_boot_in_sync{key=\"vm.dirty_ratio\"} 0",
        "tunectl_parameter_contested{key=\"vm.swappiness\"} 1",
        "tunectl_parameter_pending{key=\"net.netfilter.nf_conntrack_max\"} 1",
        "tunectl_parameter_waived{key=\"vm.dirty_background_ratio\"} 1",
        "tunectl_drift_events_total{key=\"vm.swappiness\",cause=\"process\",writer=\"tuned\"} 41",
        "tunectl_drift_events_total{key=\"net.ipv4.tcp_fastopen_key\",cause=\"process\",writer=\"a\\\"b\\\\c\\\\u{a}d\"} 1",
        "tunectl_prevented_writes_total{key=\"vm.dirty_ratio\",writer=\"sysctl\"} 3",
        "tunectl_last_sweep_timestamp_seconds 1700000000",
        "tunectl_correction_latency_seconds_bucket{le=\"0.00005\"} 30",
        "tunectl_correction_latency_seconds_bucket{le=\"0.0001\"} 41",
        "tunectl_correction_latency_seconds_bucket{le=\"60\"} 41",
        "tunectl_correction_latency_seconds_bucket{le=\"+Inf\"} 42",
        "tunectl_correction_latency_seconds_sum 0.002",
    ] {
        assert!(ran.out.lines().any(|l| l == line), "{line}\n{}", ran.out);
    }
    assert!(ran.out.ends_with('\n'));
    for line in ran.out.lines().filter(|l| !l.starts_with('#')) {
        let (_, value) = line.rsplit_once(['}', ' ']).unwrap();
        assert!(value.trim().parse::<f64>().is_ok(), "a value and nothing behind it: {line}");
    }
    // Waived and pending ones are neither right nor wrong.
    assert!(!ran.out.contains("in_sync{key=\"vm.dirty_background_ratio\"}"));
    assert!(!ran.out.contains("in_sync{key=\"net.netfilter.nf_conntrack_max\"}"));
    for command in ["plan", "status"] {
        let refused = host.run([command, "--format", "prometheus"]);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{command}");
        assert!(refused.err.contains("only `tunectl report`"), "{}", refused.err);
    }
}

/// What is let go, in the files that commands and the daemon leave.
fn let_go(host: &Host) {
    let ends = r#""until":"2999-01-01T00:00:00Z","until_since_boot":99999999999"#;
    let open = r#""until":null,"until_since_boot":null"#;
    let held = |kind: &str, by: &str, reason: &str, end: &str| {
        format!(r#"{{"kind":"{kind}","by":"{by}","reason":{reason},{end}}}"#)
    };
    let file = |boot_id: &str, holds: &[(&str, String)]| {
        let holds: Vec<String> = holds.iter().map(|(key, h)| format!("\"{key}\":{h}")).collect();
        let holds = holds.join(",");
        format!(r#"{{"schema":"tunectl/holds/1","boot_id":"{boot_id}","holds":{{{holds}}}}}"#)
    };
    let of_boot = [
        ("vm.swappiness", held("unlocked", "root", r#""incident 4711""#, ends)),
        ("vm.max_map_count", held("yielded", "the daemon", "null", open)),
        (
            "net.ipv4.tcp_fastopen_key",
            held(
                "unlocked",
                "root",
                "null",
                r#""until":"2001-01-01T00:00:00Z","until_since_boot":0"#,
            ),
        ),
    ];
    host.file("run/tunectl/holds.json", &file(BOOT_ID, &of_boot));
    let lasting = [("vm.dirty_*", held("released", "root", "null", open))];
    host.file("var/lib/tunectl/released.json", &file("another", &lasting));
}

#[test]
fn what_is_let_go_on_purpose_is_told_apart_from_drift() {
    let host = host();
    let_go(&host);
    let report = json(&host, &[]);
    assert_eq!(report["result"], "differs", "it is not as the baseline requires");
    assert_eq!(report["summary"]["let_go"], 4);
    let of = |key| &parameter(&report, key)["let_go"];
    assert_eq!(
        *of("vm.swappiness"),
        serde_json::json!({
            "kind": "unlocked", "by": "root", "reason": "incident 4711", "until": "2999-01-01T00:00:00Z"
        })
    );
    assert_eq!(*of("vm.dirty_ratio"), serde_json::json!({ "kind": "released", "by": "root" }));
    assert_eq!(of("net.ipv4.tcp_fastopen_key"), &Value::Null, "that is over");
    let yielded = parameter(&report, "vm.max_map_count");
    assert_eq!(
        (&yielded["let_go"]["kind"], &yielded["marks"][0]),
        (&"yielded".into(), &"yielded".into())
    );
    let metrics = host.run(["report", "--format", "prometheus"]).out;
    let told: Vec<&str> =
        metrics.lines().filter(|l| l.starts_with("tunectl_parameter_let_go")).collect();
    assert_eq!(
        told,
        [
            "tunectl_parameter_let_go{key=\"vm.dirty_ratio\",kind=\"released\"} 1",
            "tunectl_parameter_let_go{key=\"vm.max_map_count\",kind=\"yielded\"} 1",
            "tunectl_parameter_let_go{key=\"vm.swappiness\",kind=\"unlocked\"} 1",
        ],
        "a waived one is held by nobody anyway"
    );
    let text = host.run(["report"]).out;
    assert!(text.contains("; 4 let go"), "{text}");
    for line in [
        "~ vm.swappiness",
        "let go by root: incident 4711; until 2999-01-01 00:00:00Z",
        "rolled back by root; until the next `tunectl apply`",
        "let go by the daemon; until the next boot or `tunectl apply`",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let junit = host.run(["report", "--format", "junit"]).out;
    assert!(junit.contains("now: differs: 60, not 1 (let go by root: incident 4711; "), "{junit}");
}

#[test]
fn another_baseline_can_be_what_it_is_judged_by() {
    let host = host();
    host.given("new.yaml", "name: new\nparameters: { vm.swappiness: 60 }\n");
    let report = json(&host, &["-b", "./new.yaml"]);
    assert_eq!(report["baseline"]["name"], "new");
    assert_eq!(
        (&report["summary"]["live_differs"], &report["summary"]["boot_differs"]),
        (&0.into(), &1.into())
    );
    let refused = host.run(["report", "-b", "./new.yaml", "--save"]);
    assert_eq!(refused.code, 1, "what is saved is the host's own");
}

#[test]
fn what_a_host_has_of_its_own_is_apart_from_what_hosts_share() {
    let host = host();
    let of = |host: &Host| {
        let baseline = &json(host, &[])["baseline"];
        [&baseline["sha256"], &baseline["shared_sha256"]].map(|v| v.as_str().unwrap().to_owned())
    };
    let [all, shared] = of(&host);
    assert_eq!(all, shared, "there are no layers");
    // Also what a layer extends is the host's own.
    let layer = "name: mine\nextends: [./more.yaml]\nwaivers:\n  \
                 - { key: vm.swappiness, until: 2099-01-31, reason: incident }\n";
    host.file("etc/tunectl/baseline.d/10-mine.yaml", layer);
    host.file("etc/tunectl/baseline.d/more.yaml", "name: more\nparameters: {}\n");
    let [with_layer, same] = of(&host);
    assert!(with_layer != all && same == shared, "{with_layer} {same}");
    let metrics = host.run(["report", "--format", "prometheus"]).out;
    let label = format!("name=\"broker\",sha256=\"{with_layer}\",shared_sha256=\"{shared}\"");
    assert!(metrics.contains(&label), "{metrics}");
    // Of what is extended every text counts.
    host.file("etc/tunectl/common.yaml", &COMMON.replace("20", "21"));
    assert_ne!(of(&host)[1], shared);
}

#[test]
fn each_parameter_is_a_test_case() {
    let host = host();
    let ran = host.run(["report", "--format", "junit"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_data_eq!(
        ran.out,
        str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="tunectl" tests="6" failures="2" errors="0" skipped="2">
  <testsuite name="broker" hostname="broker-7" timestamp="[..]Z" tests="6" failures="2" errors="0" skipped="2">
    <testcase classname="tunectl.broker" name="net.ipv4.tcp_fastopen_key"/>
    <testcase classname="tunectl.broker" name="net.netfilter.nf_conntrack_max"><skipped message="not there yet: its module or interface is missing"/></testcase>
    <testcase classname="tunectl.broker" name="vm.dirty_background_ratio"><skipped message="covered by a waiver"/></testcase>
    <testcase classname="tunectl.broker" name="vm.dirty_ratio"><failure type="drift" message="next boot: overridden: 40 (/etc/sysctl.d/zz-vendor.conf:1)"/></testcase>
    <testcase classname="tunectl.broker" name="vm.max_map_count"/>
    <testcase classname="tunectl.broker" name="vm.swappiness"><failure type="drift" message="now: differs: 60, not 1"/></testcase>
  </testsuite>
</testsuites>

"#]]
    );
}

#[test]
fn it_is_saved_whole_and_the_metrics_where_somebody_collects_them() {
    if !is_root() {
        left_out(
            "report::it_is_saved_whole_and_the_metrics_where_somebody_collects_them",
            "needs root",
        );
        return;
    }
    let host = host();
    recorded(&host);
    let ran = host.run(["report", "--save"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let saved = fs::read_to_string(host.root.join("var/lib/tunectl/report.json")).unwrap();
    let saved: Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(saved["parameters"], json(&host, &[])["parameters"]);
    assert!(!fs::exists(host.root.join(METRICS)).unwrap(), "nobody collects them");
    fs::create_dir_all(host.root.join(COLLECTOR)).unwrap();
    assert_eq!(host.run(["report", "--save"]).code, 0);
    let metrics = fs::read_to_string(host.root.join(METRICS)).unwrap();
    assert!(metrics.contains("tunectl_parameter_in_sync{") && metrics.ends_with('\n'));
    let mode = fs::metadata(host.root.join(METRICS)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "node_exporter is another user");
    let names: Vec<_> = fs::read_dir(host.root.join(COLLECTOR)).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it: {names:?}");
    // Another place, which must be there.
    fs::create_dir_all(host.root.join("srv/metrics")).unwrap();
    assert_eq!(host.run(["report", "--save", "--textfile", "/srv/metrics"]).code, 0);
    assert!(fs::exists(host.root.join("srv/metrics/tunectl.prom")).unwrap());
    let ran = host.run(["report", "--save", "--textfile", "/srv/none"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/srv/none is no directory"), "{}", ran.err);
}

#[test]
fn a_broken_baseline_is_reported_as_such() {
    let host = host();
    host.file("etc/tunectl/baseline.yaml", "name: broker\nparameters: { vm.swappiness: maybe }\n");
    let ran = host.run(["report", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["result"], "failed");
    let why = report["errors"][0].as_str().unwrap();
    assert!(why.contains("/etc/tunectl/baseline.yaml:2"), "{why}");
    let metrics = host.run(["report", "--format", "prometheus"]).out;
    assert!(metrics.contains("\ntunectl_baseline_usable 0\n"), "{metrics}");
    assert!(!metrics.contains("tunectl_parameter_in_sync"), "{metrics}");
    let junit = host.run(["report", "--format", "junit"]).out;
    assert!(junit.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{junit}");
    if is_root() {
        let saved = host.run(["report", "--save"]);
        assert_eq!(saved.code, 0, "it is saved, and says so: {}", saved.err);
    }
    fs::remove_file(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
    assert_eq!(json(&host, &[])["result"], "no_baseline");
    for command in ["report", "status"] {
        assert_eq!(host.run([command]).code, 0, "it is the answer");
        assert_eq!(host.run([command, "--detailed-exitcode"]).code, 2, "but no yes: {command}");
    }
    // That is no broken one, which is a critical alert.
    assert!(metrics.contains("\ntunectl_baseline_present 1\n"), "{metrics}");
    let metrics = host.run(["report", "--format", "prometheus"]).out;
    assert!(metrics.contains("\ntunectl_baseline_present 0\n"), "{metrics}");
    assert!(!metrics.contains("tunectl_baseline_usable"), "{metrics}");
}

#[test]
fn its_formats_are_named_where_it_is_asked_for_one() {
    let host = host();
    let all = "[possible values: text, json, prometheus, junit]";
    for (args, values) in [
        (["report", "--format", "xyz"], all),
        (["status", "--format", "xyz"], "[possible values: text, json]"),
    ] {
        let ran = host.run(args);
        assert_eq!(ran.code, 1, "{args:?}");
        assert!(ran.err.contains(values), "{args:?}: {}", ran.err);
    }
    let script = host.run(["completions", "bash"]).out;
    assert!(script.contains("\"text json prometheus junit\""), "{script}");
    // Before the command it is the same.
    assert!(host.run(["--format", "junit", "report"]).out.starts_with("<?xml"));
    assert!(host.run(["report", "--format", "junit"]).out.starts_with("<?xml"));
    assert_eq!(host.run(["status", "--format", "junit"]).code, 1);
}

/// A host of containers has as many parameters of each interface: its report is one that a fleet
/// takes, and what is wrong stands in it.
#[test]
fn a_report_of_many_parameters_is_read_by_a_fleet() {
    let host = host();
    let mut live = String::new();
    for n in 0..2000 {
        let right = usize::from(n % 100 != 99);
        let _ = writeln!(live, "net.ipv4.conf.veth{n}.rp_filter = {right}");
        let _ = writeln!(live, "net.ipv4.conf.veth{n}.send_redirects = 0");
    }
    host.live(&live);
    host.given(
        "many.yaml",
        "name: many\nparameters:\n  net.ipv4.conf.*.rp_filter: 1\n  \
         net.ipv4.conf.*.send_redirects: 0\n",
    );
    let ran = host.run(["report", "-b", "./many.yaml", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.len() < 1 << 20, "{} bytes", ran.out.len());
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let listed = report["parameters"].as_array().unwrap();
    let all = report["summary"]["parameters"].as_u64().unwrap();
    assert_eq!(listed.len() as u64 + report["omitted"].as_u64().unwrap(), all);
    assert!(all >= 4000 && listed.len() <= 3000, "{all}, {}", listed.len());
    let is_wrong = |p: &&Value| p["live_status"] != "in_sync" && p["live_status"] != "pending";
    let wrong = listed.iter().filter(is_wrong).count();
    assert_eq!(wrong as u64, report["summary"]["live_differs"].as_u64().unwrap());
    assert!(wrong >= 20, "{wrong}");
    host.given("report.json", &ran.out);
    let ran = host.run(["fleet", "report.json", "--hosts", "drift"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1), "{}", ran.err);
    let text = host.run(["report", "-b", "./many.yaml"]).out;
    assert!(text.contains("more parameters: a report has no room for all"), "{text}");
    let ran = host.run(["report", "--also", "net.ipv4.conf.*.rp_filter", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["others"].as_object().unwrap().len(), 1000);
    assert!(report["errors"].to_string().contains("more are left out"), "{}", report["errors"]);
}
