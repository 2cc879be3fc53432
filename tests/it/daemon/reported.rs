//! What the daemon leaves for readers far away: the report, and the metrics.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::{Command, Output};

use serde_json::Value;

use super::harness::{Watch, fresh_host, write};
use crate::support::{in_namespaces, run};

const REPORT: &str = "/var/lib/tunectl/report.json";
const TALLY: &str = "/run/tunectl/tally.json";
const COLLECTOR: &str = "/var/lib/prometheus/node-exporter";
const METRICS: &str = "/var/lib/prometheus/node-exporter/tunectl.prom";
const BASELINE: &str = "name: held\nparameters:\n  net.core.somaxconn: 4321\n";

fn tunectl(args: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args))
}

fn metrics() -> String {
    fs::read_to_string(METRICS).unwrap_or_default()
}

fn has(line: &str) -> bool {
    metrics().lines().any(|l| l == line)
}

/// How often somebody has changed it, whoever that was.
fn changes() -> u64 {
    let text = metrics();
    let of = |l: &&str| l.starts_with("tunectl_drift_events_total{key=\"net.core.somaxconn\"");
    text.lines().filter(of).map(|l| l.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[test]
fn the_report_is_renewed_when_something_happened_and_not_otherwise() {
    let test = "daemon::reported::the_report_is_renewed_when_something_happened_and_not_otherwise";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        fs::create_dir_all(COLLECTOR).unwrap();
        let watch = Watch::start(&["--sweep", "1", "--contest-after", "3/60s"]);
        watch.until("reported at the start", || {
            has("tunectl_parameter_in_sync{key=\"net.core.somaxconn\"} 1")
        });
        // What was found at the start is told at the first sweep; then there is nothing to tell.
        watch.until("told", || changes() == 1);
        watch.sweeps(2);
        let written = |path| fs::metadata(path).map(|m| (m.ino(), m.mtime_nsec())).unwrap();
        let before = (written(REPORT), written(METRICS));
        watch.sweeps(3);
        assert_eq!((written(REPORT), written(METRICS)), before, "an idle host writes nothing");
        write("net/core/somaxconn", "77");
        watch.event(|e| e["action"] == "restored" && e["to"] == "77");
        watch.until("counted", || changes() == 2);
        let report: Value = serde_json::from_str(&fs::read_to_string(REPORT).unwrap()).unwrap();
        assert_eq!(report["drift"]["since_boot"], 2);
        assert_eq!(report["drift"]["events"][0]["to"], "77");
        assert!(has("tunectl_correction_latency_seconds_count 1"), "{}", metrics());
        // An edit is no drift, and is reported all the same.
        fs::write("/etc/tunectl/baseline.yaml", BASELINE.replace("held", "edited")).unwrap();
        watch.until("edited", || metrics().contains("tunectl_baseline_info{name=\"edited\""));
        // A restart goes on counting: a smaller number would be a new beginning to Prometheus.
        watch.end();
        let watch = Watch::start(&["--sweep", "1", "--contest-after", "3/60s"]);
        write("net/core/somaxconn", "78");
        watch.event(|e| e["to"] == "78");
        watch.until("counted on", || changes() == 3);
        for value in 79..90 {
            write("net/core/somaxconn", &value.to_string());
            watch.event(|e| e["to"] == value.to_string().as_str() || e["action"] == "contested");
        }
        watch.until("contested", || {
            has("tunectl_parameter_contested{key=\"net.core.somaxconn\"} 1")
        });
        watch.end();
        let tally: Value = serde_json::from_slice(&fs::read(TALLY).unwrap()).unwrap();
        assert_eq!(tally["contested"], Value::from(Vec::<Value>::new()), "the fight has ended");
    });
}

/// Nothing that a killed daemon has left behind passes for one that runs.
#[test]
fn a_daemon_that_was_killed_is_missed_and_one_that_was_told_to_end_is_not() {
    let test =
        "daemon::reported::a_daemon_that_was_killed_is_missed_and_one_that_was_told_to_end_is_not";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        fs::create_dir_all(COLLECTOR).unwrap();
        let standing = || {
            let ran = tunectl(&["report", "--save", "--every", "3600"]);
            assert!(ran.status.success(), "{ran:?}");
            assert!(has("tunectl_report_interval_seconds 3600"), "{}", metrics());
            let report: Value = serde_json::from_str(&fs::read_to_string(REPORT).unwrap()).unwrap();
            let of = |metric: &str| has(&format!("{metric} 1"));
            let metrics = [of("tunectl_watch_up"), of("tunectl_watch_expected")];
            let watch = &report["watch"];
            assert_eq!(
                metrics.map(Value::from),
                [&watch["running"], &watch["expected"]].map(Value::clone)
            );
            metrics
        };
        assert_eq!(standing(), [false, false], "none has begun");
        let watch = Watch::start(&["--sweep", "1"]);
        watch.until("reported", || metrics().contains("tunectl_watch_info{"));
        assert_eq!(standing(), [true, true]);
        assert!(has("tunectl_watch_sweep_interval_seconds 1"), "{}", metrics());
        write("net/core/somaxconn", "77");
        watch.event(|e| e["action"] == "restored" && e["to"] == "77");
        watch.signal("KILL");
        watch.until("gone", || standing() == [false, true]);
        assert!(!metrics().contains("tunectl_watch_info{"), "{}", metrics());
        let text = String::from_utf8(tunectl(&["report"]).stdout).unwrap();
        assert!(text.contains("daemon: tunectl watch does not run"), "{text}");
        drop(watch);
        Watch::start(&[]).end();
        assert_eq!(standing(), [false, false], "it was told to end");
        fs::create_dir_all("/etc/systemd/system/multi-user.target.wants").unwrap();
        let unit = "/usr/lib/systemd/system/tunectl.service";
        symlink(unit, "/etc/systemd/system/multi-user.target.wants/tunectl.service").unwrap();
        assert_eq!(standing(), [false, true], "its unit is enabled");
        symlink("/dev/null", "/etc/systemd/system/tunectl.service").unwrap();
        assert_eq!(standing(), [false, false], "and masked");
    });
}

