//! The facts of the host below a root, read from procfs and sysfs.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::Offset};
use nix::sys::sysinfo::sysinfo;
use nix::sys::utsname::uname;
use nix::unistd::{SysconfVar, sysconf};

use super::{entry, first_line, meminfo_kb, place, reserve, text, virt};
use crate::below::bytes;
use crate::observed::{Facts, NumaNode, Usage, Virtualization};

/// Why the facts of a host cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A file that every kernel has cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it was not read.
        source: io::Error,
    },
    /// A file does not say what it always says.
    #[error("{} has no {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
}

/// The boot, without which nobody can tell whether what lies in /run is of this one.
///
/// # Errors
/// The kernel does not tell it: it cannot be read, or there is nothing in it.
pub fn boot_id(root: &Path) -> Result<String, ProbeError> {
    let read = text(root, BOOT_ID);
    let text =
        read.map_err(|source| ProbeError::Unreadable { path: entry(root, BOOT_ID), source })?;
    let id = first_line(&text);
    if id.is_empty() { Err(malformed(root, BOOT_ID, "boot id")) } else { Ok(id.to_owned()) }
}

const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";
/// Where a unit stands when it is enabled, and where it is masked.
struct Unit {
    wants: [&'static str; 3],
    masks: [&'static str; 2],
}

/// The places of a unit that a target wants.
macro_rules! unit {
    ($name:literal, $target:literal) => {
        Unit {
            wants: [
                concat!("etc/systemd/system/", $target, ".wants/", $name),
                concat!("run/systemd/system/", $target, ".wants/", $name),
                concat!("usr/lib/systemd/system/", $target, ".wants/", $name),
            ],
            masks: [concat!("etc/systemd/system/", $name), concat!("run/systemd/system/", $name)],
        }
    };
}

const BOOT: Unit = unit!("tunectl-boot.service", "sysinit.target");
const DAEMON: Unit = unit!("tunectl.service", "multi-user.target");

/// A fact that costs a look of its own, and that not every run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `boot_id`.
    BootId,
    /// `boot_unit`.
    BootUnit,
    /// `numa_nodes`.
    NumaNodes,
    /// `huge_page_bytes`.
    HugePages,
    /// `virtualization`.
    Virtualization,
    /// `thp_min_free_kb`.
    Reserve,
    /// `today`.
    Today,
}

impl Fact {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::BootId,
        Self::BootUnit,
        Self::NumaNodes,
        Self::HugePages,
        Self::Virtualization,
        Self::Reserve,
        Self::Today,
    ];
}

/// Reads all facts of the host below `root`; starts no process and changes nothing.
///
/// # Errors
/// [`ProbeError`] where the kernel's release or the amount of memory cannot be told. Whatever
/// else is missing is an empty or absent fact.
pub fn probe(root: &Path) -> Result<Facts, ProbeError> {
    probe_for(root, &Fact::ALL)
}

/// As [`probe`], but of the facts that cost a look of their own only `wanted`: the others are
/// empty, absent or unknown, as they are where they cannot be told.
///
/// # Errors
/// As [`probe`].
pub fn probe_for(root: &Path, wanted: &[Fact]) -> Result<Facts, ProbeError> {
    let wants = |fact| wanted.contains(&fact);
    let (hostname, kernel_release) = names(root)?;
    let kernel = kernel_release
        .parse()
        .map_err(|_| malformed(root, "proc/sys/kernel/osrelease", "kernel release"))?;
    let mem_total_kb = mem_total_kb(root)?;
    let page_bytes = page_bytes();
    Ok(Facts {
        hostname,
        kernel,
        kernel_release,
        boot_id: if wants(Fact::BootId) { line(root, BOOT_ID) } else { String::new() },
        mem_total_kb,
        numa_nodes: if wants(Fact::NumaNodes) { numa_nodes(root) } else { Vec::new() },
        page_bytes,
        huge_page_bytes: if wants(Fact::HugePages) { huge_page_bytes(root) } else { 0 },
        virtualization: if wants(Fact::Virtualization) {
            virt::virtualization(root)
        } else {
            Virtualization::Unknown
        },
        thp_min_free_kb: wants(Fact::Reserve)
            .then(|| reserve::floor_of(root, page_bytes, mem_total_kb))
            .flatten(),
        today: if wants(Fact::Today) { today() } else { String::new() },
        systemd: has_systemd(root),
        boot_unit: wants(Fact::BootUnit) && boot_unit(root),
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    })
}

/// The host's name and the kernel's release. Of the running host the kernel itself is asked;
/// uname(2) tells what the files tell that are read below another root.
fn names(root: &Path) -> Result<(String, String), ProbeError> {
    if is_host(root)
        && let Ok(names) = uname()
    {
        let owned = |name: &OsStr| name.to_string_lossy().into_owned();
        return Ok((owned(names.nodename()), owned(names.release())));
    }
    let release = required(root, "proc/sys/kernel/osrelease")?;
    Ok((line(root, "proc/sys/kernel/hostname"), first_line(&release).to_owned()))
}

