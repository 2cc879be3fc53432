//! What others have laid below a root, for a command of root's to come across.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use crate::operator::Host;
use crate::support::{is_root, left_out};

const BOOT_ID: &str = "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c";
const NOBODY: Option<u32> = Some(65534);
const TRIAL: &str = "run/tunectl/trial.json";

fn trial(writes: &str, files: &str) -> String {
    format!(
        "{{\"schema\":\"tunectl/trial/1\",\"boot_id\":\"{BOOT_ID}\",\"pid\":99999,\"baseline\":\"evil\",\
         \"state\":\"pending\",\"seconds\":1,\"ends\":\"\",\"ends_since_boot_ms\":1,\"check\":null,\
         \"writes\":[{writes}],\"originals\":[],\"files\":[{files}],\"let_go_before\":{{}},\"ended\":null}}"
    )
}

/// How a file is made to be another user's, in words too.
type Way<'a> = (&'a str, &'a dyn Fn(&Host));

const SWAPPINESS: &str =
    "{\"key\":\"vm/swappiness\",\"from\":\"1\",\"to\":\"60\",\"undo\":[\"vm/swappiness\",\"1\"]}";

fn planted(writes: &str, files: &str) -> Host {
    let host = Host::usual();
    host.file(TRIAL, &trial(writes, files));
    host.mode(TRIAL, 0o600);
    host
}

#[test]
fn whoever_only_looks_puts_nothing_back_below_another_root() {
    let host = planted(SWAPPINESS, "");
    let before = host.tree();
    for args in [
        &["plan", "-b", "linux-server"][..],
        &["status"],
        &["report"],
        &["unlock", "vm.swappiness", "--for", "1m", "--reason", "so"],
    ] {
        let ran = host.run(args.iter().copied());
        assert_eq!(host.value("vm.swappiness"), "60", "{args:?}: {ran:?}");
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("a trial of evil is pending"), "{args:?}: {told}");
        if args[0] != "unlock" {
            assert_eq!(host.tree(), before, "{args:?}");
        }
    }
    // It is root's: whoever is asked to change something ends it first.
    assert_eq!(host.run(["confirm", "--cancel"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "1");
}

#[test]
fn what_another_user_could_have_written_is_not_obeyed() {
    let test = "hostile::what_another_user_could_have_written_is_not_obeyed";
    if !is_root() {
        return left_out(test, "only root can give files to another user");
    }
    let own = |path: &'static str| {
        move |host: &Host| chown(host.root.join(path), NOBODY, NOBODY).unwrap()
    };
    let mode = |path: &'static str, mode: u32| {
        move |host: &Host| {
            host.mode(path, mode);
        }
    };
    let exchanged = |host: &Host| {
        let run = host.root.join("run");
        fs::rename(&run, host.root.join("theirs")).unwrap();
        symlink("theirs", &run).unwrap();
        std::os::unix::fs::lchown(run, NOBODY, NOBODY).unwrap();
    };
    let linked = |host: &Host| {
        fs::rename(host.root.join(TRIAL), host.root.join("trial")).unwrap();
        symlink("/trial", host.root.join(TRIAL)).unwrap();
    };
    let ways: [Way<'_>; 8] = [
        ("the file", &own(TRIAL)),
        ("its directory", &own("run/tunectl")),
        ("one above it", &own("run")),
        ("the root", &own("")),
        ("a file of the group's", &mode(TRIAL, 0o620)),
        ("a directory of everybody's", &mode("run/tunectl", 0o777)),
        ("a link on the way", &exchanged),
        ("a link in its place", &linked),
    ];
    for (what, made) in ways {
        let host = planted(SWAPPINESS, "");
        host.file("etc/b.yaml", "name: b\nparameters: { vm.swappiness: 10 }\n");
        made(&host);
        for args in [
            &["confirm", "--cancel"][..],
            &["apply", "--live-only", "-b", "/etc/b.yaml"],
            &["status"],
            &["apply", "-b", "/etc/b.yaml", "--confirm-within", "60s", "--check", "touch /etc/no"],
        ] {
            let ran = host.run(args.iter().copied());
            assert_eq!(host.value("vm.swappiness"), "60", "{what}: {args:?}: {ran:?}");
            assert!(args[0] == "status" || ran.code != 0, "{what}: {args:?}: {ran:?}");
        }
    }
    // Neither is a journal, nor what is remembered, nor what is let go.
    let host = Host::usual();
    host.file(
        "run/tunectl/journal",
        &format!(
            "tunectl journal 1\nboot\t{BOOT_ID}\npid\t1\nbaseline\tx\n\
             write\tvm/swappiness\t1\t60\tvm/swappiness\t1\nbegun\n"
        ),
    );
    own("run/tunectl/journal")(&host);
    let ran = host.run(["apply", "--live-only", "-b", "linux-server"]);
    assert_eq!((ran.code, host.value("vm.swappiness")), (1, "60".into()), "{ran:?}");
    assert!(ran.err.contains("it belongs to another user than root"), "{ran:?}");
    fs::remove_file(host.root.join("run/tunectl/journal")).unwrap();
    let hold = "{\"kind\":\"released\",\"by\":\"x\",\"reason\":null,\"until\":null,\"until_since_boot\":null}";
    host.file(
        "run/tunectl/holds.json",
        &format!(
            "{{\"schema\":\"tunectl/holds/1\",\"boot_id\":\"{BOOT_ID}\",\"holds\":{{\"*\":{hold}}}}}"
        ),
    );
    own("run/tunectl/holds.json")(&host);
    host.file("etc/tunectl/baseline.yaml", "name: b\nparameters: { vm.swappiness: 10 }\n");
    let ran = host.run(["apply", "--boot"]);
    assert_eq!(host.value("vm.swappiness"), "10", "{ran:?}");
}

