//! Times `tunectl plan` against procps's `sysctl` on the same parameters, run in turn.
//!
//! `benches/plan_vs_sysctl.sh` builds the static release binary and starts this. Arguments:
//! the tunectl to time, the baseline, the number of pairs.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement")]

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs that are not counted: they bring both programs into the page cache.
const WARM_UP: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds an option of its own.
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let default =
        concat!(env!("CARGO_MANIFEST_DIR"), "/target/x86_64-unknown-linux-musl/release/tunectl");
    let program = arguments.next().unwrap_or_else(|| default.to_owned());
    let baseline = arguments.next().unwrap_or_else(|| "rocketmq-broker".to_owned());
    let pairs: usize = arguments.next().map_or(Ok(200), |n| n.parse())?;

    let keys = readable_keys(&program, &baseline)?;
    println!("{} parameters: {}", keys.len(), keys.join(" "));
    let mut plan = Command::new(&program);
    plan.args(["plan", "-q", "-b", &baseline]);
    let mut sysctl = Command::new("sysctl");
    sysctl.args(&keys);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + pairs {
        let pair = (time(&mut plan)?, time(&mut sysctl)?);
        if round >= WARM_UP {
            ours.push(pair.0);
            theirs.push(pair.1);
        }
    }
    let mut ratios: Vec<f64> =
        ours.iter().zip(&theirs).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    ours.sort_unstable();
    theirs.sort_unstable();
    println!("{pairs} pairs, in turn, output to /dev/null; wall time in microseconds");
    println!("             median     p10     p90     min");
    for (name, sorted) in [("tunectl plan", &ours), ("sysctl", &theirs)] {
        let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100].as_micros();
        println!("{name:12} {:6}  {:6}  {:6}  {:6}", at(50), at(10), at(90), at(0));
    }
    let median = |sorted: &[Duration]| sorted[sorted.len() / 2].as_secs_f64();
    println!("ratio of the medians {:.2}", median(&ours) / median(&theirs));
    println!("median of the ratios {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// From before the process is made until it has been waited for.
fn time(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    // By cargo, for the tests' sake: a dynamic program would look for its libraries there first.
    command.env_remove("LD_LIBRARY_PATH");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let taken = start.elapsed();
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(taken)
}

/// The parameters of the plan that can be read here, actions among them: both programs read these.
fn readable_keys(program: &str, baseline: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let output =
        Command::new(program).args(["plan", "--format", "json", "-b", baseline]).output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("{program}: {e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    let parameters = plan["parameters"].as_array().into_iter().flatten();
    let readable = parameters.filter(|p| !p["live"].is_null());
    let keys: Vec<String> = readable.filter_map(|p| p["key"].as_str().map(str::to_owned)).collect();
    if keys.is_empty() {
        return Err(format!("no parameter of {baseline} can be read").into());
    }
    Ok(keys)
}
