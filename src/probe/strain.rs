//! How short of memory the host is: three short files, read again and again.

use std::path::Path;

use crate::observed::Strain;

use super::{meminfo_kb, text};

/// Looks at the host below `root`.
pub fn strain(root: &Path) -> Strain {
    let meminfo = text(root, "proc/meminfo").unwrap_or_default();
    Strain {
        free_kb: meminfo_kb(&meminfo, "MemFree"),
        available_kb: meminfo_kb(&meminfo, "MemAvailable"),
        stalled_us: text(root, "proc/pressure/memory").ok().and_then(|text| stalled(&text)),
        killed: text(root, "proc/vmstat").ok().and_then(|text| killed(&text)),
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`
fn stalled(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

fn killed(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "some avg10=0.00 avg60=0.12 avg300=0.00 total=91\nfull avg10=0.00 total=7\n";
        assert_eq!(stalled(text), Some(91));
        assert_eq!(stalled(""), None);
        assert_eq!(killed("nr_free_pages 9\noom_kill 3\n"), Some(3));
        assert_eq!(killed("oom_killer 3\n"), None);
    }
}
