//! Many applies at once, of two baselines, while the daemon holds what they fight over.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::batch::{baseline, paths};
use crate::daemon::harness::{Watch, fresh_host, live};
use crate::support::{in_namespaces, left_out};

const APPLIES: usize = 50;
const TEST: &str = "transaction::crowd::of_50_applies_each_is_whole_and_one_is_the_last";

#[test]
fn of_50_applies_each_is_whole_and_one_is_the_last() {
    in_namespaces(TEST, || {
        fresh_host(&baseline("zeros", 0));
        fs::create_dir_all("/etc/tunectl/baselines").unwrap();
        for (name, value) in [("zeros", 0), ("ones", 1)] {
            let path = format!("/etc/tunectl/baselines/{name}.yaml");
            fs::write(path, baseline(name, value)).unwrap();
        }
        if Command::new("strace").arg("-V").output().is_err() {
            return left_out(TEST, "there is no strace");
        }
        let watch = Watch::start(&["--sweep", "1", "--contest-after", "off"]);
        // One trace of them all shows in which order they wrote.
        let script = format!(
            "for n in $(seq {APPLIES}); do\n\
             if [ $((n % 2)) = 0 ]; then name=ones; else name=zeros; fi\n\
             ( $0 apply -b $name --adopt --lock-timeout 300 >/run/out.$n 2>&1; echo $? >/run/code.$n ) &\n\
             $0 plan >/dev/null 2>&1 &\n\
             done; wait"
        );
        let status = Command::new("strace")
            .args(["-f", "-qq", "-y", "-e", "trace=write,pwrite64", "-o", "/run/trace", "--"])
            .args(["bash", "-c", &script, env!("CARGO_BIN_EXE_tunectl")])
            .status()
            .unwrap();
        assert!(status.success());
        for n in 1..=APPLIES {
            let read = |what: &str| fs::read_to_string(format!("/run/{what}.{n}")).unwrap();
            assert_eq!(read("code").trim(), "0", "{n}: {}", read("out"));
        }
        // No two of them write in between each other.
        let trace = fs::read_to_string("/run/trace").unwrap();
        let writers: Vec<&str> = trace
            .lines()
            .filter(|line| line.contains("</proc/sys/net/ipv4/conf/"))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let mut turns = writers.clone();
        turns.dedup();
        let each: BTreeSet<&str> = turns.iter().copied().collect();
        assert_eq!(turns.len(), each.len(), "one at a time: {turns:?}");
        assert!(each.len() > 2, "they took turns: {each:?}");
        // What is in the end is one of the two entirely, and it is the host's own baseline.
        let own = fs::read_to_string("/etc/tunectl/baseline.yaml").unwrap();
        let value = if own.contains("'ones'") { "1" } else { "0" };
        let is_so = || paths().all(|path| live(&path) == value);
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_so() {
            let now: Vec<_> = paths().filter(|path| live(path) != value).collect();
            assert!(Instant::now() < deadline, "{value}, but for {now:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        watch.sweeps(2);
        assert!(is_so(), "the daemon holds the same");
        let dropin = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap();
        let lines = dropin.lines().filter(|line| line.ends_with(&format!(" = {value}"))).count();
        assert_eq!(lines, 30, "{dropin}");
        let plan = Command::new(env!("CARGO_BIN_EXE_tunectl"))
            .args(["plan", "--detailed-exitcode"])
            .output()
            .unwrap();
        assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stdout));
        watch.end();
    });
}
