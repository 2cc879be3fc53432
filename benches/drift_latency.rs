//! How long a foreign value stands, and what holding costs, beside the bare mechanism: as root,
//! `cargo bench --bench drift_latency [-- PATH-OF-TUNECTL]`, in a network namespace of its own.
//!
//! A writer changes one parameter and reads it until it is as before; the time is from before the
//! write to that read. The bare mechanism is one fanotify mark, a blocking read, one pread and one
//! pwrite, in this very program. Both run at SCHED_FIFO 1, the writer above them.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use nix::unistd::{close, read};
use tunectl::key::Key;
use tunectl::procsys::ProcSys;
use tunectl::watch::priority;

type Outcome<T> = Result<T, Box<dyn Error>>;

const KEY: &str = "/proc/sys/net/core/somaxconn";
const WANTED: &str = "4321\n";
const OTHER: &str = "77\n";
const TRIALS: usize = 2_000;
const INSIDE: &str = "TUNECTL_BENCH_INSIDE";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => return bare(),
        Some("busy") => loop {
            std::hint::spin_loop();
        },
        Some("storm") => return storm(),
        _ => {}
    }
    if std::env::var_os(INSIDE).is_none() {
        let mut inside = Command::new("unshare");
        inside.arg("--net").arg(std::env::current_exe()?).args(arguments).env(INSIDE, "1");
        return if inside.status()?.success() { Ok(()) } else { Err("it failed inside".into()) };
    }
    let default = "target/x86_64-unknown-linux-musl/release/tunectl".to_owned();
    let tunectl = fs::canonicalize(arguments.into_iter().next().unwrap_or(default))?;
    println!("{:<34} {:>8} {:>8} {:>8}", "microseconds", "median", "99 %", "most");
    for busy in [0, 8] {
        let loops: Vec<Killed> = (0..busy).map(|_| again(&["busy"])).collect::<Outcome<_>>()?;
        for round in 0..3 {
            {
                let _bare = again(&["bare"])?;
                std::thread::sleep(Duration::from_millis(200));
                row(&format!("bare, {busy} busy loops, round {round}"), &mut latencies()?);
            }
            for bpf in [true, false] {
                let _daemon = Daemon::start(&tunectl, &one(), bpf, "3600")?;
                let with = if bpf { "with BPF" } else { "without" };
                row(&format!("tunectl {with}, {busy} busy, round {round}"), &mut latencies()?);
            }
        }
        drop(loops);
    }
    sweeps(&tunectl)?;
    storms(&tunectl)
}

/// A child that does not outlive what is measured.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn again(arguments: &[&str]) -> Outcome<Killed> {
    let program = std::env::current_exe()?;
    Ok(Killed(Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?))
}

fn row(what: &str, times: &mut [u64]) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100] as f64 / 1000.0;
    println!("{what:<34} {:>8.1} {:>8.1} {:>8.1}", at(50), at(99), at(100));
}

/// The bare mechanism.
fn bare() -> Outcome<()> {
    let key = File::open(KEY)?;
    let write = OpenOptions::new().write(true).open(KEY)?;
    let flags = InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_CLOEXEC;
    let group = Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC)?;
    let path: Option<&Path> = None;
    group.mark(MarkFlags::FAN_MARK_ADD, MaskFlags::FAN_MODIFY, &key, path)?;
    priority::lock_memory()?;
    priority::real_time(true)?;
    let own = i32::try_from(std::process::id())?;
    let (mut buffer, mut events) = ([0; 64], [0; 4096]);
    loop {
        let length = read(group.as_fd(), &mut events)?;
        let mut foreign = false;
        // `struct fanotify_event_metadata` has 24 bytes, the descriptor and the process last.
        for event in events[..length].chunks_exact(24) {
            let number = |at: usize| event[at..at + 4].try_into().map(i32::from_ne_bytes);
            close(number(16)?)?;
            foreign |= number(20)? != own;
        }
        if !foreign {
            continue;
        }
        let length = key.read_at(&mut buffer, 0)?;
        if buffer[..length] != *WANTED.as_bytes() {
            write.write_at(WANTED.as_bytes(), 0)?;
        }
    }
}

/// Changes the parameter again and again, and sees how long each time that lasts.
fn latencies() -> Outcome<Vec<u64>> {
    let read = File::open(KEY)?;
    let write = OpenOptions::new().write(true).open(KEY)?;
    chrt("2", std::process::id())?;
    let mut buffer = [0; 64];
    let mut times = Vec::with_capacity(TRIALS);
    write.write_at(WANTED.as_bytes(), 0)?;
    for trial in 0..TRIALS {
        std::thread::sleep(Duration::from_micros(2_000 + (trial as u64 * 7919) % 1_000));
        let began = Instant::now();
        write.write_at(OTHER.as_bytes(), 0)?;
        loop {
            let length = read.read_at(&mut buffer, 0)?;
            if buffer[..length] == *WANTED.as_bytes() {
                break;
            }
            if began.elapsed() > Duration::from_secs(2) {
                return Err("nobody puts it right".into());
            }
        }
        times.push(u64::try_from(began.elapsed().as_nanos())?);
    }
    chrt("0", std::process::id())?;
    Ok(times)
}

/// Schedules a process before all ordinary ones, or like one.
fn chrt(priority: &str, pid: u32) -> Outcome<()> {
    let class = if priority == "0" { "--other" } else { "--fifo" };
    let pid = pid.to_string();
    let done = Command::new("chrt").args([class, "--pid", priority, &pid]).status()?.success();
    if done { Ok(()) } else { Err("chrt(1) fails".into()) }
}

