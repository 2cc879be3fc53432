//! The parameters that the kernel itself sets from its command line, before any loader runs.
//!
//! Kernel 5.8 and later; what a module or a network card brings is not there yet at that moment
//! (case E48).

use std::sync::Arc;

use super::{Assignment, Changes};
use crate::catalogue::{self, Parameter};
use crate::diagnostic::Position;
use crate::observed::Release;

/// The name under which the kernel command line stands as a source.
pub const CMDLINE: &str = "kernel command line";

/// The first kernel that looks there for any parameter.
pub(super) const FIRST: Release = Release::new(5, 8);

/// Old parameters of their own, which every kernel takes, and which are now names for a sysctl
/// (`Documentation/admin-guide/kernel-parameters.txt`).
const ALIASES: [(&str, &str); 4] = [
    ("hardlockup_all_cpu_backtrace", "kernel/hardlockup_all_cpu_backtrace"),
    ("hung_task_panic", "kernel/hung_task_panic"),
    ("numa_zonelist_order", "vm/numa_zonelist_order"),
    ("softlockup_all_cpu_backtrace", "kernel/softlockup_all_cpu_backtrace"),
];

/// The assignments on a kernel command line, in order.
pub(super) fn assignments(cmdline: &str, kernel: Release) -> Vec<Assignment> {
    let mut rest = cmdline;
    let mut found = Vec::new();
    let file: Arc<str> = CMDLINE.into();
    while let Some((name, value)) = next_argument(&mut rest) {
        // What follows is for init.
        if name == "--" && value.is_none() {
            break;
        }
        let is_taken = |path: &String| {
            ALIASES.iter().any(|(alias, _)| *alias == name) || kernel >= FIRST && is_there(path)
        };
        let Some(path) = path_of(name).filter(is_taken) else { continue };
        let Some(value) = value.filter(|v| !v.is_empty()) else { continue };
        found.push(Assignment {
            changes: Changes::of(&path),
            selector_text: path.into(),
            value: value.into(),
            source: Position { file: Arc::clone(&file), line: 0, column: 0 },
            is_glob: false,
            order: Some(found.len()),
            ignore_errors: true,
        });
    }
    found
}

/// `sysctl.vm.swappiness`, `sysctl/vm/swappiness`: every dot is a separator, wherever it stands,
/// so that an interface name with a dot cannot be written here. More separators in a row are one,
/// also in front (`process_sysctl_arg` in `fs/proc/proc_sysctl.c`, and a path's walk); one at the
/// end asks for a directory, and the kernel finds none.
fn path_of(name: &str) -> Option<String> {
    if let Some(key) = name.strip_prefix("sysctl") {
        let path = key.strip_prefix(['.', '/'])?.replace('.', "/");
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        return (!path.is_empty() && !path.ends_with('/')).then(|| parts.join("/"));
    }
    ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, path)| (*path).to_owned())
}

/// Whether the kernel has the parameter by then, as far as is known: neither a module nor an
/// interface brings it, but for the loopback one.
fn is_there(path: &str) -> bool {
    let mut parts = path.split('/');
    let interface = match (parts.next(), parts.next(), parts.next()) {
        (Some("net"), Some(_), Some("conf" | "neigh")) => parts.next(),
        _ => None,
    };
    interface.is_none_or(|name| matches!(name, "all" | "default" | "lo"))
        && catalogue::at(path).and_then(Parameter::module).is_none()
}

/// Cuts the next argument off: blanks inside double quotes do not end it, and quotes around the
/// whole of it or around its value are not part of it.
fn next_argument<'a>(rest: &mut &'a str) -> Option<(&'a str, Option<&'a str>)> {
    let text = rest.trim_start();
    if text.is_empty() {
        *rest = "";
        return None;
    }
    let (text, quoted) = match text.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let mut in_quotes = quoted;
    let end = text.find(|c: char| {
        in_quotes ^= c == '"';
        c.is_ascii_whitespace() && !in_quotes
    });
    let (argument, after) = text.split_at(end.unwrap_or(text.len()));
    *rest = after;
    let unquoted = |t: &'a str| t.strip_suffix('"').unwrap_or(t);
    Some(match argument.split_once('=').filter(|(name, _)| !name.is_empty()) {
        Some((name, value)) => match value.strip_prefix('"') {
            Some(inner) => (name, Some(unquoted(inner))),
            None if quoted => (name, Some(unquoted(value))),
            None => (name, Some(value)),
        },
        None if quoted => (unquoted(argument), None),
        None => (argument, None),
    })
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn separators_in_a_row_are_one() {
        let same = ["sysctl..vm.swappiness", "sysctl/./vm/swappiness", "sysctl.vm./swappiness"];
        for name in same {
            assert_eq!(path_of(name).as_deref(), Some("vm/swappiness"), "{name}");
        }
        for none in ["sysctl.vm.swappiness.", "sysctl.", "sysctl..", "sysctl-vm", "sysctl"] {
            assert_eq!(path_of(none), None, "{none}");
        }
    }
}
