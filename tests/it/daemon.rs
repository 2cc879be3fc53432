//! `tunectl watch` as an operator meets it: on the real kernel, inside namespaces of its own.

mod blows;
mod churn;
mod fights;
pub mod harness;
mod links;
mod new;
mod pinned;
mod reloads;
mod remembered;
mod reported;
mod standing;
#[cfg(not(target_env = "musl"))] // there the program has an allocator of its own
mod unallocated;
mod ways;
mod writers;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Watch, fresh_host, live, write};

use crate::support::{in_namespaces, run, unwrapped};

const BASELINE: &str = "name: held
parameters:
  net.core.somaxconn: 4321
  net.ipv4.tcp_rmem: [4096, 131072, 6291456]
  net.ipv4.tcp_keepalive_time: { at_least: 600 }
  net.ipv4.tcp_fin_timeout: { value: 31, on_drift: report }
  net.ipv4.tcp_syn_retries: { value: 5, on_drift: yield }
  net.ipv4.conf.*.rp_filter: 2
";

#[test]
fn what_a_process_changes_is_put_right_and_the_process_named() {
    in_namespaces("daemon::what_a_process_changes_is_put_right_and_the_process_named", || {
        fresh_host(BASELINE);
        for (bpf, value) in [(true, "77"), (false, "78")] {
            let watch = Watch::start(if bpf { &[] } else { &["--no-bpf"] });
            assert_eq!(live("net/core/somaxconn"), "4321", "put right at the start");
            let assignment = format!("net.core.somaxconn={value}");
            let mut writer = Command::new("sysctl").args(["-qw", &assignment]).spawn().unwrap();
            let pid = writer.id();
            writer.wait().unwrap();
            let event = watch.event(|e| e["action"] == "restored" && e["to"] == value);
            assert_eq!(live("net/core/somaxconn"), "4321");
            assert_eq!(event["key"], "net.core.somaxconn");
            assert_eq!((&event["desired"], &event["from"]), (&"4321".into(), &"4321".into()));
            assert_eq!(event["cause"], "process");
            assert_eq!(event["writer"]["pid"], pid);
            assert!(event["latency_us"].as_u64().is_some_and(|us| us < 1_000_000), "{event}");
            if event["writer"]["via"] == "bpf" {
                assert!(bpf);
                assert_eq!(event["writer"]["comm"], "sysctl");
            } else if bpf {
                crate::support::left_out("daemon: writers named by BPF", "BPF is not to be had");
            }
            watch.end();
            assert_eq!(live("net/core/somaxconn"), "4321", "an end leaves values as they are");
        }
    });
}

#[test]
fn only_what_is_not_as_required_is_touched() {
    in_namespaces("daemon::only_what_is_not_as_required_is_touched", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&[]);
        // A bound that is satisfied, the same value again, other blanks, the same array.
        write("net/ipv4/tcp_keepalive_time", "9999");
        write("net/core/somaxconn", "0x10e1");
        write("net/ipv4/tcp_rmem", "  4096 131072\t6291456");
        // What follows is told after all of them.
        write("net/ipv4/tcp_keepalive_time", "599");
        let event = watch.event(|e| e["action"] == "restored" && e["to"] == "599");
        assert_eq!(event["desired"], ">= 600");
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "600", "the bound, and no more");
        assert_eq!(
            watch.count(|e| e["action"] == "restored" && e["from"] != serde_json::Value::Null),
            1
        );
        // The last number of an array alone.
        write("net/ipv4/tcp_rmem", "4096 131072 6291457");
        watch.event(|e| e["key"] == "net.ipv4.tcp_rmem" && e["to"] == "4096\t131072\t6291457");
        assert_eq!(live("net/ipv4/tcp_rmem"), "4096 131072 6291456");
    });
}

