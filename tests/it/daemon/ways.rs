//! Ways on which values change that raise no event here, or raise it elsewhere.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Watch, fresh_host, ip, live, write};
use super::{BASELINE, in_namespaces, run};
use crate::support::left_out;

/// `unshare -mpf --mount-proc` has another procfs, of whose files fanotify tells nothing here.
fn write_through_another_procfs(value: &str) {
    let ran = run(Command::new("unshare")
        .args(["-mpf", "--mount-proc", "sysctl", "-qw"])
        .arg(format!("net.core.somaxconn={value}")));
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn another_procfs_is_seen_by_bpf_at_once_and_by_the_sweep_without() {
    let test = "daemon::ways::another_procfs_is_seen_by_bpf_at_once_and_by_the_sweep_without";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "2", "--no-bpf"]);
        write_through_another_procfs("71");
        watch.until("put right by the sweep", || live("net/core/somaxconn") == "4321");
        let event = watch.event(|e| e["to"] == "71");
        assert_eq!(
            (&event["cause"], &event["writer"]),
            (&"unknown".into(), &serde_json::Value::Null)
        );
        watch.end();
        let watch = Watch::start(&["--sweep", "3600"]);
        if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
            left_out(test, "BPF is not to be had here");
            return;
        }
        write_through_another_procfs("72");
        let event = watch.event(|e| e["to"] == "72");
        assert_eq!(live("net/core/somaxconn"), "4321");
        assert_eq!(event["writer"]["comm"], "sysctl");
        assert_eq!(event["writer"]["via"], "bpf");
    });
}

/// How many parameters are held and there.
fn held() -> u64 {
    let text = fs::read_to_string("/run/tunectl/watch.json").unwrap();
    serde_json::from_str::<serde_json::Value>(&text).map_or(0, |w| w["held"].as_u64().unwrap())
}

#[test]
fn interfaces_come_are_renamed_and_go() {
    in_namespaces("daemon::ways::interfaces_come_are_renamed_and_go", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "3600"]);
        // All but the one that is yielded.
        watch.until("let go", || held() == 7);
        if !ip("link add d0 type veth peer name d1") {
            left_out("daemon::ways::interfaces_come_are_renamed_and_go", "no veth");
            return;
        }
        let holds = |name: &str| {
            let path = format!("net/ipv4/conf/{name}/rp_filter");
            watch.until("set", || {
                fs::exists(format!("/proc/sys/{path}")).unwrap() && live(&path) == "2"
            });
            // Its event comes to a parameter that is watched by now.
            watch.until("watched", || {
                write(&path, "0");
                std::thread::sleep(Duration::from_millis(50));
                live(&path) == "2"
            });
        };
        holds("d0");
        assert!(ip("link set d0 name e9"));
        holds("e9");
        assert!(ip("link del e9"));
        watch.until("no longer held", || held() == 7);
        // One of the same name is another one.
        assert!(ip("link add e9 type veth peer name e8"));
        holds("e9");
        watch.until("held", || held() == 9);
        // One that was looked at before it was all there is told once it is.
        let told = |e: &serde_json::Value| {
            let detail = e["detail"].as_str().unwrap_or("");
            e["action"] == "reloaded" && !detail.contains("is there now")
        };
        assert_eq!(watch.count(told), 0, "{:#?}", watch.events());
        assert_eq!(watch.count(|e| e["action"] == "failed"), 0, "{:#?}", watch.events());
    });
}

#[test]
fn an_array_that_a_write_to_another_key_changes_is_put_right() {
    in_namespaces(
        "daemon::ways::an_array_that_a_write_to_another_key_changes_is_put_right",
        || {
            // conf.all.forwarding is taken over by every interface, without any event there.
            fresh_host("name: held\nparameters:\n  net.ipv4.conf.lo.forwarding: 0\n");
            let watch = Watch::start(&["--sweep", "3600"]);
            write("net/ipv4/conf/all/forwarding", "1");
            watch.until("put right", || live("net/ipv4/conf/lo/forwarding") == "0");
            let event = watch.event(|e| e["action"] == "restored" && e["to"] == "1");
            assert_eq!(event["key"], "net.ipv4.conf.lo.forwarding");
            assert_eq!(event["writer"]["pid"], std::process::id());
        },
    );
}

#[test]
fn marks_survive_dropped_dentries() {
    in_namespaces("daemon::ways::marks_survive_dropped_dentries", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "3600"]);
        // It frees memory and changes no value.
        fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
        write("net/core/somaxconn", "73");
        watch.event(|e| e["to"] == "73");
        assert_eq!(live("net/core/somaxconn"), "4321");
    });
}

