//! How much memory the machine has, asked at each sweep.

/// The machine's memory in kB, as /proc/meminfo has it, without reading that.
pub fn total_kb() -> Option<u64> {
    nix::sys::sysinfo::sysinfo().ok().map(|info| info.ram_total() / 1024)
}
