//! No memory is asked for between a foreign write and the one that puts the value right: on a
//! starved host there would be none.
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tunectl::daemon::{Daemon, Options, Records, Swept};
use tunectl::drift::Contest;
use tunectl::wire::Watch;
use tunectl::wire::event::Event;

use super::harness::{ThisHost, fresh_host, from_another_process, live};
use super::in_namespaces;

const PARAMETERS: &str = "parameters:
  net.core.somaxconn: 4321
  net.ipv4.tcp_rmem: [4096, 131072, 6291456]
  net.ipv4.tcp_keepalive_time: { at_least: 600 }
  net.ipv4.ip_local_reserved_ports: 8080,9000-9002
  net.ipv4.conf.lo.forwarding: 0
  kernel.sem: [250, 256000, 32, 128]
";
/// What is written, from where it is read whether the value is right again, and what it was.
const DRIFTS: [(&str, &str, &str, &str); 6] = [
    ("net/core/somaxconn", "77", "net/core/somaxconn", "4321"),
    ("net/ipv4/tcp_rmem", "4096 131072 6291457", "net/ipv4/tcp_rmem", "4096 131072 6291456"),
    ("net/ipv4/tcp_keepalive_time", "599", "net/ipv4/tcp_keepalive_time", "600"),
    (
        "net/ipv4/ip_local_reserved_ports",
        "81",
        "net/ipv4/ip_local_reserved_ports",
        "8080,9000-9002",
    ),
    ("net/ipv4/conf/all/forwarding", "1", "net/ipv4/conf/lo/forwarding", "0"),
    ("kernel/sem", "250 32000 32 128", "kernel/sem", "250 256000 32 128"),
];
/// Longer than all of them.
const TEXT: usize = 64;

/// The system's allocator, which looks at a parameter whenever it is asked for memory.
struct Looking;

#[global_allocator]
static LOOKING: Looking = Looking;

/// A parameter that reads something wrong.
#[derive(Clone, Copy)]
struct Wrong {
    file: RawFd,
    text: [u8; TEXT],
    length: usize,
}

