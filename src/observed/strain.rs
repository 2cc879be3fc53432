//! How short of memory a host is at one moment.

/// What tells of it. What this kernel does not tell is `None`, and nothing is judged by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strain {
    /// Memory that nobody uses (`MemFree`), in kB.
    pub free_kb: Option<u64>,
    /// Memory that can be had without swapping (`MemAvailable`), in kB.
    pub available_kb: Option<u64>,
    /// For how long some task has waited for memory since the boot, in microseconds
    /// (/proc/pressure/memory, `some`).
    pub stalled_us: Option<u64>,
    /// How many processes were killed for want of memory since the boot (/proc/vmstat, `oom_kill`).
    pub killed: Option<u64>,
}
