//! Whoever writes is named, one after another.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use super::harness::{Watch, fresh_host};
use super::{BASELINE, in_namespaces};
use crate::support::left_out;

/// A daemon that BPF tells who writes; `None`: there is none to be had, which is said.
fn told_by_bpf(test: &str) -> Option<Watch> {
    fresh_host(BASELINE);
    let watch = Watch::start(&["--contest-after", "off"]);
    if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
        left_out(test, "BPF is not to be had here");
        return None;
    }
    Some(watch)
}

/// sysctl(8) empties a parameter before it writes, so that there are two events for each: the first
/// must not be told with less than is known by the second.
#[test]
fn each_of_many_is_named_with_its_command() {
    let test = "daemon::writers::each_of_many_is_named_with_its_command";
    in_namespaces(test, || {
        let Some(watch) = told_by_bpf(test) else { return };
        let mut pids = BTreeMap::new();
        for value in 1..=200 {
            let value = value.to_string();
            let assignment = format!("net.core.somaxconn={value}");
            let mut writer = Command::new("sysctl").args(["-qw", &assignment]).spawn().unwrap();
            pids.insert(value.clone(), writer.id());
            assert!(writer.wait().unwrap().success());
            watch.event(|e| e["action"] == "restored" && e["to"] == value.as_str());
        }
        for event in watch.events().iter().filter(|e| !e["writer"].is_null()) {
            let value = event["to"].as_str().unwrap();
            let writer = &event["writer"];
            assert_eq!(writer["pid"], pids[value], "{event}");
            assert_eq!((&writer["via"], &writer["comm"]), (&"bpf".into(), &"sysctl".into()));
            assert_eq!(writer["uid"], 0, "{event}");
            assert!(writer["cgroup"].is_string(), "{event}");
            assert_eq!(writer["cmdline"], format!("sysctl -qw net.core.somaxconn {value}"));
        }
        assert_eq!(watch.count(|e| e["writer"]["via"] == "bpf"), 200);
    });
}

/// BPF keeps 512 bytes of it; /proc has more, as long as the writer is there.
#[test]
fn a_long_command_is_told_as_far_as_known() {
    let test = "daemon::writers::a_long_command_is_told_as_far_as_known";
    in_namespaces(test, || {
        let Some(watch) = told_by_bpf(test) else { return };
        let long = "y".repeat(600);
        for (value, then) in [("77", "; read x; :"), ("78", "")] {
            let script = format!("echo {value} > /proc/sys/net/core/somaxconn{then}");
            let mut command = Command::new("sh");
            command.args(["-c", &script, &long]).stdin(Stdio::piped());
            let mut writer = command.spawn().unwrap();
            let event = watch.event(|e| e["action"] == "restored" && e["to"] == value);
            drop(writer.stdin.take());
            writer.wait().unwrap();
            let all = format!("sh -c {script} {long}");
            let told = event["writer"]["cmdline"].as_str().unwrap();
            let gone = then.is_empty() && told == format!("{}...", &all[..512]);
            assert!(told == all || gone, "{told}");
        }
    });
}
