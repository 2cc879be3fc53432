//! The log of events: whole lines, bounded files, and what a crash or a full disk does to it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;
use tunectl::persist::events::{EVENTS, EventLog, Follow, Limits, Recent, Repaired, newest};
use tunectl::wire::event::Event;

use crate::daemon::harness::fresh_host;
use crate::support::{in_namespaces, run, until};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir =
            std::env::temp_dir().join(format!("tunectl-events-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.join(&EVENTS[1..])
    }

    fn older(&self, n: u32) -> PathBuf {
        self.0.join(format!("{}.{n}", &EVENTS[1..]))
    }

    fn log(&self) -> EventLog {
        EventLog::open(&self.0, Limits::default()).unwrap().0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn event(n: u64) -> Event {
    Event {
        schema: "tunectl/event/1".into(),
        time: "2026-11-24T14:03:22.000021Z".into(),
        boot_id: "b".into(),
        key: Some("vm.swappiness".into()),
        desired: Some("1".into()),
        from: Some("1".into()),
        to: Some("60".into()),
        action: "restored".into(),
        cause: "process".into(),
        writer: None,
        latency_us: Some(21),
        count: n,
        detail: None,
    }
}

fn counts(root: &Path, most: usize) -> Vec<u64> {
    let recent = newest(root, most, usize::MAX, &|_| true).unwrap();
    recent.events.iter().map(|e| e.count).collect()
}

#[test]
fn the_newest_events_are_read_back_in_order() {
    let place = Place::new("order");
    assert!(counts(&place.0, 5).is_empty(), "no log, no events");
    let mut log = place.log();
    for n in 0..2000 {
        log.append(&event(n)).unwrap();
    }
    assert_eq!(counts(&place.0, 3), [1997, 1998, 1999]);
    assert_eq!(counts(&place.0, 5000), (0..2000).collect::<Vec<_>>());
    let even = newest(&place.0, 2, usize::MAX, &|e| e.count % 2 == 0).unwrap();
    assert_eq!(even.events.iter().map(|e| e.count).collect::<Vec<_>>(), [1996, 1998]);
    assert_eq!(newest(&place.0, 9, 4, &|_| true).unwrap().events.len(), 4, "looked at 4 lines");
    let mode = fs::metadata(place.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "not for everyone");
    assert_eq!(fs::read_to_string(place.file()).unwrap().lines().count(), 2000);
}

#[test]
fn the_group_that_reads_logs_reads_this_one() {
    if !crate::support::is_root() {
        return crate::support::left_out("events::the_group_that_reads_logs", "needs root");
    }
    let place = Place::new("group");
    fs::create_dir_all(place.0.join("etc")).unwrap();
    fs::write(place.0.join("etc/group"), "root:x:0:\nadm:x:4321:syslog\n").unwrap();
    place.log();
    assert_eq!(fs::metadata(place.file()).unwrap().gid(), 4321);
}

/// As under its unit, which has no CAP_CHOWN and a umask that hides everything.
#[test]
fn the_group_reads_it_also_where_it_cannot_be_given_the_file() {
    let test = "events::the_group_reads_it_also_where_it_cannot_be_given_the_file";
    in_namespaces(test, || {
        fresh_host("name: it\nparameters: { net.core.somaxconn: 4321 }\n");
        fs::write("/etc/group", "root:x:0:\nadm:x:4321:\n").unwrap();
        let daemon = r#"umask 077; exec setpriv --bounding-set=-chown --inh-caps=-all "$0" watch"#;
        let mut watch = Command::new("sh")
            .args(["-c", daemon, env!("CARGO_BIN_EXE_tunectl")])
            .env("NO_COLOR", "1")
            .spawn()
            .unwrap();
        let as_group = |group: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", &format!("--regid={group}"), "--clear-groups", "cat"]);
            let ran = command.arg("/var/lib/tunectl/events.jsonl").output().unwrap();
            String::from_utf8(ran.stdout).unwrap()
        };
        until("the group reads what happened", || !as_group("4321").is_empty());
        let (theirs, of_others) = (as_group("4321"), as_group("65534"));
        watch.kill().unwrap();
        watch.wait().unwrap();
        let log = fs::metadata("/var/lib/tunectl/events.jsonl").unwrap();
        assert_eq!(log.gid(), 0, "it could be given away here: this shows nothing");
        assert!(theirs.contains("net.core.somaxconn"), "{theirs:?}");
        assert_eq!(of_others, "", "not for everyone");
    });
}

#[test]
fn a_torn_line_is_removed_at_start_and_what_was_whole_is_kept() {
    let place = Place::new("torn");
    place.log().append(&event(1)).unwrap();
    let whole = fs::read(place.file()).unwrap();
    // Cut anywhere, the log is whole again after an open, and goes on.
    for cut in 0..whole.len() {
        fs::write(place.file(), [&whole, &whole[..cut]].concat()).unwrap();
        let (mut log, repaired) = EventLog::open(&place.0, Limits::default()).unwrap();
        let expected = Repaired { kept: whole.len() as u64, removed: cut as u64 };
        assert_eq!(repaired, expected);
        log.append(&event(2)).unwrap();
        let recent = newest(&place.0, 9, 9, &|_| true).unwrap();
        assert_eq!((recent.events.len(), recent.damaged), (2, 0), "cut at {cut}");
    }
    fs::write(place.file(), vec![b'x'; 100_000]).unwrap();
    let (_, repaired) = EventLog::open(&place.0, Limits::default()).unwrap();
    assert_eq!(repaired, Repaired { kept: 0, removed: 100_000 });
}

#[test]
fn damaged_lines_are_skipped_and_counted() {
    let place = Place::new("damaged");
    let mut log = place.log();
    log.append(&event(1)).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(place.file()).unwrap();
    file.write_all(b"{\"schema\":\0\0\0\n\n\xff\xfe\n").unwrap();
    file.write_all(&vec![b'y'; 300_000]).unwrap();
    file.write_all(b"\n").unwrap();
    log.append(&event(2)).unwrap();
    // A line that is being written is no damage.
    file.write_all(b"{\"schema\":").unwrap();
    let recent = newest(&place.0, 99, 99, &|_| true).unwrap();
    assert_eq!(recent.events.iter().map(|e| e.count).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(recent.damaged, 3);
}

#[test]
fn files_are_of_bounded_size_and_number() {
    let place = Place::new("bounded");
    let limits = Limits { bytes: 2000, files: 3 };
    let (mut log, _) = EventLog::open(&place.0, limits).unwrap();
    for n in 0..100 {
        log.append(&event(n)).unwrap();
    }
    for path in [place.file(), place.older(1), place.older(2)] {
        let size = fs::metadata(&path).unwrap().len();
        assert!(size > 0 && size <= 2000, "{}: {size}", path.display());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
    assert!(!place.older(3).exists());
    // The newest are there without a gap, across the files.
    let kept = counts(&place.0, 1000);
    assert!(kept.len() > 10);
    let first = kept[0];
    assert_eq!(kept, (first..100).collect::<Vec<_>>());
}

#[test]
fn a_value_too_long_for_a_line_is_cut() {
    let place = Place::new("long");
    let mut log = place.log();
    log.append(&Event { to: Some("ä".repeat(200_000)), ..event(1) }).unwrap();
    let recent = newest(&place.0, 9, 9, &|_| true).unwrap();
    let to = recent.events[0].to.as_deref().unwrap();
    assert!(to.len() < 2000 && to.ends_with("ää..."), "{}", to.len());
}

#[test]
fn a_log_that_was_removed_or_moved_away_begins_anew() {
    let place = Place::new("removed");
    let mut log = place.log();
    log.append(&event(1)).unwrap();
    fs::remove_file(place.file()).unwrap();
    log.append(&event(2)).unwrap();
    assert_eq!(counts(&place.0, 9), [2]);
    fs::rename(place.file(), place.0.join("elsewhere")).unwrap();
    log.append(&event(3)).unwrap();
    assert_eq!(counts(&place.0, 9), [3]);
}

#[test]
fn what_is_no_file_of_ours_is_not_written() {
    let place = Place::new("link");
    fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    let target = place.0.join("target");
    fs::write(&target, "not ours").unwrap();
    std::os::unix::fs::symlink(&target, place.file()).unwrap();
    let error = EventLog::open(&place.0, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("cannot open") && error.contains("events.jsonl"), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "not ours");
    // It is tried again with each event, and tells how many are missing.
    let mut log = EventLog::closed(&place.0, Limits::default()).unwrap();
    log.append(&event(1)).unwrap_err();
    log.append(&event(2)).unwrap_err();
    fs::remove_file(place.file()).unwrap();
    log.append(&event(3)).unwrap();
    let recent = newest(&place.0, 9, 9, &|_| true).unwrap();
    let told: Vec<_> = recent.events.iter().map(|e| (e.action.as_str(), e.count)).collect();
    assert_eq!(told, [("lost", 2), ("restored", 3)]);
}

#[test]
fn a_full_disk_costs_events_and_leaves_whole_lines() {
    in_namespaces("events::a_full_disk_costs_events_and_leaves_whole_lines", || {
        let place = Place::new("full");
        let mounted = run(std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(&place.0));
        assert!(mounted.status.success());
        let mut log = place.log();
        let mut written = 0;
        while log.append(&event(written)).is_ok() {
            written += 1;
            assert!(written < 10_000, "the disk is never full");
        }
        for n in 0..10 {
            let error = log.append(&event(n)).unwrap_err().to_string();
            assert!(error.contains("events.jsonl") && error.contains("space"), "{error}");
        }
        let text = fs::read_to_string(place.file()).unwrap();
        assert!(text.ends_with("}\n"), "{:?}", &text[text.len() - 40..]);
        // There is room again: it goes on, and says what is missing.
        let half = text.match_indices('\n').nth(20).unwrap().0 + 1;
        fs::OpenOptions::new()
            .write(true)
            .open(place.file())
            .unwrap()
            .set_len(half as u64)
            .unwrap();
        log.append(&event(777)).unwrap();
        let recent = newest(&place.0, 2, 99, &|_| true).unwrap();
        let told: Vec<_> = recent.events.iter().map(|e| (e.action.as_str(), e.count)).collect();
        assert_eq!((told, recent.damaged), (vec![("lost", 11), ("restored", 777)], 0));
        run(std::process::Command::new("umount").arg(&place.0));
    });
}

#[test]
fn a_log_is_followed_across_rotations() {
    let place = Place::new("follow");
    let wait = Duration::from_secs(10);
    // It is not there yet, nor is its directory.
    let mut follow = Follow::begin(&place.0).unwrap();
    assert_eq!(follow.next(Duration::ZERO).unwrap(), Recent::default());
    let (mut log, _) = EventLog::open(&place.0, Limits { bytes: 2000, files: 3 }).unwrap();
    log.append(&event(0)).unwrap();
    assert_eq!(follow.next(wait).unwrap().events, [event(0)]);

    let mut seen = Vec::new();
    for n in 1..60 {
        log.append(&event(n)).unwrap();
        if n % 3 == 0 {
            seen.extend(follow.next(wait).unwrap().events.iter().map(|e| e.count));
        }
    }
    seen.extend(follow.next(Duration::ZERO).unwrap().events.iter().map(|e| e.count));
    assert_eq!(seen, (1..60).collect::<Vec<_>>());
    assert!(place.older(2).exists(), "it was rotated");

    // Half a line is waited for; one that is there when the following begins is not repeated.
    let mut late = Follow::begin(&place.0).unwrap();
    let line = serde_json::to_string(&event(60)).unwrap() + "\n";
    let mut file = fs::OpenOptions::new().append(true).open(place.file()).unwrap();
    file.write_all(&line.as_bytes()[..20]).unwrap();
    assert_eq!(late.next(Duration::from_millis(20)).unwrap(), Recent::default());
    file.write_all(&line.as_bytes()[20..]).unwrap();
    assert_eq!(late.next(wait).unwrap().events, [event(60)]);
    file.write_all(b"damaged\n").unwrap();
    let damaged = Recent { events: Vec::new(), damaged: 1 };
    assert_eq!(late.next(wait).unwrap(), damaged);
}

#[test]
fn whoever_waits_is_woken_by_the_next_event() {
    let place = Place::new("woken");
    let mut log = place.log();
    let mut follow = Follow::begin(&place.0).unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        log.append(&event(1)).unwrap();
    });
    let start = std::time::Instant::now();
    assert_eq!(follow.next(Duration::from_secs(30)).unwrap().events, [event(1)]);
    assert!(start.elapsed() < Duration::from_secs(20));
    writer.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the log, every whole event in it is found again, and nothing else.
    #[test]
    fn any_bytes_between_events_cost_no_event(
        junk in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)
    ) {
        let place = Place::new(&format!("junk-{:x}", junk.len() * 31 + junk.concat().len()));
        fs::create_dir_all(place.file().parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        for (n, junk) in junk.iter().enumerate() {
            bytes.extend_from_slice(junk);
            bytes.push(b'\n');
            bytes.extend_from_slice(&serde_json::to_vec(&event(n as u64)).unwrap());
            bytes.push(b'\n');
        }
        fs::write(place.file(), &bytes).unwrap();
        prop_assert_eq!(counts(&place.0, 99), (0..junk.len() as u64).collect::<Vec<_>>());
    }
}