/// setpriv(1) takes CAP_SYS_ADMIN away, and with it fanotify and BPF.
#[test]
fn inotify_serves_where_fanotify_is_not_permitted() {
    in_namespaces("daemon::ways::inotify_serves_where_fanotify_is_not_permitted", || {
        fresh_host(BASELINE);
        let tunectl = env!("CARGO_BIN_EXE_tunectl");
        let mut child = Command::new("setpriv")
            .args(["--bounding-set", "-sys_admin,-bpf,-perfmon", "--", tunectl, "watch"])
            .args(["--sweep", "3600", "-v"])
            .spawn()
            .unwrap();
        let held = || {
            let deadline = Instant::now() + Duration::from_secs(40);
            while live("net/core/somaxconn") != "4321" && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
            std::thread::sleep(Duration::from_millis(300));
        };
        held();
        write("net/core/somaxconn", "74");
        held();
        let now = live("net/core/somaxconn");
        let text = fs::read_to_string("/var/lib/tunectl/events.jsonl").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(now, "4321", "{text}");
        let event = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let event = event.into_iter().find(|e| e["to"] == "74").unwrap();
        assert_eq!(event["cause"], "process");
        assert!(event["writer"].is_null(), "nothing is guessed: {event}");
    });
}

#[test]
fn prevented_is_refused_to_others_and_told() {
    let test = "daemon::ways::prevented_is_refused_to_others_and_told";
    in_namespaces(test, || {
        fresh_host(
            "name: held\nparameters:\n  net.core.somaxconn: { value: 4321, on_drift: prevent }\n",
        );
        let watch = Watch::start(&[]);
        if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
            left_out(test, "BPF is not to be had here");
            return;
        }
        let refused = fs::write("/proc/sys/net/core/somaxconn", "75");
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(1), "EPERM");
        let event = watch.event(|e| e["action"] == "prevented");
        assert_eq!(
            (&event["to"], &event["writer"]["pid"]),
            (&"75".into(), &std::process::id().into())
        );
        assert_eq!(live("net/core/somaxconn"), "4321");
        // What is wanted may be written by anybody.
        write("net/core/somaxconn", "4321");
        // Unlocked, it lets others in.
        let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args([
            "unlock",
            "net.core.somaxconn",
            "--for",
            "1m",
            "--reason",
            "break the glass",
        ]));
        assert!(ran.status.success(), "{ran:?}");
        watch.until("unlocked", || fs::write("/proc/sys/net/core/somaxconn", "76").is_ok());
        assert_eq!(live("net/core/somaxconn"), "76");
        watch.end();
        // And without the daemon nothing is prevented.
        write("net/core/somaxconn", "77");
    });
}

/// What cannot be prevented is told and enforced, also where BPF is not wanted.
#[test]
fn without_bpf_it_is_told_that_nothing_is_prevented() {
    in_namespaces("daemon::ways::without_bpf_it_is_told_that_nothing_is_prevented", || {
        fresh_host(
            "name: held\nparameters:\n  net.core.somaxconn: { value: 4321, on_drift: prevent }\n",
        );
        let watch = Watch::start(&["--no-bpf"]);
        let event = watch.event(|e| e["action"] == "failed");
        let why = "BPF is not used, as --no-bpf says";
        let told = format!("cannot be prevented here ({why}), so it is put right afterwards");
        assert_eq!((&event["detail"], &event["to"]), (&told.clone().into(), &Value::Null));
        let status = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("status"));
        let text = String::from_utf8(status.stdout).unwrap();
        assert!(text.contains(&format!("  {why}\n")), "{text}");
        assert!(text.contains(&format!("Z  net.core.somaxconn: {told}\n")), "{text}");
        write("net/core/somaxconn", "75");
        watch.until("enforced", || live("net/core/somaxconn") == "4321");
        // Whose baseline is taken away goes on, and says so.
        fs::rename("/etc/tunectl/baseline.yaml", "/etc/tunectl/gone").unwrap();
        for command in ["status", "report"] {
            let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg(command));
            let text = [ran.stdout, ran.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(ran.status.code(), Some(1), "{command}: {text}");
            assert!(text.contains("the daemon still holds held (parameters: 1)"), "{text}");
        }
        watch.end();
    });
}

/// On a host of containers interfaces come and go all day: that is one thing to tell, not one for each.
#[test]
fn what_cannot_be_prevented_is_told_once_for_a_pattern() {
    let test = "daemon::ways::what_cannot_be_prevented_is_told_once_for_a_pattern";
    in_namespaces(test, || {
        let baseline = "name: held
defaults: { on_drift: prevent }
parameters:
  net.core.somaxconn: 4321
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.lo.rp_filter: 0
";
        fresh_host(baseline);
        let watch = Watch::start(&["--no-bpf", "--sweep", "1"]);
        for n in 0..3 {
            if !ip(&format!("link add d{n} type bridge")) {
                left_out(test, "no bridge");
                return;
            }
            watch.until("set", || live(&format!("net/ipv4/conf/d{n}/rp_filter")) == "2");
            assert!(ip(&format!("link del d{n}")));
            watch.sweeps(1);
        }
        let told = || -> Vec<String> {
            let events = watch.events();
            let failed = events.iter().filter(|e| e["action"] == "failed");
            let detail = |e: &serde_json::Value| e["detail"].as_str().unwrap().to_owned();
            // A pattern is named; what has an entry of its own is the event's key.
            let of = |e| match detail(e).split_once(" cannot be prevented here (BPF is not used") {
                Some((pattern, _)) => pattern.to_owned(),
                None => e["key"].as_str().unwrap().to_owned(),
            };
            failed.map(of).collect()
        };
        let mut all =
            vec!["net.core.somaxconn", "net.ipv4.conf.*.rp_filter", "net.ipv4.conf.lo.rp_filter"];
        let mut now = told();
        now.sort();
        assert_eq!(now, all);
        // What leaves the baseline and comes back is told again.
        let without = baseline.replace("  net.core.somaxconn: 4321\n", "");
        for text in [without.as_str(), baseline] {
            fs::write("/etc/tunectl/baseline.yaml", text).unwrap();
            let reloads = watch.count(|e| e["action"] == "reloaded");
            watch.until("taken", || watch.count(|e| e["action"] == "reloaded") > reloads);
        }
        all.insert(0, "net.core.somaxconn");
        let mut now = told();
        now.sort();
        assert_eq!(now, all);
        watch.end();
    });
}

