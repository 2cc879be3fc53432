//! The reserve of free memory that khugepaged insists on while transparent huge pages are on.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::path::Path;

use super::{first_line, host, meminfo_kb, text};

const THP: &str = "sys/kernel/mm/transparent_hugepage";
/// Zones that ordinary allocations come from; khugepaged counts no others.
const LOW_ZONES: [&str; 3] = ["DMA", "DMA32", "Normal"];
/// Page blocks to keep free in each zone: two, and one for each of the three migration types of
/// the per-processor lists to fall back to each of the three.
const BLOCKS_PER_ZONE: u64 = 2 + 3 * 3;

/// The least `vm.min_free_kbytes`, in kB, that khugepaged raises a smaller one to when it starts
/// (cases E28 to E30); `None` while transparent huge pages are off, or where it cannot be told.
pub fn thp_min_free_kb(root: &Path) -> Option<u64> {
    let mem_total_kb = meminfo_kb(&text(root, "proc/meminfo").ok()?, "MemTotal")?;
    floor_of(root, host::page_bytes(), mem_total_kb)
}

/// The same, where the amount of memory is known already.
pub(super) fn floor_of(root: &Path, page_bytes: u64, mem_total_kb: u64) -> Option<u64> {
    let block: u64 =
        first_line(&text(root, &format!("{THP}/hpage_pmd_size")).ok()?).parse().ok()?;
    if !enabled(root, block)? {
        return None;
    }
    // /proc/zoneinfo would tell the zones as well, but has a paragraph for each processor.
    let (zones, all_low) = populated(&text(root, "proc/buddyinfo").ok()?);
    if zones == 0 {
        return None;
    }
    let floor = floor_kb(block, zones, page_bytes, u64::MAX);
    // The kernel's limit is 5 % of the free memory above the high watermarks of those zones. It
    // is worked out where the floor comes near it: within a quarter, which watermarks never are.
    if all_low && floor.saturating_mul(25) < mem_total_kb {
        return Some(floor);
    }
    let low_kb = low_memory_kb(&text(root, "proc/zoneinfo").ok()?, page_bytes)?;
    Some(floor_kb(block, zones, page_bytes, low_kb))
}

/// The floor in kB for page blocks of `block` bytes in that many zones, where at most 5 % of
/// `low_kb` may be reserved; both are whole pages in the kernel.
pub(super) fn floor_kb(block: u64, zones: u64, page_bytes: u64, low_kb: u64) -> u64 {
    let page_kb = (page_bytes / 1024).max(1);
    let wanted = (block / page_bytes.max(1)).saturating_mul(zones).saturating_mul(BLOCKS_PER_ZONE);
    wanted.min(low_kb / page_kb / 20).saturating_mul(page_kb)
}

/// Whether huge pages of `block` bytes are on: by the switch for all sizes, or by their own.
fn enabled(root: &Path, block: u64) -> Option<bool> {
    let chosen_in = |path: String| {
        let text = text(root, &path).ok()?;
        let chosen = text.split_once('[')?.1.split_once(']')?.0.to_owned();
        Some(chosen)
    };
    if chosen_in(format!("{THP}/enabled"))? != "never" {
        return Some(true);
    }
    let own = chosen_in(format!("{THP}/hugepages-{}kB/enabled", block / 1024));
    Some(own.is_some_and(|chosen| chosen == "always" || chosen == "madvise"))
}

/// How many of the low zones have pages, over all nodes; whether no other zone has any.
fn populated(buddyinfo: &str) -> (u64, bool) {
    let mut zones = 0;
    let mut all_low = true;
    for line in buddyinfo.lines() {
        // Node 0, zone   Normal   12743   4812 …
        let Some(name) = line.split_once("zone").and_then(|(_, r)| r.split_whitespace().next())
        else {
            continue;
        };
        if LOW_ZONES.contains(&name) { zones += 1 } else { all_low = false }
    }
    (zones, all_low)
}

/// The pages of the low zones above their high watermarks, in kB.
fn low_memory_kb(zoneinfo: &str, page_bytes: u64) -> Option<u64> {
    let (mut low, mut high, mut pages) = (false, 0, 0_u64);
    for line in zoneinfo.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Node") => low = words.nth(2).is_some_and(|name| LOW_ZONES.contains(&name)),
            Some("high") if low => high = words.next()?.parse().ok()?,
            Some("managed") if low => {
                pages += words.next()?.parse::<u64>().ok()?.saturating_sub(high);
            }
            _ => {}
        }
    }
    Some(pages.saturating_mul(page_bytes) / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_observed_on_three_zones_e28() {
        assert_eq!(floor_kb(2 << 20, 3, 4096, u64::MAX), 67584);
    }

    #[test]
    fn large_base_pages_reserve_gigabytes_e30() {
        // arm64 with pages of 64 KiB: blocks of 512 MiB, two zones, 480 GB.
        assert_eq!(floor_kb(512 << 20, 2, 65536, 480 << 20), 11_534_336);
        // Of 128 GB no more than 5 %.
        assert_eq!(floor_kb(512 << 20, 2, 65536, 128 << 20), (128 << 20) / 64 / 20 * 64);
    }

    #[test]
    fn zones_without_ordinary_memory_do_not_count() {
        let info = "Node 0, zone      DMA      0      0\nNode 0, zone   Normal  1 2\n\
                    Node 1, zone   Normal  1 2\nNode 1, zone  Movable  1 2\n";
        assert_eq!(populated(info), (3, false));
        assert_eq!(populated("Node 0, zone    DMA32 1\n"), (1, true));
    }

    #[test]
    fn low_memory_is_what_lies_above_the_high_watermarks() {
        let zone = |name: &str, high: u64, managed: u64| {
            format!(
                "Node 0, zone {name}\n  pages free     9\n        min      1\n        low      2\n\
                 \u{20}       high     {high}\n        managed  {managed}\n  pagesets\n    cpu: 0\n\
                 \u{20}             high:  777\n"
            )
        };
        let info =
            zone("  DMA", 100, 3840) + &zone("Normal", 900, 100_000) + &zone("Movable", 1, 9);
        assert_eq!(low_memory_kb(&info, 4096), Some((3740 + 99_100) * 4));
    }
}