thread_local! {
    /// What is looked at. None of these is ever dropped, or asks for memory itself.
    static WRONG: Cell<Option<Wrong>> = const { Cell::new(None) };
    /// How often memory was asked for while it read that, and afterwards.
    static ASKED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn read(file: RawFd) -> ([u8; TEXT], usize) {
    let mut text = [0; TEXT];
    // SAFETY: whoever looks at a file keeps it open meanwhile.
    let file = unsafe { BorrowedFd::borrow_raw(file) };
    let length = nix::sys::uio::pread(file, &mut text, 0).unwrap_or(0);
    (text, length)
}

fn is_asked() {
    let Some(wrong) = WRONG.get() else { return };
    let (before, after) = ASKED.get();
    let stands = read(wrong.file) == (wrong.text, wrong.length);
    ASKED.set(if stands { (before + 1, after) } else { (before, after + 1) });
}

// SAFETY: the system's own allocator does all of it.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        is_asked();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        is_asked();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `act` asks for memory while the parameter reads as it does now, and afterwards.
fn asked(path: &str, act: impl FnOnce()) -> (usize, usize) {
    let file = File::open(format!("/proc/sys/{path}")).unwrap();
    let (text, length) = read(file.as_raw_fd());
    ASKED.set((0, 0));
    WRONG.set(Some(Wrong { file: file.as_raw_fd(), text, length }));
    act();
    WRONG.set(None);
    ASKED.get()
}

/// Keeps how often a value was put right, and how often all were looked at.
#[derive(Default)]
struct Told(usize, usize);

impl Records for Told {
    fn record(&mut self, event: &Event) {
        self.0 += usize::from(event.action == "restored");
    }

    fn tend(&mut self) {}

    fn due(&self) -> Option<Duration> {
        None
    }

    fn stands(&mut self, _: &Watch, _: &str) {}

    fn swept(&mut self, _: &Swept<'_>) {
        self.1 += 1;
    }
}

fn ask_once() {
    black_box(Vec::<u8>::with_capacity(black_box(7)));
}

/// Each drift once, put right by the very loop of the daemon.
fn nothing_is_asked_for(bpf: bool) {
    let mut host = ThisHost(PARAMETERS.into());
    let mut told = Told::default();
    let options = Options {
        sweep: Duration::from_secs(3600),
        contest: Some(Contest::default()),
        bpf,
        pin: false,
    };
    let mut daemon = Daemon::start(&mut host, &mut told, options).unwrap();
    // It looks at what it has just put right.
    daemon.turn_once().unwrap();
    let mut least = [usize::MAX; DRIFTS.len()];
    for _ in 0..3 {
        for (i, (written, value, drifts, right)) in DRIFTS.into_iter().enumerate() {
            if live(written) == value {
                // What it is already would not be handed on to others.
                from_another_process(written, "0");
            }
            from_another_process(written, value);
            assert_ne!(live(drifts), right, "{written} = {value} changes it");
            let (before, after) = asked(drifts, || {
                // The event may be of a file that was emptied before it was written to.
                while ASKED.get().1 == 0 {
                    daemon.turn_once().unwrap();
                }
            });
            assert_eq!(live(drifts), right, "{written} = {value} is put right");
            assert_eq!(before, 0, "{written}: memory is asked for before the value is put right");
            assert!(after > 0, "it is told afterwards");
            least[i] = least[i].min(after);
        }
    }
    // The baseline may be read anew in the same turn, or what was there before be written down.
    assert!(least.iter().all(|asked| *asked < 100), "often, to tell what was done: {least:?}");
}

#[test]
fn no_memory_is_asked_for_between_an_event_and_the_correction() {
    let test = "daemon::unallocated::no_memory_is_asked_for_between_an_event_and_the_correction";
    in_namespaces(test, || {
        fresh_host("");
        from_another_process("net/core/somaxconn", "78");
        let instrument = asked("net/core/somaxconn", || {
            ask_once();
            super::harness::write("net/core/somaxconn", "79");
            ask_once();
        });
        assert!(instrument.0 >= 1 && instrument.1 == 1, "{instrument:?}");
        for bpf in [true, false] {
            nothing_is_asked_for(bpf);
        }
    });
}

/// As many as there are in a day.
const SWEEPS: usize = 8640;

/// Some 300 parameters of this network, each to be what it is.
fn as_it_is() -> String {
    let mut text = String::from("parameters:\n");
    for dir in ["ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"] {
        for name in ["default", "lo"] {
            for entry in
                std::fs::read_dir(format!("/proc/sys/net/{dir}/{name}")).into_iter().flatten()
            {
                let path = entry.unwrap().path();
                if std::fs::metadata(&path).unwrap().permissions().mode() & 0o222 == 0 {
                    continue;
                }
                let value = std::fs::read_to_string(&path).unwrap_or_default();
                if let Ok(number) = value.trim().parse::<u32>() {
                    let key = path.strip_prefix("/proc/sys").unwrap().display();
                    writeln!(text, "  {key}: {number}").unwrap();
                }
            }
        }
    }
    text
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_day_of_sweeps_leaves_nothing_behind() {
    in_namespaces("daemon::unallocated::a_day_of_sweeps_leaves_nothing_behind", || {
        fresh_host("name: none\n");
        let text = as_it_is();
        assert!(text.lines().count() > 200, "{text}");
        let mut host = ThisHost(text);
        let mut told = Told::default();
        let options = Options {
            sweep: Duration::from_millis(1),
            contest: Some(Contest::default()),
            bpf: false,
            pin: false,
        };
        let mut daemon = Daemon::start(&mut host, &mut told, options).unwrap();
        let mut turns = |n: usize| (0..n).for_each(|_| daemon.turn_once().unwrap());
        turns(SWEEPS / 10);
        let before = (resident_kb(), descriptors());
        turns(SWEEPS);
        let after = (resident_kb(), descriptors());
        assert!(told.1 > SWEEPS / 2, "{} sweeps", told.1);
        assert_eq!(after.1, before.1, "descriptors");
        assert!(after.0 < before.0 + 2048, "{} kB, then {} kB", before.0, after.0);
    });
}