#[test]
fn a_trial_replaces_nothing_but_what_an_apply_does() {
    let other = "{\"path\":\"/etc/cron.d/x\",\"before\":\"* * * * * root id\\n\",\"after\":null}";
    let host = planted(SWAPPINESS, other);
    for args in [&["confirm"][..], &["confirm", "--cancel"], &["apply", "-b", "linux-server"]] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        assert!(ran.err.contains("no apply replaces \"/etc/cron.d/x\""), "{args:?}: {ran:?}");
    }
    assert_eq!(host.value("vm.swappiness"), "60");
    assert!(!host.root.join("etc/cron.d").exists());
    assert_eq!(
        tunectl::persist::state::REPLACED[..2],
        [tunectl::bootview::dropin::PATH, tunectl::bootview::dropin::HOST_PATH]
    );
    assert_eq!(tunectl::persist::state::REPLACED[2], tunectl::sources::HOST_BASELINE);
    let mode = fs::metadata(host.root.join(TRIAL)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is left as it is");
}

#[test]
fn a_lock_is_written_to_only_where_it_is_one() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: a\nparameters: {vm.swappiness: 10}\n");
    let victim = host.root.with_extension("victim");
    fs::write(&victim, "victim").unwrap();
    let tell = |why: &str| {
        for (lock, command) in [
            ("run/tunectl/lock", &["apply"][..]),
            ("run/tunectl/lock", &["unlock", "vm.swappiness", "--for", "1m", "--reason", "so"]),
            ("run/tunectl/report.lock", &["report", "--save"]),
        ] {
            // Only root can let a parameter go, or save a report.
            if command[0] != "apply" && !is_root() {
                continue;
            }
            let ran = host.run(command.iter().copied());
            let told = format!("cannot use the lock ROOT/{lock}: {why}");
            assert!(ran.code != 0 && ran.err.contains(&told), "{command:?}: {ran:?}");
        }
    };
    let lay = |lay: &dyn Fn(&Path)| {
        fs::create_dir_all(host.root.join("run/tunectl")).unwrap();
        for name in ["run/tunectl/lock", "run/tunectl/report.lock"] {
            let path = host.root.join(name);
            let _ = fs::remove_file(&path);
            lay(&path);
        }
    };
    lay(&|path| fs::hard_link(&victim, path).unwrap());
    tell("it is a file that has another name as well (a hard link): remove it");
    lay(&|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap());
    tell("it is not a regular file: remove it");
    if is_root() {
        lay(&|path| {
            fs::write(path, "theirs").unwrap();
            chown(path, NOBODY, NOBODY).unwrap();
        });
        tell("it is another user's file: remove it");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
    fs::remove_file(victim).unwrap();
    // The usual one.
    lay(&|path| fs::write(path, "pid 4711").unwrap());
    assert_eq!(host.run(["apply"]).code, 0);
}

