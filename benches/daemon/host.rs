//! What is measured: a daemon in a mount namespace of its own, and processes beside it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Outcome;

/// A child that does not outlive what is measured.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This very program in another part.
pub fn again(arguments: &[&str]) -> Outcome<Killed> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.arg("--as").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(Killed(command.spawn()?))
}

/// As many processes that do nothing but run.
pub fn busy(loops: usize) -> Outcome<Vec<Killed>> {
    (0..loops).map(|_| again(&["busy"])).collect()
}

/// A baseline with the one parameter, and further lines.
pub fn baseline(more: &str) -> String {
    format!("name: bench\nparameters:\n  net.core.somaxconn: 4321\n{more}")
}

/// `tunectl watch` in a mount namespace of its own, as under its unit.
pub struct Daemon {
    process: Killed,
    manager: UnixDatagram,
    socket: PathBuf,
}

impl Daemon {
    /// Starts it, and waits until it says that it is ready.
    pub fn start(program: &Path, baseline: &str, arguments: &[&str]) -> Outcome<Self> {
        let socket = std::env::temp_dir().join(format!("tunectl-bench-{}", std::process::id()));
        let _ = fs::remove_file(&socket);
        let manager = UnixDatagram::bind(&socket)?;
        manager.set_read_timeout(Some(Duration::from_secs(30)))?;
        let script =
            "for at in /etc /run /var/lib /usr/lib/sysctl.d /lib/sysctl.d /usr/local/lib/sysctl.d
             do [ -d $at ] && mount -t tmpfs tmpfs $at; done
             mkdir /etc/tunectl && printf '%s' \"$BASELINE\" >/etc/tunectl/baseline.yaml
             exec \"$0\" watch --quiet \"$@\"";
        let process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .arg(program)
            .args(arguments)
            .env("BASELINE", baseline)
            .env("NOTIFY_SOCKET", &socket)
            // As in the unit.
            .env("WATCHDOG_USEC", "30000000")
            .stderr(Stdio::null())
            .spawn()?;
        let daemon = Self { process: Killed(process), manager, socket };
        while !daemon.next().ok_or("the daemon does not start")?.contains("READY=1") {}
        // The plan's code is let go, a first correction comes.
        std::thread::sleep(Duration::from_millis(500));
        Ok(daemon)
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    fn next(&self) -> Option<String> {
        let mut buffer = [0; 4096];
        let length = self.manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// How many corrections it says that it has made, as of its last sweep.
    pub fn corrections(&self) -> Outcome<u64> {
        let path = format!("/proc/{}/root/run/tunectl/watch.json", self.pid());
        let watch: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
        Ok(watch["corrections"].as_u64().ok_or("it says nothing")?)
    }

    /// The lines of its log.
    pub fn events(&self) -> Outcome<Vec<serde_json::Value>> {
        let path = format!("/proc/{}/root/var/lib/tunectl/events.jsonl", self.pid());
        let text = fs::read_to_string(path).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        Ok(whole.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// How long it has run, and how often it has gone to sleep.
    pub fn ran(&self) -> Outcome<(Duration, u64)> {
        ran(self.pid())
    }

    /// Its proportional set size, in kB.
    pub fn pss(&self) -> Outcome<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid()))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        Ok(line.and_then(|l| l.split_whitespace().next()).ok_or("no Pss")?.parse()?)
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> Outcome<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

/// How long a process has run, and how often it has gone to sleep.
pub fn ran(pid: u32) -> Outcome<(Duration, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let ran = stat.split_whitespace().next().ok_or("schedstat")?.parse()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let slept = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok((Duration::from_nanos(ran), slept.ok_or("status")?.trim().parse()?))
}

/// Schedules a process before all ordinary ones, or like one.
pub fn chrt(priority: u32, pid: u32) -> Outcome<()> {
    let class = if priority == 0 { "--other" } else { "--fifo" };
    let (priority, pid) = (priority.to_string(), pid.to_string());
    let done = Command::new("chrt").args([class, "--pid", &priority, &pid]).status()?.success();
    if done { Ok(()) } else { Err("chrt(1) fails".into()) }
}

/// Waits until something holds.
pub fn until(
    what: &str,
    patience: Duration,
    mut holds: impl FnMut() -> Outcome<bool>,
) -> Outcome<Duration> {
    let began = Instant::now();
    while !holds()? {
        if began.elapsed() > patience {
            return Err(format!("not {what} within {} s", patience.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(began.elapsed())
}

/// The `share` in a hundred of sorted numbers.
pub fn at<T: Copy>(sorted: &[T], share: usize) -> T {
    sorted[(sorted.len() - 1) * share / 100]
}
