//! What cannot be looked at is never taken for what is not there.
//!
//! strace refuses single system calls on single files.

mod boot_id;
mod dropin;
mod keeper;
mod records;
mod recovery;
mod rollback;

use std::fs;
use std::process::Command;

use crate::operator::{Host, Ran};
use crate::support::left_out;

const BASELINE: &str = "name: a\nparameters: { net.ipv4.conf.*.rp_filter: 2, vm.swappiness: 10 }\n";
const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";
const FILTERS: [&str; 3] =
    ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.lo.rp_filter"];

/// A host with that baseline.
fn fresh() -> Host {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    host
}

/// The same once it was applied.
fn applied() -> Host {
    let host = fresh();
    assert_eq!(host.run(["apply"]).code, 0);
    assert!(holds(&host));
    host
}

fn holds(host: &Host) -> bool {
    FILTERS.iter().all(|key| host.value(key) == "2") && host.value("vm.swappiness") == "10"
}

fn text(host: &Host, path: &str) -> Option<String> {
    fs::read_to_string(host.root.join(path)).ok()
}

/// The program under strace, which does to system calls on that file of the host what `inject` says.
/// One that does not end is ended.
fn traced(host: &Host, args: &[&str], file: &str, inject: &str) -> Ran {
    let program = host.command(args.iter().copied());
    let mut strace = Command::new("timeout");
    strace.args(["-s", "KILL", "60", "strace", "-f", "-qq", "-o", "/dev/null", "-P"]);
    strace.arg(host.root.join(file)).arg("-e").arg(format!("inject={inject}")).arg("--");
    strace.arg(program.get_program()).args(program.get_args()).env_clear();
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(&host.work);
    host.told(strace.output().unwrap())
}

fn strace_injects(test: &str) -> bool {
    if Command::new("strace").arg("-V").output().is_err() {
        left_out(test, "there is no strace");
        return false;
    }
    let ran = traced(&fresh(), &["plan"], "proc/meminfo", "read:error=EIO");
    if ran.err.contains("ptrace") {
        left_out(test, "strace may not trace here");
        return false;
    }
    assert_ne!(ran.code, 0, "{}", ran.out);
    true
}

/// A directory that cannot be listed has perhaps all that a pattern has matched.
#[test]
fn what_a_pattern_matches_and_cannot_be_listed_is_left_as_it_is() {
    if !strace_injects("unread: a pattern's directory") {
        return;
    }
    let dir = "proc/sys/net/ipv4/conf";
    for inject in ["getdents64:error=EIO", "openat2:error=ENOMEM:when=1"] {
        let host = applied();
        let before = host.tree();
        for args in [&["apply"][..], &["plan", "--detailed-exitcode"], &["apply", "--live-only"]] {
            let ran = traced(&host, args, dir, inject);
            assert_eq!(ran.code, 1, "{inject}, {args:?}: {}{}", ran.out, ran.err);
            let told = "what net.ipv4.conf.*.rp_filter matches cannot be listed: ";
            assert!(
                ran.err.contains(told) && ran.err.contains("nothing was changed"),
                "{}",
                ran.err
            );
        }
        assert_eq!(host.tree(), before, "{inject}");
        let ran = traced(&host, &["status", "--detailed-exitcode"], dir, inject);
        assert!(ran.code == 1 && ran.out.contains("cannot be listed"), "{}{}", ran.out, ran.err);
    }
}

/// The boot unit holds all else, and says what it could not.
#[test]
fn the_boot_unit_leaves_what_cannot_be_listed_and_holds_the_rest() {
    if !strace_injects("unread: a pattern's directory at boot") {
        return;
    }
    let host = applied();
    let ours = text(&host, DROPIN);
    host.live("vm.swappiness = 60\nnet.ipv4.conf.lo.rp_filter = 1\n");
    let args = ["apply", "--boot"];
    let ran = traced(&host, &args, "proc/sys/net/ipv4/conf", "getdents64:error=EIO");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("matches cannot be listed: I/O error (EIO)"), "{}", ran.out);
    let filters = FILTERS.map(|key| host.value(key));
    assert_eq!((&*host.value("vm.swappiness"), filters), ("10", ["2", "2", "1"].map(String::from)));
    assert_eq!(text(&host, DROPIN), ours);
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert!(holds(&host) && text(&host, DROPIN) == ours);
}

/// Only of a secret that was never set does it say that there is no value.
#[test]
fn a_value_that_fails_to_be_read_is_not_taken_for_one_that_is_not_set() {
    if !strace_injects("unread: an ordinary value") {
        return;
    }
    let host = fresh();
    for args in [&["apply"][..], &["apply", "--boot"]] {
        let ran = traced(&host, args, "proc/sys/vm/swappiness", "read:error=EIO");
        assert_eq!(ran.code, i32::from(args.len() == 1), "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("cannot be read"), "{args:?}: {}{}", ran.out, ran.err);
        assert_eq!(host.value("vm.swappiness"), "60", "{args:?}");
    }
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.run(["rollback", "--yes"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "60");
}

/// What an earlier run has left behind and nobody can read may have to be put right.
#[test]
fn a_boot_that_cannot_put_right_what_was_left_behind_is_none_that_went_well() {
    for (path, text) in [
        ("run/tunectl/journal", "tunectl journal 1\n?\n"),
        ("run/tunectl/trial.json", ""),
        ("run/tunectl/trial.json", "junk"),
    ] {
        for baseline in [true, false] {
            let host = fresh();
            if !baseline {
                fs::remove_file(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
            }
            host.file(path, text);
            let ran = host.run(["apply", "--boot"]);
            assert_eq!(ran.code, 1, "{path}: {}{}", ran.out, ran.err);
            let report = self::text(&host, "run/tunectl/boot.json").unwrap();
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            assert_eq!(report["result"], "incomplete", "{report}");
            assert!(report["errors"].to_string().contains(&format!("/{path}")), "{report}");
            assert_eq!(host.value("vm.swappiness") == "10", baseline);
        }
    }
}
