//! A child of a process that the system treats apart: with nothing of that, and in a group of its
//! own, so that it can be killed with all that it has started.
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::watch::priority::{descriptors_before, usual_descriptors};

/// What the service manager gave this process is not the child's.
const NOT_INHERITED: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "JOURNAL_STREAM",
];

/// A shell with that script, which begins with as many descriptors as this process had at first:
/// set from here it would come a moment too late.
pub fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    match descriptors_before() {
        None => shell.args(["-c", script]),
        Some(most) => {
            let most = most.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
            shell.args(["-c", &format!("ulimit -S -n {most}\n{script}")])
        }
    };
    shell
}

/// Starts `command` in `/`.
///
/// # Errors
/// It cannot be started.
pub fn start_group(command: &mut Command) -> io::Result<Child> {
    command.current_dir("/").process_group(0);
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    let child = command.spawn()?;
    // Not before: what starts it may need numbers beyond that limit.
    usual_descriptors(child.id());
    // This process is spared when memory runs out; what it starts is not. Unprivileged, or already
    // gone, it is as it is.
    let _ = fs::write(format!("/proc/{}/oom_score_adj", child.id()), "0");
    Ok(child)
}

/// Kills what was started so, with all that it has started.
pub fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