/// A value that BPF has no room for is a matter of that parameter alone, also where it comes later.
#[test]
fn what_cannot_be_prevented_is_enforced_and_the_others_are_prevented() {
    let test = "daemon::ways::what_cannot_be_prevented_is_enforced_and_the_others_are_prevented";
    in_namespaces(test, || {
        let ports: Vec<String> = (0..60).map(|n| (20_000 + 2 * n).to_string()).collect();
        let ports = ports.join(",");
        let with = |somaxconn: u32, ports: &str| {
            format!(
                "name: held\ndefaults: {{ on_drift: prevent }}\nparameters:\n  \
                 net.core.somaxconn: {somaxconn}\n  \
                 net.ipv4.ip_local_reserved_ports: \"{ports}\"\n"
            )
        };
        let is_refused = |path: &str, value: &str| {
            let written = fs::write(format!("/proc/sys/{path}"), value);
            assert_eq!(written.unwrap_err().raw_os_error(), Some(1), "EPERM");
        };
        fresh_host(&with(4321, "8080"));
        let watch = Watch::start(&["--sweep", "1"]);
        if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
            left_out(test, "BPF is not to be had here");
            return;
        }
        let reserved = "net/ipv4/ip_local_reserved_ports";
        is_refused(reserved, "81");
        let holds = |watch: &Watch, somaxconn: u32| {
            let told = watch.event(|e| e["action"] == "failed");
            let detail = told["detail"].as_str().unwrap();
            assert_eq!(told["key"], "net.ipv4.ip_local_reserved_ports");
            let why =
                "cannot be prevented here (a value admitted for it is longer than the 126 bytes";
            assert!(detail.starts_with(why), "{told}");
            is_refused("net/core/somaxconn", "75");
            write("net/core/somaxconn", &somaxconn.to_string());
            write(reserved, "81");
            // The kernel gives a bitmap in one read, or cuts it.
            let reads = || {
                let mut buffer = [0; 4096];
                let file = fs::File::open(format!("/proc/sys/{reserved}")).unwrap();
                let length = file.read_at(&mut buffer, 0).unwrap();
                String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
            };
            watch.until("enforced", || reads() == ports);
            watch.sweeps(2);
            assert_eq!(watch.count(|e| e["action"] == "failed"), 1, "told once");
            let status = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("status"));
            let text = String::from_utf8(status.stdout).unwrap();
            assert!(text.contains("1 prevented") && text.contains("bpf and fanotify"), "{text}");
        };
        // Coming later, and there from the start.
        fs::write("/etc/tunectl/baseline.yaml", with(4322, &ports)).unwrap();
        watch.until("in force", || live("net/core/somaxconn") == "4322");
        holds(&watch, 4322);
        watch.end();
        fresh_host(&with(4323, &ports));
        let watch = Watch::start(&["--sweep", "1"]);
        holds(&watch, 4323);
        watch.end();
    });
}

/// More refused writes than BPF's ring holds are told to be more than were counted.
#[test]
fn a_flood_of_refused_writes_is_counted_or_told() {
    let test = "daemon::ways::a_flood_of_refused_writes_is_counted_or_told";
    in_namespaces(test, || {
        fresh_host(
            "name: held\nparameters:\n  net.core.somaxconn: { value: 4321, on_drift: prevent }\n",
        );
        let watch = Watch::start(&["--sweep", "1"]);
        if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
            left_out(test, "BPF is not to be had here");
            return;
        }
        let all = 100_000;
        let file = fs::OpenOptions::new().write(true).open("/proc/sys/net/core/somaxconn").unwrap();
        for _ in 0..all {
            file.write_at(b"75", 0).unwrap_err();
        }
        let sum = |action: &str| {
            let events = watch.events();
            let of = events.iter().filter(|e| e["action"] == action);
            of.map(|e| e["count"].as_u64().unwrap()).sum::<u64>()
        };
        watch.until("told", || sum("prevented") + sum("lost") == all);
        watch.end();
    });
}
