//! A daemon inside namespaces, what it tells its service manager, and what it records.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tunectl::daemon::Host;
use tunectl::plan::Plan;
use tunectl::procsys::ProcSys;

use crate::apply::planned_here;
use crate::support::{PATIENCE, run};

const EVENTS: &str = "/var/lib/tunectl/events.jsonl";

fn mount_empty(path: &str) {
    let status = Command::new("mount").args(["-t", "tmpfs", "tmpfs", path]).status().unwrap();
    assert!(status.success(), "tmpfs over {path}");
}

/// An empty /etc, /run and /var/lib, and the host's own baseline.
pub fn fresh_host(baseline: &str) {
    for path in ["/etc", "/run", "/var/lib"] {
        mount_empty(path);
    }
    for vendor in ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/lib/sysctl.d"] {
        if fs::exists(vendor).unwrap() {
            mount_empty(vendor);
        }
    }
    fs::create_dir("/etc/tunectl").unwrap();
    fs::write("/etc/tunectl/baseline.yaml", baseline).unwrap();
}

pub fn live(path: &str) -> String {
    fs::read_to_string(format!("/proc/sys/{path}")).unwrap().trim().replace('\t', " ")
}

/// Writes from this process, which is not the daemon.
pub fn write(path: &str, value: &str) {
    fs::write(format!("/proc/sys/{path}"), value).unwrap_or_else(|e| panic!("{path}: {e}"));
}

pub fn from_another_process(path: &str, value: &str) {
    let ran = run(Command::new("sysctl").args(["-qw", &format!("{path}={value}")]));
    assert!(ran.status.success(), "{ran:?}");
}

pub fn ip(args: &str) -> bool {
    Command::new("ip").args(args.split(' ')).stderr(Stdio::null()).status().unwrap().success()
}

/// How many marks the kernel keeps for a process, and how many descriptors it has.
pub fn marks_and_descriptors(pid: u32) -> (usize, usize) {
    let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let texts: Vec<String> =
        entries.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok()).collect();
    let is_mark = |line: &&str| line.starts_with("fanotify ino:") || line.contains("inotify wd:");
    (texts.iter().flat_map(|text| text.lines()).filter(is_mark).count(), texts.len())
}

/// This host, with a baseline of these parameters.
pub struct ThisHost(pub String);

impl Host for ThisHost {
    fn root(&self) -> &Path {
        Path::new("/")
    }

    fn boot_id(&self) -> &'static str {
        "5f8c"
    }

    fn plan(&mut self) -> Result<Plan, String> {
        let kernel = ProcSys::open(self.root()).map_err(|e| e.to_string())?;
        Ok(planned_here(&kernel, &self.0, self.root()))
    }
}

/// A running daemon; it is killed when this is dropped.
pub struct Watch {
    child: Child,
    manager: UnixDatagram,
    socket: String,
    /// What it had told its manager by the time it was ready.
    pub told: Vec<String>,
}

impl Watch {
    pub fn start(args: &[&str]) -> Self {
        Self::start_with(args, |_| {})
    }

    pub fn start_with(args: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let socket = format!("/run/notify-{nanos}");
        let manager = UnixDatagram::bind(&socket).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
        command.arg("watch").args(args).env("NOTIFY_SOCKET", &socket).env("NO_COLOR", "1");
        command.env_remove("JOURNAL_STREAM").stdin(Stdio::null());
        prepare(&mut command);
        let child = command.spawn().unwrap();
        let mut watch = Self { child, manager, socket, told: Vec::new() };
        loop {
            let told = watch.next().expect("it gets ready");
            watch.told.push(told.clone());
            if told.lines().any(|line| line == "READY=1") {
                return watch;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn next(&self) -> Option<String> {
        let mut buffer = [0; 4096];
        let length = self.manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    /// Waits for a message that begins so.
    pub fn hear(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(told) = self.next().filter(|told| told.starts_with(start)) {
                return told;
            }
        }
        panic!("{start} is not told");
    }

    /// What was told and not heard yet.
    pub fn heard(&self) -> Vec<String> {
        self.manager.set_nonblocking(true).unwrap();
        let heard = std::iter::from_fn(|| self.next()).collect();
        self.manager.set_nonblocking(false).unwrap();
        heard
    }

    pub fn forget(&self) {
        std::thread::sleep(Duration::from_millis(20));
        self.heard();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it by SIGTERM, and sees that it ends well.
    pub fn end(mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end within {PATIENCE:?}");
    }

    #[allow(clippy::unused_self, reason = "they are this daemon's")]
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(EVENTS).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn count(&self, wanted: impl Fn(&Value) -> bool) -> usize {
        self.events().iter().filter(|event| wanted(event)).count()
    }

    /// Waits for such an event.
    #[track_caller]
    pub fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.events().into_iter().find(|event| wanted(event)) {
                assert_eq!(event["schema"], "tunectl/event/1");
                return event;
            }
            assert!(Instant::now() < deadline, "no such event: {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.until_after(Duration::ZERO, what, holds);
    }

    /// The same, where nothing can be expected before that time is over.
    #[track_caller]
    pub fn until_after(&self, time: Duration, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + time + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "not {what}: {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until so many sweeps, a second each, must have been.
    #[allow(clippy::unused_self, reason = "they are this daemon's")]
    pub fn sweeps(&self, n: u64) {
        std::thread::sleep(Duration::from_millis(n * 1000 + 200));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}
