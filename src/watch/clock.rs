//! The clocks, the timer of the sweep, and their jumps.
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

/// A time that only ever rises, and stands still while the machine sleeps. What BPF programs
/// stamp on their records is of the same clock.
pub fn monotonic() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// Waits so long, also where nothing is left to wait with.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A time since the boot that goes on while the machine sleeps. Nobody can set it.
pub fn since_boot() -> Duration {
    duration(clock_gettime(ClockId::Boottime))
}

/// Now, in UTC, to the microsecond.
pub fn utc() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.6}")
}

/// The day in UTC, counted from 1970.
pub fn day() -> u64 {
    duration(clock_gettime(ClockId::Realtime)).as_secs() / 86_400
}

/// So long from now, in UTC, to the second; RFC 3339.
pub fn utc_in(time: Duration) -> String {
    let now = jiff::Timestamp::now();
    let later = jiff::SignedDuration::try_from(time).ok().and_then(|t| now.checked_add(t).ok());
    format!("{:.0}", later.unwrap_or(now))
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A timer that goes off again and again. The time that a machine sleeps counts, so that it goes
/// off at once when that wakes up.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// Goes off every so often, first after one interval.
    ///
    /// # Errors
    /// The kernel has no more timers or descriptors.
    pub fn every(interval: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
        let interval = Timespec {
            tv_sec: i64::try_from(interval.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(interval.subsec_nanos()),
        };
        let times = Itimerspec { it_interval: interval, it_value: interval };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        Ok(Self(timer))
    }

    /// Whether it went off since it was last asked.
    pub fn went_off(&self) -> bool {
        nix::unistd::read(&self.0, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Tells when the wall clock jumps: somebody sets it, or the machine wakes up, whether or not a
/// timer is due by then.
#[derive(Debug)]
pub struct Jumps(OwnedFd);

impl Jumps {
    /// Waits for the first one.
    ///
    /// # Errors
    /// The kernel has no more timers or descriptors.
    pub fn open() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        // A timer that never goes off, and is cancelled by each jump.
        let never = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
        let times = Itimerspec { it_interval: Timespec::default(), it_value: never };
        let how = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&timer, how, &times)?;
        Ok(Self(timer))
    }

    /// Whether there was one since this was last asked.
    pub fn happened(&self) -> bool {
        nix::unistd::read(&self.0, &mut [0; 8]) == Err(nix::errno::Errno::ECANCELED)
    }
}

impl AsFd for Jumps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
