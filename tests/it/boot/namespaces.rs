//! Boots on the real kernel, inside namespaces with an /etc, a /run and a /var/lib of their own.

use std::fs;
use std::process::{Command, Stdio};

use super::json;
use crate::support::{in_namespaces, left_out, run};

fn mount(args: &[&str]) {
    assert!(Command::new("mount").args(args).status().unwrap().success(), "mount {args:?}");
}

/// An empty /etc, /run and /var/lib, and the host's own baseline; no vendor's files.
fn fresh_host(baseline: &str) {
    let dirs = ["/etc", "/run", "/var/lib", "/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d"];
    for dir in dirs.into_iter().chain(["/lib/sysctl.d"]) {
        if fs::exists(dir).unwrap() {
            mount(&["-t", "tmpfs", "tmpfs", dir]);
        }
    }
    fs::create_dir("/etc/tunectl").unwrap();
    fs::write("/etc/tunectl/baseline.yaml", baseline).unwrap();
}

#[track_caller]
fn expect(code: i32, args: &[&str]) -> String {
    let output = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args).env("NO_COLOR", "1"));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    out
}

fn live(key: &str) -> String {
    fs::read_to_string(format!("/proc/sys/{key}")).unwrap().trim().to_owned()
}

const NET: &str = "name: net
parameters:
  net.core.somaxconn: 8192
  net.ipv4.tcp_keepalive_time: 600
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.late0.log_martians: 1
";

#[test]
fn a_read_only_etc_stops_no_value() {
    in_namespaces("boot::namespaces::a_read_only_etc_stops_no_value", || {
        fresh_host(NET);
        mount(&["-o", "remount,ro", "/etc"]);
        let text = expect(1, &["apply", "--boot"]);
        assert!(text.contains("Read-only file system"), "{text}");
        assert_eq!(
            (live("net/core/somaxconn"), live("net/ipv4/conf/lo/rp_filter")),
            ("8192".into(), "2".into())
        );
        mount(&["-o", "remount,rw", "/etc"]);
        expect(0, &["apply", "--boot"]);
        assert!(fs::exists("/etc/sysctl.d/99-tunectl.conf").unwrap());
        // Nothing is to be refreshed now, so that it could not be does not matter.
        mount(&["-o", "remount,ro", "/etc"]);
        fs::write("/proc/sys/net/core/somaxconn", "77").unwrap();
        let text = expect(0, &["apply", "--boot"]);
        assert!(
            text.contains("net.core.somaxconn: 77 -> 8192 (not from any sysctl.d file"),
            "{text}"
        );
    });
}

#[test]
fn a_full_etc_stops_no_value() {
    in_namespaces("boot::namespaces::a_full_etc_stops_no_value", || {
        fresh_host(NET);
        fs::create_dir("/etc/sysctl.d").unwrap();
        mount(&["-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", "/etc/sysctl.d"]);
        let text = expect(1, &["apply", "--boot"]);
        assert!(text.contains("could not be refreshed: cannot create"), "{text}");
        assert_eq!(live("net/core/somaxconn"), "8192");
        assert!(fs::read_dir("/etc/sysctl.d").unwrap().next().is_none(), "nothing is left behind");
    });
}

#[test]
fn a_refused_write_stops_no_other_and_is_not_persisted() {
    in_namespaces("boot::namespaces::a_refused_write_stops_no_other_and_is_not_persisted", || {
        fresh_host(&format!("{NET}  net.ipv4.tcp_congestion_control: nosuch\n"));
        let text = expect(1, &["apply", "--boot"]);
        let told = "boot: 0 parameters right, 5 corrected, 1 not corrected, 1 pending \
                    (net.ipv4.conf.late0.log_martians: no interface late0); drop-in refreshed\n";
        assert!(text.starts_with(told), "{text}");
        assert!(text.contains("not nosuch: the kernel has no congestion control nosuch"), "{text}");
        assert_eq!(live("net/core/somaxconn"), "8192");
        let dropin = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap();
        assert!(dropin.contains("somaxconn = 8192") && !dropin.contains("nosuch"), "{dropin}");
    });
}

