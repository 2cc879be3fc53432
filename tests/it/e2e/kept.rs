//! What the kernel keeps otherwise than it is written is no difference, live or at boot.

use std::fs;
use std::process::Command;

use super::{expect, fresh_host, live};
use crate::support::{in_namespaces, left_out, run};

/// With 250 ticks a second 1003 ms read 1004: that is nobody else's change.
#[test]
fn what_the_kernel_rounded_is_given_back_e21() {
    in_namespaces("e2e::kept::what_the_kernel_rounded_is_given_back_e21", || {
        fresh_host();
        let before = live("net/ipv4/neigh/lo/retrans_time_ms");
        let text = "name: ticks\nparameters: { net.ipv4.neigh.lo.retrans_time_ms: 1003 }\n";
        fs::write("/etc/ticks.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/ticks.yaml"]);
        assert!(matches!(live("net/ipv4/neigh/lo/retrans_time_ms").as_str(), "1003" | "1004"));
        let text = expect(0, &["rollback", "--yes"]);
        assert!(!text.contains("changed since"), "{text}");
        assert_eq!(live("net/ipv4/neigh/lo/retrans_time_ms"), before);
    });
}

/// Each reads back another number, or another text, than was written.
#[test]
fn what_reads_back_otherwise_is_in_sync_e18_e21() {
    let test = "e2e::kept::what_reads_back_otherwise_is_in_sync_e18_e21";
    in_namespaces(test, || {
        fresh_host();
        run(Command::new("ip").args(["link", "add", "t0", "type", "veth", "peer", "name", "t1"]));
        let bridge = "net/bridge/bridge-nf-call-iptables";
        let switch = if fs::exists(format!("/proc/sys/{bridge}")).unwrap() {
            format!("  {bridge}: 2\n")
        } else {
            left_out(test, "no br_netfilter here: its switch");
            String::new()
        };
        let text = format!(
            "name: kept
parameters:
  net.ipv4.neigh.lo.locktime: 101
  net.ipv4.neigh.lo.retrans_time: 33
  net.ipv4.ip_local_reserved_ports: 0x50,0121
  net.ipv4.tcp_fastopen_key: a-2-3-4
  net/ipv4/neigh/t0/locktime: {{ at_least: 101 }}
{switch}"
        );
        fs::write("/etc/kept.yaml", text).unwrap();
        let plan = ["plan", "-b", "/etc/kept.yaml", "--detailed-exitcode"];
        expect(2, &plan);
        expect(0, &["apply", "-b", "/etc/kept.yaml"]);
        assert!(matches!(live("net/ipv4/neigh/lo/locktime").as_str(), "100" | "101"));
        assert_eq!(live("net/ipv4/ip_local_reserved_ports"), "80-81");
        let text = expect(0, &plan);
        assert!(text.starts_with("kept: in sync, now and after a reboot"), "{text}");
    });
}

/// A later file that sets the same variable by its name in another unit wins at boot.
#[test]
fn a_name_in_another_unit_is_the_same_parameter() {
    in_namespaces("e2e::kept::a_name_in_another_unit_is_the_same_parameter", || {
        fresh_host();
        let baseline = |entries: &str| {
            fs::write("/etc/units.yaml", format!("name: units\nparameters:\n{entries}")).unwrap();
        };
        let plan = ["plan", "-b", "/etc/units.yaml", "--detailed-exitcode"];
        baseline("  net.ipv4.neigh.lo.base_reachable_time_ms: 20000\n");
        expect(0, &["apply", "-b", "/etc/units.yaml"]);
        fs::write("/etc/sysctl.d/zz.conf", "net.ipv4.neigh.lo.base_reachable_time = 45\n").unwrap();
        let text = expect(2, &plan);
        assert!(text.contains("set by /etc/sysctl.d/zz.conf:1"), "{text}");
        assert!(text.contains("45000"), "{text}");
        fs::remove_file("/etc/sysctl.d/zz.conf").unwrap();
        expect(0, &plan);

        // Both names may ask for the same, and not for two.
        let with = |seconds: u32| {
            format!(
                "  net.ipv4.neigh.lo.base_reachable_time_ms: 20000
  net.ipv4.neigh.lo.base_reachable_time: {seconds}\n"
            )
        };
        baseline(&with(20));
        expect(0, &["apply", "-b", "/etc/units.yaml"]);
        expect(0, &plan);
        baseline(&with(25));
        let text = expect(3, &["apply", "-b", "/etc/units.yaml"]);
        assert!(text.contains("keep one of the two"), "{text}");
        assert_eq!(live("net/ipv4/neigh/lo/base_reachable_time"), "20");
    });
}

/// The other name comes back with the one that was written, whatever the kernel rounds.
#[test]
fn a_trial_gives_back_what_has_two_names() {
    in_namespaces("e2e::kept::a_trial_gives_back_what_has_two_names", || {
        fresh_host();
        let values = || {
            ["unres_qlen_bytes", "base_reachable_time_ms", "retrans_time_ms"]
                .map(|leaf| live(&format!("net/ipv4/neigh/lo/{leaf}")))
        };
        let before = values();
        let text = "name: two
parameters:
  net.ipv4.neigh.lo.unres_qlen_bytes: 65536
  net.ipv4.neigh.lo.base_reachable_time_ms: 1999
  net.ipv4.neigh.lo.retrans_time_ms: 1009
";
        fs::write("/etc/two.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/two.yaml", "--confirm-within", "60s"]);
        assert_ne!(values(), before);
        let text = expect(0, &["confirm", "--cancel"]);
        assert!(!text.contains("left alone"), "{text}");
        assert_eq!(values(), before);
    });
}

