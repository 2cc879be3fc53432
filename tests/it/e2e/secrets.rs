//! Secrets that stable addresses are made from: what a write of one sets besides, and that nothing
//! takes it back.

use std::fs;
use std::process::Command;

use super::{expect, fresh_host, live};
use crate::support::{in_namespaces, left_out, run, unwrapped};

const APPLY: [&str; 4] = ["apply", "-b", "/etc/it.yaml", "--adopt"];
const PLAN: [&str; 4] = ["plan", "-b", "/etc/it.yaml", "--detailed-exitcode"];
const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";

fn baseline(entries: &str) {
    fs::write("/etc/it.yaml", format!("name: it\nparameters: {{ {entries} }}\n")).unwrap();
}

fn mode(interface: &str) -> String {
    live(&format!("net/ipv6/conf/{interface}/addr_gen_mode"))
}

/// What both loaders leave of the files in a network namespace that has just begun.
fn booted(interface: &str) -> Vec<String> {
    let systemd = ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"];
    let systemd = systemd.into_iter().find(|path| fs::exists(path).unwrap());
    let loaders = systemd.into_iter().chain(["sysctl -q --system"]);
    let read = loaders.map(|loader| {
        let script = format!(
            "ip link add s0 type veth peer name s1; {loader} >/dev/null 2>&1; \
             cat /proc/sys/net/ipv6/conf/{interface}/addr_gen_mode"
        );
        let output = run(Command::new("unshare").args(["--net", "sh", "-c", &script]));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    });
    read.collect()
}

fn fresh_links() {
    fresh_host();
    for pair in [["s0", "s1"], ["s2", "s3"], ["s4", "s5"], ["s6", "s7"]] {
        let link = ["link", "add", pair[0], "type", "veth", "peer", "name", pair[1]];
        run(Command::new("ip").args(link));
    }
}

fn has_secrets(test: &str) -> bool {
    let there = fs::exists("/proc/sys/net/ipv6/conf/lo/stable_secret").unwrap();
    if !there {
        left_out(test, "no IPv6 here");
    }
    there
}

#[test]
fn a_secret_goes_before_the_mode_that_it_sets() {
    let test = "e2e::secrets::a_secret_goes_before_the_mode_that_it_sets";
    in_namespaces(test, || {
        fresh_links();
        if !has_secrets(test) {
            return;
        }
        for (interface, wanted) in [("s0", "0"), ("s2", "2"), ("s4", "3"), ("s6", "1")] {
            baseline(&format!(
                "net.ipv6.conf.{interface}.addr_gen_mode: {wanted}, \
                 net.ipv6.conf.{interface}.stable_secret: '2001:db8::1'"
            ));
            expect(0, &APPLY);
            assert_eq!(mode(interface), wanted);
            let text = expect(0, &PLAN);
            assert!(text.contains("in sync, now and after a reboot"), "{text}");
            let script = fs::read_to_string(DROPIN).unwrap();
            let at = |leaf: &str| script.find(leaf).unwrap();
            assert!(at("stable_secret =") < at("addr_gen_mode ="), "{script}");
            if interface == "s0" {
                assert!(booted(interface).iter().all(|mode| mode == wanted), "{script}");
            }
        }
        // That of all interfaces sets the mode of each.
        baseline(
            "net.ipv6.conf.default.stable_secret: '2001:db8::2', net.ipv6.conf.s1.addr_gen_mode: 1",
        );
        let text = expect(2, &PLAN);
        let told = "a write also sets every interface's net.ipv6.conf.*.addr_gen_mode to 2";
        assert!(unwrapped(&text).contains(told), "{text}");
        expect(0, &APPLY);
        assert_eq!((mode("s1"), mode("s3")), ("1".into(), "2".into()));
        expect(0, &PLAN);
        // The mode comes back, and the secret cannot.
        let text = expect(0, &["rollback", "--yes"]);
        assert!(text.contains("1 only a reboot undoes"), "{text}");
        assert!(text.contains("only a reboot undoes it; the drop-in no longer sets it"), "{text}");
        assert_eq!((mode("s1"), mode("s3")), ("0".into(), "0".into()));
    });
}

#[test]
fn a_mode_without_its_secret_is_refused() {
    let test = "e2e::secrets::a_mode_without_its_secret_is_refused";
    in_namespaces(test, || {
        fresh_links();
        if !has_secrets(test) {
            return;
        }
        baseline("net.ipv6.conf.s0.addr_gen_mode: 2");
        let text = expect(3, &APPLY);
        let told = "the kernel takes 2 only once net.ipv6.conf.s0.stable_secret is set";
        assert!(text.contains(told), "{text}");
        fs::write("/proc/sys/net/ipv6/conf/s0/addr_gen_mode", "2").unwrap_err();
        // That of all interfaces will do, as will a mode for those that are yet to come.
        fs::write("/proc/sys/net/ipv6/conf/default/stable_secret", "2001:db8::2").unwrap();
        fs::write("/proc/sys/net/ipv6/conf/s0/addr_gen_mode", "0").unwrap();
        expect(0, &APPLY);
        assert_eq!(mode("s0"), "2");
    });
}

#[test]
fn a_file_that_sets_a_secret_later_sets_the_mode_at_boot() {
    let test = "e2e::secrets::a_file_that_sets_a_secret_later_sets_the_mode_at_boot";
    in_namespaces(test, || {
        fresh_links();
        if !has_secrets(test) {
            return;
        }
        baseline("net.ipv6.conf.s0.addr_gen_mode: 0");
        fs::create_dir_all("/etc/sysctl.d").unwrap();
        for name in ["s0", "default", "*", "s?"] {
            let line = format!("net.ipv6.conf.{name}.stable_secret = 2001:db8::1\n");
            fs::write("/etc/sysctl.d/zz.conf", line).unwrap();
            expect(0, &APPLY);
            let text = expect(2, &PLAN);
            assert!(text.contains("/etc/sysctl.d/zz.conf:1"), "{name}: {text}");
            assert!(booted("s0").iter().all(|mode| mode == "2"), "{name}: {text}");
        }
    });
}

/// What nothing takes back is written once everything else has been.
#[test]
fn a_failed_apply_has_set_no_secret() {
    let test = "e2e::secrets::a_failed_apply_has_set_no_secret";
    in_namespaces(test, || {
        fresh_links();
        if !has_secrets(test) {
            return;
        }
        baseline(
            "net.ipv6.conf.s0.addr_gen_mode: 0, net.mptcp.scheduler: no-such-name, \
             net.ipv6.conf.s0.stable_secret: '2001:db8::1', \
             net.netfilter.nf_log.2: no-such-name, net.ipv4.tcp_congestion_control: no-such-name",
        );
        expect(1, &APPLY);
        fs::read("/proc/sys/net/ipv6/conf/s0/stable_secret").unwrap_err();
        assert_eq!(mode("s0"), "0");
        let trial = expect(3, &["apply", "-b", "/etc/it.yaml", "--confirm-within", "60s"]);
        let told = "net.ipv6.conf.s0.stable_secret cannot be taken back without a reboot";
        assert!(trial.contains(told), "{trial}");
    });
}
