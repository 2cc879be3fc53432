//! Where reports lie: this boot's in /run until /var is there, then with the newest ones before it
//! in /var; the host's, and what is counted for it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::below;

use super::{PersistError, Staged};

/// This boot's report until it is settled.
pub const RUN: &str = "/run/tunectl/boot.json";
/// The directory of the settled ones, each named after its boot.
pub const KEPT: &str = "/var/lib/tunectl/boots";
/// The newest report of the host.
pub const LATEST: &str = "/var/lib/tunectl/report.json";
/// What the daemon has counted in this boot.
pub const TALLY: &str = "/run/tunectl/tally.json";
/// Held by whoever writes the host's report.
pub const REPORT_LOCK: &str = "/run/tunectl/report.lock";
/// Where Debian's node_exporter looks for metrics in files.
pub const COLLECTOR: &str = "/var/lib/prometheus/node-exporter";
/// The file of metrics in that directory, or in another one.
pub const METRICS: &str = "tunectl.prom";
/// That many are kept.
pub const KEEP: usize = 16;
/// A larger one is not looked into, in bytes.
pub(super) const MAX_BYTES: u64 = 1 << 26;

/// Where the settled report of a boot lies; `None` where what names the boot is no name of a file.
pub fn kept(boot_id: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!boot_id.is_empty() && boot_id.len() <= 64 && boot_id.bytes().all(plain))
        .then(|| format!("{KEPT}/{boot_id}.json"))
}

/// Whether there is such a file.
pub fn exists(root: &Path, path: &str) -> bool {
    below::resolve_parent(root, path).is_ok_and(|place| place.symlink_metadata().is_ok())
}

/// The bytes of a report, where there is one that can be read.
pub fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    found(root, path).ok().flatten()
}

/// The bytes of such a file; `None`: there is none.
///
/// # Errors
/// It cannot be read, is too large, or is no regular file.
pub fn found(root: &Path, path: &str) -> io::Result<Option<Vec<u8>>> {
    let file = match below::open_itself(root, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(below::NotAFile));
    }
    if metadata.len() > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a report, whole or not at all.
///
/// # Errors
/// It cannot be written: what was there stays.
pub fn write(root: &Path, path: &str, bytes: &[u8]) -> Result<(), PersistError> {
    let place = below::resolve_parent(root, path).map_err(|error| PersistError {
        doing: "find",
        path: path.to_owned(),
        error,
    })?;
    Staged::write(&place, bytes)?.commit()
}

/// Removes this boot's report from /run once it lies in /var; one that stays is read first, and
/// says the same.
pub fn remove_run(root: &Path) {
    if let Ok(place) = below::resolve_parent(root, RUN) {
        let _ = fs::remove_file(place);
    }
}

/// Removes all settled reports but that of `boot_id` and the newest others, however wrong the
/// clock may be; what cannot be removed does no harm.
pub fn prune(root: &Path, boot_id: &str) {
    let this = format!("{boot_id}.json");
    let Ok(dir) = below::resolve(root, KEPT) else { return };
    let mut reports: Vec<(SystemTime, PathBuf)> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(|n| n.ends_with(".json") && n != this))
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    reports.sort();
    let surplus = reports.len().saturating_sub(KEEP - 1);
    for (_, path) in &reports[..surplus] {
        let _ = fs::remove_file(path);
    }
}
