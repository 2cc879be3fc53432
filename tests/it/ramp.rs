//! A large raise of the reserve of memory: in steps, and back to before where memory gets short.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tunectl::apply::{Options, When, apply};
use tunectl::plan::{StepResult, Stopped, Strained, check};

use crate::apply::planned_here;
use crate::operator::{Host, Ran};
use crate::scripted::ScriptedKernel;

const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";

fn meminfo(free: u64, available: u64) -> String {
    format!(
        "MemTotal:        1048576 kB\nMemFree:  {free} kB\nMemAvailable:  {available} kB\n\
         Hugepagesize:       2048 kB\n"
    )
}

/// A host of 1 GiB that is to reserve 60000 kB, more than 5 % of its RAM above
/// what it does: six steps.
fn host() -> Host {
    let host = Host::usual();
    host.file("proc/meminfo", &meminfo(300_000, 500_000));
    fs::remove_dir_all(host.root.join("sys/devices/system/node")).unwrap();
    host.live("vm.min_free_kbytes = 4000\n");
    host.file(
        "etc/tunectl/baseline.yaml",
        "name: r\nparameters:\n  vm.max_map_count: 655360\n  vm.swappiness: 10\n  \
         vm.min_free_kbytes: { value: 60000, reason: so, \
         allow: [min-free-above-5-percent, takes-memory] }\n",
    );
    host
}

fn reserve(host: &Host) -> u64 {
    host.value("vm.min_free_kbytes").parse().unwrap()
}

fn is_as_before(host: &Host) -> bool {
    reserve(host) == 4000
        && host.value("vm.max_map_count") == "65530"
        && host.value("vm.swappiness") == "60"
        && !host.root.join(DROPIN).exists()
        && !host.root.join("run/tunectl/journal").exists()
}

