//! What the daemon remembers of the time before it: only what it has written itself.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use serde_json::Value;

use super::harness::{Watch, fresh_host, live, write};
use super::{in_namespaces, run};
use crate::support::left_out;

const OWN: &str = "/etc/tunectl/baseline.yaml";

/// What a parameter was and how it was left, as it is remembered of this boot and for good.
fn remembered(key: &str) -> [(Value, Value); 2] {
    ["/run/tunectl/originals.json", "/var/lib/tunectl/originals.json"].map(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let table: Value = serde_json::from_str(&text).unwrap_or_default();
        let entry = &table["originals"][key];
        (entry["value"].clone(), entry["left"].clone())
    })
}

fn tunectl(args: &[&str]) -> String {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args));
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn what_is_only_reported_was_left_by_others() {
    in_namespaces("daemon::remembered::what_is_only_reported_was_left_by_others", || {
        fresh_host(
            "name: held\nparameters:\n  net.core.somaxconn: 4321\n  \
             net.ipv4.tcp_fin_timeout: { value: 31, on_drift: report }\n  \
             net.ipv4.ip_forward: { value: 1, on_drift: report }\n",
        );
        let (key, before) = ("net.ipv4.tcp_fin_timeout", live("net/ipv4/tcp_fin_timeout"));
        let watch = Watch::start(&["--no-bpf"]);
        assert_eq!(live("net/core/somaxconn"), "4321");
        let as_it_was = (Value::from(before.as_str()), Value::from(before.as_str()));
        assert_eq!(remembered(key), [as_it_was.clone(), as_it_was.clone()]);
        // What a write would have changed besides.
        assert_eq!(remembered("net.ipv4.conf.lo.forwarding")[0].0, Value::Null);
        let [of_boot, _] = remembered("net.core.somaxconn");
        assert_eq!(of_boot.1, "4321");
        // Somebody else does what the baseline asks for: no rollback undoes that.
        write("net/ipv4/tcp_fin_timeout", "31");
        let text = tunectl(&["rollback", "--dry-run"]);
        let line = text.lines().find(|line| line.contains(key)).unwrap();
        assert!(line.starts_with("- "), "{text}");
        assert!(text.contains("left alone: changed since"), "{text}");
        watch.end();
    });
}

#[test]
fn what_is_let_go_is_left_as_it_was_left_before() {
    in_namespaces("daemon::remembered::what_is_let_go_is_left_as_it_was_left_before", || {
        let baseline = "name: held\nparameters:\n  net.core.somaxconn: 4321\n";
        fresh_host(baseline);
        let watch = Watch::start(&["--no-bpf"]);
        tunectl(&["unlock", "net.core.somaxconn", "--for", "9m", "--reason", "a try"]);
        watch.until("let go", || {
            write("net/core/somaxconn", "99");
            std::thread::sleep(std::time::Duration::from_millis(50));
            live("net/core/somaxconn") == "99"
        });
        fs::write(OWN, baseline.replace("4321", "5000")).unwrap();
        watch.event(|e| e["action"] == "reloaded");
        assert_eq!(live("net/core/somaxconn"), "99");
        assert_eq!(remembered("net.core.somaxconn")[0].1, "4321");
        watch.end();
    });
}

/// Somebody has the lock for a moment, as whoever asks for the status may: what could not be written
/// down then is at a later sweep, with what it was at first.
#[test]
fn what_cannot_be_written_down_at_once_is_later() {
    in_namespaces("daemon::remembered::what_cannot_be_written_down_at_once_is_later", || {
        fresh_host(
            "name: held\nparameters:\n  net.ipv4.tcp_keepalive_time: { at_least: 600 }\n  \
             net.ipv4.tcp_syn_retries: { value: 5, on_drift: yield }\n",
        );
        write("net/ipv4/tcp_keepalive_time", "7200");
        let watch = Watch::start(&["--no-bpf", "--sweep", "1"]);
        let key = "net.ipv4.tcp_keepalive_time";
        let before = remembered(key);
        let holds = || fs::read_to_string("/run/tunectl/holds.json").unwrap_or_default();
        // Shared, it keeps nobody from correcting.
        let lock = fs::File::open("/run/tunectl/lock").unwrap();
        lock.lock_shared().unwrap();
        write("net/ipv4/tcp_keepalive_time", "59");
        write("net/ipv4/tcp_syn_retries", "3");
        watch.event(|e| e["action"] == "restored" && e["to"] == "59");
        watch.event(|e| e["action"] == "yielded");
        watch.sweeps(2);
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "600");
        assert_eq!(remembered(key), before, "nothing could be written");
        assert!(!holds().contains("tcp_syn_retries"), "{}", holds());
        lock.unlock().unwrap();
        watch.until("written", || remembered(key)[0].1 == "600");
        assert_eq!(remembered(key)[0].0, "7200");
        watch.until("written", || holds().contains("tcp_syn_retries"));
        watch.end();
    });
}

/// Whoever asks often for the status is in nobody's way.
#[test]
fn a_status_takes_no_lock() {
    in_namespaces("daemon::remembered::a_status_takes_no_lock", || {
        if fs::metadata("/proc/self/ns/pid").unwrap().ino() != 0xefff_fffc {
            left_out("daemon::remembered::a_status_takes_no_lock", "a pid namespace");
            return;
        }
        fresh_host("name: held\nparameters:\n  net.core.somaxconn: 4321\n");
        tunectl(&["apply"]);
        let traced = run(Command::new("strace").args([
            "-f",
            "-e",
            "trace=flock",
            env!("CARGO_BIN_EXE_tunectl"),
            "status",
        ]));
        let text = String::from_utf8(traced.stderr).unwrap();
        assert!(!text.contains("flock("), "{text}");
    });
}
