//! One parameter written 100,000 times a second for a minute: what that costs, and what others get.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::host::{Daemon, again, baseline, until};
use super::{KEY, Outcome};

const LASTS: Duration = Duration::from_secs(60);
const OTHER_KEY: &str = "/proc/sys/net/ipv4/tcp_fin_timeout";

/// Writes as the wind blows, and says at the end how often.
pub fn blow() -> Outcome<()> {
    let write = OpenOptions::new().write(true).open(KEY)?;
    let began = Instant::now();
    let mut count = 0_u64;
    while began.elapsed() < LASTS {
        // So many as there should have been by now.
        let due = u64::try_from(began.elapsed().as_micros())? / 10;
        while count < due {
            write.write_at(if count.is_multiple_of(2) { b"7\n" } else { b"8\n" }, 0)?;
            count += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    println!("{count}");
    Ok(())
}

pub fn measure(program: &Path) -> Outcome<()> {
    for bpf in [true, false] {
        let more: &[&str] = if bpf { &[] } else { &["--no-bpf"] };
        let daemon = Daemon::start(program, &baseline("  net.ipv4.tcp_fin_timeout: 30\n"), more)?;
        let began = Instant::now();
        let mut storm = again(&["storm"])?;
        let contested = until("contested", Duration::from_secs(10), || {
            Ok(daemon.events()?.iter().any(|e| e["action"] == "contested"))
        })?;
        std::thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
        let (before, memory) = (daemon.ran()?.0, daemon.pss()?);
        let mut longest = Duration::ZERO;
        while began.elapsed() < LASTS {
            fs::write(OTHER_KEY, "77\n")?;
            let right = || Ok(fs::read_to_string(OTHER_KEY)? == "30\n");
            longest = longest.max(until("put right", Duration::from_secs(30), right)?);
            // Fewer than would be a fight.
            std::thread::sleep(Duration::from_secs(5));
        }
        let ran = daemon.ran()?.0.saturating_sub(before);
        let share = ran.as_secs_f64() / (began.elapsed().as_secs_f64() - 1.0) * 100.0;
        let mut written = String::new();
        storm.0.stdout.take().ok_or("no output")?.read_to_string(&mut written)?;
        let written: f64 = written.trim().parse()?;
        println!(
            "{}: {:.0} writes a second; contested after {} ms; {share:.2} % of a core after the \
             first second; another parameter put right within {} us; memory {memory} kB, then {} \
             kB; {} events told",
            if bpf { "BPF" } else { "no BPF" },
            written / LASTS.as_secs_f64(),
            contested.as_millis(),
            longest.as_micros(),
            daemon.pss()?,
            daemon.events()?.len(),
        );
    }
    Ok(())
}