#[test]
fn an_interface_that_comes_late_gets_its_values() {
    in_namespaces("boot::namespaces::an_interface_that_comes_late_gets_its_values", || {
        fresh_host(NET);
        let text = expect(0, &["apply", "--boot"]);
        assert!(text.contains("net.ipv4.conf.late0.log_martians: no interface late0"), "{text}");
        let started = std::time::Instant::now();
        let mut adds = Command::new("sh")
            .args(["-c", "sleep 0.5; exec ip link add late0 type veth peer name late1"])
            .spawn()
            .unwrap();
        let text = expect(0, &["apply", "--boot", "--only", "net/ipv4/conf/late0/*"]);
        let waited = started.elapsed();
        if !adds.wait().unwrap().success() {
            return left_out("boot: a late interface", "ip cannot add a veth here");
        }
        assert!(waited.as_millis() >= 500, "{waited:?}: {text}");
        assert_eq!(live("net/ipv4/conf/late0/log_martians"), "1");
        assert_eq!(live("net/ipv4/conf/late0/rp_filter"), "2");
        let report = json(&fs::read_to_string("/run/tunectl/boot.json").unwrap());
        assert!(!report["pending"][0]["set_at"].is_null(), "{report}");
        // Its twin has nothing of its own in the baseline but the pattern's.
        fs::write("/proc/sys/net/ipv4/conf/late1/rp_filter", "0").unwrap();
        expect(0, &["apply", "--boot", "--only", "net.ipv4.conf.late1.*"]);
        assert_eq!(live("net/ipv4/conf/late1/rp_filter"), "2");
        assert_eq!(live("net/ipv4/conf/late1/log_martians"), "0");
    });
}

#[test]
fn an_interface_that_never_comes_is_waited_for_two_seconds() {
    in_namespaces(
        "boot::namespaces::an_interface_that_never_comes_is_waited_for_two_seconds",
        || {
            fresh_host(NET);
            let started = std::time::Instant::now();
            let text = expect(0, &["apply", "--boot", "--only", "net/ipv4/conf/late0/*"]);
            let waited = started.elapsed().as_millis();
            assert!((2000..20_000).contains(&waited), "{waited} ms: {text}");
            assert!(text.contains("1 pending"), "{text}");
            // It will never have these: not even `default` has.
            fs::write(
                "/etc/tunectl/baseline.yaml",
                "name: x\nparameters: { net.mpls.conf.late0.input: 1 }\n",
            )
            .unwrap();
            let is_quick = |_| {
                let started = std::time::Instant::now();
                expect(0, &["apply", "--boot", "--only", "net/mpls/conf/late0/*"]);
                started.elapsed().as_millis() < 1900
            };
            assert!((0..5).any(is_quick), "it is not waited for");
        },
    );
}

#[test]
fn a_parameter_that_never_keeps_still_stops_no_other() {
    in_namespaces("boot::namespaces::a_parameter_that_never_keeps_still_stops_no_other", || {
        fresh_host(NET);
        let script = "i=0; while :; do i=$((i % 30000 + 1)); echo $i > $0; done";
        // It ends by itself, should this test end before it.
        let mut writer = Command::new("timeout")
            .args(["120", "sh", "-c", script, "/proc/sys/net/ipv4/tcp_keepalive_time"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Whether it moves between two looks is chance; within that time it does.
        let began = std::time::Instant::now();
        let in_time = || began.elapsed().as_secs() < 100;
        let seen = std::iter::repeat_with(in_time).take_while(|in_time| *in_time).any(|_| {
            fs::write("/proc/sys/net/core/somaxconn", "4096").unwrap();
            let _ = fs::remove_dir_all("/etc/sysctl.d");
            let output = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["apply", "--boot"]));
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(live("net/core/somaxconn"), "8192", "{text}");
            assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "2", "{text}");
            let told = String::from_utf8_lossy(&output.stderr).into_owned() + &text;
            let dropin = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf")
                .unwrap_or_else(|error| panic!("{error}: {told}"));
            assert!(dropin.contains("somaxconn = 8192"), "{text}\n{dropin}");
            let moves =
                "net.ipv4.tcp_keepalive_time moves by itself or is being written by another";
            text.contains(moves) && output.status.code() == Some(1)
        });
        let told = Command::new("kill").arg(writer.id().to_string()).status().unwrap();
        assert!(told.success());
        writer.wait().unwrap();
        assert!(seen, "the writer never came in between");
    });
}
