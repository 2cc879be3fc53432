//! A keeper to which something fails puts the trial back all the same.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::operator::Host;
use crate::support::until;

use super::{fresh, strace_injects, text};

/// strace on the keeper of the trial, which refuses what `options` say; it waits until that is so.
fn attached(host: &Host, options: &[&str]) -> Child {
    let mut pid = String::new();
    until("a keeper", || {
        let text = text(host, "run/tunectl/keeper").unwrap_or_default();
        text.trim().clone_into(&mut pid);
        pid.starts_with("pid ")
    });
    let pid = pid.trim_start_matches("pid ");
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "-p", pid]).args(options);
    let child = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{pid}/status");
    until("it is traced", || {
        let status = fs::read_to_string(Path::new(&status)).unwrap_or_default();
        status.lines().any(|l| l.starts_with("TracerPid:") && !l.ends_with("\t0"))
    });
    child
}

fn is_put_back(host: &Host) -> bool {
    let state = text(host, "run/tunectl/trial.json").unwrap_or_default();
    state.contains("\"put_back\"") && host.value("vm.swappiness") == "60"
}

#[test]
fn whatever_fails_to_a_keeper_the_trial_is_put_back() {
    if !strace_injects("unread: by a keeper") {
        return;
    }
    let journal = |host: &Host| host.root.join("run/tunectl").display().to_string();
    let value = |host: &Host| host.root.join("proc/sys/vm/swappiness").display().to_string();
    for (name, file, inject) in [
        // The journal that tells whether it was kept.
        ("journal", &journal as &dyn Fn(&Host) -> String, "inject=newfstatat:error=EIO:when=1..2"),
        // What it puts back.
        ("value", &value, "inject=read:error=EIO:when=1"),
    ] {
        let host = fresh();
        assert_eq!(host.run(["apply", "--confirm-within", "4s"]).code, 0, "{name}");
        let mut strace = attached(&host, &["-P", &file(&host), "-e", inject]);
        until("put back", || is_put_back(&host));
        let _ = strace.wait();
    }
    // It cannot even wait.
    let host = fresh();
    assert_eq!(host.run(["apply", "--confirm-within", "1h"]).code, 0);
    let mut strace = attached(&host, &["-e", "inject=epoll_wait,epoll_pwait:error=ENOMEM"]);
    until("put back long before its time", || is_put_back(&host));
    let _ = strace.wait();
    assert!(text(&host, "run/tunectl/trial.json").unwrap().contains("its keeper failed"));
}
