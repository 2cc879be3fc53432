//! Where the program reaches files: below another root, through links, owners, and crashes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use tunectl::below;
use tunectl::persist::{Removal, Staged};

use crate::operator::Host;
use crate::support::{heeding_permissions, is_root, left_out};

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

fn chown(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), None).unwrap();
}

#[test]
fn whoever_can_exchange_a_link_or_a_directory_on_the_way_is_seen() {
    if !is_root() {
        return left_out("edges: owners on the way", "needs root's files");
    }
    let host = host();
    host.file("run/pub/keep", "").mode("run/pub", 0o777);
    link(&host, "/etc/it.yaml", "run/pub/l.yaml");
    let refused = |args: &[&str], why: &str| {
        let ran = host.run(args.iter().copied());
        assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (1, "60"), "{}", ran.err);
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
    };
    let others = "run/pub can be written by others";
    refused(&["apply", "-b", "/run/pub/l.yaml"], others);
    // A link in the middle of the way counts as well, though neither end is below it.
    link(&host, "/run/pub/l.yaml", "etc/middle.yaml");
    refused(&["apply", "-b", "/etc/middle.yaml"], others);
    // Sticky is good enough for what is root's, and for nothing else.
    host.mode("run/pub", 0o1777);
    chown(&host.root.join("run/pub/l.yaml"), 65534);
    refused(&["apply", "-b", "/run/pub/l.yaml"], "run/pub/l.yaml does not belong to root");
    // A relative path is judged though it is not below the root.
    host.given("open/it.yaml", BASELINE);
    fs::set_permissions(host.work.join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    refused(&["apply", "-b", "./open/it.yaml"], "WORK/open can be written by others");
    chown(&host.root.join("run/pub/l.yaml"), 0);
    let ran = host.run(["apply", "-b", "/run/pub/l.yaml"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "1"), "{}", ran.err);
}

#[test]
fn a_root_by_link_or_relative_path_is_judged_as_strictly() {
    if !is_root() {
        return left_out("edges: owners below a root", "needs root's files");
    }
    let host = host();
    host.file("etc/open/it.yaml", BASELINE).mode("etc/open", 0o777);
    symlink(&host.root, host.work.join("linked")).unwrap();
    for root in ["linked", "../root", "./linked/../root/."] {
        let output = Command::new(env!("CARGO_BIN_EXE_tunectl"))
            .args(["--root", root, "apply", "-b", "/etc/open/it.yaml"])
            .current_dir(&host.work)
            .output()
            .unwrap();
        let ran = host.told(output);
        assert_eq!(ran.code, 1, "{root}: {}", ran.err);
        assert!(ran.err.contains("etc/open can be written by others"), "{root}: {}", ran.err);
    }
}

#[test]
fn what_is_wrong_in_a_layer_is_not_the_hosts_own_mistake() {
    let host = host();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    let layer = |text: &str| {
        host.file("etc/tunectl/baseline.d/50-x.yaml", text);
        host.run(["plan"]).err
    };
    let told = layer("name: x\nparameters: { vm.dirty_ratio: lots }\n");
    let sum = "cannot be used: 1 problem in /etc/tunectl/baseline.d/50-x.yaml; nothing was changed";
    assert!(told.contains(sum), "{told}");
    // Where both are wrong neither is the one.
    host.file("etc/tunectl/baseline.yaml", &BASELINE.replace(": 1 ", ": one "));
    let told = layer("name: x\nparameters: { vm.dirty_ratio: lots }\n");
    assert!(told.contains("baseline.yaml cannot be used: 2 problems; nothing"), "{told}");
}

