//! A hundred parameters held and nothing to do: memory, wake-ups, and what a sweep costs.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use tunectl::key::Key;
use tunectl::procsys::{Kernel, ProcSys};

use super::host::{Daemon, again, at, baseline, ran};
use super::{KEY, Outcome};

const WATCHED: Duration = Duration::from_secs(60);

/// Ninety-nine parameters of this network namespace that are numbers.
fn others() -> Outcome<Vec<Key>> {
    let kernel = ProcSys::open(Path::new("/"))?;
    let number = |key: &Key| {
        let path = format!("/proc/sys/{}", key.as_path());
        let text = fs::read_to_string(&path).unwrap_or_default();
        key.as_path().starts_with("net/ipv4/")
            && !key.as_path().contains("route/")
            && text.trim().parse::<u32>().is_ok()
            && OpenOptions::new().write(true).open(path).is_ok()
    };
    Ok(kernel.list().into_iter().filter(number).take(99).collect())
}

fn hundred() -> Outcome<(Vec<String>, String)> {
    let mut paths = vec![KEY.to_owned()];
    let mut more = String::new();
    for key in others()? {
        let path = format!("/proc/sys/{}", key.as_path());
        more = format!("{more}  {key}: {}\n", fs::read_to_string(&path)?.trim());
        paths.push(path);
    }
    Ok((paths, baseline(&more)))
}

/// Memory and wake-ups, swept and watched over as the unit has it.
pub fn measure(program: &Path) -> Outcome<()> {
    let (paths, baseline) = hundred()?;
    for bpf in [true, false] {
        let daemon = Daemon::start(program, &baseline, if bpf { &[] } else { &["--no-bpf"] })?;
        // Two sweeps, after which nothing is new.
        std::thread::sleep(Duration::from_secs(25));
        let (began, woken) = daemon.ran()?;
        std::thread::sleep(WATCHED);
        let (ended, wakes) = daemon.ran()?;
        println!(
            "{}: {} parameters: {} kB proportional set size, {} descriptors; {} wake-ups in {} s \
             (sweeps every 10 s, the watchdog every 15 s); {} us of processor time in all",
            if bpf { "BPF" } else { "no BPF" },
            paths.len(),
            daemon.pss()?,
            daemon.descriptors()?,
            wakes - woken,
            WATCHED.as_secs(),
            ended.saturating_sub(began).as_micros(),
        );
    }
    Ok(())
}

/// Reads every file, once a second, until it is killed.
pub fn read(paths: &[&str]) -> Outcome<()> {
    let files: Vec<File> = paths.iter().map(File::open).collect::<Result<_, _>>()?;
    let mut buffer = [0; 4096];
    loop {
        for file in &files {
            file.read_at(&mut buffer, 0)?;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Processor time of a sweep, and of a program that only reads as many files, side by side.
pub fn sweeps(program: &Path) -> Outcome<()> {
    let (paths, baseline) = hundred()?;
    let mut arguments = vec!["reader"];
    arguments.extend(paths.iter().map(String::as_str));
    for bpf in [true, false] {
        let more: &[&str] = if bpf { &[] } else { &["--no-bpf"] };
        let daemon = Daemon::start(program, &baseline, &[&["--sweep", "1"], more].concat())?;
        let reader = again(&arguments)?;
        std::thread::sleep(Duration::from_secs(3));
        let mut rounds = Vec::new();
        for _ in 0..5 {
            let before = (daemon.ran()?.0, ran(reader.0.id())?.0);
            std::thread::sleep(Duration::from_secs(10));
            let after = (daemon.ran()?.0, ran(reader.0.id())?.0);
            let micros = |d: Duration| d.as_secs_f64() * 1e5;
            rounds.push((
                micros(after.0.saturating_sub(before.0)),
                micros(after.1.saturating_sub(before.1)),
            ));
        }
        let sorted = |f: &dyn Fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(f).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ratios = sorted(&|(sweep, bare)| sweep / bare);
        println!(
            "{}: {} parameters: {:.0} us a sweep, {:.0} us for as many preads: {:.2} times ({:.2} to {:.2})",
            if bpf { "BPF" } else { "no BPF" },
            paths.len(),
            at(&sorted(&|r| r.0), 50),
            at(&sorted(&|r| r.1), 50),
            at(&ratios, 50),
            at(&ratios, 0),
            at(&ratios, 100),
        );
    }
    Ok(())
}