/// `tunectl watch` in a mount namespace of its own, as under its unit.
struct Daemon(Killed);

fn one() -> String {
    "name: bench\nparameters:\n  net.core.somaxconn: 4321\n".to_owned()
}

impl Daemon {
    fn start(tunectl: &Path, baseline: &str, bpf: bool, sweep: &str) -> Outcome<Self> {
        Self::start_with(tunectl, baseline, bpf, sweep, "off")
    }

    fn start_with(
        tunectl: &Path,
        baseline: &str,
        bpf: bool,
        sweep: &str,
        contest: &str,
    ) -> Outcome<Self> {
        let script = format!(
            "for at in /etc /run /var/lib /usr/lib/sysctl.d /lib/sysctl.d /usr/local/lib/sysctl.d
             do [ -d $at ] && mount -t tmpfs tmpfs $at; done
             mkdir /etc/tunectl && printf '%s' \"$BASELINE\" >/etc/tunectl/baseline.yaml
             exec {} watch --quiet --contest-after {contest} --sweep {sweep} {}",
            tunectl.display(),
            if bpf { "" } else { "--no-bpf" },
        );
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .env("BASELINE", baseline)
            .stderr(Stdio::null())
            .spawn()?;
        let daemon = Self(Killed(child));
        fs::write(KEY, "9\n")?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while fs::read_to_string(KEY)? != WANTED {
            if Instant::now() > deadline {
                return Err("the daemon does not start".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(700));
        Ok(daemon)
    }

    /// The time that it has run, in nanoseconds, and how often it was woken.
    fn ran(&self) -> Outcome<(u64, u64)> {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.0.0.id()))?;
        let mut fields = stat.split_whitespace().map(str::parse::<u64>);
        let ran = fields.next().ok_or("schedstat")??;
        Ok((ran, fields.nth(1).ok_or("schedstat")??))
    }

    fn memory(&self) -> Outcome<String> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.0.id()))?;
        Ok(rollup.lines().filter(|l| l.starts_with("Pss:") || l.starts_with("Rss:")).collect())
    }
}

/// A hundred parameters of this network namespace that are numbers.
fn hundred() -> Outcome<Vec<Key>> {
    let kernel = ProcSys::open(Path::new("/"))?;
    let keys = tunectl::procsys::Kernel::list(&kernel);
    let number = |key: &Key| {
        let path = format!("/proc/sys/{}", key.as_path());
        let text = fs::read_to_string(&path).unwrap_or_default();
        key.as_path().starts_with("net/ipv4/")
            && !key.as_path().contains("route/")
            && text.trim().parse::<u32>().is_ok()
            && OpenOptions::new().write(true).open(path).is_ok()
    };
    Ok(keys.into_iter().filter(number).take(99).collect())
}

/// What a sweep costs beside as many preads, and what a daemon that has nothing to do takes.
fn sweeps(tunectl: &Path) -> Outcome<()> {
    let keys = hundred()?;
    let mut baseline = one();
    let mut files = vec![File::open(KEY)?];
    for key in &keys {
        let path = format!("/proc/sys/{}", key.as_path());
        baseline = format!("{baseline}  {key}: {}\n", fs::read_to_string(&path)?.trim());
        files.push(File::open(path)?);
    }
    for bpf in [true, false] {
        let daemon = Daemon::start(tunectl, &baseline, bpf, "1")?;
        std::thread::sleep(Duration::from_secs(2));
        let (began, woken) = daemon.ran()?;
        std::thread::sleep(Duration::from_secs(20));
        let (ended, ends) = daemon.ran()?;
        let sweep = (ended - began) as f64 / 20_000.0;
        let with = if bpf { "with BPF" } else { "without BPF" };
        println!(
            "sweep of {} parameters {with}: {sweep:.1} us in all; wake-ups {} in 20 s; {}",
            files.len(),
            ends - woken,
            daemon.memory()?
        );
    }
    let mut rounds: Vec<u64> = Vec::new();
    let mut buffer = [0; 4096];
    for _ in 0..20 {
        std::thread::sleep(Duration::from_secs(1) / 4);
        let began = Instant::now();
        for file in &files {
            file.read_at(&mut buffer, 0)?;
        }
        rounds.push(u64::try_from(began.elapsed().as_nanos())?);
    }
    row(&format!("{} preads, after a pause", files.len()), &mut rounds);
    Ok(())
}

/// One parameter written some 100,000 times a second.
fn storm() -> Outcome<()> {
    let write = OpenOptions::new().write(true).open(KEY)?;
    loop {
        let began = Instant::now();
        for n in 0..100 {
            write.write_at(if n % 2 == 0 { b"7\n" } else { b"8\n" }, 0)?;
        }
        std::thread::sleep(Duration::from_millis(1).saturating_sub(began.elapsed()));
    }
}

fn storms(tunectl: &Path) -> Outcome<()> {
    for bpf in [true, false] {
        let daemon = Daemon::start_with(tunectl, &one(), bpf, "10", "20/60s")?;
        let before = daemon.memory()?;
        let _storm = again(&["storm"])?;
        std::thread::sleep(Duration::from_secs(1));
        let (began, _) = daemon.ran()?;
        std::thread::sleep(Duration::from_secs(20));
        let (ended, _) = daemon.ran()?;
        let with = if bpf { "with BPF" } else { "without BPF" };
        println!(
            "storm on one parameter {with}: {:.2} % of a core after the first second; before: {before}; \
             after: {}",
            (ended - began) as f64 / 20e9 * 100.0,
            daemon.memory()?
        );
    }
    Ok(())
}