/// What was asked for under one name and then under the other is one variable all along.
#[test]
fn a_variable_may_be_asked_for_by_its_other_name() {
    in_namespaces("e2e::kept::a_variable_may_be_asked_for_by_its_other_name", || {
        fresh_host();
        let seconds = || live("net/ipv4/neigh/lo/base_reachable_time");
        let apply = |entries: &str| {
            let text = format!("name: names\nparameters:\n  {entries}\n  kernel.hostname: here\n");
            fs::write("/etc/names.yaml", text).unwrap();
            expect(0, &["apply", "-b", "/etc/names.yaml"]);
            expect(0, &["plan", "-b", "/etc/names.yaml", "--detailed-exitcode"])
        };
        let before = seconds();
        apply("net.ipv4.neigh.lo.base_reachable_time: 60");
        apply("net.ipv4.neigh.lo.base_reachable_time_ms: 45000");
        assert_eq!(seconds(), "45");
        // Asked for no longer it is given back as it was before either.
        apply("kernel.domainname: there");
        assert_eq!(seconds(), before);
        apply("net.ipv4.neigh.lo.base_reachable_time_ms: 45000");
        apply("net.ipv4.neigh.lo.base_reachable_time: 60");
        expect(0, &["rollback", "--yes"]);
        assert_eq!(seconds(), before);
        // Somebody writes to the other name: no rollback is stopped by that.
        apply("net.ipv4.neigh.lo.base_reachable_time: 60");
        fs::write("/proc/sys/net/ipv4/neigh/lo/base_reachable_time_ms", "60500").unwrap();
        expect(0, &["rollback", "--yes"]);
        assert_eq!(seconds(), before);
        // A bound of the one and the number of the other.
        apply(
            "net.ipv4.neigh.lo.base_reachable_time: { at_least: 40 }
  net.ipv4.neigh.lo.base_reachable_time_ms: 45500",
        );
        apply(
            "net.ipv4.neigh.lo.unres_qlen: { at_least: 100 }
  net.ipv4.neigh.lo.unres_qlen_bytes: 300000",
        );
    });
}

/// A file may not get larger than the shell allows (`ulimit -f`): the kernel then kills whoever
/// writes on.
#[test]
fn where_files_may_not_get_larger_an_apply_fails_as_on_a_full_disk() {
    let test = "e2e::kept::where_files_may_not_get_larger_an_apply_fails_as_on_a_full_disk";
    in_namespaces(test, || {
        fresh_host();
        let reason = "why ".repeat(700);
        let text = format!(
            "name: net-test\nparameters:\n  net.core.somaxconn: {{ value: 777, reason: {reason}}}\n"
        );
        fs::write("/etc/net-test.yaml", text).unwrap();
        let before = live("net/core/somaxconn");
        let program = env!("CARGO_BIN_EXE_tunectl");
        let mut failed = 0;
        for most in 0..64 {
            let script = format!("ulimit -f {most}; exec {program} apply -b /etc/net-test.yaml");
            let ran = run(Command::new("bash").args(["-c", &script]));
            if ran.status.success() {
                break;
            }
            failed += 1;
            assert_eq!(ran.status.code(), Some(1), "{most}: {ran:?}");
            assert_eq!(live("net/core/somaxconn"), before, "{most}: {ran:?}");
            let left = ["/etc", "/run", "/var/lib", "-name", ".*.tmp", "-o", "-name", "journal*"];
            let left = run(Command::new("find").args(left));
            assert_eq!(left.stdout, b"", "{most}: {left:?} {ran:?}");
        }
        assert!(failed > 2, "{failed}");
        assert_eq!(live("net/core/somaxconn"), "777");
    });
}

/// Of several numbers the kernel has taken those before the one that it refuses.
#[test]
fn numbers_that_were_taken_before_a_refused_one_are_put_back() {
    let name = "e2e::kept::numbers_that_were_taken_before_a_refused_one_are_put_back";
    in_namespaces(name, || {
        fresh_host();
        let before = live("kernel/sem");
        for most in ["40000", "16777217"] {
            let text = format!("name: it\nparameters: {{ kernel.sem: [1, 2, 3, {most}] }}\n");
            fs::write("/etc/it.yaml", text).unwrap();
            let extended = fs::read_to_string("/proc/cmdline").unwrap().contains("ipcmni_extend");
            if most == "40000" && extended {
                left_out(name, "the kernel was started with ipcmni_extend");
                continue;
            }
            let told = expect(1, &["apply", "-b", "/etc/it.yaml"]);
            let place = if most == "40000" { "ERANGE" } else { "out of range" };
            assert!(told.contains(place), "{told}");
            assert_eq!(live("kernel/sem"), before, "{told}");
        }
    });
}
