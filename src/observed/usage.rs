//! What of a host is in use at this moment: what a value must not fall below or take away.

use std::net::IpAddr;

/// What is in use. What could not be told is `None`, and nothing is judged by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory that processes have been promised (`Committed_AS`), in kB.
    pub committed_kb: Option<u64>,
    /// Memory that can be had without swapping (`MemAvailable`), in kB.
    pub available_kb: Option<u64>,
    /// Swap space, in kB.
    pub swap_total_kb: Option<u64>,
    /// Memory that is set aside as huge pages (`Hugetlb`), in kB.
    pub huge_kb: Option<u64>,
    /// For each memory node its number, its memory and what of it can be had: free, and the page
    /// cache; in kB.
    pub nodes: Vec<(u32, u64, u64)>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Where whoever runs this is connected from; `None`: from this host.
    pub session: Option<IpAddr>,
}

/// What of [`Usage`] something is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is looked at by itself")]
pub struct UsageNeeded {
    /// Memory and swap.
    pub memory: bool,
    /// Each memory node's.
    pub nodes: bool,
    /// Processes and threads.
    pub tasks: bool,
    /// Where the session comes from.
    pub session: bool,
}

impl UsageNeeded {
    /// What either of the two is judged by.
    pub fn and(self, other: Self) -> Self {
        Self {
            memory: self.memory || other.memory,
            nodes: self.nodes || other.nodes,
            tasks: self.tasks || other.tasks,
            session: self.session || other.session,
        }
    }
}
