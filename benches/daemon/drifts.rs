//! A million drifts: none is missed, and nothing grows.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::host::{Daemon, baseline};
use super::{KEY, Outcome, WANTED};

const DRIFTS: u64 = 1_000_000;
/// The log of events has been rotated by then, and all buffers are as long as they get.
const FIRST: u64 = 100_000;

pub fn measure(program: &Path) -> Outcome<()> {
    let arguments = ["--contest-after", "off", "--sweep", "1"];
    let daemon = Daemon::start(program, &baseline(""), &arguments)?;
    let before = daemon.corrections()?;
    let began = Instant::now();
    change(FIRST)?;
    let (memory, descriptors) = (daemon.pss()?, daemon.descriptors()?);
    change(DRIFTS - FIRST)?;
    let took = began.elapsed();
    let (then, open) = (daemon.pss()?, daemon.descriptors()?);
    // It says how many once it has swept.
    std::thread::sleep(Duration::from_millis(2_500));
    let corrections = daemon.corrections()? - before;
    println!(
        "{DRIFTS} drifts, each put right before the next, in {} s: {corrections} corrections told; \
         memory {memory} kB after {FIRST} of them, {then} kB after all; descriptors {descriptors}, \
         then {open}",
        took.as_secs()
    );
    Ok(())
}

/// Changes the parameter so often, and waits each time until it is put right.
fn change(times: u64) -> Outcome<()> {
    let read = File::open(KEY)?;
    let write = OpenOptions::new().write(true).open(KEY)?;
    let mut buffer = [0; 64];
    for n in 0..times {
        write.write_at(if n.is_multiple_of(2) { b"7\n" } else { b"8\n" }, 0)?;
        let began = Instant::now();
        loop {
            let length = read.read_at(&mut buffer, 0)?;
            if buffer[..length] == *WANTED.as_bytes() {
                break;
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err("a drift is missed".into());
            }
        }
    }
    Ok(())
}
