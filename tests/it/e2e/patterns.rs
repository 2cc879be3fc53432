//! Parameters that come and go with their interface, set by a pattern.

use std::fs;
use std::process::Command;

use super::{APPLY, PLAN, expect, fresh_host, live};
use crate::support::{in_namespaces, run};

const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";
const SYSTEMD_SYSCTL: &str = "/usr/lib/systemd/systemd-sysctl";

fn ip(arguments: &str) {
    let output = run(Command::new("ip").args(arguments.split(' ')));
    assert!(output.status.success(), "{output:?}");
}

fn dropin() -> String {
    fs::read_to_string(DROPIN).unwrap()
}

/// Whether the boot's own loader takes every line.
fn loads() -> bool {
    run(Command::new(SYSTEMD_SYSCTL).args(["--strict", "--prefix=/net"])).status.success()
}

#[test]
fn interfaces_that_come_and_go_are_no_work_for_anybody() {
    in_namespaces("e2e::patterns::interfaces_that_come_and_go_are_no_work_for_anybody", || {
        fresh_host();
        let text = "name: p\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        ip("link add v0 type veth peer name v1");
        expect(0, &APPLY);
        let written = dropin();
        assert!(written.contains("\nnet.ipv4.conf.*.rp_filter = 2\n"), "{written}");
        assert!(written.contains("\nnet.ipv4.conf.all.rp_filter = 2\n"), "{written}");
        assert!(!written.contains("conf.v0") && !written.contains("conf.lo"), "{written}");
        ip("link add v2 type veth peer name v3");
        expect(0, &PLAN);
        assert!(loads());
        assert_eq!(live("net/ipv4/conf/v2/rp_filter"), "2", "the loader expands it");
        ip("link del v0");
        expect(0, &PLAN);
        assert!(loads(), "no line of what is gone");
        // Where another file names one, or matches it later, a pattern alone would lose.
        fs::write("/etc/sysctl.d/10-v2.conf", "net.ipv4.conf.v2.rp_filter = 0\n").unwrap();
        expect(2, &PLAN);
        expect(0, &APPLY);
        expect(0, &PLAN);
        assert!(dropin().contains("\nnet.ipv4.conf.v2.rp_filter = 2\n"), "{}", dropin());
        fs::write("/etc/sysctl.d/99-z.conf", "net.ipv4.conf.*.rp_filter = 0\n").unwrap();
        expect(2, &PLAN);
        expect(0, &APPLY);
        expect(0, &PLAN);
        assert!(loads());
        for name in ["all", "default", "lo", "v2", "v3"] {
            assert_eq!(live(&format!("net/ipv4/conf/{name}/rp_filter")), "2", "{name}");
        }
        // And back again.
        fs::remove_file("/etc/sysctl.d/10-v2.conf").unwrap();
        fs::remove_file("/etc/sysctl.d/99-z.conf").unwrap();
        expect(0, &APPLY);
        assert_eq!(dropin(), written);
    });
}

#[test]
fn what_a_pattern_alone_sets_is_given_back() {
    in_namespaces("e2e::patterns::what_a_pattern_alone_sets_is_given_back", || {
        fresh_host();
        let text = "name: p\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        fs::write("/proc/sys/net/ipv4/conf/lo/rp_filter", "1").unwrap();
        expect(0, &APPLY);
        // As after a reboot: what was there first is known, and what was written in this boot not.
        fs::remove_dir_all("/run/tunectl").unwrap();
        expect(0, &["rollback", "--yes", "net.ipv4.conf.lo.rp_filter"]);
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "1");
        assert!(dropin().contains("\n-net.ipv4.conf.lo.rp_filter\n"), "{}", dropin());
        assert!(loads());
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "1", "kept off the pattern");
        expect(0, &APPLY);
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "2");
        fs::write("/etc/net-test.yaml", "name: p\nparameters: { net.ipv4.tcp_sack: 1 }\n").unwrap();
        expect(0, &APPLY);
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "1", "no longer desired");
    });
}

#[test]
fn a_cascade_of_ours_is_outdone_by_a_line_of_its_own() {
    in_namespaces("e2e::patterns::a_cascade_of_ours_is_outdone_by_a_line_of_its_own", || {
        fresh_host();
        ip("link add v0 type veth peer name v1");
        let text = "name: p\nparameters:\n  net.ipv4.conf.all.forwarding: 1\n  \
                    net.ipv4.conf.v*.forwarding: 0\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        expect(0, &APPLY);
        expect(0, &PLAN);
        assert!(dropin().contains("\nnet.ipv4.conf.v0.forwarding = 0\n"), "{}", dropin());
        fs::write("/proc/sys/net/ipv4/conf/all/forwarding", "0").unwrap();
        assert!(loads());
        assert_eq!(live("net/ipv4/conf/v0/forwarding"), "0");
        assert_eq!(live("net/ipv4/conf/all/forwarding"), "1");
    });
}
