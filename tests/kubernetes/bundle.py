"""Makes an OCI bundle of the pod that a rendered DaemonSet asks for, as a node's runtime does.

    bundle.py MANIFESTS BUNDLE

The bundle's rootfs is there already. Rights, mounts and arguments are those of the manifest; what a
runtime adds to every container that is not privileged (masked and read-only paths) is added.
"""

import json
import pathlib
import subprocess
import sys

import yaml

# As Kubernetes asks for where procMount is not set.
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
          "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
USUAL = [
    ("/proc", "proc", ["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755"]),
    ("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
]


def mounts(container, volumes, maps, bundle):
    """The container's mounts: host paths as they are, ConfigMaps as files of the bundle."""
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "hostPath" in volume:
            source = volume["hostPath"]["path"]
            if volume["hostPath"].get("type") == "DirectoryOrCreate":
                pathlib.Path(source).mkdir(parents=True, exist_ok=True)
        else:
            text = maps[volume["configMap"]["name"]][mount["subPath"]]
            source = str(bundle / mount["subPath"])
            pathlib.Path(source).write_text(text, encoding="utf-8")
        mode = "ro" if mount.get("readOnly") else "rw"
        yield {"destination": mount["mountPath"], "type": "none", "source": source,
               "options": ["rbind", mode]}


def main(manifests, bundle):
    """Writes config.json."""
    documents = [d for d in yaml.safe_load_all(pathlib.Path(manifests).read_text(encoding="utf-8"))]
    maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
    pod = next(d for d in documents if d["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    rights = container["securityContext"]
    assert not rights["privileged"] and rights["capabilities"]["drop"] == ["ALL"], rights
    caps = [f"CAP_{name}" for name in rights["capabilities"]["add"]]
    volumes = {v["name"]: v for v in pod["volumes"]}
    bundle = pathlib.Path(bundle)
    own = ["mount", "cgroup"]
    own += [kind for kind, shared in
            (("network", "hostNetwork"), ("ipc", "hostIPC"), ("pid", "hostPID"))
            if not pod.get(shared)]
    usual = [{"destination": to, "type": kind, "source": kind, "options": options}
             for to, kind, options in USUAL]
    config = {
        "ociVersion": "1.0.2",
        "process": {
            "args": ["/tunectl", *container["args"]],
            "cwd": "/",
            "env": ["PATH=/"],
            "user": {"uid": rights["runAsUser"], "gid": 0},
            "capabilities": {kind: caps for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": not rights["allowPrivilegeEscalation"],
        },
        "root": {"path": "rootfs", "readonly": rights["readOnlyRootFilesystem"]},
        "mounts": usual + list(mounts(container, volumes, maps, bundle)),
        "linux": {"namespaces": [{"type": kind} for kind in own], "maskedPaths": MASKED,
                  "readonlyPaths": READ_ONLY},
    }
    (bundle / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    probe = container["readinessProbe"]["exec"]["command"]
    (bundle / "probe").write_text("\n".join(probe) + "\n", encoding="utf-8")


main(*sys.argv[1:])
