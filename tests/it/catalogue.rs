//! The catalogue against the running kernel: what it says of a parameter must hold here.
//!
//! Everything is read only, but for parameters of an IPC or UTS namespace made for the test.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tunectl::catalogue::{self, Kind, Parameter, Scope};
use tunectl::key::Key;
use tunectl::observed::Release;
use tunectl::value::{Canonical, Shape, canonical};

use super::support::{in_namespaces, left_out};

const ROOT: &str = "/proc/sys";

/// Parameters below vm that no released mainline kernel up to 6.18 has: vendors' additions.
const NOT_MAINLINE: &[&str] = &["vm/extra_free_kbytes", "vm/shrink_inodes_with_pagecache"];

/// The newest release that the tables were checked against.
const CHECKED: Release = Release::new(6, 18);

/// Actions that can be read by design: `stat_refresh` acts on a read, too; `stats_clear` reads 0.
const READABLE_ACTIONS: &[&str] = &["fs/xfs/stats_clear", "vm/stat_refresh"];

/// Counters that take a write, which does not stay or adds to what is there.
const WRITABLE_COUNTERS: &[&str] = &["kernel/auto_msgmni", "kernel/ns_last_pid", "kernel/tainted"];

/// Settings that are read-only where the hardware or the configuration cannot do it.
const SOMETIMES_READ_ONLY: &[&str] = &["kernel/nmi_watchdog", "vm/mem_profiling"];

fn kernel() -> Release {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim().parse().unwrap()
}

/// Every parameter of the running kernel that the catalogue knows, with its file and mode.
fn present() -> Vec<(Key, Parameter, PathBuf, u32)> {
    let mut found = Vec::new();
    let mut dirs = vec![PathBuf::from(ROOT)];
    while let Some(dir) = dirs.pop() {
        // Directories such as net/ may be closed to this user.
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                dirs.push(path);
                continue;
            }
            let below = path.strip_prefix(ROOT).unwrap().to_str().unwrap();
            let Ok(key) = Key::from_path(below) else { continue };
            if let Some(known) = catalogue::lookup(&key) {
                found.push((key, known, path, meta.permissions().mode() & 0o777));
            }
        }
    }
    assert!(found.len() > 100, "only {} known parameters in {ROOT}", found.len());
    found
}

/// What is meant to be read, and can be by this user.
fn readable() -> impl Iterator<Item = (Key, Parameter, String)> {
    present().into_iter().filter(|(_, p, ..)| p.kind() != Kind::Action).filter_map(
        |(key, p, path, _)| {
            fs::read_to_string(path).ok().map(|text| (key, p, text.trim_end().to_owned()))
        },
    )
}

