//! Interfaces come and go while somebody writes to those that stay, without end.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::harness::{Watch, fresh_host, ip, live, marks_and_descriptors};
use super::{in_namespaces, run};
use crate::support::left_out;

const BASELINE: &str = "name: crowd
parameters:
  net.core.somaxconn: 4321
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.neigh.*.gc_stale_time: { at_least: 61 }
";
/// Pairs of interfaces that stay, and those that come and go.
const STAY: usize = 50;
const GO: usize = 50;
/// So many corrections are no fight yet.
const LIMIT: usize = 20;

fn daemon() -> Value {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["status", "--format", "json"]));
    serde_json::from_slice::<Value>(&ran.stdout).unwrap()["daemon"].clone()
}

fn number(of: &str) -> usize {
    usize::try_from(daemon()[of].as_u64().unwrap()).unwrap()
}

/// Writes to all of them again and again until its input ends, each time by another process.
const WRITER: &str = "cd /proc/sys/net/ipv4/conf
while :; do
    read -t 0.05 end
    [ $? -le 128 ] && exit
    sh -c 'for d in d[0-9]* e[0-9]*; do echo 1 >$d/rp_filter; done'
done";

fn churn(bpf: bool) {
    let limit = format!("{LIMIT}/600s");
    let options = ["--sweep", "2", "--contest-after", &limit, "--no-bpf"];
    let watch = Watch::start(&options[..options.len() - usize::from(bpf)]);
    watch.sweeps(2);
    // Besides what is held some are watched because they move those.
    let (marks, descriptors) = marks_and_descriptors(watch.pid());
    let others = marks - number("held");
    let mut writer = Command::new("bash");
    let mut writer = writer.args(["-c", WRITER]).stdin(Stdio::piped()).spawn().unwrap();
    for _ in 0..3 {
        for n in 0..GO {
            assert!(ip(&format!("link add f{n} type veth peer name g{n}")));
        }
        let last = format!("net/ipv4/conf/g{}/rp_filter", GO - 1);
        watch.until("set", || live(&last) == "2");
        for n in 0..GO {
            assert!(ip(&format!("link del f{n}")));
        }
    }
    let count = |action: &str| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for event in watch.events().iter().filter(|e| e["action"] == action && e["to"] == "1") {
            *counts.entry(event["key"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts
    };
    watch.until("fought over", || count("contested").len() == 2 * STAY);
    drop(writer.stdin.take());
    writer.wait().unwrap();
    // A pause that has ended may have been tried once more.
    let (corrected, fights) = (count("restored"), count("contested"));
    assert_eq!(corrected.len(), 2 * STAY);
    for (key, corrections) in &corrected {
        // On a busy machine one correction may answer two writes.
        let about = LIMIT - fights[key]..=LIMIT + fights[key];
        assert!(about.contains(corrections), "{key}: {corrections}, {}", fights[key]);
    }
    let sum = || {
        let (marks, now) = marks_and_descriptors(watch.pid());
        (marks, now, number("held"), number("contested"))
    };
    // Those that are tried again are watched again.
    watch.until("as before", || {
        let (marks, now, held, contested) = sum();
        let least = held + others - contested;
        now <= descriptors && (least..=held + others).contains(&marks)
    });
    watch.end();
}

#[test]
fn nothing_is_left_behind_and_each_fight_is_seen() {
    let test = "daemon::churn::nothing_is_left_behind_and_each_fight_is_seen";
    in_namespaces(test, || {
        for bpf in [true, false] {
            fresh_host(BASELINE);
            for n in 0..if bpf { STAY } else { 0 } {
                if !ip(&format!("link add d{n} type veth peer name e{n}")) {
                    left_out(test, "no veth");
                    return;
                }
            }
            churn(bpf);
        }
    });
}