/// Does something to the host once its reserve has risen above 20000 kB.
struct Meanwhile {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Meanwhile {
    fn file(host: &Host, path: &str, text: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let reserve = host.root.join("proc/sys/vm/min_free_kbytes");
        let (file, text) = (host.root.join(path), text.to_owned());
        let ended = over.clone();
        let thread = std::thread::spawn(move || {
            let risen = |path: &PathBuf| {
                let text = fs::read_to_string(path).unwrap_or_default();
                text.trim().parse::<u64>().is_ok_and(|kb| kb > 20_000)
            };
            while !risen(&reserve) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            let new = file.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(&new, &file).unwrap();
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn it_rises_in_steps_that_the_plan_shows() {
    let host = host();
    let ran = host.run(["plan"]);
    assert!(ran.out.contains("raised in 6 steps of 9333 kB, memory being watched"), "{}", ran.out);
    let ran = host.run(["plan", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let steps: Vec<String> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["key"] == "vm.min_free_kbytes")
        .map(|s| {
            format!("{}>{}", s["expect"].as_str().unwrap(), s["bytes"].as_str().unwrap().trim())
        })
        .collect();
    let shown =
        ["4000>13333", "13333>22666", "22666>31999", "31999>41332", "41332>50665", "50665>60000"];
    assert_eq!(steps, shown);
    let ran = host.run(["plan", "--out", "reviewed.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = host.run(["apply", "reviewed.json", "-vv"]);
    assert_eq!((ran.code, reserve(&host)), (0, 60_000), "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("r: 3 written, persisted to"), "{}", ran.out);
    assert!(ran.out.contains("vm.min_free_kbytes  4000 -> 60000 in 6 steps\n"), "{}", ran.out);
    assert_eq!(ran.err.matches("writing vm.min_free_kbytes").count(), 6, "{}", ran.err);
    let told = "vm.min_free_kbytes: step 1 of 6, 13333 of 60000 kB; 300000 kB free";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn at_boot_it_is_one_write() {
    let host = host();
    let ran = host.run(["apply", "--boot", "-vv"]);
    assert_eq!((ran.code, reserve(&host)), (0, 60_000), "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.matches("writing vm.min_free_kbytes").count(), 1, "{}", ran.err);
}

fn stops(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.out.contains(word), "{word:?} is not in\n{}", ran.out);
    }
}

#[test]
fn where_memory_gets_short_on_the_way_everything_goes_back() {
    let host = host();
    let meanwhile = Meanwhile::file(&host, "proc/meminfo", &meminfo(300_000, 60_000));
    let ran = host.run(["apply"]);
    drop(meanwhile);
    let figures = "60000 kB could be had, of which the next step takes 13999 kB, and 52425 kB must";
    stops(&ran, &["stopped at a reserve of ", " kB of 60000 kB", figures, "put back"]);
    assert!(is_as_before(&host), "{}", ran.out);
    // Where there is too little from the start, not even the first step is taken.
    let ran = host.run(["apply"]);
    stops(&ran, &["stopped at a reserve of 4000 kB of 60000 kB"]);
    assert!(is_as_before(&host), "{}", ran.out);
}

#[test]
fn where_tasks_wait_for_memory_everything_goes_back() {
    let pressure = |us: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={us}\n");
    let host = host();
    host.file("proc/pressure/memory", &pressure(5_000_000));
    let meanwhile = Meanwhile::file(&host, "proc/pressure/memory", &pressure(60_000_000));
    let ran = host.run(["apply"]);
    drop(meanwhile);
    stops(&ran, &["tasks waited for memory ", " % of the ", " ms after the last step"]);
    assert!(is_as_before(&host), "{}", ran.out);
}

#[test]
fn where_the_kernel_kills_everything_goes_back() {
    let host = host();
    host.file("proc/vmstat", "oom_kill 2\n");
    let meanwhile = Meanwhile::file(&host, "proc/vmstat", "oom_kill 3\n");
    let ran = host.run(["apply"]);
    drop(meanwhile);
    stops(&ran, &["the kernel killed 1 for want of memory"]);
    assert!(is_as_before(&host), "{}", ran.out);
}

#[test]
fn a_signal_ends_it_between_two_steps() {
    let host = host();
    // The kernel frees nothing, so that each step is waited for.
    host.file("proc/meminfo", &meminfo(1000, 500_000));
    let mut command = host.command(["apply"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while reserve_or_none(&host) != Some(13_333) {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
    let ran = host.told(child.wait_with_output().unwrap());
    stops(&ran, &["stopped by SIGTERM"]);
    assert!(is_as_before(&host), "{}", ran.out);
}

fn reserve_or_none(host: &Host) -> Option<u64> {
    let path = host.root.join("proc/sys/vm/min_free_kbytes");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[test]
fn with_keep_going_the_reserve_alone_goes_back() {
    let host = host();
    let meanwhile = Meanwhile::file(&host, "proc/meminfo", &meminfo(300_000, 60_000));
    let ran = host.run(["apply", "--keep-going"]);
    drop(meanwhile);
    stops(&ran, &["stopped at a reserve of ", "2 written, 1 failed"]);
    assert_eq!((reserve(&host), host.value("vm.swappiness").as_str()), (4000, "10"));
    let text = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    assert!(text.contains("vm.swappiness = 10\n") && !text.contains("min_free"), "{text}");
}

/// On a kernel that behaves as the real one does: whatever step it stops at, all is as before.
#[test]
fn stopped_at_any_step_all_is_as_before() {
    let wanted = "parameters:\n  vm.swappiness: 1\n  vm.min_free_kbytes: { value: 2000000, \
                  allow: [min-free-above-5-percent], reason: so }\n";
    let fresh = || {
        let (host, kernel) = (Host::new(), ScriptedKernel::vm_host());
        fs::create_dir_all(host.root.join("etc/sysctl.d")).unwrap();
        let mut plan = planned_here(&kernel, wanted, &host.root);
        assert_eq!(plan.steps.len(), 2, "not by itself");
        plan.ramp(24_684_084);
        assert_eq!(check::faults(&plan), Vec::<String>::new());
        (host, kernel, plan)
    };
    let why = Strained::Killed { processes: 1 };
    let rungs = fresh().2.steps.iter().filter(|step| step.rung).count();
    assert_eq!(rungs, 8);
    for at in 1..=rungs {
        let (host, kernel, plan) = fresh();
        let mut taken = 0;
        let outcome = apply(&plan, &kernel, &host.root, &Options::default(), &mut |when, step| {
            taken += usize::from(when == When::After);
            let stop = when == When::After && taken == at;
            let reserve_kb = step.value.clone();
            stop.then(|| Stopped::Strained { reserve_kb, wanted_kb: String::new(), why })
        });
        assert!(!outcome.succeeded() && taken == at);
        assert_eq!(kernel.value("vm.min_free_kbytes"), "67584");
        assert_eq!(kernel.value("vm.swappiness"), "60");
        assert!(!host.root.join(DROPIN).exists());
    }
    let (host, kernel, plan) = fresh();
    let outcome = apply(&plan, &kernel, &host.root, &Options::default(), &mut |_, _| None);
    assert!(outcome.succeeded(), "{outcome:?}");
    assert!(outcome.steps.iter().all(|s| s.result == StepResult::Written));
    assert_eq!(kernel.value("vm.min_free_kbytes"), "2000000");
}
