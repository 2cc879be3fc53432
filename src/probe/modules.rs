//! Which kernel modules are there before the sysctl.d loader runs.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{first_line, place};
use crate::below;

/// Where the modules stand that systemd-modules-load loads, which is before systemd-sysctl: of two
/// files of one name the one in the earlier directory counts.
const DIRS: [&str; 4] = [
    "etc/modules-load.d",
    "run/modules-load.d",
    "usr/local/lib/modules-load.d",
    "usr/lib/modules-load.d",
];
/// What stands on the kernel command line before such names, separated by commas.
const CMDLINE: [&str; 2] = ["modules_load=", "modules-load="];
/// No such file is larger, in bytes.
const MOST: u64 = 1 << 20;

/// The modules below `root` that are built into the kernel of that release, or loaded before the
/// sysctl.d files are. `None` where it cannot be told: the list of what is built in is not there.
///
/// What loads one because it needs it, as initrds and other modules do, is not looked into.
pub fn early_modules(root: &Path, release: &str) -> Option<Vec<String>> {
    if release.is_empty() || release.contains('/') {
        return None;
    }
    let list = |dir: &str| {
        below::text(root, &format!("{dir}/modules/{release}/modules.builtin"), MOST).ok()
    };
    let builtin = list("usr/lib").or_else(|| list("lib"))?;
    let mut modules: BTreeSet<String> = builtin.lines().filter_map(builtin_name).collect();
    let mut seen = BTreeSet::new();
    for dir in DIRS {
        for entry in fs::read_dir(place(root, dir)).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.ends_with(".conf") || !seen.insert(name.clone()) {
                continue;
            }
            // A mask is a link to /dev/null: no file, so nothing of that name counts.
            let text = below::text(root, &format!("{dir}/{name}"), MOST).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|l| !l.starts_with(['#', ';']));
            modules.extend(lines.filter(|l| !l.is_empty()).map(spelt));
        }
    }
    let cmdline = below::text(root, "proc/cmdline", MOST).unwrap_or_default();
    for word in first_line(&cmdline).split_whitespace() {
        let names = CMDLINE.iter().find_map(|option| word.strip_prefix(option));
        modules.extend(names.into_iter().flat_map(|names| names.split(',')).map(spelt));
    }
    Some(modules.into_iter().collect())
}

/// `kernel/net/netfilter/nf_conntrack.ko`, as `nf_conntrack`.
fn builtin_name(line: &str) -> Option<String> {
    let (_, file) = line.trim().rsplit_once('/')?;
    file.strip_suffix(".ko").map(spelt)
}

/// The kernel takes both for one.
fn spelt(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_has_a_path() {
        assert_eq!(builtin_name("kernel/net/802/p8022.ko"), Some("p8022".to_owned()));
        assert_eq!(builtin_name("kernel/net/br-netfilter.ko"), Some("br_netfilter".to_owned()));
        assert_eq!(builtin_name("# none"), None);
        assert_eq!(early_modules(Path::new("/nowhere"), "../../etc"), None);
    }
}