#[test]
fn what_cannot_be_read_is_not_missing() {
    let host = host();
    link(&host, "nowhere.yaml", "etc/tunectl/baseline.yaml");
    let ran = host.run(["plan"]);
    assert_eq!(ran.code, 1);
    let told = "/etc/tunectl/baseline.yaml is a link to nowhere.yaml, and there is no such file";
    assert!(ran.err.contains(told), "{}", ran.err);
    // Nor is it anybody's to overwrite.
    let ran = host.run(APPLY);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(host.root.join("etc/tunectl/baseline.yaml").is_symlink());
    fs::remove_file(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    // Layers that cannot be listed are not left out: neither a file in their place, ….
    host.file("etc/tunectl/baseline.d", "");
    for args in [&["plan"][..], &APPLY] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains("cannot read /etc/tunectl/baseline.d: "), "{}", ran.err);
    }
    fs::remove_file(host.root.join("etc/tunectl/baseline.d")).unwrap();
    link(&host, "/srv/nowhere", "etc/tunectl/baseline.d");
    let ran = host.run(["plan"]);
    assert!(ran.code == 1 && ran.err.contains("is a link to /srv/nowhere"), "{}", ran.err);
    assert_eq!(host.value("vm.swappiness"), "60");
}

#[test]
fn a_directory_without_permission_is_not_an_absent_one() {
    let host = host();
    host.file("etc/tunectl/baseline.yaml", BASELINE).file("etc/tunectl/baseline.d/9.yaml", "");
    let plan = || {
        // Root may read everything, but for this.
        let mut command = host.command(["plan"]);
        if is_root() {
            command = heeding_permissions(&command);
        }
        host.told(command.output().unwrap())
    };
    host.mode("etc/tunectl/baseline.d", 0);
    let ran = plan();
    host.mode("etc/tunectl/baseline.d", 0o755);
    let listing = "cannot read /etc/tunectl/baseline.d: Permission denied";
    assert!(ran.code == 1 && ran.err.contains(listing), "{}", ran.err);
    host.mode("etc/tunectl", 0);
    let ran = plan();
    host.mode("etc/tunectl", 0o755);
    assert!(ran.code == 1 && ran.err.contains("Permission denied"), "{}", ran.err);
    assert!(!ran.err.contains("this host has no"), "{}", ran.err);
}

#[test]
fn directories_that_are_made_are_open_to_readers_whatever_the_umask() {
    let host = host();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tunectl")]);
    let output = command.arg("--root").arg(&host.root).args(APPLY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (path, mode) in [("etc/sysctl.d", 0o755), ("etc/tunectl", 0o755), (DROPIN, 0o644)] {
        let found = fs::metadata(host.root.join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode, "{path}");
    }
}

#[test]
fn what_a_killed_run_left_behind_is_removed() {
    let host = host();
    let left = "etc/sysctl.d/.99-tunectl.conf.4194000.tmp";
    let others = ["etc/sysctl.d/.99-tunectl.conf.x.tmp", "etc/sysctl.d/.98-other.conf.7.tmp"];
    host.file(left, "half").file(others[0], "").file(others[1], "");
    assert_eq!(host.run(APPLY).code, 0);
    assert!(host.root.join(DROPIN).is_file() && !host.root.join(left).exists());
    // Also where the file itself is as it should be.
    host.file(left, "half");
    let before = fs::metadata(host.root.join(DROPIN)).unwrap().modified().unwrap();
    assert_eq!(host.run(APPLY).code, 0);
    assert!(!host.root.join(left).exists());
    assert_eq!(fs::metadata(host.root.join(DROPIN)).unwrap().modified().unwrap(), before);
    for other in others {
        assert!(host.root.join(other).exists(), "{other} is not ours to remove");
    }
}

/// As by two `plan --out FILE` at a time, for which there is no lock.
#[test]
fn what_another_run_is_writing_is_not_removed() {
    let host = host();
    let place = host.work.join("saved.json");
    let mine = Staged::write(&place, b"mine\n").unwrap();
    let mine_too = Staged::write(&place, b"mine, too\n").unwrap();
    let names = || -> Vec<String> {
        let all = fs::read_dir(&host.work).unwrap();
        let names = all.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.starts_with(".saved.json.")).collect()
    };
    assert_eq!(names().len(), 2);
    fs::write(host.work.join(".saved.json.7.tmp"), "of one that was killed").unwrap();
    let ran = host.run(["plan", "-b", "linux-server", "--out", "./saved.json"]);
    assert_eq!((ran.code, names().len()), (0, 2), "{}{:?}", ran.err, names());
    let error = mine.commit().unwrap_err().to_string();
    assert!(error.contains("another program has made it meanwhile"), "{error}");
    drop(mine_too);
    assert!(names().is_empty());
    let mine = Staged::write(&place, b"mine\n").unwrap();
    mine.commit().unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "mine\n");
}