#[test]
fn what_is_reported_or_yielded_is_told_once_and_left() {
    in_namespaces("daemon::what_is_reported_or_yielded_is_told_once_and_left", || {
        fresh_host(BASELINE);
        let before = (live("net/ipv4/tcp_fin_timeout"), live("net/ipv4/tcp_syn_retries"));
        let watch = Watch::start(&["--sweep", "1"]);
        let after = (live("net/ipv4/tcp_fin_timeout"), live("net/ipv4/tcp_syn_retries"));
        assert_eq!(before, after, "what is not enforced is not written at the start either");
        write("net/ipv4/tcp_fin_timeout", "44");
        write("net/ipv4/tcp_syn_retries", "3");
        watch.event(|e| e["action"] == "reported" && e["to"] == "44");
        watch.sweeps(2);
        assert_eq!(live("net/ipv4/tcp_fin_timeout"), "44");
        assert_eq!(live("net/ipv4/tcp_syn_retries"), "3");
        let of = |to: &'static str| move |e: &serde_json::Value| e["to"] == to;
        assert_eq!(watch.count(of("44")), 1, "told once");
        assert_eq!(watch.count(|e| e["action"] == "yielded"), 1, "told once");
        let holds = fs::read_to_string("/run/tunectl/holds.json").unwrap();
        assert!(holds.contains("\"net.ipv4.tcp_syn_retries\":{\"kind\":\"yielded\""), "{holds}");
        watch.end();
        // Nor does a restart take it back.
        let watch = Watch::start(&["--sweep", "1"]);
        watch.sweeps(2);
        assert_eq!(watch.count(|e| e["action"] == "yielded"), 1);
        // An apply does.
        let applied = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("apply"));
        assert!(applied.status.success(), "{applied:?}");
        assert_eq!(live("net/ipv4/tcp_syn_retries"), "5");
        watch.until("held again", || {
            write("net/ipv4/tcp_syn_retries", "4");
            watch.count(|e| e["action"] == "yielded" && e["to"] == "4") == 1
        });
    });
}

#[test]
fn a_hold_without_a_believable_end_is_held_for_good() {
    in_namespaces("daemon::a_hold_without_a_believable_end_is_held_for_good", || {
        fresh_host(BASELINE);
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let hold = |kind: &str| {
            let until = format!("\"until\":null,\"until_since_boot\":{}", u64::MAX);
            format!("{{\"kind\":\"{kind}\",\"by\":\"x\",\"reason\":null,{until}}}")
        };
        fs::create_dir_all("/run/tunectl").unwrap();
        fs::write(
            "/run/tunectl/holds.json",
            format!(
                "{{\"schema\":\"tunectl/holds/1\",\"boot_id\":\"{}\",\"holds\":{{\
                 \"net.ipv4.tcp_syn_retries\":{},\"net.core.somaxconn\":{}}}}}",
                boot_id.trim(),
                hold("trial"),
                hold("unlocked")
            ),
        )
        .unwrap();
        let watch = Watch::start(&["--sweep", "1"]);
        watch.sweeps(2);
        write("net/core/somaxconn", "79");
        watch.sweeps(2);
        assert_eq!(live("net/core/somaxconn"), "79");
    });
}

#[test]
fn a_lock_that_is_removed_is_found_anew() {
    in_namespaces("daemon::a_lock_that_is_removed_is_found_anew", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "1"]);
        fs::remove_file("/run/tunectl/lock").unwrap();
        watch.sweeps(2);
        let lock = fs::File::open("/run/tunectl/lock").unwrap();
        lock.lock().unwrap();
        write("net/core/somaxconn", "77");
        watch.sweeps(2);
        assert_eq!(live("net/core/somaxconn"), "77", "an apply would have it");
        drop(lock);
        watch.until("it is put right", || live("net/core/somaxconn") == "4321");
    });
}

#[test]
fn an_unlocked_parameter_is_let_go_and_taken_back() {
    in_namespaces("daemon::an_unlocked_parameter_is_let_go_and_taken_back", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&[]);
        let unlock = |args: &[&str]| {
            run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("unlock").args(args))
        };
        let other = unlock(&[
            "net.core.rmem_default",
            "--for",
            "9m",
            "--reason",
            " why ",
            "--format",
            "json",
        ]);
        let told: serde_json::Value = serde_json::from_slice(&other.stdout).unwrap();
        assert_eq!(told["schema"], "tunectl/unlocked/1");
        assert_eq!(
            (&told["key"], &told["reason"]),
            (&"net.core.rmem_default".into(), &"why".into())
        );
        assert_eq!((&told["held"], &told["daemon"]), (&false.into(), &true.into()), "{told}");
        assert!(told["until"].as_str().unwrap().ends_with('Z'), "{told}");
        let unlocked = unlock(&["net.core.somaxconn", "--for", "10s", "--reason", "a try"]);
        assert!(unlocked.status.success(), "{unlocked:?}");
        let deadline = Instant::now() + Duration::from_secs(8);
        while live("net/core/somaxconn") != "99" && Instant::now() < deadline {
            write("net/core/somaxconn", "99");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(live("net/core/somaxconn"), "99", "let go");
        let plan = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("plan"));
        let text = String::from_utf8(plan.stdout).unwrap();
        let words = unwrapped(&text);
        assert!(words.contains("(a try): an apply sets it all the same"), "{text}");
        write("net/ipv4/tcp_rmem", "1 2 3");
        watch.event(|e| e["key"] == "net.ipv4.tcp_rmem" && e["to"] == "1\t2\t3");
        watch.until("taken back", || live("net/core/somaxconn") == "4321");
        let event = watch.event(|e| e["action"] == "restored" && e["to"] == "99");
        assert_eq!(event["detail"], "changed while it was let go");
        // Who it was may be gone for long; a write at the last moment before was seen.
        let writer = &event["writer"];
        assert!(writer.is_null() || writer["pid"] == std::process::id(), "{event}");
        // What nobody holds cannot be let go.
        for (key, told) in [
            ("net.ipv4.ip_forward", "nothing holds net.ipv4.ip_forward"),
            ("net.ipv4.conf.lo.rp_filter", "net.ipv4.conf.lo.rp_filter is let go until"),
        ] {
            let unlocked = unlock(&[key, "--for", "1s", "--reason", "a try"]);
            let text = String::from_utf8_lossy(&unlocked.stdout).into_owned();
            assert!(unlocked.status.success() && text.starts_with(told), "{key}: {text}");
        }
        for (args, complaint) in [
            (&["no/../key", "--for", "3s", "--reason", "x"][..], "no/../key"),
            (&["vm.swappiness", "--for", "8d", "--reason", "x"], "7d"),
            (&["vm.swappiness", "--for", "10", "--reason", "x"], "no time"),
            (&["vm.swappiness", "--for", "1m", "--reason", " "], "--reason"),
            (&["net.core.somaxcon", "--for", "1m", "--reason", "x"], "net.core.somaxconn?"),
            (&["nosuch.key", "--for", "1m", "--reason", "x"], "nothing was let go"),
        ] {
            let refused = unlock(args);
            let text = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && text.contains(complaint), "{args:?}: {text}");
        }
    });
}

