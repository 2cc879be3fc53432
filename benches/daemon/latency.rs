//! How long a foreign value stands: from before the write to after the one that puts it right.
//!
//! A writer at SCHED_FIFO 2 changes the parameter and reads it until it is as before; watchers
//! run at SCHED_FIFO 1. The three kinds take turns, and ratios are of one turn's.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::host::{Daemon, Killed, at, baseline, busy, chrt};
use super::{KEY, OTHER, Outcome, WANTED};

const TRIALS: usize = 1_000;
const ROUNDS: usize = 7;
const KINDS: [&str; 3] = ["bare watcher", "tunectl, BPF", "tunectl, no BPF"];

pub fn measure(program: &Path) -> Outcome<()> {
    let bare = compile()?;
    println!(
        "{:<34} {:>8} {:>8} {:>8}   times the bare one's",
        "microseconds", "median", "99 %", "most"
    );
    for loops in [0, 8] {
        let running = busy(loops)?;
        let mut rounds: Vec<[Vec<u64>; 3]> = Vec::new();
        for _ in 0..ROUNDS {
            let first = {
                let _bare = start_bare(&bare)?;
                times()?
            };
            let with = |more: &[&str]| -> Outcome<Vec<u64>> {
                let arguments = [&["--contest-after", "off", "--sweep", "3600"], more].concat();
                let _daemon = Daemon::start(program, &baseline(""), &arguments)?;
                times()
            };
            rounds.push([first, with(&[])?, with(&["--no-bpf"])?]);
        }
        drop(running);
        for (kind, name) in KINDS.iter().enumerate() {
            tell(&format!("{name}, {loops} busy loops"), &rounds, kind);
        }
    }
    Ok(())
}

fn compile() -> Outcome<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/daemon/bare_watcher.c");
    let program = std::env::temp_dir().join(format!("bare_watcher-{}", std::process::id()));
    let compiled = Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(source).status()?;
    if compiled.success() { Ok(program) } else { Err("cc(1) fails".into()) }
}

fn start_bare(program: &Path) -> Outcome<Killed> {
    std::fs::write(KEY, WANTED)?;
    let mut command = Command::new(program);
    command.args([KEY, WANTED.trim()]).stdout(Stdio::piped());
    let mut started = Killed(command.spawn()?);
    let said = started.0.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line)?;
    if line == "ready\n" { Ok(started) } else { Err("the bare watcher does not start".into()) }
}

/// All rounds together, and the spread of the rounds' ratios.
fn tell(name: &str, rounds: &[[Vec<u64>; 3]], kind: usize) {
    let mut all: Vec<u64> = rounds.iter().flat_map(|round| round[kind].iter().copied()).collect();
    all.sort_unstable();
    let micros = |share| at(&all, share) as f64 / 1000.0;
    print!("{name:<34} {:>8.1} {:>8.1} {:>8.1}", micros(50), micros(99), micros(100));
    for share in [50, 99] {
        let ratio =
            |round: &[Vec<u64>; 3]| at(&round[kind], share) as f64 / at(&round[0], share) as f64;
        let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        print!("   {:.2} ({:.2} to {:.2})", at(&ratios, 50), at(&ratios, 0), at(&ratios, 100));
    }
    println!();
}

/// Changes the parameter again and again, and sees how long each time that lasts; sorted.
fn times() -> Outcome<Vec<u64>> {
    let read = File::open(KEY)?;
    let write = OpenOptions::new().write(true).open(KEY)?;
    chrt(2, std::process::id())?;
    let mut buffer = [0; 64];
    let mut times = Vec::with_capacity(TRIALS);
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
    chrt(0, std::process::id())?;
    times.sort_unstable();
    Ok(times)
}
