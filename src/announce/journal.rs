//! The journal's native protocol: one datagram of named fields an event.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg_addr, sendto, socket_with,
};

use crate::wire::event::Event;

/// Where the journal listens.
pub const NATIVE_SOCKET: &str = "/run/systemd/journal/socket";

/// What each kind of event is known by, and how serious it is, as syslog counts. The catalogue
/// in packaging/systemd/tunectl.catalog explains each id. They never change.
pub const MESSAGE_IDS: [(&str, &str, u8); 11] = [
    ("restored", "04cb1ad21b0e440b8ecd9dabd418a7e1", 4),
    ("reported", "c2174e6dbb3e42e5b2545cb97f722476", 4),
    ("yielded", "9fa3f67c5e2040138c71d554b7388375", 5),
    ("prevented", "21aae5de006446e2a041ef7dcef3a948", 4),
    ("contested", "ae81c2b8cdac463882d69840ecbcc7b6", 3),
    ("settled", "ed2b18da62f54ce4af73058cc57246c8", 5),
    ("failed", "15fa90f48210490ea823147f0a164649", 3),
    ("lost", "ecde7d39844b46ba8359f6dc809d93da", 4),
    ("reloaded", "317a4a862b9b47e6b0fa57d80cfd86a0", 6),
    ("refused", "398487b6229f4f2e9f7461025beec67d", 3),
    ("dropin", "d2799141d2864f54a6c5b86fc4c7aa88", 4),
];

/// What the masked parts of a command line are shown as.
const MASK: &str = "***";
/// How a command line ends that was not read, or is not shown, to its end.
const CUT: &str = "...";

/// The journal, to send to.
#[derive(Debug)]
pub struct Journal {
    socket: OwnedFd,
    path: PathBuf,
    message: Vec<u8>,
}

/// Why the journal did not get an event.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Nothing listens: this host has no journal, or it is not running.
    #[error("no journal listens at {0}")]
    Absent(String),
    /// It does not keep up; nobody waits for it.
    #[error("the journal is busy")]
    Busy,
    /// Something else.
    #[error("cannot send to the journal at {path}: {error}")]
    Failed {
        /// Its socket.
        path: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl Journal {
    /// A socket of our own to send from. Whether the journal is there shows with each event, so
    /// that it may be restarted meanwhile.
    ///
    /// # Errors
    /// No socket can be made.
    pub fn new(path: &Path) -> Result<Self, JournalError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
            .map_err(|error| failed(path, error))?;
        Ok(Self { socket, path: path.to_owned(), message: Vec::with_capacity(2048) })
    }

    /// Sends an event; `text` is the line that people read. Never waits.
    ///
    /// # Errors
    /// The journal did not get it.
    pub fn send(&mut self, event: &Event, text: &str) -> Result<(), JournalError> {
        self.message.clear();
        fields(&mut self.message, event, text);
        let address =
            SocketAddrUnix::new(self.path.as_path()).map_err(|e| failed(&self.path, e))?;
        let sent = sendto(&self.socket, &self.message, SendFlags::NOSIGNAL, &address);
        let sent = match sent {
            // Too long for a datagram: handed over in a file that nobody can change any more.
            Err(Errno::MSGSIZE | Errno::NOBUFS) => self.send_sealed(&address),
            sent => sent.map(|_| ()),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(Errno::NOENT | Errno::CONNREFUSED) => {
                Err(JournalError::Absent(self.path.display().to_string()))
            }
            Err(Errno::AGAIN) => Err(JournalError::Busy),
            Err(error) => Err(failed(&self.path, error)),
        }
    }

    fn send_sealed(&self, address: &SocketAddrUnix) -> rustix::io::Result<()> {
        let sealed =
            memfd_create("tunectl-event", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = File::from(sealed);
        file.write_all(&self.message).map_err(|_| Errno::NOSPC)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&file, seals)?;
        let files = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        let nothing = [IoSlice::new(&[])];
        sendmsg_addr(&self.socket, address, &nothing, &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

fn failed(path: &Path, error: Errno) -> JournalError {
    JournalError::Failed { path: path.display().to_string(), error: error.into() }
}

fn fields(out: &mut Vec<u8>, event: &Event, text: &str) {
    let known = MESSAGE_IDS.iter().find(|(action, ..)| *action == event.action);
    let priority = known.map_or(5, |k| k.2);
    field(out, "MESSAGE", text);
    field(out, "PRIORITY", &priority.to_string());
    field(out, "SYSLOG_IDENTIFIER", "tunectl");
    // LOG_DAEMON.
    field(out, "SYSLOG_FACILITY", "3");
    maybe(out, "MESSAGE_ID", known.map(|k| k.1));
    field(out, "TUNECTL_ACTION", &event.action);
    field(out, "TUNECTL_CAUSE", &event.cause);
    maybe(out, "TUNECTL_KEY", event.key.as_deref());
    maybe(out, "TUNECTL_FROM", event.from.as_deref());
    maybe(out, "TUNECTL_TO", event.to.as_deref());
    maybe(out, "TUNECTL_DESIRED", event.desired.as_deref());
    maybe(out, "TUNECTL_DETAIL", event.detail.as_deref());
    number(out, "TUNECTL_LATENCY_US", event.latency_us);
    field(out, "TUNECTL_COUNT", &event.count.to_string());
    let Some(writer) = &event.writer else { return };
    // From OBJECT_PID the journal looks the process up itself, its command line with whatever
    // secrets it has: it is named so only where we know that there are none.
    if writer.cmdline.as_deref().is_some_and(|line| !line.contains(MASK) && !line.ends_with(CUT)) {
        number(out, "OBJECT_PID", writer.pid.map(u64::from));
    }
    maybe(out, "OBJECT_COMM", writer.comm.as_deref());
    number(out, "TUNECTL_WRITER_PID", writer.pid.map(u64::from));
    maybe(out, "TUNECTL_WRITER_COMM", writer.comm.as_deref());
    maybe(out, "TUNECTL_WRITER_EXE", writer.exe.as_deref());
    maybe(out, "TUNECTL_WRITER_CMDLINE", writer.cmdline.as_deref());
    number(out, "TUNECTL_WRITER_UID", writer.uid.map(u64::from));
    number(out, "TUNECTL_WRITER_LOGIN_UID", writer.login_uid.map(u64::from));
    maybe(out, "TUNECTL_WRITER_CGROUP", writer.cgroup.as_deref());
    maybe(out, "TUNECTL_WRITER_UNIT", writer.unit.as_deref());
    maybe(out, "TUNECTL_WRITER_CONTAINER", writer.container.as_deref());
    field(out, "TUNECTL_WRITER_VIA", &writer.via);
    maybe(out, "TUNECTL_WRITER_NAMESPACE", writer.namespace.as_deref());
    let mut above = writer.parent.as_ref();
    // A field may be there several times: the parent first, then whoever is above.
    while let Some(parent) = above {
        field(out, "TUNECTL_WRITER_PARENT", &format!("{} ({})", parent.comm, parent.pid));
        above = parent.parent.as_deref();
    }
}

fn maybe(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        field(out, name, value);
    }
}

fn number(out: &mut Vec<u8>, name: &str, value: Option<u64>) {
    if let Some(value) = value {
        field(out, name, &value.to_string());
    }
}

/// A value of one line stands behind `=`; another is told with its length.
fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}
