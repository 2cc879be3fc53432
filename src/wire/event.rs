//! A drift event as scripts read it: one JSON object a line, `tunectl/event/1`.

use serde::{Deserialize, Serialize};

use crate::observed;

/// The schema of [`Event`].
pub const EVENT_SCHEMA: &str = "tunectl/event/1";

/// One thing that happened to a parameter, or to what holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_SCHEMA`].
    pub schema: String,
    /// When, RFC 3339 in UTC, with microseconds.
    pub time: String,
    /// The boot that it happened in.
    pub boot_id: String,
    /// The key, in dots; `null` for what concerns no single parameter.
    pub key: Option<String>,
    /// What it is to read.
    pub desired: Option<String>,
    /// What it read before the change, where known.
    pub from: Option<String>,
    /// What it was changed to, or would have been.
    pub to: Option<String>,
    /// `restored`, `reported`, `yielded`, `prevented`, `contested`, `settled`, `failed`, `lost`,
    /// `reloaded`, `refused`, `dropin`.
    pub action: String,
    /// `process`, `kernel`, `unknown`.
    pub cause: String,
    /// Who did it; `null` where nobody did.
    pub writer: Option<Writer>,
    /// From the event to the end of the restoring write, in microseconds.
    pub latency_us: Option<u64>,
    /// How often it happened, where several were put in one event.
    pub count: u64,
    /// What else is to be said, such as a module's name or why a write failed.
    pub detail: Option<String>,
}

/// The process behind a write. Unknown fields are `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Process id in the host's pid namespace.
    pub pid: Option<u32>,
    /// Its name.
    pub comm: Option<String>,
    /// The program file.
    pub exe: Option<String>,
    /// The command line, secrets masked.
    pub cmdline: Option<String>,
    /// Its real user id.
    pub uid: Option<u32>,
    /// The user who logged in.
    pub login_uid: Option<u32>,
    /// Its cgroup.
    pub cgroup: Option<String>,
    /// Its systemd unit.
    pub unit: Option<String>,
    /// Its container's id.
    pub container: Option<String>,
    /// Its parent.
    pub parent: Option<Parent>,
    /// `bpf`, `fanotify`, `proc`, `none`.
    pub via: String,
    /// `host`, `other`.
    pub namespace: Option<String>,
}

/// A parent process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Process id.
    pub pid: u32,
    /// Its name.
    pub comm: String,
    /// Its own parent.
    pub parent: Option<Box<Parent>>,
}

impl From<&observed::Writer> for Writer {
    fn from(writer: &observed::Writer) -> Self {
        // The nearest ancestor is the outermost object.
        let parent = writer.ancestors.iter().rev().fold(None, |parent, above| {
            let parent = parent.map(Box::new);
            Some(Parent { pid: above.pid, comm: above.comm.clone(), parent })
        });
        Self {
            pid: writer.pid,
            comm: writer.comm.clone(),
            exe: writer.exe.clone(),
            cmdline: writer.cmdline.clone(),
            uid: writer.uid,
            login_uid: writer.login_uid,
            cgroup: writer.cgroup.clone(),
            unit: writer.unit.clone(),
            container: writer.container.clone(),
            parent,
            via: writer.via.name().to_owned(),
            namespace: writer.namespace.map(|n| n.name().to_owned()),
        }
    }
}
