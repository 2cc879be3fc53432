//! What was begun and cannot be read is put back by the next run, and not forgotten.

use crate::operator::Host;

use super::{DROPIN, FILTERS, fresh, holds, strace_injects, text, traced};

const SWAPPINESS: &str = "proc/sys/vm/swappiness";

fn is_as_before(host: &Host) -> bool {
    FILTERS.iter().all(|key| host.value(key) == "0") && host.value("vm.swappiness") == "60"
}

/// Kills an apply at the first of those calls on that file of the host.
fn killed(host: &Host, file: &str, call: &str) {
    let program = host.command(["apply"]);
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(host.root.join(file));
    strace.args(["-e", &format!("inject={call}:signal=KILL:when=1"), "--"]);
    strace.arg(program.get_program()).args(program.get_args());
    strace.current_dir(&host.work).output().unwrap();
    assert!(host.root.join("run/tunectl/journal").exists());
}

#[test]
fn a_value_that_cannot_be_read_keeps_the_journal() {
    if !strace_injects("unread: a value of an apply that was killed") {
        return;
    }
    let host = fresh();
    killed(&host, SWAPPINESS, "ftruncate");
    assert_eq!(host.value("vm.swappiness"), "10");
    host.file("etc/tunectl/baseline.yaml", "name: none\nparameters: {}\n");
    let ran = traced(&host, &["apply"], SWAPPINESS, "read:error=EIO:when=1");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let told = "vm.swappiness cannot be read, and so is not put back yet: I/O error (EIO)";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(host.root.join("run/tunectl/journal").exists());
    assert_eq!(host.run(["apply"]).code, 0);
    assert!(is_as_before(&host) && !host.root.join("run/tunectl/journal").exists());
}

#[test]
fn a_trial_with_a_value_that_cannot_be_read_is_not_over() {
    if !strace_injects("unread: a value of a trial") {
        return;
    }
    let host = fresh();
    assert_eq!(host.run(["apply", "--confirm-within", "1h"]).code, 0);
    let cancel = ["confirm", "--cancel"];
    let ran = traced(&host, &cancel, SWAPPINESS, "read:error=ENOMEM:when=1");
    assert_eq!((ran.code, &*host.value("vm.swappiness")), (1, "10"), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("vm.swappiness cannot be read"), "{}", ran.err);
    let ran = host.run(cancel);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(is_as_before(&host));
}

/// Whether an apply was carried out its last file tells.
#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_one_that_was_not_replaced() {
    if !strace_injects("unread: a file of an apply that was killed") {
        return;
    }
    let host = fresh();
    host.file("run/sysctl.d/README", "");
    killed(&host, "run/tunectl/journal", "unlink");
    let ours = text(&host, DROPIN).unwrap();
    assert!(holds(&host));
    for _ in 0..2 {
        let ran = traced(&host, &["apply"], DROPIN, "read:error=EIO:when=1");
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("cannot read /etc/sysctl.d/99-tunectl.conf"), "{}", ran.err);
        assert!(holds(&host) && text(&host, DROPIN).as_ref() == Some(&ours));
        assert!(host.root.join("run/tunectl/journal").exists());
    }
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("it had carried everything out"), "{}", ran.err);
    assert!(holds(&host));
}
