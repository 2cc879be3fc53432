//! Facts of a host that baselines and plans depend on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Usage;

/// What a plan needs to know of a host besides its parameters. Every field is a plain value, so
/// that another host can be played from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The host's name.
    pub hostname: String,
    /// The kernel's release, such as 6.1.0.
    pub kernel: Release,
    /// `uname -r` as it stands.
    pub kernel_release: String,
    /// The boot's identity, a UUID; empty when unknown.
    pub boot_id: String,
    /// `MemTotal` of /proc/meminfo, in kB (1024 bytes).
    pub mem_total_kb: u64,
    /// The memory nodes, in order of their number; empty when unknown.
    pub numa_nodes: Vec<NumaNode>,
    /// Bytes in a base page.
    pub page_bytes: u64,
    /// Bytes in a huge page of the default size; 0 where the kernel has none.
    pub huge_page_bytes: u64,
    /// What the host runs in.
    pub virtualization: Virtualization,
    /// The least `vm.min_free_kbytes` that khugepaged insists on, in kB; `None` when transparent
    /// huge pages are off or the figure cannot be told.
    pub thp_min_free_kb: Option<u64>,
    /// The day, UTC, as `YYYY-MM-DD`.
    pub today: String,
    /// Whether systemd is what boots this host.
    pub systemd: bool,
    /// Whether tunectl-boot.service is enabled.
    pub boot_unit: bool,
    /// Whether the loader that boots this host expands patterns; `None` where nobody has looked, or
    /// it cannot be told.
    pub loader_patterns: Option<bool>,
    /// Modules that are there before the loader runs: built in, or named in modules-load.d; `None`
    /// where nobody has looked, or it cannot be told.
    pub early_modules: Option<Vec<String>>,
    /// What is in use at this moment.
    pub usage: Usage,
}

/// One memory node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumaNode {
    /// Its number.
    pub id: u32,
    /// Its `MemTotal`, in kB.
    pub mem_total_kb: u64,
}

/// What a host runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Virtualization {
    /// Nobody has looked.
    Unknown,
    /// Bare metal.
    None,
    /// A virtual machine, by the name of its hypervisor where known (`kvm`, `vmware`, …).
    Vm(String),
    /// A container, by the name of its manager where known.
    Container(String),
}

impl Virtualization {
    /// `none`, the name of what the host runs in, or `unknown`.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Vm(name) | Self::Container(name) => name,
        }
    }

    /// `none`, `vm`, `container` or `unknown`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Vm(_) => "vm",
            Self::Container(_) => "container",
        }
    }
}

/// A kernel release, compared number by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// As 6 in 6.1.12.
    pub major: u16,
    /// As 1 in 6.1.12.
    pub minor: u16,
    /// As 12 in 6.1.12; 0 where it is not given.
    pub patch: u16,
}

/// A text that is not a kernel release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kernel release such as 5.8 or 6.1.12")]
pub struct ReleaseError(pub String);

impl Release {
    /// A release from its first two numbers.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor, patch: 0 }
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    /// Reads `5.8`, `6.1.12`, and `uname -r` with whatever a distribution appends.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let wrong = || ReleaseError(text.to_owned());
        let numbers = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or("");
        let mut parts = numbers.split('.').filter(|p| !p.is_empty()).map(str::parse::<u16>);
        let mut next = || parts.next().transpose().map_err(|_| wrong());
        let major = next()?.ok_or_else(wrong)?;
        let minor = next()?.unwrap_or(0);
        let patch = next()?.unwrap_or(0);
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            0 => write!(f, "{}.{}", self.major, self.minor),
            patch => write!(f, "{}.{}.{patch}", self.major, self.minor),
        }
    }
}
