//! The keeper of a trial: started so that it outlives whoever starts it, and detached from that.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::watch::service::Service;

/// The command that keeps a trial.
pub const KEEP: &str = "keep-trial";
/// What a keeper says on its standard output once it keeps.
const READY: &str = "ready";
/// In the way of a transient unit's name, which is to be this trial's alone.
const UNIT: &str = "tunectl-trial";

/// What holds the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A transient unit of systemd's: it survives the end of the session and whatever that kills.
    Unit,
    /// Nothing but itself, in a session of its own.
    Itself,
}

/// Why no keeper was started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(String);

/// Starts a keeper for the trial below `root`, and waits until it keeps.
///
/// Where systemd runs this host, as a transient unit: a session that ends may take all its
/// processes along, whatever their own session.
///
/// # Errors
/// None could be started, or it did not come so far.
pub fn start(root: &Path) -> Result<Held, NotStarted> {
    if root == Path::new("/") && is_managed() {
        match by_systemd(root) {
            Ok(()) => return Ok(Held::Unit),
            Err(why) => log::warn!(
                "the keeper is no unit of systemd's ({why}): the end of this session may kill it; \
                 the next command then puts everything back"
            ),
        }
    }
    by_itself(root).map(|()| Held::Itself)
}

/// Whether systemd runs this host, and what it starts sees the same parameters as this process.
fn is_managed() -> bool {
    let same = |kind: &str| {
        let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/{kind}"));
        matches!((of("1"), of("self")), (Ok(one), Ok(own)) if one == own)
    };
    fs::exists("/run/systemd/system").unwrap_or(false)
        && ["mnt", "net", "ipc", "uts", "pid", "user"].into_iter().all(same)
}

fn by_systemd(root: &Path) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let unit = format!("--unit={UNIT}-{}", std::process::id());
    let output = Command::new("systemd-run")
        .args(["--quiet", "--collect", "--service-type=notify", &unit])
        .arg("--description=Keep a Trial of Kernel Parameters")
        .args(["-p", "NotifyAccess=main", "-p", "TimeoutStartSec=20", "-p", "TimeoutStopSec=60"])
        .args(["-p", "KillMode=mixed", "-p", "OOMScoreAdjust=-1000", "-p", "LimitMEMLOCK=infinity"])
        .arg("--")
        .arg(program)
        .arg("--root")
        .arg(root)
        .arg(KEEP)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("systemd-run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(format!("systemd-run: {}: {said}", output.status))
}

fn by_itself(root: &Path) -> Result<(), NotStarted> {
    let failed = |why: &dyn std::fmt::Display| NotStarted(why.to_string());
    let root = std::path::absolute(root).map_err(|error| failed(&error))?;
    // One that was replaced meanwhile is still found so.
    let program = std::env::current_exe().ok().filter(|path| path.exists());
    let mut child = Command::new(program.unwrap_or_else(|| "/proc/self/exe".into()))
        .arg("--root")
        .arg(root)
        .arg(KEEP)
        // Whoever is told by that socket has not started the keeper, and this process waits for its word.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("WATCHDOG_PID")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut line = String::new();
    let said = child.stdout.take().map(BufReader::new);
    let read = said.map_or(Ok(0), |mut said| said.read_line(&mut line));
    if read.is_ok() && line.trim_end() == READY {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(failed(&format_args!("it ended with {status}")));
        }
        // It is nobody's child once this process has ended.
        return Ok(());
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(failed(&format_args!("it ended with {}: {said}", output.status)))
}

/// Detaches this process, which keeps a trial: a session of its own, spared when memory runs out
/// where that is permitted, its streams closed once whoever started it has been told.
///
/// # Errors
/// Whoever started it cannot be told: they were not. Whatever fails once they are is forgiven.
pub fn detach() -> io::Result<()> {
    // A unit's process has a session of its own already.
    let _ = nix::unistd::setsid();
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    let service = Service::from_environment();
    if service.is_managed() {
        return service.say("READY=1");
    }
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    // Standard output itself would keep what it could not write, and say it at the end.
    let word = format!("{READY}\n");
    if nix::unistd::write(io::stdout(), word.as_bytes())? < word.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let _ = nix::unistd::dup2_stdout(&null);
    let _ = nix::unistd::dup2_stderr(&null);
    Ok(())
}
