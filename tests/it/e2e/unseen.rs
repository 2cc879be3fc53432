//! What could not be looked into leaves the next boot unknown, where it may count.

use std::fs;
use std::process::Command;

use super::{APPLY, PLAN, expect, fresh_host};
use crate::support::{in_namespaces, left_out, run};

/// What a file holds that is read after the drop-in and cannot be looked into is not known.
#[test]
fn what_cannot_be_looked_into_leaves_the_boot_unknown() {
    in_namespaces("e2e::unseen::what_cannot_be_looked_into_leaves_the_boot_unknown", || {
        fresh_host();
        expect(0, &APPLY);
        expect(0, &PLAN);
        // As much as a file of ours never has.
        let large = "# a comment\n".repeat(1 << 20);
        let told = "could not be looked into";
        let status = ["status", "--detailed-exitcode"];
        for (name, known) in [("zz.conf", false), ("10-a.conf", true)] {
            let place = format!("/etc/sysctl.d/{name}");
            fs::write(&place, &large).unwrap();
            if known {
                // It may name what a pattern has set so far: a line of our own is read later.
                expect(2, &PLAN);
                expect(0, &APPLY);
            }
            let text = expect(if known { 0 } else { 2 }, &PLAN);
            assert_eq!(text.contains(&format!("{place} {told}")), !known, "{text}");
            let text = expect(if known { 0 } else { 2 }, &status);
            assert_eq!(text.contains(&format!("{place} {told}")), !known, "{text}");
            assert_eq!(text.contains("now and after a reboot"), known, "{text}");
            fs::remove_file(&place).unwrap();
        }
        // A loader waits at a FIFO, wherever it stands.
        run(Command::new("mkfifo").arg("/etc/sysctl.d/10-a.conf"));
        let text = expect(2, &PLAN);
        assert!(text.contains("/etc/sysctl.d/10-a.conf could not be looked into"), "{text}");
        let text = expect(0, &["apply"]);
        assert!(text.contains("/etc/sysctl.d/10-a.conf could not be looked into"), "{text}");
        let head = text.lines().next().unwrap();
        assert!(head.contains("with an unknown next boot") && !text.contains("overrid"), "{text}");
    });
}

/// An explicit line or an exclusion, in whichever file, keeps a glob off (case E6).
#[test]
fn an_earlier_file_may_keep_a_glob_off() {
    in_namespaces("e2e::unseen::an_earlier_file_may_keep_a_glob_off", || {
        fresh_host();
        let bound = "name: b\nparameters: { net.ipv4.conf.lo.log_martians: { at_least: 1 } }\n";
        fs::write("/etc/bound.yaml", bound).unwrap();
        fs::create_dir("/etc/sysctl.d").unwrap();
        fs::write("/etc/sysctl.d/50-b.conf", "net.ipv4.conf.*.log_martians = 2\n").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/lo/log_martians", "2").unwrap();
        let plan = ["plan", "-b", "/etc/bound.yaml", "--detailed-exitcode"];
        expect(0, &plan);
        let large = "# a comment\n".repeat(1 << 20);
        fs::write("/etc/sysctl.d/10-a.conf", &large).unwrap();
        let text = expect(2, &plan);
        assert!(text.contains("/etc/sysctl.d/10-a.conf could not be looked into"), "{text}");
        assert!(text.starts_with("b: 1 with an unknown next boot of 1 parameter\n"), "{text}");
        let text = expect(2, &[&plan[..], &["--format", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        let (known, unknown) = (&json["summary"]["in_sync"], &json["summary"]["boot_unknown"]);
        assert_eq!((known, unknown), (&0.into(), &1.into()), "{text}");
    });
}

/// Behind an error in the middle of a directory there may be any file.
#[test]
fn a_directory_that_breaks_off_leaves_the_boot_unknown() {
    let test = "e2e::unseen::a_directory_that_breaks_off_leaves_the_boot_unknown";
    in_namespaces(test, || {
        fresh_host();
        expect(0, &APPLY);
        let mut traced = Command::new("strace");
        traced.args(["-qq", "-o", "/run/trace", "-P", "/etc/sysctl.d"]);
        traced.args(["-e", "inject=getdents64:error=EIO:when=2"]);
        traced.arg(env!("CARGO_BIN_EXE_tunectl")).args(PLAN);
        let Ok(output) = traced.output() else { return left_out(test, "there is no strace") };
        if !fs::read_to_string("/run/trace").is_ok_and(|trace| trace.contains("INJECTED")) {
            return left_out(test, "strace may not inject faults here");
        }
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("/etc/sysctl.d could not be looked into"), "{text}");
    });
}
