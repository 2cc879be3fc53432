//! How a process stays quick on a starved host: memory locked, scheduled before everything else.
#![allow(unsafe_code, reason = "neither nix nor rustix has these calls in full")]
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::fs;
use std::io;

/// Keeps what is in memory there, and what is touched later too; nothing is fetched beforehand.
///
/// # Errors
/// `EPERM` or `ENOMEM` without CAP_IPC_LOCK, `EINVAL` before Linux 4.4.
pub fn lock_memory() -> io::Result<()> {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: it takes a number and touches no memory of ours.
    answer(unsafe { libc::mlockall(flags) })
}

/// Lets go of the program's own code and constants in memory. What is needed again comes back from
/// the page cache, and stays: planning takes several times the code that holding does.
pub fn forget_code() {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let Some(program) = program.to_str() else { return };
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut mapping = None;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        match fields.next() {
            // Every page is still the file's, and nothing can write to it: it reads the same again.
            Some("Anonymous:") if fields.next() == Some("0") => {
                if let Some((start, end)) = mapping.take() {
                    forget(start, end);
                }
            }
            Some(range) if line.ends_with(program) => {
                let constant = matches!(fields.next(), Some("r-xp" | "r--p"));
                mapping = range.split_once('-').filter(|_| constant).and_then(|(start, end)| {
                    let address = |text| usize::from_str_radix(text, 16).ok();
                    Some((address(start)?, address(end)?))
                });
            }
            // The heading of another mapping.
            Some(field) if !field.ends_with(':') => mapping = None,
            _ => {}
        }
    }
}

fn forget(start: usize, end: usize) {
    // Locked pages too, which the kernel allows since 5.18; before, they stay.
    const DONTNEED_LOCKED: libc::c_int = 24;
    for advice in [libc::MADV_DONTNEED, DONTNEED_LOCKED] {
        let place = std::ptr::without_provenance_mut(start);
        // SAFETY: a mapping of a file with no page of its own, so that no byte changes.
        unsafe { libc::madvise(place, end - start, advice) };
    }
}

/// Runs before every ordinary process (`SCHED_FIFO`, the lowest of its priorities), or like one.
///
/// # Errors
/// `EPERM` without CAP_SYS_NICE or where the unit has `RestrictRealtime=`.
pub fn real_time(on: bool) -> io::Result<()> {
    let (policy, priority) = if on { (libc::SCHED_FIFO, 1) } else { (libc::SCHED_OTHER, 0) };
    // Children are ordinary processes.
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: musl's structure has more fields than glibc's, all of them plain numbers.
    let mut parameter: libc::sched_param = unsafe { std::mem::zeroed() };
    parameter.sched_priority = priority;
    // The system call itself: musl's function only says that it is not there.
    // SAFETY: the kernel reads one number through the pointer, which outlives the call.
    let done = unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const parameter.sched_priority)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn answer(done: libc::c_int) -> io::Result<()> {
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
