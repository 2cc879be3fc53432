//! What of the host is in use: memory, swap, tasks.

use std::path::Path;

use crate::observed::{Usage, UsageNeeded};

use super::host::node_ids;
use super::session::session;
use super::{meminfo_kb, meminfo_kbs, text};

/// Looks at what is in use on the host below `root` at this moment, as far as it is needed.
pub fn usage(root: &Path, needed: UsageNeeded) -> Usage {
    let meminfo = if needed.memory { text(root, "proc/meminfo").ok() } else { None };
    let meminfo = meminfo.unwrap_or_default();
    let [committed_kb, available_kb, swap_total_kb, huge_kb] =
        meminfo_kbs(&meminfo, ["Committed_AS", "MemAvailable", "SwapTotal", "Hugetlb"]);
    Usage {
        committed_kb,
        available_kb,
        swap_total_kb,
        huge_kb,
        nodes: if needed.nodes { nodes(root) } else { Vec::new() },
        tasks: needed.tasks.then(|| tasks(&text(root, "proc/loadavg").ok()?)).flatten(),
        session: needed.session.then(session).flatten(),
    }
}

/// The nodes' memory, where there are several: one node has what the host has.
fn nodes(root: &Path) -> Vec<(u32, u64, u64)> {
    let node = |id: u32| {
        let meminfo = text(root, &format!("sys/devices/system/node/node{id}/meminfo")).ok()?;
        let cache = meminfo_kb(&meminfo, "FilePages").unwrap_or(0);
        let free = meminfo_kb(&meminfo, "MemFree")?;
        Some((id, meminfo_kb(&meminfo, "MemTotal")?, free.saturating_add(cache)))
    };
    let ids: Vec<u32> = node_ids(root);
    if ids.len() < 2 { Vec::new() } else { ids.into_iter().filter_map(node).collect() }
}

/// `0.20 0.18 0.12 1/80 11206`: of 80 processes and threads one runs.
fn tasks(loadavg: &str) -> Option<u64> {
    loadavg.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::tasks;

    #[test]
    fn tasks_are_counted_whether_they_run_or_not() {
        assert_eq!(tasks("0.20 0.18 0.12 1/80 11206\n"), Some(80));
        assert_eq!(tasks("0.20 0.18"), None);
    }
}
