//! The systemd unit and the container that a control group's path tells of.

/// Where a process belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Path below the root of the unified hierarchy.
    pub cgroup: Option<String>,
    pub unit: Option<String>,
    pub container: Option<String>,
}

impl Place {
    /// From the lines of /proc/PID/cgroup. On hosts with the older hierarchies the unit and the
    /// container stand in those, with the unified one's path at the root.
    pub fn of(lines: &[u8]) -> Self {
        let text = String::from_utf8_lossy(lines);
        let mut place = Self::default();
        let rank = |controllers: &str| match controllers {
            "" => 0,
            "name=systemd" => 1,
            _ => 2,
        };
        let mut paths: Vec<(u8, &str)> = text
            .lines()
            .filter_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                path.starts_with('/').then_some((rank(controllers), path))
            })
            .collect();
        paths.sort_by_key(|p| p.0);
        place.cgroup = paths.first().filter(|p| p.0 == 0).map(|p| p.1.to_owned());
        for (rank, path) in paths {
            let found = Self::on(path);
            place.container = place.container.or(found.container);
            // Only systemd's own hierarchies have units.
            if rank < 2 {
                place.unit = place.unit.or(found.unit);
            }
        }
        place
    }

    /// From one path.
    ///
    /// Below a container the names are the container's own choice, so the unit is the last one
    /// outside of it, and the container the outermost.
    pub fn on(path: &str) -> Self {
        let mut place = Self { cgroup: Some(path.to_owned()), ..Self::default() };
        let parts: Vec<&str> = path.split('/').collect();
        for (i, part) in parts.iter().enumerate() {
            // A name that could be mistaken for a file of the kernel's has `_` before it.
            let part = part.strip_prefix('_').unwrap_or(part);
            if part.ends_with(".service") || part.ends_with(".scope") {
                place.unit = Some(part.to_owned());
            }
            let above = i.checked_sub(1).map_or("", |above| parts[above]);
            place.container = container(part, above, parts.get(i + 1).copied());
            if place.container.is_some() {
                break;
            }
        }
        place
    }
}

/// Runtimes' prefixes of an id of 64 hexadecimal digits; what monitors a container stands beside
/// it (`crio-conmon-`, `libpod-conmon-`) and is not in it.
const RUNTIMES: [&str; 7] = [
    "docker-",
    "cri-containerd-",
    "containerd-",
    "nerdctl-",
    "crio-",
    "libpod-payload-",
    "libpod-",
];

fn container(part: &str, above: &str, below: Option<&str>) -> Option<String> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    // containerd under the systemd driver of old: `SLICE:cri-containerd:ID`.
    let name = name.rsplit(':').next().unwrap_or(name);
    let id = RUNTIMES.iter().find_map(|runtime| name.strip_prefix(runtime)).unwrap_or(name);
    if id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Some(id.to_owned());
    }
    if let Some(id) = part.strip_prefix("lxc.payload.") {
        return some(id);
    }
    if matches!(above, "lxc" | "lxc.payload") {
        return some(part);
    }
    if let Some(id) = part.strip_prefix("systemd-nspawn@").and_then(|p| p.strip_suffix(".service"))
    {
        return (below != Some("supervisor")).then(|| unescaped(id));
    }
    // Machines that are registered: systemd-nspawn's containers, and libvirt's, which are not.
    let machine = part.strip_prefix("machine-").and_then(|p| p.strip_suffix(".scope"))?;
    let machine = unescaped(machine);
    let is_virtual = ["qemu-", "lxc-", "xen-", "vbox-"].iter().any(|v| machine.starts_with(v));
    (!is_virtual && below != Some("supervisor") && !machine.is_empty()).then_some(machine)
}

fn some(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| id.to_owned())
}

