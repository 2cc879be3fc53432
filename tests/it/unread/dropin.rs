//! A directory of drop-ins that cannot be listed may hold ours, somebody else's, or none.

use super::{BASELINE, DROPIN, applied, holds, strace_injects, text, traced};
use crate::support::{heeding_permissions, is_root};

/// Whoever may not list it is not told that anything would be persisted: root may know better.
#[test]
fn what_this_user_cannot_list_is_not_told_as_to_be_persisted() {
    let host = applied();
    let plan = || {
        let mut command = host.command(["plan"]);
        if is_root() {
            command = heeding_permissions(&command);
        }
        host.told(command.output().unwrap())
    };
    host.mode("etc/sysctl.d", 0o311);
    let ran = plan();
    host.mode("etc/sysctl.d", 0o755);
    let told = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 0, "{told}");
    assert!(ran.out.starts_with("a: 7 with an unknown next boot of 7 parameters\n"), "{told}");
    assert!(!ran.out.contains("persist"), "{told}");
    let ran = plan();
    assert!(ran.out.starts_with("a: in sync, now and after a reboot"), "{}", ran.out);
}

/// What nobody can list is not written over, and told as that.
#[test]
fn what_cannot_be_listed_is_not_written_over() {
    if !strace_injects("unread: the directory of drop-ins") {
        return;
    }
    let host = applied();
    let theirs = "# somebody else's\nvm.swappiness = 3\n";
    host.file(DROPIN, theirs).file("etc/tunectl/baseline.yaml", &BASELINE.replace("10", "20"));
    let ran = traced(&host, &["apply"], "etc/sysctl.d", "getdents64:error=EIO");
    let why = "/etc/sysctl.d/99-tunectl.conf cannot be read: I/O error (EIO)";
    assert!(ran.code == 3 && ran.err.contains(why), "{}{}", ran.out, ran.err);
    assert!(holds(&host));
    // A boot sets the values all the same.
    let ran = traced(&host, &["apply", "--boot"], "etc/sysctl.d", "getdents64:error=EIO");
    assert!(ran.code == 1 && ran.out.contains(why), "{}{}", ran.out, ran.err);
    assert_eq!(host.value("vm.swappiness"), "20");
    assert_eq!(text(&host, DROPIN).as_deref(), Some(theirs));
}
