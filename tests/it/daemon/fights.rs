//! Who changes a parameter again and again, and what the others get meanwhile.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Watch, fresh_host, ip, live, write};
use super::{BASELINE, in_namespaces};

#[test]
fn a_fight_is_told_and_ended_and_others_go_on() {
    in_namespaces("daemon::fights::a_fight_is_told_and_ended_and_others_go_on", || {
        fresh_host(BASELINE);
        let began = Instant::now();
        let watch = Watch::start(&["--contest-after", "5/60s"]);
        let file = fs::OpenOptions::new().write(true).open("/proc/sys/net/core/somaxconn").unwrap();
        // As fast as it goes.
        let storm = || {
            for n in 0..1000 {
                file.write_all_at(if n % 2 == 0 { b"7\n" } else { b"8\n" }, 0).unwrap();
            }
        };
        watch.until("told to be fought over", || {
            storm();
            watch.count(|e| e["action"] == "contested") > 0
        });
        write("net/ipv4/tcp_rmem", "1 2 3");
        watch.until("put right meanwhile", || {
            storm();
            live("net/ipv4/tcp_rmem") == "4096 131072 6291456"
        });
        let contested = watch.event(|e| e["action"] == "contested");
        assert_eq!(contested["key"], "net.core.somaxconn");
        assert_eq!(contested["writer"]["pid"], std::process::id());
        let restored =
            watch.count(|e| e["key"] == "net.core.somaxconn" && e["action"] == "restored");
        assert!(restored < 12, "{restored} corrections of a storm are told");
        // Once the other has given up, it is put right after the pause: each was twice as long as
        // the one before, so this one is at most twice as long as all of them together.
        let pause = 2 * began.elapsed();
        watch.until_after(pause, "put right", || live("net/core/somaxconn") == "4321");
    });
}

#[test]
fn without_a_limit_every_change_is_put_right() {
    in_namespaces("daemon::fights::without_a_limit_every_change_is_put_right", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--contest-after", "off"]);
        let mut file =
            fs::OpenOptions::new().write(true).open("/proc/sys/net/core/somaxconn").unwrap();
        for _ in 0..100 {
            file.rewind().unwrap();
            file.write_all(b"9\n").unwrap();
            watch.until("put right", || live("net/core/somaxconn") == "4321");
        }
        watch.until("told", || watch.count(|e| e["to"] == "9") >= 100);
        assert_eq!(watch.count(|e| e["action"] == "contested"), 0);
    });
}

#[test]
fn a_queue_that_overflows_is_made_up_for() {
    in_namespaces("daemon::fights::a_queue_that_overflows_is_made_up_for", || {
        fresh_host(BASELINE);
        // No sweep comes to help.
        let watch = Watch::start(&["--sweep", "3600", "--no-bpf"]);
        watch.signal("STOP");
        // Events of one process to one file are merged, so it takes many of both.
        let storm = "cd /proc/sys/net/ipv4; for i in $(seq 2700); do
            (for f in conf/*/rp_filter tcp_rmem tcp_keepalive_time tcp_fin_timeout ../core/somaxconn
             do echo 1 >$f; done) done";
        assert!(Command::new("bash").args(["-c", storm]).status().unwrap().success());
        write("net/ipv4/tcp_rmem", "1 2 3");
        watch.signal("CONT");
        watch.until("put right", || live("net/ipv4/tcp_rmem") == "4096 131072 6291456");
        watch.until("put right", || live("net/core/somaxconn") == "4321");
        watch.event(|e| e["action"] == "lost");
    });
}

/// A storm of what is only reported must not push everything else out of the log.
#[test]
fn what_changes_without_end_is_reported_once_in_a_while() {
    in_namespaces("daemon::fights::what_changes_without_end_is_reported_once_in_a_while", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "3600", "--contest-after", "5/60s"]);
        for n in 0..500 {
            write("net/ipv4/tcp_fin_timeout", &(100 + n).to_string());
            std::thread::sleep(Duration::from_millis(1));
        }
        let last = watch.event(|e| {
            e["detail"] == "it changes all the time: looked at again in 10 s" && e["to"] != "599"
        });
        assert_eq!(last["action"], "reported");
        // What it is in the end is told.
        watch.until_after(Duration::from_secs(10), "told", || {
            watch.count(|e| e["to"] == "599") == 1
        });
        let reported = watch.count(|e| e["action"] == "reported");
        assert!((6..=9).contains(&reported), "{reported} times");
        watch.end();
    });
}

/// However a pause ends, what comes after it is seen at once.
#[test]
fn what_was_fought_over_and_let_go_is_seen_again() {
    in_namespaces("daemon::fights::what_was_fought_over_and_let_go_is_seen_again", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--no-bpf", "--sweep", "3600", "--contest-after", "2/60s"]);
        let tunectl = |args: &[&str]| {
            let ran = Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args).output().unwrap();
            assert!(ran.status.success(), "{ran:?}");
        };
        for value in ["70", "71", "72"] {
            write("net/core/somaxconn", value);
            watch.event(|e| e["to"] == value);
        }
        watch.event(|e| e["action"] == "contested");
        tunectl(&["unlock", "net.core.somaxconn", "--for", "1s", "--reason", "a test"]);
        watch.until("taken back", || live("net/core/somaxconn") == "4321");
        std::thread::sleep(Duration::from_millis(200));
        write("net/core/somaxconn", "222");
        watch.event(|e| e["action"] == "restored" && e["to"] == "222");
        watch.end();
    });
}

/// More parameters than attempts are remembered, by a process of its own each time: it is the same
/// writer all the same, whether BPF has seen it, or fanotify, or both by turns.
#[test]
fn a_fight_over_many_parameters_is_one() {
    let test = "daemon::fights::a_fight_over_many_parameters_is_one";
    in_namespaces(test, || {
        for bpf in [true, false] {
            let baseline = "name: many\nparameters:\n  net.ipv4.conf.*.log_martians: 1\n";
            fresh_host(baseline);
            for n in 0..50 {
                if bpf && !ip(&format!("link add d{n} type veth peer name e{n}")) {
                    crate::support::left_out(test, "no veth");
                    return;
                }
            }
            let options = ["--contest-after", "5/600s", "--sweep", "3600", "--no-bpf"];
            let watch = Watch::start(&options[..options.len() - usize::from(bpf)]);
            let names = (0..50).flat_map(|n| [format!("d{n}"), format!("e{n}")]);
            let mut paths: Vec<String> =
                names.map(|name| format!("net/ipv4/conf/{name}/log_martians")).collect();
            for round in 1..=6 {
                // Another share of them is written last each time.
                paths.rotate_left(35);
                // It stays until it was looked at: of who is gone fanotify tells but a number. What is
                // put right before its event has come may be anybody's.
                let script = "cd /proc/sys; for path; do echo 0 >$path; done; read _; :";
                let mut writer = Command::new("sh");
                writer.args(["-c", script, "sh"]).args(&paths).stdin(Stdio::piped());
                let mut writer = writer.spawn().unwrap();
                let told = || {
                    let of_one =
                        |e: &serde_json::Value| e["key"].is_string() && !e["from"].is_null();
                    watch.count(of_one) == round * 100
                };
                watch.until("told", told);
                assert!(writer.wait().unwrap().success());
            }
            assert_eq!(watch.count(|e| e["action"] == "restored" && !e["from"].is_null()), 500);
            assert_eq!(watch.count(|e| e["action"] == "contested"), 100, "all of them");
            watch.end();
        }
    });
}
