//! What holding costs and how fast it is, beside the bare mechanism: as root,
//! `cargo bench --bench daemon [-- --program PATH] [FIGURE…]`, in a network namespace of its own.
//!
//! Figures: `latency`, `writers`, `storm`, `idle`, `sweep`, `drifts`; without any, all of them. The
//! program is the musl build. What is compared is measured in turn, in the same run.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

mod drifts;
mod host;
mod idle;
mod latency;
mod storm;
mod writers;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The parameter that is fought over, what it is to read, and anything else.
const KEY: &str = "/proc/sys/net/core/somaxconn";
const WANTED: &str = "4321\n";
const OTHER: &str = "77\n";
const INSIDE: &str = "TUNECTL_BENCH_INSIDE";
const PROGRAM: &str = "target/x86_64-unknown-linux-musl/release/tunectl";

/// A figure's name, and what measures it.
type Figure = (&'static str, fn(&Path) -> Outcome<()>);

const FIGURES: [Figure; 6] = [
    ("latency", latency::measure),
    ("writers", writers::measure),
    ("storm", storm::measure),
    ("idle", idle::measure),
    ("sweep", idle::sweeps),
    ("drifts", drifts::measure),
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--as", "busy"] => loop {
            std::hint::spin_loop();
        },
        ["--as", "storm"] => return storm::blow(),
        ["--as", "reader", ref keys @ ..] => return idle::read(keys),
        _ => {}
    }
    if std::env::var_os(INSIDE).is_none() {
        let mut inside = Command::new("unshare");
        inside.arg("--net").arg(std::env::current_exe()?).args(arguments).env(INSIDE, "1");
        return if inside.status()?.success() { Ok(()) } else { Err("it failed inside".into()) };
    }
    let mut program = PathBuf::from(PROGRAM);
    let mut asked = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--program" => program = arguments.next().ok_or("--program PATH")?.into(),
            name if FIGURES.iter().any(|(figure, _)| *figure == name) => asked.push(argument),
            _ => return Err(format!("no such figure: {argument}").into()),
        }
    }
    let program = fs::canonicalize(&program)
        .map_err(|error| format!("{}: {error}: build it first", program.display()))?;
    let load = fs::read_to_string("/proc/loadavg")?;
    println!("{}; load average before: {load}", program.display());
    for (name, measure) in FIGURES {
        if asked.is_empty() || asked.iter().any(|a| a == name) {
            println!("== {name}");
            measure(&program)?;
        }
    }
    Ok(())
}