/// `MemTotal` in kB; of the running host by sysinfo(2), which tells the same.
fn mem_total_kb(root: &Path) -> Result<u64, ProbeError> {
    if is_host(root)
        && let Ok(memory) = sysinfo()
    {
        return Ok(memory.ram_total() / 1024);
    }
    let meminfo = required(root, "proc/meminfo")?;
    meminfo_kb(&meminfo, "MemTotal").ok_or_else(|| malformed(root, "proc/meminfo", "MemTotal"))
}

fn is_host(root: &Path) -> bool {
    root == Path::new("/")
}

fn huge_page_bytes(root: &Path) -> u64 {
    let meminfo = text(root, "proc/meminfo").unwrap_or_default();
    meminfo_kb(&meminfo, "Hugepagesize").unwrap_or(0) * 1024
}

/// Bytes in a base page of the running kernel; an image below another root has none of its own.
pub(super) fn page_bytes() -> u64 {
    sysconf(SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|b| u64::try_from(b).ok())
        .unwrap_or(4096)
}

fn today() -> String {
    Offset::UTC.to_datetime(Timestamp::now()).date().to_string()
}

fn required(root: &Path, path: &str) -> Result<String, ProbeError> {
    text(root, path).map_err(|source| ProbeError::Unreadable { path: root.join(path), source })
}

fn malformed(root: &Path, path: &str, what: &'static str) -> ProbeError {
    ProbeError::Malformed { path: root.join(path), what }
}

fn line(root: &Path, path: &str) -> String {
    text(root, path).map(|t| first_line(&t).to_owned()).unwrap_or_default()
}

/// The nodes that have memory.
fn numa_nodes(root: &Path) -> Vec<NumaNode> {
    let node = |id| {
        let meminfo = text(root, &format!("{NODES}/node{id}/meminfo")).ok()?;
        Some(NumaNode { id, mem_total_kb: meminfo_kb(&meminfo, "MemTotal")? })
    };
    node_ids(root).into_iter().filter_map(node).collect()
}

const NODES: &str = "sys/devices/system/node";

/// Their numbers. `has_memory` and `online` are lists such as `0-1,4`.
pub(super) fn node_ids(root: &Path) -> Vec<u32> {
    let listed = text(root, &format!("{NODES}/has_memory"))
        .or_else(|_| text(root, &format!("{NODES}/online")))
        .unwrap_or_default();
    id_list(first_line(&listed)).collect()
}

fn id_list(list: &str) -> impl Iterator<Item = u32> {
    /// The kernel is built for at most that many nodes (`CONFIG_NODES_SHIFT` is 10 at most).
    const MOST: u32 = 1024;
    list.split(',')
        .filter_map(|item| {
            let (low, high) = item.split_once('-').unwrap_or((item, item));
            Some(low.parse().ok()?..=high.parse().ok()?)
        })
        .flatten()
        .take_while(|id| *id < MOST)
}

const SYSTEMD_SYSCTL: [&str; 2] = ["usr/lib/systemd/systemd-sysctl", "lib/systemd/systemd-sysctl"];

fn has_systemd(root: &Path) -> bool {
    SYSTEMD_SYSCTL.iter().any(|path| place(root, path).exists())
}

/// Whether the systemd-sysctl below `root` expands patterns, as those since 2020 do. Distributions
/// bring such changes into older versions, so the program itself is asked, not its version: by
/// what it says where a pattern is kept off a key, and by calling glob(3). `None`: it cannot be told.
pub fn loader_patterns(root: &Path) -> Option<bool> {
    /// Far more than its size, which is 25 kB.
    const MOST: u64 = 1 << 20;
    let program = SYSTEMD_SYSCTL.iter().find_map(|path| bytes(root, path, MOST).ok())?;
    if !program.starts_with(b"\x7fELF") {
        return None;
    }
    let says = |what: &[u8]| memchr::memmem::find(&program, what).is_some();
    match (says(b"explicit setting exists"), says(b"glob")) {
        (true, _) => Some(true),
        (false, false) => Some(false),
        (false, true) => None,
    }
}

/// Whether tunectl-boot.service is wanted by sysinit.target, and not masked.
fn boot_unit(root: &Path) -> bool {
    is_enabled(root, &BOOT)
}

/// Whether tunectl.service is wanted by multi-user.target, and not masked.
pub fn daemon_unit(root: &Path) -> bool {
    is_enabled(root, &DAEMON)
}

fn is_enabled(root: &Path, unit: &Unit) -> bool {
    // The link itself counts: in an image it leads to a path that is right after the boot only.
    let is_null = |to: PathBuf| to == Path::new("/dev/null");
    unit.wants.iter().any(|link| fs::symlink_metadata(entry(root, link)).is_ok())
        && !unit.masks.iter().any(|link| fs::read_link(entry(root, link)).is_ok_and(is_null))
}
