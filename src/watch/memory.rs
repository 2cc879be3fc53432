//! What the kernel says of the machine's memory: how much it is, in pages of which size.

use nix::unistd::{SysconfVar, sysconf};

/// The size of a page; where that cannot be had, of the largest.
pub fn page_size() -> usize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(64 << 10)
}

/// The machine's memory in kB, asked at each sweep, as /proc/meminfo has it, without reading that.
pub fn total_kb() -> Option<u64> {
    nix::sys::sysinfo::sysinfo().ok().map(|info| info.ram_total() / 1024)
}
