//! How many of a thousand `sysctl -qw` are named, each of which is gone within a millisecond.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::host::{Daemon, baseline, busy, until};
use super::{KEY, Outcome, WANTED};

const WRITERS: u32 = 1_000;

pub fn measure(program: &Path) -> Outcome<()> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::")).ok_or("no cgroup v2")?;
    println!(
        "{:<26} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8}",
        "of a hundred writers", "told", "pid", "comm", "uid", "cgroup", "all four", "command"
    );
    for loops in [0, 8] {
        let running = busy(loops)?;
        for bpf in [true, false] {
            let more: &[&str] = if bpf { &[] } else { &["--no-bpf"] };
            let arguments = [&["--contest-after", "off"], more].concat();
            let daemon = Daemon::start(program, &baseline(""), &arguments)?;
            let mut pids = BTreeMap::new();
            for value in 1..=WRITERS {
                let assignment = format!("net.core.somaxconn={value}");
                let mut writer = Command::new("sysctl").args(["-qw", &assignment]).spawn()?;
                pids.insert(value.to_string(), writer.id());
                writer.wait()?;
                let right = || Ok(fs::read_to_string(KEY)? == WANTED);
                until("put right", Duration::from_secs(20), right)?;
            }
            std::thread::sleep(Duration::from_secs(1));
            tell(
                &format!("{}, {loops} busy loops", if bpf { "BPF" } else { "no BPF" }),
                &daemon,
                &pids,
                own,
            )?;
        }
        drop(running);
    }
    Ok(())
}

fn tell(name: &str, daemon: &Daemon, pids: &BTreeMap<String, u32>, own: &str) -> Outcome<()> {
    let mut counts = [0_u32; 7];
    for event in daemon.events()?.iter().filter(|e| e["action"] == "restored") {
        let Some((value, pid)) = event["to"].as_str().and_then(|v| pids.get_key_value(v)) else {
            continue;
        };
        let writer = &event["writer"];
        let command = writer["cmdline"].as_str().unwrap_or_default();
        let four = [
            writer["pid"] == *pid,
            writer["comm"] == "sysctl",
            writer["uid"] == 0,
            writer["cgroup"] == own,
        ];
        // procps divides its argument where the equals sign was.
        let commanded =
            command.starts_with("sysctl -qw net.core.somaxconn") && command.ends_with(value);
        let all = [&[true][..], &four, &[four.iter().all(|is| *is), commanded]].concat();
        for (count, is) in counts.iter_mut().zip(all) {
            *count += u32::from(is);
        }
    }
    print!("{name:<26}");
    for (count, width) in counts.iter().zip([6, 6, 6, 6, 6, 8, 8]) {
        print!(" {:>width$.1}", f64::from(*count) * 100.0 / f64::from(WRITERS));
    }
    println!();
    Ok(())
}