/// A part of a unit's name as it was before systemd escaped it: `\x2d` is a hyphen.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after
            .strip_prefix(b"x")
            .filter(|_| first == b'\\')
            .and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Place;

    const ID: &str = "3f4e8d9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5";

    /// Paths as real systems have them (`ID` stands for 64 digits), the unit, the container.
    const PATHS: &[(&str, Option<&str>, Option<&str>)] = &[
        ("/", None, None),
        ("/init.scope", Some("init.scope"), None),
        ("/system.slice/cron.service", Some("cron.service"), None),
        ("/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service"), None),
        ("/system.slice/_cpu.service", Some("cpu.service"), None),
        ("/system.slice/systemd-udevd.service/udev", Some("systemd-udevd.service"), None),
        ("/system.slice", None, None),
        ("/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope"), None),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-foot-77.scope",
            Some("app-gnome-foot-77.scope"),
            None,
        ),
        ("/user.slice/user-0.slice/user@0.service/init.scope", Some("init.scope"), None),
        ("/docker/ID", None, Some("ID")),
        ("/system.slice/docker-ID.scope", Some("docker-ID.scope"), Some("ID")),
        (
            "/system.slice/docker-ID.scope/system.slice/nginx.service",
            Some("docker-ID.scope"),
            Some("ID"),
        ),
        (
            "/docker/ID/kubelet.slice/kubepods.slice/cri-containerd-\
             0000000000000000000000000000000000000000000000000000000000000000.scope",
            None,
            Some("ID"),
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-\
             pod0b7b8a8e_7a0c_4d4f_9d3f_0a4c9a3ffa10.slice/cri-containerd-ID.scope",
            Some("cri-containerd-ID.scope"),
            Some("ID"),
        ),
        ("/kubepods/besteffort/pod0b7b8a8e-7a0c-4d4f-9d3f-0a4c9a3ffa10/ID", None, Some("ID")),
        (
            "/system.slice/containerd.service/kubepods-besteffort-pod0b7b8a8e.slice:\
             cri-containerd:ID",
            Some("containerd.service"),
            Some("ID"),
        ),
        (
            "/kubepods.slice/kubepods-pod1.slice/crio-ID.scope/container",
            Some("crio-ID.scope"),
            Some("ID"),
        ),
        (
            "/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope",
            Some("crio-conmon-ID.scope"),
            None,
        ),
        ("/machine.slice/libpod-ID.scope/container", Some("libpod-ID.scope"), Some("ID")),
        ("/machine.slice/libpod-conmon-ID.scope", Some("libpod-conmon-ID.scope"), None),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            Some("libpod-ID.scope"),
            Some("ID"),
        ),
        ("/system.slice/nginx.service/libpod-payload-ID", Some("nginx.service"), Some("ID")),
        ("/libpod_parent/libpod-ID", None, Some("ID")),
        ("/ecs/0b7b8a8e7a0c4d4f9d3f0a4c9a3ffa10/ID", None, Some("ID")),
        ("/lxc/web", None, Some("web")),
        ("/lxc.payload.web/init.scope", None, Some("web")),
        ("/lxc.payload/web/system.slice/cron.service", None, Some("web")),
        ("/lxc.monitor.web", None, None),
        (
            "/machine.slice/machine-web\\x2d1.scope/payload/system.slice/cron.service",
            Some("machine-web\\x2d1.scope"),
            Some("web-1"),
        ),
        (
            "/machine.slice/systemd-nspawn@web.service/payload/init.scope",
            Some("systemd-nspawn@web.service"),
            Some("web"),
        ),
        (
            "/machine.slice/systemd-nspawn@web.service/supervisor",
            Some("systemd-nspawn@web.service"),
            None,
        ),
        (
            "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator",
            Some("machine-qemu\\x2d1\\x2dweb.scope"),
            None,
        ),
        // Not an id: too short, or not hexadecimal.
        ("/system.slice/docker-3f4e8d9f0a1b.scope", Some("docker-3f4e8d9f0a1b.scope"), None),
        ("/docker/buildx", None, None),
    ];

    #[test]
    fn units_and_containers_are_told_from_the_path() {
        for (path, unit, container) in PATHS {
            let path = path.replace("ID", ID);
            let place = Place::on(&path);
            assert_eq!(place.unit, unit.map(|u| u.replace("ID", ID)), "{path}");
            assert_eq!(place.container, container.map(|c| c.replace("ID", ID)), "{path}");
        }
    }

    #[test]
    fn the_unified_hierarchy_comes_first_and_the_others_complete_it() {
        let unified = Place::of(b"0::/system.slice/cron.service\n");
        assert_eq!(unified.cgroup.as_deref(), Some("/system.slice/cron.service"));
        assert_eq!(unified.unit.as_deref(), Some("cron.service"));

        let hybrid = format!(
            "12:pids:/docker/{ID}\n4:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/\n"
        );
        let hybrid = Place::of(hybrid.as_bytes());
        assert_eq!(hybrid.cgroup.as_deref(), Some("/"));
        assert_eq!((hybrid.unit, hybrid.container.as_deref()), (None, Some(ID)));

        let legacy = Place::of(
            b"4:memory:/own.service\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n",
        );
        assert_eq!((legacy.cgroup, legacy.unit.as_deref()), (None, Some("session-1.scope")));
    }

    #[test]
    fn what_is_no_list_of_groups_tells_nothing() {
        for lines in [&b""[..], b"\xff\xfe", b"0:", b"0::", b"::\n", b"0::docker/x.service\n"] {
            assert_eq!(Place::of(lines), Place::default(), "{lines:?}");
        }
    }
}
