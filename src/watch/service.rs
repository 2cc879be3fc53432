//! What a service tells its service manager: that it is ready, what it does, that it is alive.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The socket of the service manager, where there is one.
#[derive(Debug, Default)]
pub struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often the watchdog must be fed.
    watchdog: Option<Duration>,
}

impl Service {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`.
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let address = match path.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(&path),
            };
            let socket = UnixDatagram::unbound().and_then(|s| s.set_nonblocking(true).map(|()| s));
            Some((socket.ok()?, address.ok()?))
        });
        let own = |pid: String| pid == std::process::id().to_string();
        let watchdog = std::env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| std::env::var("WATCHDOG_PID").map_or(true, own))
            .and_then(|usec| usec.parse().ok())
            .filter(|usec| *usec > 0)
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// Whether there is a service manager that listens.
    pub fn is_managed(&self) -> bool {
        self.socket.is_some()
    }

    /// How often the watchdog is to be fed: twice as often as it must be.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog.map(|usec| usec / 2)
    }

    /// The process that the service manager knows this service by.
    #[allow(clippy::unused_self, reason = "it is this service's")]
    pub fn process(&self) -> u32 {
        std::process::id()
    }

    /// Says something, in lines of `NAME=value`.
    ///
    /// # Errors
    /// The system's answer; with nobody listening there is none.
    pub fn say(&self, lines: &str) -> io::Result<()> {
        let Some((socket, address)) = &self.socket else { return Ok(()) };
        socket.send_to_addr(lines.as_bytes(), address).map(drop)
    }
}
