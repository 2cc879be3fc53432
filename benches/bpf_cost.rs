//! What the BPF program costs those who read and write parameters, in a network namespace and a
//! cgroup of its own: `cargo bench --bench bpf_cost` as root.
//!
//! A child in the cgroup reads or writes one parameter (with the value that it has) over and
//! over by a descriptor that it holds, with nothing attached and with each kind of program, in
//! turn. Argument: the number of rounds.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a measurement"
)]

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tunectl::key::Key;
use tunectl::watch::bpf::{Admitted, Bpf, Options, Wake, Wanted};

const PATH: &str = "net/ipv4/tcp_fin_timeout";
const INSIDE: &str = "TUNECTL_BENCH_INSIDE";
const OPERATIONS: u32 = 10_000;

/// What is done, and under which program.
const CASES: [(&str, &str, Attached); 9] = [
    ("read, nothing attached", "read", Attached::Nothing),
    ("read, attached", "read", Attached::Unwanted),
    ("write, nothing attached", "write", Attached::Nothing),
    ("write, attached, not wanted", "write", Attached::Unwanted),
    ("write, wanted", "write", Attached::Wanted(Wake::Always)),
    ("write, wanted, host mounts silent", "write", Attached::Wanted(Wake::OutsideOf(0))),
    ("write, wanted, ring full", "write", Attached::Full),
    ("write, prevented, admitted", "write", Attached::Prevented(60)),
    ("write, prevented, refused", "write", Attached::Prevented(61)),
];

#[derive(Clone, Copy)]
enum Attached {
    Nothing,
    Unwanted,
    Wanted(Wake),
    Full,
    Prevented(i128),
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [cgroup, what] = &arguments[..] {
        return child(Path::new(cgroup), what);
    }
    let program = std::env::current_exe()?;
    if std::env::var_os(INSIDE).is_none() {
        let mut inside = Command::new("unshare");
        inside.arg("--net").arg(program).args(arguments).env(INSIDE, "1");
        return if inside.status()?.success() { Ok(()) } else { Err("it failed inside".into()) };
    }
    let rounds: usize = arguments.first().map_or(Ok(21), |n| n.parse())?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let root = mounts.lines().find(|l| l.split(' ').nth(2) == Some("cgroup2"));
    let root = root.and_then(|l| l.split(' ').nth(1)).ok_or("no cgroup v2 is mounted")?;
    let cgroup = PathBuf::from(root).join(format!("tunectl-cost-{}", std::process::id()));
    fs::create_dir(&cgroup)?;
    let measured = measure(&program, &cgroup, rounds);
    std::thread::sleep(std::time::Duration::from_millis(100));
    fs::remove_dir(&cgroup)?;
    measured
}

fn measure(program: &Path, cgroup: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut times = vec![Vec::new(); CASES.len()];
    for _ in 0..rounds {
        for ((_, what, attached), times) in CASES.iter().zip(&mut times) {
            let bpf = attach(cgroup, *attached)?;
            let output = Command::new(program).arg(cgroup).arg(what).output()?;
            let text = String::from_utf8(output.stdout)?;
            times.push(text.trim().parse::<f64>()?);
            drop(bpf);
        }
    }
    println!("{rounds} rounds of {OPERATIONS} system calls each, in turn; nanoseconds for one");
    println!("{:36} median     p10     p90", "");
    for ((name, ..), mut times) in CASES.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{name:36} {:6.0}  {:6.0}  {:6.0}", at(50), at(10), at(90));
    }
    Ok(())
}

fn attach(cgroup: &Path, attached: Attached) -> Result<Option<Bpf>, Box<dyn Error>> {
    let key = Key::from_path(PATH)?;
    let other = Key::from_path("net/ipv4/tcp_keepalive_time")?;
    let mut options =
        Options { cgroup: Some(cgroup.to_owned()), ring_bytes: 16 << 20, ..Options::default() };
    let (keys, prevent) = match attached {
        Attached::Nothing => return Ok(None),
        Attached::Unwanted => (vec![other], Vec::new()),
        Attached::Wanted(Wake::OutsideOf(_)) => {
            options.wake = Wake::unless_fanotify_does();
            (vec![key], Vec::new())
        }
        Attached::Wanted(wake) => {
            options.wake = wake;
            (vec![key], Vec::new())
        }
        Attached::Full => {
            options.ring_bytes = 4096;
            (vec![key], Vec::new())
        }
        Attached::Prevented(value) => (Vec::new(), vec![(key, Admitted::Between(value, value))]),
    };
    Ok(Some(Bpf::attach_with(&Wanted { keys: &keys, prevent: &prevent }, &options)?))
}

/// Prints how long one call took.
fn child(cgroup: &Path, what: &str) -> Result<(), Box<dyn Error>> {
    fs::write(cgroup.join("cgroup.procs"), "0")?;
    let file = File::options().read(true).write(true).open(format!("/proc/sys/{PATH}"))?;
    let mut buffer = [0; 64];
    let start = Instant::now();
    for _ in 0..OPERATIONS {
        // A write may be refused on purpose.
        let _ =
            if what == "read" { file.read_at(&mut buffer, 0) } else { file.write_at(b"60\n", 0) };
    }
    let taken = start.elapsed();
    println!("{}", taken.as_secs_f64() * 1e9 / f64::from(OPERATIONS));
    Ok(())
}
