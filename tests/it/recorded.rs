//! `tunectl status` with what `tunectl watch` has recorded.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tunectl::persist::events::{EVENTS, EventLog, Limits};
use tunectl::wire::event::Event;

use crate::events::event;
use crate::support::run;

fn root(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tunectl-recorded-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    for below in ["proc/sys/vm", "proc/sys/kernel/random", "etc/tunectl"] {
        fs::create_dir_all(dir.join(below)).unwrap();
    }
    fs::write(dir.join("proc/sys/vm/swappiness"), "1\n").unwrap();
    fs::write(dir.join("proc/sys/kernel/random/boot_id"), "this-boot\n").unwrap();
    fs::write(dir.join("proc/sys/kernel/osrelease"), "6.1.0\n").unwrap();
    fs::write(dir.join("proc/meminfo"), "MemTotal: 1048576 kB\n").unwrap();
    fs::write(
        dir.join("etc/tunectl/baseline.yaml"),
        "name: here\nparameters:\n  vm.swappiness: 1\n",
    )
    .unwrap();
    dir
}

fn tunectl(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
    command.arg("--root").arg(root).args(arguments).env_remove("JOURNAL_STREAM");
    command
}

fn here(action: &str, count: u64) -> Event {
    Event { boot_id: "this-boot".into(), action: action.into(), ..event(count) }
}

#[test]
fn recent_drift_is_shown_with_what_is_contested() {
    let root = root("status");
    let (mut log, _) = EventLog::open(&root, Limits::default()).unwrap();
    log.append(&event(1000)).unwrap();
    for _ in 0..12 {
        log.append(&here("restored", 2)).unwrap();
    }
    let other = |action: &str| Event { key: Some("vm.page-cluster".into()), ..here(action, 1) };
    log.append(&other("contested")).unwrap();
    log.append(&other("settled")).unwrap();
    log.append(&here("contested", 21)).unwrap();

    let shown = run(&mut tunectl(&root, &["status"]));
    let text = String::from_utf8(shown.stdout).unwrap();
    let head = "\ndrift since boot: 24 corrected; within 21 us in the median, 21 us for 99 %\n";
    assert!(text.contains(head), "of this boot alone:\n{text}");
    assert!(text.contains("contested: vm.swappiness: somebody else keeps changing it"), "{text}");
    assert!(!text.contains("contested: vm.page-cluster"), "it is settled:\n{text}");
    let line = "2026-11-24 14:03:22Z  vm.swappiness: 60 -> 1 restored after 21 us, 2 times; ";
    assert_eq!(text.matches(line).count(), 7, "ten events:\n{text}");
    assert!(text.contains("(5 more with -v)"), "{text}");

    let shown = run(&mut tunectl(&root, &["--format", "json", "status"]));
    let json: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let drift = &json["drift"];
    assert_eq!((&drift["corrections"], &drift["prevented"]), (&24.into(), &0.into()));
    assert_eq!(drift["contested"], serde_json::json!(["vm.swappiness"]));
    assert_eq!(drift["recent"].as_array().unwrap().len(), 15);
    assert_eq!(drift["recent"][0]["schema"], "tunectl/event/1");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_host_that_nobody_watches_shows_no_drift() {
    let root = root("unwatched");
    let shown = run(&mut tunectl(&root, &["status"]));
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(!text.contains("drift"), "{text}");
    let shown = run(&mut tunectl(&root, &["--format", "json", "status"]));
    let json: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(json["drift"]["recent"], serde_json::json!([]));
    assert!(!root.join("var").exists(), "looking makes nothing");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn following_tells_each_event_as_it_happens() {
    let root = root("follow");
    let (mut log, _) = EventLog::open(&root, Limits { bytes: 1000, files: 4 }).unwrap();
    log.append(&here("restored", 1)).unwrap();
    for format in ["text", "json"] {
        let mut child = tunectl(&root, &["--format", format, "status", "--follow"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        if format == "text" {
            // The status first, which ends with the event that was there.
            assert!(lines.any(|l| l.starts_with("  2026-11-24 14:03:22Z  ")));
        } else {
            // Nothing comes before the first event: give it time to begin.
            std::thread::sleep(std::time::Duration::from_millis(700));
        }
        for n in 2..8 {
            log.append(&here("restored", n)).unwrap();
            let line = lines.next().unwrap();
            if format == "text" {
                let told =
                    format!("14:03:22Z  vm.swappiness: 60 -> 1 restored after 21 us, {n} times");
                assert!(line.starts_with(&told), "{line}");
            } else {
                assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), here("restored", n));
            }
        }
        // A line that is no event is told once, whatever the format.
        let path = root.join(EVENTS.trim_start_matches('/'));
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"damaged\n").unwrap();
        // It ends once nobody reads.
        drop(lines);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(40);
        while child.try_wait().unwrap().is_none() {
            assert!(std::time::Instant::now() < deadline, "it goes on without a reader");
            log.append(&here("restored", 9)).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success());
        let told = String::from_utf8(ended.stderr).unwrap();
        let damaged = "warning: a line of the log of events is damaged\n";
        assert_eq!(told.matches(damaged).count(), 1, "{told}");
    }
    fs::remove_dir_all(root).unwrap();
}