/// A value that stands is told once, not by each daemon of a boot anew.
#[test]
fn what_is_told_of_a_standing_value_is_not_told_again_by_the_next_daemon() {
    let test =
        "daemon::reported::what_is_told_of_a_standing_value_is_not_told_again_by_the_next_daemon";
    in_namespaces(test, || {
        fresh_host(
            "name: held\ndefaults: { on_drift: report }\nparameters:\n  net.core.somaxconn: 4321\n  \
             net.ipv4.tcp_fastopen_key: 1-2-3-4\n",
        );
        let of = |watch: &Watch, key: &str| {
            watch.count(|e| e["action"] == "reported" && e["key"] == key)
        };
        let told = |watch: &Watch| of(watch, "net.core.somaxconn");
        let sweeping = ["--sweep", "1"];
        let watch = Watch::start(&sweeping);
        // As it was found.
        watch.until("told", || told(&watch) == 1);
        write("net/core/somaxconn", "99");
        watch.event(|e| e["to"] == "99");
        watch.signal("KILL");
        drop(watch);
        let watch = Watch::start(&sweeping);
        watch.sweeps(2);
        assert_eq!(told(&watch), 2, "{:#?}", watch.events());
        // Of a secret every change is told, as nobody sees that it is another one.
        let secret = "net.ipv4.tcp_fastopen_key";
        let before = of(&watch, secret);
        write("net/ipv4/tcp_fastopen_key", "8-8-8-8");
        watch.until("told", || of(&watch, secret) == before + 1);
        write("net/ipv4/tcp_fastopen_key", "7-7-7-7");
        watch.until("told", || of(&watch, secret) == before + 2);
        watch.end();
        // What was changed in between is new.
        write("net/core/somaxconn", "98");
        let watch = Watch::start(&[]);
        watch.event(|e| e["to"] == "98");
        assert_eq!(told(&watch), 3, "{:#?}", watch.events());
        watch.end();
    });
}

/// Whoever writes a secret has it among the arguments, and nobody knows in which form.
#[test]
fn a_secret_is_in_no_event_however_it_was_written() {
    let test = "daemon::reported::a_secret_is_in_no_event_however_it_was_written";
    in_namespaces(test, || {
        let key = "net.ipv4.tcp_fastopen_key";
        fresh_host(&format!(
            "name: held\nparameters:\n  {key}: 1-2-3-4\n  net.ipv4.tcp_fin_timeout: 31\n"
        ));
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        for option in [None, Some("--no-bpf")] {
            let watch = Watch::start(option.as_slice());
            let of =
                |event: &Value, key: &str| event["action"] == "restored" && event["key"] == key;
            for (n, script) in [
                format!("sysctl -qw {key}=fade-2-3-4"),
                format!("echo fade-2-3-4 > {path}; sleep 0.2"),
                // The other one's event comes with the same arguments.
                format!("sysctl -qw net.ipv4.tcp_fin_timeout=33 {key}=fade-2-3-4; sleep 0.2"),
            ]
            .iter()
            .enumerate()
            {
                let ran = run(Command::new("bash").args(["-c", script]));
                assert!(ran.status.success(), "{ran:?}");
                watch.until("told", || watch.count(|e| of(e, key)) > n);
            }
            let event = watch.event(|e| of(e, "net.ipv4.tcp_fin_timeout"));
            watch.end();
            if event["writer"]["via"] == "bpf" {
                let shown = format!("sysctl -qw net.ipv4.tcp_fin_timeout 33 {key} ***");
                assert_eq!(event["writer"]["cmdline"], shown);
            }
            for dir in ["/var/lib/tunectl", "/run/tunectl"] {
                let ran = run(Command::new("grep").args(["-rl", "fade", dir]));
                assert_eq!(ran.stdout, b"", "{dir}: {ran:?}");
            }
            fs::remove_file("/var/lib/tunectl/events.jsonl").unwrap();
        }
    });
}
