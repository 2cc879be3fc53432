//! Where the running kernel keeps what a writer is told by: offsets from its BTF.
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::path::Path;

use super::aside::Aside;
use super::btf::Btf;

/// The kernel's description of its own types.
const DESCRIPTION: &str = "/sys/kernel/btf/vmlinux";

const STRUCTURES: [&str; 13] = [
    "task_struct",
    "mm_struct",
    "nsproxy",
    "ns_common",
    "mnt_namespace",
    "net",
    "ipc_namespace",
    "uts_namespace",
    "user_namespace",
    "pid_namespace",
    "bpf_sysctl_kern",
    "ctl_table_header",
    "ctl_table_set",
];

/// Offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of a task.
    pub task: Task,
    /// Of an address space, where the arguments begin and end.
    pub arguments: (i16, i16),
    /// From a set of namespaces to the mount namespace, and from that to its number.
    pub mount: Step,
    /// The same for network, IPC and UTS namespaces.
    pub net: Step,
    /// See `net`.
    pub ipc: Step,
    /// See `net`.
    pub uts: Step,
    /// From the program's context to the set of parameters that is written to.
    pub set: Option<Set>,
}

/// Of a task: its address space, parent, process and thread ids, name, namespaces, login uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as above")]
pub struct Task {
    pub mm: i16,
    pub real_parent: i16,
    pub tgid: i16,
    pub pid: i16,
    pub comm: i16,
    pub nsproxy: i16,
    pub login_uid: Option<i16>,
}

/// A pointer to a namespace in a set of them, and the namespace's number behind that pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as above")]
pub struct Step {
    pub pointer: i16,
    pub number: i16,
}

/// The set of parameters that a write is for stands inside the namespace that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set {
    /// From the context to the table's header, and from that to the set.
    pub way: (i16, i16),
    /// In the set, what tells one of a namespace from the host's: it is 0 in the host's.
    pub is_seen: i16,
    /// From a network namespace's set to the namespace's number; the others the same.
    pub net: Option<i16>,
    /// See `net`: before 5.19 none.
    pub ipc: Option<i16>,
    /// See `net`: parameters of message queues stand apart.
    pub queues: Option<i16>,
    /// See `net`.
    pub user: Option<i16>,
    /// See `net`: before 6.14 none.
    pub pid: Option<i16>,
}

impl Layout {
    /// The running kernel's.
    ///
    /// # Errors
    /// What is missing, as the end of a sentence.
    pub fn of_this_kernel() -> Result<Self, String> {
        let bytes = Aside::read(Path::new(DESCRIPTION)).map_err(|e| {
            format!("{DESCRIPTION} cannot be read ({e}): the kernel has no BTF, or /sys is hidden")
        })?;
        let btf = Btf::parse(&bytes, &STRUCTURES)
            .map_err(|e| format!("{DESCRIPTION} cannot be used: {e}"))?;
        Self::find(&btf)
    }

    fn find(btf: &Btf<'_>) -> Result<Self, String> {
        let find = |structure: &str, member: &str| -> Option<i16> {
            let place = STRUCTURES.iter().position(|s| *s == structure)?;
            btf.offset(place, member).and_then(|o| i16::try_from(o).ok())
        };
        let must = |structure: &str, member: &str| {
            find(structure, member)
                .ok_or_else(|| format!("{DESCRIPTION} does not describe {structure}.{member}"))
        };
        let number = must("ns_common", "inum")?;
        let step = |member: &str, structure: &str| -> Result<Step, String> {
            let number = must(structure, "ns")?.saturating_add(number);
            Ok(Step { pointer: must("nsproxy", member)?, number })
        };
        // From the set to the number: both stand in the namespace.
        let across = |structure: &str, set: &str| -> Option<i16> {
            find(structure, "ns")?.checked_add(number)?.checked_sub(find(structure, set)?)
        };
        let set = || {
            Some(Set {
                way: (find("bpf_sysctl_kern", "head")?, find("ctl_table_header", "set")?),
                is_seen: find("ctl_table_set", "is_seen")?,
                net: across("net", "sysctls"),
                ipc: across("ipc_namespace", "ipc_set"),
                queues: across("ipc_namespace", "mq_set"),
                user: across("user_namespace", "set"),
                pid: across("pid_namespace", "set"),
            })
        };
        Ok(Self {
            task: Task {
                mm: must("task_struct", "mm")?,
                real_parent: must("task_struct", "real_parent")?,
                tgid: must("task_struct", "tgid")?,
                pid: must("task_struct", "pid")?,
                comm: must("task_struct", "comm")?,
                nsproxy: must("task_struct", "nsproxy")?,
                login_uid: find("task_struct", "loginuid"),
            },
            arguments: (must("mm_struct", "arg_start")?, must("mm_struct", "arg_end")?),
            mount: step("mnt_ns", "mnt_namespace")?,
            net: step("net_ns", "net")?,
            ipc: step("ipc_ns", "ipc_namespace")?,
            uts: step("uts_ns", "uts_namespace")?,
            set: set(),
        })
    }
}
