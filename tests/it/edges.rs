//! Where the program reaches files: below another root, through links, owners, and crashes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tunectl::below;

use crate::operator::Host;

const BASELINE: &str = "name: it\nparameters: { vm.swappiness: 1 }\n";
const APPLY: [&str; 3] = ["apply", "-b", "/etc/it.yaml"];
const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";

/// A host with a baseline of its own in /etc/it.yaml.
fn host() -> Host {
    let host = Host::usual();
    host.file("etc/it.yaml", BASELINE);
    host
}

/// A link of the host, with the directories above it.
fn link(host: &Host, target: impl AsRef<Path>, at: &str) {
    let at = host.root.join(at);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    symlink(target, at).unwrap();
}

#[test]
fn below_a_root_no_link_leads_out() {
    let host = Host::new();
    let root = host.root.as_path();
    link(&host, "/run/inside", "etc/absolute");
    link(&host, "../../../../../run/inside", "etc/upwards");
    link(&host, "../etc/absolute/deep", "var/chain");
    link(&host, "loop", "etc/loop");
    let cases = [
        ("/etc/absolute/file", "run/inside/file"),
        ("/etc/upwards/file", "run/inside/file"),
        ("/var/chain/file", "run/inside/deep/file"),
        ("/../../etc/absolute", "run/inside"),
        ("/etc/absolute/../x", "run/x"),
        ("/etc/nosuch/file", "etc/nosuch/file"),
        ("", ""),
    ];
    for (path, place) in cases {
        assert_eq!(below::resolve(root, path).unwrap(), root.join(place), "{path}");
    }
    let entry = below::resolve_parent(root, "/var/chain").unwrap();
    assert_eq!(entry, root.join("var/chain"), "the last component stays a link");
    let entry = below::resolve_parent(root, "/var/chain/absolute").unwrap();
    assert_eq!(entry, root.join("run/inside/deep/absolute"));
    let error = below::resolve(root, "/etc/loop").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::errno::Errno::ELOOP as i32));
    // Below `/` the kernel follows links; nothing is looked at.
    let link = root.join("etc/absolute/file");
    assert_eq!(below::resolve(Path::new("/"), link.to_str().unwrap()).unwrap(), link);
    assert_eq!(below::resolve_parent(Path::new("/"), link.to_str().unwrap()).unwrap(), link);
}

#[test]
fn an_apply_below_a_root_writes_nowhere_else() {
    let host = host();
    let outside = host.work.join("outside");
    fs::create_dir(&outside).unwrap();
    // Each of these leads out of the tree where the kernel follows it.
    for at in ["etc/sysctl.d", "etc/tunectl", "run/tunectl"] {
        link(&host, &outside, at);
    }
    let ran = host.run(APPLY);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "1"), "{}", ran.err);
    let left: Vec<_> = fs::read_dir(&outside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "written outside of the root: {left:?}");
    let inside = host.root.join(outside.strip_prefix("/").unwrap());
    for name in ["99-tunectl.conf", "baseline.yaml", "lock"] {
        assert!(inside.join(name).is_file(), "{name} is not below the root");
    }
    // What was written there is also read there: the drop-in, and the host's own baseline.
    let ran = host.run(["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_baseline_below_a_root_is_not_read_from_outside() {
    let host = host();
    host.given("it.yaml", "name: outside\nparameters: { vm.swappiness: 7 }\n");
    let outside = host.work.join("it.yaml");
    link(&host, &outside, "etc/led-out.yaml");
    let ran = host.run(["plan", "-b", "/etc/led-out.yaml"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    // A link that stays inside is followed there, though it is absolute.
    link(&host, "/etc/it.yaml", "etc/tunectl/baselines/linked.yaml");
    let ran = host.run(["plan", "-b", "linked"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Layers are listed through the same eyes.
    link(&host, "/srv/layers", "etc/tunectl/baseline.d");
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    host.file("srv/layers/50-it.yaml", "name: layer\nparameters: { vm.swappiness: 9 }\n");
    let ran = host.run(["plan"]);
    assert!(ran.out.contains('9'), "{}{}", ran.out, ran.err);
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "9");
    assert!(host.root.join(DROPIN).is_file());
}
