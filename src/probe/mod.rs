//! Facts of the running host, and of another one played from a file.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

mod host;
mod modules;
mod played;
mod pressure;
mod reserve;
mod session;
mod strain;
mod usage;
mod virt;

pub use host::{Fact, ProbeError, boot_id, daemon_unit, loader_patterns, probe, probe_for};
pub use modules::early_modules;
pub use played::{FACTS, Played, facts_from_yaml};
pub use pressure::memory_pressure;
pub use reserve::thp_min_free_kb;
pub use strain::strain;
pub use usage::usage;
pub use virt::virtualization;

use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use crate::below::{self, joined, open};
use crate::observed::{as_text, first_of};

/// No file of the kernel's that tells a fact is larger, in bytes.
const MAX_BYTES: u64 = 1 << 24;

/// The text of a short file `path` below `root`, with as few system calls as there can be: one
/// read(2) where it is clearly shorter than a page, as procfs and sysfs give a short file whole.
fn text(root: &Path, path: &str) -> io::Result<String> {
    let file = open(root, path)?;
    let mut page = [MaybeUninit::<u8>::uninit(); 4096];
    let half = page.len() / 2;
    let (page, _) = rustix::io::read(&file, &mut page)?;
    if page.len() <= half {
        return Ok(as_text(page).into_owned());
    }
    let mut bytes = page.to_vec();
    // procfs ends a read(2) between two records: only an empty one is the end.
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(as_text(&bytes).into_owned())
}

/// The first page of `path` below `root`, at most.
fn first_page(root: &Path, path: &str) -> io::Result<String> {
    let mut page = [0; 4096];
    let length = open(root, path)?.read(&mut page)?;
    Ok(String::from_utf8_lossy(&page[..length]).into_owned())
}

/// Where `path` is found from here. In an image a link must not lead out of it.
fn place(root: &Path, path: &str) -> PathBuf {
    if root == Path::new("/") {
        return joined(root, path);
    }
    below::resolve(root, path).unwrap_or_default()
}

/// The same for the last component as it is, should that be a link.
fn entry(root: &Path, path: &str) -> PathBuf {
    if root == Path::new("/") {
        return joined(root, path);
    }
    below::resolve_parent(root, path).unwrap_or_default()
}

/// The first line of a text, without blanks around it.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim()
}

/// The number of kB behind `name` in a file such as /proc/meminfo, whose lines may begin with
/// `Node 0 `.
fn meminfo_kb(text: &str, name: &str) -> Option<u64> {
    let [number] = meminfo_kbs(text, [name]);
    number
}

/// The same behind several names.
fn meminfo_kbs<const N: usize>(text: &str, names: [&str; N]) -> [Option<u64>; N] {
    let mut numbers = [None; N];
    let (mut rest, mut missing) = (text, N);
    while missing > 0 && !rest.is_empty() {
        let (line, after) = rest.split_at(first_of([b'\n'], rest.as_bytes()).unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        let label = match line.strip_prefix("Node ") {
            Some(of_node) => of_node.split_once(' ').map_or("", |(_, label)| label),
            None => line,
        };
        for (name, number) in names.iter().zip(&mut numbers) {
            // Most lines differ in their first letter.
            if number.is_none()
                && label.as_bytes().first() == name.as_bytes().first()
                && let Some(rest) = label.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'))
            {
                *number = rest.trim().strip_suffix("kB").and_then(|n| n.trim_end().parse().ok());
                missing -= usize::from(number.is_some());
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::meminfo_kbs;

    #[test]
    fn each_name_is_found_wherever_its_line_stands() {
        for before in 0..40 {
            let text = format!(
                "{}\n\nMemTotal:       24 kB\r\nMem: 1 kB\nMemTotalX: 2 kB\nNode 12 MemFree:  7 kB\n\
                 SwapTotal: 0 kB\nHugetlb: 3 kB",
                "x".repeat(before)
            );
            let names = ["Hugetlb", "MemTotal", "MemFree", "SwapTotal", "Absent"];
            assert_eq!(meminfo_kbs(&text, names), [Some(3), Some(24), Some(7), Some(0), None]);
        }
        let broken = "MemTotal: ? kB\nMemTotal: 5\nMemTotal: 6 kB\nMemTotal: 7 kB\n";
        assert_eq!(meminfo_kbs(broken, ["MemTotal"]), [Some(6)]);
        assert_eq!(meminfo_kbs("", ["MemTotal"]), [None]);
    }
}