#[test]
fn the_service_manager_is_told() {
    in_namespaces("daemon::the_service_manager_is_told", || {
        fresh_host(BASELINE);
        let mut watch = Watch::start_with(&[], |c| {
            c.env("WATCHDOG_USEC", "400000");
        });
        let status = "STATUS=held: 8 parameters held, 0 not there, 0 contested";
        assert!(watch.told.iter().any(|t| t.starts_with(status)), "{:?}", watch.told);
        watch.hear("WATCHDOG=1");
        watch.hear("WATCHDOG=1");
        watch.signal("HUP");
        let reloading = watch.hear("RELOADING=1");
        assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
        watch.hear("READY=1");
        watch.event(|e| e["action"] == "reloaded");
        // Hung, it feeds the watchdog no more.
        watch.signal("STOP");
        watch.forget();
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(watch.heard(), Vec::<String>::new());
        watch.signal("CONT");
        watch.hear("WATCHDOG=1");
        watch.signal("TERM");
        watch.hear("STOPPING=1");
    });
}

#[test]
fn killed_and_started_again_it_reverts_nothing_and_counts_nothing_twice() {
    let test = "daemon::killed_and_started_again_it_reverts_nothing_and_counts_nothing_twice";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let watch = Watch::start(&[]);
        write("net/core/somaxconn", "77");
        watch.event(|e| e["to"] == "77");
        watch.signal("KILL");
        drop(watch);
        for _ in 0..100 {
            let watch = Watch::start(&[]);
            watch.signal("KILL");
            drop(watch);
            assert_eq!(live("net/core/somaxconn"), "4321");
        }
        write("net/core/somaxconn", "78");
        let watch = Watch::start(&[]);
        let event = watch.event(|e| e["to"] == "78");
        assert_eq!(event["detail"], "found so at the daemon's start");
        assert_eq!(watch.count(|e| e["to"] == "77"), 1);
        assert_eq!(watch.count(|e| e["to"] == "78"), 1);
        assert_eq!(live("net/core/somaxconn"), "4321");
    });
}

#[test]
fn a_correction_waits_for_an_apply_to_end() {
    in_namespaces("daemon::a_correction_waits_for_an_apply_to_end", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&[]);
        let apply = fs::OpenOptions::new().write(true).open("/run/tunectl/lock").unwrap();
        apply.lock().unwrap();
        write("net/core/somaxconn", "77");
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(live("net/core/somaxconn"), "77", "an apply is at work");
        // Its baseline counts from now on: what it has set is no drift.
        fs::write("/etc/tunectl/baseline.yaml", BASELINE.replace("4321", "77")).unwrap();
        apply.unlock().unwrap();
        watch.event(|e| e["action"] == "reloaded");
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(live("net/core/somaxconn"), "77");
        assert_eq!(watch.count(|e| e["action"] == "restored" && e["to"] == "77"), 0);
        write("net/core/somaxconn", "78");
        watch.event(|e| e["action"] == "restored" && e["to"] == "78");
    });
}
