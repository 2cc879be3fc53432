//! Network interfaces that come, go and are renamed, as the kernel announces them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// `RTMGRP_LINK`: what happens to interfaces.
const LINKS: u32 = 1;

/// A socket that the kernel writes to when something happens to an interface.
#[derive(Debug)]
pub struct Links(OwnedFd);

impl Links {
    /// Listens in this network namespace.
    ///
    /// # Errors
    /// A sandbox without netlink sockets (`RestrictAddressFamilies=`).
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let family = AddressFamily::NETLINK;
        // NETLINK_ROUTE is protocol 0.
        let socket = socket_with(family, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, LINKS))?;
        Ok(Self(socket))
    }

    /// Whether anything has happened since this was last asked. What exactly is not told:
    /// whoever asks looks at the interfaces there are, and so nothing can be missed.
    pub fn changed(&self) -> bool {
        let mut changed = false;
        let mut message = [0; 64];
        loop {
            match recv(&self.0, &mut message[..], RecvFlags::empty()) {
                // Or more has happened than the socket holds.
                Ok(_) | Err(rustix::io::Errno::NOBUFS) => changed = true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
