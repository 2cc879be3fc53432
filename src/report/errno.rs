//! What an error number of the kernel means in words, and what to do about a refused write.

use crate::key::Key;
use crate::observed::Errno;

use super::secret;
use super::style::harmless;

/// An error number in words, with its name.
pub fn errno_text(errno: Errno) -> String {
    let known = nix::errno::Errno::from_raw(errno.0);
    format!("{} ({known:?})", known.desc())
}

/// Why a write failed, and what to do.
pub fn failure(key: &Key, value: &str, errno: Errno) -> String {
    let value = harmless(secret::shown(key, value));
    match errno {
        Errno::ENOENT if key.as_path() == "net/ipv4/tcp_allowed_congestion_control" => format!(
            "the kernel does not know each of {value} (ENOENT), and loads none here: compare \
             net.ipv4.tcp_available_congestion_control, and load the module tcp_NAME of what is missing"
        ),
        Errno::ENOENT if key.leaf().contains("congestion") => format!(
            "the kernel has no congestion control {value} (ENOENT): load its module, tcp_{value}"
        ),
        Errno::ENOENT => "no such parameter (ENOENT): its module or interface is gone".into(),
        Errno::EINVAL => {
            format!("the kernel refuses {value} (EINVAL): out of its range, or not its form")
        }
        Errno::EPERM if key.as_path() == "net/ipv4/tcp_congestion_control" => format!(
            "not permitted (EPERM): outside the host's own network namespace the kernel takes none but \
             those in net.ipv4.tcp_allowed_congestion_control: have the host add {value} to its own list; \
             or a capability is missing"
        ),
        Errno::EPERM => {
            "not permitted (EPERM): a capability is missing (of a unit: CapabilityBoundingSet=), or a \
             security module, a BPF program or a lockdown forbids it"
            .into()
        }
        Errno::EACCES => {
            "permission denied (EACCES): run as root, in the namespace it belongs to".into()
        }
        Errno::EROFS => {
            "/proc/sys is mounted read-only (EROFS): a container cannot set it; use the host".into()
        }
        Errno::ELOOP => {
            "something is mounted over it (ELOOP): what stands there is not the kernel's".into()
        }
        other => format!("writing {value} failed: {}", errno_text(other)),
    }
}
