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

/// Lets go of the program's own code in memory. What is needed again comes back from the page
/// cache, and stays: planning takes several times the code that holding does.
pub fn forget_code() {
    // Locked pages too, which the kernel allows since 5.18; before, they stay.
    const DONTNEED_LOCKED: libc::c_int = 24;
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines().filter(|line| program.to_str().is_some_and(|p| line.ends_with(p))) {
        let mut fields = line.split_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-'));
        // Nothing writes to code, so the file has all of it.
        let (Some((start, end)), Some("r-xp")) = (range, fields.next()) else { continue };
        let address = |text| usize::from_str_radix(text, 16).ok();
        let (Some(start), Some(end)) = (address(start), address(end)) else { continue };
        for advice in [libc::MADV_DONTNEED, DONTNEED_LOCKED] {
            let place = std::ptr::without_provenance_mut(start);
            // SAFETY: a private mapping of a file that is never written to reads the same again.
            unsafe { libc::madvise(place, end - start, advice) };
        }
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