/// Debian gives the directory above the collector's to prometheus(1)'s user.
#[test]
fn metrics_go_where_no_other_user_has_led_them() {
    let test = "hostile::metrics_go_where_no_other_user_has_led_them";
    if !is_root() {
        return left_out(test, "only root can give files to another user");
    }

    let host = Host::usual();
    let place = host.root.join("var/lib/prometheus").join("node-exporter");
    let give = |path: &Path| std::os::unix::fs::lchown(path, NOBODY, NOBODY).unwrap();
    let save = || host.run(["report", "--save"]);
    fs::create_dir_all(&place).unwrap();
    fs::create_dir(host.root.join("elsewhere")).unwrap();
    give(&host.root.join("var/lib/prometheus"));
    for theirs in [false, true] {
        if theirs {
            give(&place);
        }
        // A link in the file's place is replaced, and what a killed run has left goes.
        let _ = fs::remove_file(place.join("tunectl.prom"));
        symlink(host.root.join("proc/meminfo"), place.join("tunectl.prom")).unwrap();
        fs::write(place.join(".tunectl.prom.7.tmp"), "").unwrap();
        let ran = save();
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(fs::symlink_metadata(place.join("tunectl.prom")).unwrap().is_file());
        assert!(fs::read_to_string(place.join("tunectl.prom")).unwrap().contains("tunectl_"));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
        let meminfo = fs::read_to_string(host.root.join("proc/meminfo")).unwrap();
        assert!(meminfo.starts_with("MemTotal"), "{meminfo}");
    }
    for of_root in [false, true] {
        fs::rename(&place, host.root.join("old")).unwrap_or_default();
        let _ = fs::remove_file(&place);
        symlink("/elsewhere", &place).unwrap();
        if !of_root {
            give(&place);
        }
        let ran = save();
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("node-exporter is a link that another user can"), "{ran:?}");
        assert_eq!(fs::read_dir(host.root.join("elsewhere")).unwrap().count(), 0);
    }
    // An administrator's own link is followed: nobody else can exchange it.
    symlink("/elsewhere", host.root.join("srv")).unwrap();
    let ran = host.run(["report", "--save", "--textfile", "/srv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(host.root.join("elsewhere/tunectl.prom").exists());
}

#[test]
fn no_fact_is_read_through_a_link_out_of_the_root() {
    let host = Host::usual();
    let secret = host.work.join("secret");
    fs::write(&secret, "root:secret\n").unwrap();
    let led = |path: &str, to: &Path| {
        let path = host.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(to, path).unwrap();
    };
    for path in [
        "proc/sys/kernel/hostname",
        "run/systemd/container",
        "sys/hypervisor/type",
        "sys/class/dmi/id/product_name",
        "proc/device-tree/hypervisor/compatible",
        "etc/tunectl/baseline.yaml",
        "etc/sysctl.d/x.conf",
        "etc/group",
    ] {
        led(path, &secret);
    }
    // Those by a directory of the image's, too.
    led("proc/device", Path::new("../../work"));
    for args in [&["report", "--format", "json"][..], &["report", "--save"], &["plan", "-v"]] {
        let ran = host.run(args.iter().copied());
        assert!(!format!("{ran:?}").contains("secret\\n") && !ran.out.contains("root:"), "{ran:?}");
    }
    for (path, bytes) in host.tree().into_iter().filter(|(path, _)| *path != secret) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("root:secret"), "{}", path.display());
    }
    // Within the root they are followed.
    led("proc/sys/kernel/hostname", Path::new("/etc/hostname"));
    host.file("etc/hostname", "inside\n");
    fs::remove_file(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
    let ran = host.run(["report", "--format", "json"]);
    assert!(ran.out.contains("\"inside\""), "{ran:?}");
}

/// Each of them would be waited for, or fill the memory.
#[test]
fn what_never_ends_or_never_begins_holds_nobody() {
    let places = [
        "proc/meminfo",
        "proc/sys/kernel/hostname",
        "proc/cmdline",
        "proc/zoneinfo",
        "run/tunectl/journal",
        "run/tunectl/trial.json",
        "run/tunectl/holds.json",
        "run/tunectl/watch.json",
        "run/tunectl/keeper",
        "run/tunectl/watch.lock",
        "run/tunectl/boot.json",
        "var/lib/tunectl/originals.json",
        "var/lib/tunectl/events.jsonl",
        "etc/tunectl/baseline.yaml",
        "etc/sysctl.d/99-tunectl.conf",
        "etc/sysctl.conf",
    ];
    let host = Host::usual();
    let zero = |path: &Path| {
        // Whoever may make no devices is shown a link to one.
        let made = Command::new("mknod").arg(path).args(["c", "1", "5"]).output().unwrap();
        if !made.status.success() {
            symlink("/dev/zero", path).unwrap();
        }
    };
    for place in places {
        for fifo in [false, true] {
            let path = host.root.join(place);
            let before = fs::read(&path).ok();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&path);
            if fifo {
                nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            } else {
                zero(&path);
            }
            for args in [
                &["plan", "-b", "linux-server"][..],
                &["status"],
                &["report"],
                &["apply", "--live-only", "-b", "linux-server", "--lock-timeout", "0"],
            ] {
                let program = host.command(args.iter().copied());
                let mut limited = Command::new("sh");
                limited.args(["-c", "ulimit -v 600000; exec timeout 20 \"$@\"", "sh"]);
                limited.arg(program.get_program()).args(program.get_args()).env_clear();
                limited.env("PATH", std::env::var_os("PATH").unwrap_or_default());
                let ran = limited.current_dir(&host.work).output().unwrap();
                let ended = ran.status.code().is_some_and(|code| code < 4);
                assert!(ended, "{place}, {fifo}: {args:?}: {ran:?}");
            }
            fs::remove_file(&path).unwrap();
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
            }
        }
    }
}

