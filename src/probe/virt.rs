//! What a host runs in: a container, a virtual machine, or nothing.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs;
use std::io;
use std::path::Path;

use super::{entry, first_line, first_page, place, text};
use crate::observed::Virtualization;

/// The inode that the kernel gives the first PID namespace.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// What hypervisors write into the firmware's tables, by how the text begins, and the name that
/// systemd-detect-virt has for them. `product_name` is asked before `sys_vendor`: KVM's vendor
/// is QEMU.
const FIRMWARE: [(&str, &str); 18] = [
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Oracle Corporation", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Google Compute Engine", "google"),
    ("Alibaba Cloud ECS", "kvm"),
];

/// What the host below `root` runs in. A container in a virtual machine is a container.
pub fn virtualization(root: &Path) -> Virtualization {
    if let Some(name) = container(root) {
        return Virtualization::Container(name);
    }
    machine(root).map_or(Virtualization::None, Virtualization::Vm)
}

fn container(root: &Path) -> Option<String> {
    // systemd writes down what it was told; other managers leave a mark of their own.
    for path in ["run/systemd/container", "run/host/container-manager"] {
        if let Some(name) = named(root, path) {
            return Some(name);
        }
    }
    if place(root, "run/.containerenv").exists() {
        return Some("podman".into());
    }
    if place(root, ".dockerenv").exists() {
        return Some("docker".into());
    }
    // Root alone may read it.
    if let Ok(environ) = text(root, "proc/1/environ")
        && let Some(name) = environ.split('\0').find_map(|v| v.strip_prefix("container="))
        && !name.is_empty()
    {
        return Some(name.to_owned());
    }
    let namespace = fs::read_link(entry(root, "proc/self/ns/pid")).ok()?;
    (namespace != Path::new(FIRST_PID_NAMESPACE)).then(|| "other".into())
}

fn machine(root: &Path) -> Option<String> {
    if let Some(name) = named(root, "sys/hypervisor/type") {
        // The first domain of Xen is the host itself.
        let first = text(root, "proc/xen/capabilities").is_ok_and(|c| c.contains("control_d"));
        return (!first).then_some(name);
    }
    let mut has_firmware = false;
    for field in ["product_name", "sys_vendor", "bios_vendor"] {
        let Ok(found) = text(root, &format!("sys/class/dmi/id/{field}")) else { continue };
        has_firmware = true;
        let found = first_line(&found);
        // Bare-metal instances carry these two vendors' names as well.
        let bare = found == "Amazon EC2" || found == "Oracle Corporation";
        let known = FIRMWARE.iter().find(|(start, _)| found.starts_with(start));
        if let Some((_, name)) = known
            && (!bare || hypervisor_flag(root))
        {
            return Some((*name).to_owned());
        }
    }
    // Firmware that names a maker of hardware is believed, but for Microsoft's: it makes both.
    if has_firmware {
        let vendor = named(root, "sys/class/dmi/id/sys_vendor");
        let unsure = vendor.is_some_and(|v| v == "Microsoft Corporation");
        return (unsure && hypervisor_flag(root)).then(|| "microsoft".into());
    }
    if let Some(tree) = named(root, "proc/device-tree/hypervisor/compatible") {
        let tree = tree.trim_end_matches('\0').to_owned();
        return Some(if tree == "linux,kvm" { "kvm".into() } else { tree });
    }
    // Small machines have no firmware tables; KVM offers them its clock.
    let clocks = "sys/devices/system/clocksource/clocksource0/available_clocksource";
    if text(root, clocks).is_ok_and(|c| c.contains("kvm-clock")) {
        return Some("kvm".into());
    }
    hypervisor_flag(root).then(|| "other".into())
}

/// Whether the processor says that a hypervisor is present. Only where nothing else tells: some
/// kernels ask every processor for its clock rate before they print the first one's flags.
fn hypervisor_flag(root: &Path) -> bool {
    let first_processor = || -> io::Result<bool> {
        let info = first_page(root, "proc/cpuinfo")?;
        let flags = info.lines().find(|l| l.starts_with("flags"));
        Ok(flags.is_some_and(|l| l.split_whitespace().any(|flag| flag == "hypervisor")))
    };
    first_processor().unwrap_or(false)
}

/// The first line of a file, where there is one with anything in it.
fn named(root: &Path, path: &str) -> Option<String> {
    text(root, path).ok().map(|t| first_line(&t).to_owned()).filter(|name| !name.is_empty())
}
