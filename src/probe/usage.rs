//! What of the host is in use: memory, swap, tasks.

use std::path::Path;

use crate::observed::{NumaNode, Usage};

use super::host::numa_nodes;
use super::{meminfo_kb, text};

/// Looks at what is in use on the host below `root` at this moment; of sessions it knows nothing.
pub fn usage(root: &Path) -> Usage {
    let meminfo = text(root, "proc/meminfo").unwrap_or_default();
    let kb = |name| meminfo_kb(&meminfo, name);
    let node = |node: &NumaNode| {
        let path = format!("sys/devices/system/node/node{}/meminfo", node.id);
        let meminfo = text(root, &path).ok()?;
        let cache = meminfo_kb(&meminfo, "FilePages").unwrap_or(0);
        Some((node.id, node.mem_total_kb, meminfo_kb(&meminfo, "MemFree")? + cache))
    };
    Usage {
        committed_kb: kb("Committed_AS"),
        available_kb: kb("MemAvailable"),
        swap_total_kb: kb("SwapTotal"),
        huge_kb: kb("Hugetlb"),
        nodes: numa_nodes(root).iter().filter_map(node).collect(),
        tasks: tasks(&text(root, "proc/loadavg").unwrap_or_default()),
        session: None,
    }
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
