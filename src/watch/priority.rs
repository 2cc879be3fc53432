//! How a process stays quick on a starved host: memory locked, scheduled before everything else.
#![allow(unsafe_code, reason = "neither nix nor rustix has these calls in full")]

use std::io;
use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// How many files this process might have open before it asked for all.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Lets the process have as many open files as it may: each parameter that is held is one, and
/// shells and containers begin with 1024.
///
/// # Errors
/// A filter of system calls refuses it.
pub fn all_descriptors() -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    // Whoever asks a second time has all already.
    let _ = BEFORE.set(Rlimit { current, maximum });
    Ok(())
}

/// What that was; `None` where it has not asked, `Some(None)` where there was no limit.
pub fn descriptors_before() -> Option<Option<u64>> {
    BEFORE.get().map(|before| before.current)
}

/// Lets a child have as many as this process had at first: some programs go through all the numbers
/// that they may have, or take select(2), which ends at 1024.
pub fn usual_descriptors(child: u32) {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    if let (Some(child), Some(before)) = (child, BEFORE.get()) {
        // It may be gone already.
        let _ = prlimit(Some(child), Resource::Nofile, *before);
    }
}

/// Keeps what is in memory there, and what is touched later too; nothing is fetched beforehand.
///
/// # Errors
/// `EPERM` or `ENOMEM` without CAP_IPC_LOCK, `EINVAL` before Linux 4.4.
pub fn lock_memory() -> io::Result<()> {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: it takes a number and touches no memory of ours.
    answer(unsafe { libc::mlockall(flags) })
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