#[test]
fn what_appears_or_changes_before_the_rename_is_not_overwritten() {
    let host = Host::new();
    let place = host.root.join(DROPIN);
    let refuse = |staged: Staged, why: &str, text: &str| {
        let error = staged.commit().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(fs::read_to_string(&place).unwrap_or_default(), text);
        let left = fs::read_dir(place.parent().unwrap()).unwrap().count();
        assert_eq!(left, usize::from(place.exists()), "the temporary is gone");
    };
    let staged = Staged::write(&place, b"ours\n").unwrap();
    fs::write(&place, "theirs\n").unwrap();
    refuse(staged, "another program has made it", "theirs\n");
    let staged = Staged::write(&place, b"ours\n").unwrap();
    fs::write(&place, "edited\n").unwrap();
    refuse(staged, "another program has changed it", "edited\n");
    let staged = Staged::write(&place, b"ours\n").unwrap();
    fs::remove_file(&place).unwrap();
    refuse(staged, "another program has removed it", "");
    // The same bytes, written anew, are no change; and nothing stays nothing.
    Staged::write(&place, b"ours\n").unwrap().commit().unwrap();
    let staged = Staged::write(&place, b"more\n").unwrap();
    fs::write(&place, "ours\n").unwrap();
    staged.commit().unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "more\n");
}

#[test]
fn what_changes_before_it_is_to_be_removed_stays() {
    let host = Host::new();
    let place = host.root.join(DROPIN);
    let refuse = |removal: Removal, why: &str, text: &str| {
        let error = removal.commit().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(fs::read_to_string(&place).unwrap(), text);
    };
    Removal::of(&place).unwrap().commit().unwrap();
    let removal = Removal::of(&place).unwrap();
    host.file(DROPIN, "theirs\n");
    refuse(removal, "another program has made it", "theirs\n");
    let removal = Removal::of(&place).unwrap();
    fs::write(&place, "edited\n").unwrap();
    refuse(removal, "another program has changed it", "edited\n");
    let removal = Removal::of(&place).unwrap();
    fs::write(&place, "edited\n").unwrap();
    removal.commit().unwrap();
    assert!(!place.exists());
    host.file(DROPIN, "again\n");
    let removal = Removal::of(&place).unwrap();
    fs::remove_file(&place).unwrap();
    removal.commit().unwrap();
}

#[test]
fn a_directory_that_cannot_be_flushed_is_a_warning_and_the_file_is_in_place() {
    let test = "edges: a failing flush of the directory";
    let host = host();
    // Everything is made, so that the flushes are the files' and their directories': what is
    // remembered for later boots and for this one, and the drop-in, whose directory is the last.
    host.file("etc/sysctl.d/README", "").file("var/lib/tunectl/README", "");
    host.file("run/tunectl/README", "");
    host.file("etc/tunectl/baseline.yaml", "name: own\nparameters: { vm.swappiness: 1 }\n");
    let program = host.command(["apply"]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=6", "--"]);
    traced.arg(program.get_program()).args(program.get_args());
    let Ok(output) = traced.output() else { return left_out(test, "there is no strace") };
    let ran = host.told(output);
    if !ran.err.contains("(INJECTED)") {
        return left_out(test, "strace may not inject faults here");
    }
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "1"), "{}", ran.err);
    assert!(ran.err.contains("its directory cannot be flushed to disk"), "{}", ran.err);
    let dropin = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    assert!(dropin.contains("vm.swappiness = 1\n"), "{dropin}");
}