/// What a message quotes stands in journals, and in reports that everybody may read.
#[test]
fn nothing_is_shown_of_what_is_no_baseline_and_not_everybodys() {
    let key =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n";
    let shadow =
        "root:$y$j9T$b3BlbnNzaC1rZXk:20000:0:99999:7:::\nname:$y$b3BlbnNzaC1rZXk:1::::::\n";
    let words = "DB_PASSWORD=b3BlbnNzaC1rZXk\n";
    let yaml = "password: b3BlbnNzaC1rZXk\n";
    for text in [key, shadow, words, yaml] {
        let host = Host::usual();
        host.file("etc/secret", text).mode("etc/secret", 0o640);
        host.file("etc/secret.yaml", text).mode("etc/secret.yaml", 0o600);
        host.file("etc/tunectl/baseline.yaml", "name: a\nextends: [/etc/secret]\n");
        host.given("facts.yaml", text);
        fs::set_permissions(host.work.join("facts.yaml"), fs::Permissions::from_mode(0o600))
            .unwrap();
        for args in [
            &["plan"][..],
            &["plan", "-b", "/etc/secret"],
            &["plan", "-b", "/etc/secret.yaml"],
            &["plan", "-b", "linux-server", "--facts", "facts.yaml"],
            &["apply", "--boot"],
            &["status"],
            &["watch", "--check"],
            &["report", "--save"],
        ] {
            let ran = host.run(args.iter().copied());
            let told = format!("{}{}", ran.out, ran.err);
            assert!(!told.contains("b3Blb"), "{args:?}: {told}");
            // Nor is a daemon checked by others than root.
            if args[0] == "report" || args[0] == "watch" && !is_root() {
                continue;
            }
            let why = "and others may not read it: nothing of it is shown";
            assert!(ran.code == 1 || args[0] == "status", "{args:?}: {told}");
            assert!(told.replace("\n  ", " ").contains(why), "{args:?}: {told}");
        }
        for file in host.tree().into_iter().filter(|(path, _)| !path.ends_with("etc/secret")) {
            let (path, bytes) = file;
            let of_text = path.ends_with("etc/secret.yaml") || path.ends_with("facts.yaml");
            assert!(of_text || !String::from_utf8_lossy(&bytes).contains("b3Blb"), "{path:?}");
        }
        // What everybody may read is shown with its mistake, and so is a baseline of one's own.
        host.mode("etc/secret", 0o644);
        let ran = host.run(["plan", "-b", "/etc/secret"]);
        assert!(ran.code == 1 && ran.err.contains("/etc/secret:1:1"), "{}", ran.err);
    }
    let host = Host::usual();
    host.file("etc/b.yaml", "\"name\" : b\nparameters: { vm.swappines: 1 }\n")
        .mode("etc/b.yaml", 0o600);
    let ran = host.run(["plan", "-b", "/etc/b.yaml"]);
    assert!(ran.code == 1 && ran.err.contains("/etc/b.yaml:2:15"), "{}", ran.err);
}

/// The drop-in that a secret comes to is root's alone; so should be where it comes from.
#[test]
fn a_secret_in_a_baseline_that_others_can_read_is_warned_of() {
    let host = Host::usual();
    let text = "name: s\nparameters: { net.ipv4.tcp_fastopen_key: 1-2-3-4 }\n";
    host.file("etc/s.yaml", text);
    for (mode, told) in [(0o644, true), (0o640, false)] {
        host.mode("etc/s.yaml", mode);
        let ran = host.run(["plan", "-b", "/etc/s.yaml"]);
        let warning = "net.ipv4.tcp_fastopen_key is a secret, and others can read /etc/s.yaml:2:15";
        assert_eq!(ran.err.contains(warning), told, "{mode:o}: {}", ran.err);
        assert!(!ran.err.contains("1-2-3-4") && !ran.out.contains("1-2-3-4"), "{}", ran.err);
    }
}