#[test]
fn every_vm_parameter_of_this_kernel_is_known() {
    let mut unknown = Vec::new();
    for entry in fs::read_dir("/proc/sys/vm").unwrap() {
        let path = format!("vm/{}", entry.unwrap().file_name().to_str().unwrap());
        let known = catalogue::lookup(&Key::from_path(&path).unwrap()).is_some();
        if !known && !NOT_MAINLINE.contains(&path.as_str()) {
            unknown.push(path);
        }
    }
    let newer = (kernel().major, kernel().minor) > (CHECKED.major, CHECKED.minor);
    if newer && !unknown.is_empty() {
        left_out("every_vm_parameter_of_this_kernel_is_known", &format!("new: {unknown:?}"));
    } else {
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn live_values_have_their_shape() {
    for (key, p, text) in readable() {
        let value = canonical(p.shape(), &text).unwrap_or_else(|e| panic!("{key}: {e}"));
        if let (Some(count), Canonical::Numbers(numbers)) = (p.shape().field_count(), &value) {
            let fields = text.split_whitespace().count();
            assert_eq!((fields, numbers.len()), (count, count), "{key}: {text:?}");
        }
        if let Shape::Text(room) = p.shape() {
            assert!(text.len() <= usize::from(room), "{key} is longer than {room}: {text:?}");
        }
    }
}

#[test]
fn live_values_are_in_their_range() {
    let kernel = kernel();
    let mut checked = 0;
    for (key, p, text) in readable() {
        let Some(range) = p.range_on(kernel) else { continue };
        let numbers: Vec<i128> = match canonical(p.shape(), &text) {
            Ok(Canonical::Numbers(numbers)) => numbers,
            Ok(Canonical::Ranges(ranges)) => {
                ranges.iter().flat_map(|(low, high)| [(*low).into(), (*high).into()]).collect()
            }
            _ => panic!("{key} has a range and reads {text:?}"),
        };
        for number in numbers {
            // The half of a pair that is not in force reads 0, which cannot be written (E22).
            let idle = p.pair().is_some() && number == 0;
            assert!(range.contains(number) || idle, "{key} is {number}, not in {range:?}");
            checked += 1;
        }
    }
    assert!(checked > 80, "only {checked} numbers had a range");
}

#[test]
fn releases_do_not_contradict_this_kernel() {
    let kernel = kernel();
    let mut early = Vec::new();
    for (key, p, ..) in present() {
        assert!(
            p.until().is_none_or(|until| kernel < until),
            "{key} is said to be gone in {kernel}"
        );
        if !p.exists_on(kernel) {
            early.push(key.to_string());
        }
    }
    // Distributions bring a few back to older kernels; a wrong table would err more often.
    assert!(early.len() <= 5, "said to be newer than {kernel}: {early:?}");
    if !early.is_empty() {
        left_out("releases_do_not_contradict_this_kernel", &format!("backports: {early:?}"));
    }
}

#[test]
fn kinds_agree_with_permissions() {
    // In a container or a user namespace the modes are the namespace's, not the kernel's.
    let own_namespaces = |p: Parameter| p.scope() != Scope::Host;
    for (key, p, path, mode) in present() {
        let name = key.as_path();
        let writable = mode & 0o222 != 0;
        match p.kind() {
            Kind::Action if READABLE_ACTIONS.contains(&name) => assert!(writable, "{key}"),
            Kind::Action => {
                // Readable before 5.6.
                assert!(writable, "{key}: an action that nobody can take");
                if mode == 0o200 {
                    let refused = fs::read(&path).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{key} (E35)");
                } else {
                    assert!(kernel() < Release::new(5, 6), "{key} has mode {mode:o}");
                }
            }
            Kind::Counter if WRITABLE_COUNTERS.contains(&name) => {}
            Kind::Counter if own_namespaces(p) => {}
            Kind::Counter => assert!(!writable, "{key}: a counter of mode {mode:o}"),
            Kind::Setting | Kind::Latch | Kind::Secret if SOMETIMES_READ_ONLY.contains(&name) => {}
            // Settings of the host's own network namespace are read-only in another (E38).
            Kind::Setting | Kind::Latch | Kind::Secret if name.starts_with("net/") => {}
            Kind::Setting | Kind::Latch | Kind::Secret => {
                assert!(writable, "{key}: a setting of mode {mode:o}");
            }
        }
    }
}

/// Writes with one write(2); the error number where the kernel refuses.
fn write(path: &str, text: &str) -> Result<(), i32> {
    let mut file = fs::OpenOptions::new().write(true).open(Path::new(ROOT).join(path)).unwrap();
    match file.write(text.as_bytes()) {
        Ok(taken) => {
            assert_eq!(taken, text.len(), "{path} took a part of {text:?}");
            Ok(())
        }
        Err(e) => Err(e.raw_os_error().unwrap_or(-1)),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap().trim_end_matches('\n').to_owned()
}

const EINVAL: i32 = 22;
const ERANGE: i32 = 34;
/// How many queues, sets and segments there may be, but with `ipcmni_extend`.
const LIMIT_OF_IPC: i128 = 32_768;

#[test]
fn limits_of_ipc_are_where_the_kernel_has_them() {
    in_namespaces("catalogue::limits_of_ipc_are_where_the_kernel_has_them", || {
        let extended = fs::read_to_string("/proc/cmdline").unwrap().contains("ipcmni_extend");
        for path in [
            "fs/mqueue/msg_default",
            "fs/mqueue/msg_max",
            "fs/mqueue/msgsize_default",
            "fs/mqueue/msgsize_max",
            "fs/mqueue/queues_max",
            "kernel/msgmax",
            "kernel/msgmnb",
            "kernel/msgmni",
            "kernel/shm_rmid_forced",
            "kernel/shmall",
            "kernel/shmmax",
            "kernel/shmmni",
        ] {
            let p = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
            // Only these may be written without touching the host.
            assert_eq!(p.scope(), Scope::Ipc, "{path}");
            let mut range = p.range_on(kernel()).unwrap();
            if range.outer && !extended {
                range.max = LIMIT_OF_IPC;
            }
            for accepted in [range.min, range.max] {
                assert_eq!(write(path, &accepted.to_string()), Ok(()), "{path} = {accepted}");
                assert_eq!(read(path), accepted.to_string(), "{path}");
            }
            for refused in [range.min - 1, range.max + 1] {
                assert_eq!(write(path, &refused.to_string()), Err(EINVAL), "{path} = {refused}");
                assert_eq!(read(path), range.max.to_string(), "{path} kept its value");
            }
        }
        // Of its four numbers the last has a limit of its own.
        let sem = catalogue::lookup(&Key::from_path("kernel/sem").unwrap()).unwrap();
        let range = sem.range_on(kernel()).unwrap();
        for accepted in [range.min, range.max] {
            let numbers = format!("{accepted} {accepted} {accepted} 1");
            assert_eq!(write("kernel/sem", &numbers), Ok(()), "{numbers}");
        }
        for refused in [range.min - 1, range.max + 1] {
            assert_eq!(write("kernel/sem", &format!("{refused} 1 1 1")), Err(EINVAL), "{refused}");
        }
    });
}

#[test]
fn semaphores_are_four_numbers_and_the_fourth_has_a_limit() {
    in_namespaces("catalogue::semaphores_are_four_numbers_and_the_fourth_has_a_limit", || {
        let p = catalogue::lookup(&Key::from_path("kernel/sem").unwrap()).unwrap();
        assert_eq!((p.shape(), p.scope()), (Shape::Numbers(4), Scope::Ipc));
        assert_eq!(write("kernel/sem", "300 1000 100 32768"), Ok(()));
        assert_eq!(read("kernel/sem"), "300\t1000\t100\t32768");
        // A shorter write changes the leading fields only (E8).
        assert_eq!(write("kernel/sem", "301"), Ok(()));
        assert_eq!(read("kernel/sem"), "301\t1000\t100\t32768");
        if kernel() >= Release::new(4, 20) {
            let sets = p.limits_at(3, kernel()).unwrap();
            assert_ne!(p.limits_at(2, kernel()), Some(sets));
            write("kernel/sem", &format!("300 1000 100 {}", sets.min)).unwrap();
            let extended = fs::read_to_string("/proc/cmdline").unwrap().contains("ipcmni_extend");
            let most = if extended { sets.max } else { LIMIT_OF_IPC };
            for refused in [sets.min - 1, most + 1] {
                let refused = format!("300 1000 100 {refused}");
                assert_eq!(write("kernel/sem", &refused), Err(ERANGE), "{refused}");
            }
            // The numbers before it are taken all the same.
            assert_eq!(write("kernel/sem", "299 1000 100 -1"), Err(ERANGE));
            assert_eq!(read("kernel/sem"), "299\t1000\t100\t0");
        }
    });
}

#[test]
fn names_are_cut_where_the_catalogue_says_e17() {
    in_namespaces("catalogue::names_are_cut_where_the_catalogue_says_e17", || {
        for path in ["kernel/domainname", "kernel/hostname"] {
            let p = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
            assert_eq!(p.scope(), Scope::Uts, "{path}");
            let Shape::Text(room) = p.shape() else { panic!("{path} is a text") };
            let room = usize::from(room);
            let (whole, longer) = ("n".repeat(room), "m".repeat(room + 1));
            assert_eq!(write(path, &whole), Ok(()));
            assert_eq!(read(path), whole);
            assert_eq!(write(path, &longer), Ok(()));
            assert_eq!(read(path), longer[..room], "{path} is cut without an error");
            assert_eq!(write(path, "one\ntwo"), Ok(()));
            assert_eq!(read(path), "one", "{path} ends at the line break");
            assert_eq!(write(path, ""), Ok(()), "an empty write is no write (E11)");
            assert_eq!(read(path), "one");
        }
    });
}
