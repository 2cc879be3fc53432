//! Waits for any of several descriptors.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Descriptors that are waited for together, each with a number of the caller's.
#[derive(Debug)]
pub struct Poll(OwnedFd);

/// The most that one wait tells of.
const AT_ONCE: usize = 16;

impl Poll {
    /// Waits for nothing yet.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Waits for something to read from `fd` as well.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn add(&self, fd: impl AsFd, number: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number);
        Ok(epoll::add(&self.0, fd, data, epoll::EventFlags::IN)?)
    }

    /// No longer waits for `fd`.
    pub fn remove(&self, fd: impl AsFd) {
        // What is not waited for is not waited for.
        let _ = epoll::delete(&self.0, fd);
    }

    /// Waits until there is something to read, or until `timeout` is over, and calls `each` with
    /// the numbers of what can be read.
    ///
    /// # Errors
    /// The system's answer; a signal is none.
    pub fn wait(&self, timeout: Option<Duration>, each: &mut dyn FnMut(u64)) -> io::Result<()> {
        let timeout = timeout.map(|t| Timespec {
            tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(t.subsec_nanos()),
        });
        let mut buffer = [MaybeUninit::<epoll::Event>::uninit(); AT_ONCE];
        match epoll::wait(&self.0, &mut buffer, timeout.as_ref()) {
            Ok((ready, _)) => {
                for event in &*ready {
                    each(event.data.u64());
                }
                Ok(())
            }
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
