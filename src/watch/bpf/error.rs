//! Why the program cannot be had, and what follows from that.

use std::io;
use std::path::PathBuf;

use crate::key::Key;

use super::assembler::AssemblyError;
use super::place::{is_refusal, lockdown};

/// Why BPF does not serve. Writers are then named through fanotify, and nothing is prevented.
#[derive(Debug, thiserror::Error)]
pub enum BpfError {
    /// Only version 1 is mounted, or none.
    #[error(
        "no cgroup v2 hierarchy is mounted, to whose root the BPF program would be attached: \
         mount one (`mount -t cgroup2 none /sys/fs/cgroup/unified`) or boot with \
         systemd.unified_cgroup_hierarchy=1"
    )]
    NoCgroup2,
    /// Its directory cannot be opened.
    #[error("{} cannot be opened, to find or attach to the root of the cgroup v2 hierarchy: {source}", path.display())]
    Cgroup {
        /// The directory or table.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No capability, or a system call filter.
    #[error(
        "the kernel does not let this process {what}: it needs CAP_BPF, CAP_PERFMON and \
         CAP_NET_ADMIN (before Linux 5.8: CAP_SYS_ADMIN) in the first user namespace, and bpf in \
         its unit's SystemCallFilter={}",
        locked_down()
    )]
    NotPermitted {
        /// What was tried.
        what: &'static str,
    },
    /// A kernel without what is needed.
    #[error("this kernel cannot {what} ({source}): that needs Linux 5.8 with CONFIG_CGROUP_BPF")]
    TooOld {
        /// What was tried.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Another program holds the place for itself.
    #[error(
        "another BPF program is attached to {} or above it, and lets no second one in (it was \
         attached without BPF_F_ALLOW_MULTI): `bpftool cgroup tree` shows which, under the type \
         `sysctl`; detach it, or have its owner attach it with that flag", path.display()
    )]
    Occupied {
        /// The cgroup.
        path: PathBuf,
    },
    /// Every form of the program was refused.
    #[error(
        "the kernel's verifier refuses the BPF program ({source}); its reasons are logged at the \
         level debug: please report them with the kernel's version"
    )]
    Refused {
        /// Of the poorest form.
        source: io::Error,
        /// What the verifier said of the richest form.
        log: String,
    },
    /// A mistake in this program.
    #[error("the BPF program cannot be put together: {0}; this is a mistake in tunectl")]
    Assembly(#[from] AssemblyError),
    /// Something else.
    #[error("cannot {what}: {source}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// More than the maps have room for.
    #[error("more than {most} {what} are to be watched, which is all that the BPF program takes")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it takes.
        most: u32,
    },
    /// A prevented name is too long.
    #[error(
        "{key} is longer than the 127 bytes by which the BPF program compares names: it cannot be prevented"
    )]
    NameTooLong {
        /// The name.
        key: Key,
    },
    /// An admitted value is too long.
    #[error(
        "a value admitted for {key} is longer than the 126 bytes that the BPF program compares: {key} cannot be prevented"
    )]
    ValueTooLong {
        /// The name.
        key: Key,
    },
    /// Two ranges that do not touch.
    #[error(
        "the numbers admitted for {key} are two ranges apart from each other, of which the BPF program takes one: {key} cannot be prevented"
    )]
    TwoRanges {
        /// The name.
        key: Key,
    },
    /// Prevention does not work here.
    #[error("{key} cannot be prevented here: {why}; changes are put right afterwards instead")]
    NoPrevention {
        /// The first name that is concerned.
        key: Key,
        /// What is missing.
        why: String,
    },
}

impl BpfError {
    /// The reason, as it is said behind the name that it concerns.
    pub fn reason(&self) -> String {
        match self {
            Self::NameTooLong { .. } => {
                "its name is longer than the 127 bytes by which the BPF program compares names"
                    .to_owned()
            }
            Self::ValueTooLong { .. } => {
                "a value admitted for it is longer than the 126 bytes that the BPF program compares"
                    .to_owned()
            }
            Self::TwoRanges { .. } => {
                "the numbers admitted for it are two ranges apart from each other, of which the BPF \
                 program takes one"
                    .to_owned()
            }
            Self::NoPrevention { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    /// What an error of bpf(2) means for a step that kernels before 5.8 do not know.
    pub(super) fn of(what: &'static str, source: io::Error) -> Self {
        if is_refusal(&source) {
            return Self::NotPermitted { what };
        }
        let unknown = [libc::ENOSYS, libc::EINVAL, libc::EOPNOTSUPP];
        if source.raw_os_error().is_some_and(|e| unknown.contains(&e)) {
            return Self::TooOld { what, source };
        }
        Self::Failed { what, source }
    }
}

fn locked_down() -> String {
    match lockdown() {
        Some(mode) => format!("; the kernel is also locked down ({mode})"),
        None => String::new(),
    }
}
