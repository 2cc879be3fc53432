//! What is prevented with `--pin` stays so while no daemon runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

use super::harness::{Watch, fresh_host, live, write};
use super::{in_namespaces, run};
use crate::support::left_out;

const BASELINE: &str = "name: held
defaults: { on_drift: prevent }
parameters: { net.core.somaxconn: 4321, net.ipv4.tcp_fin_timeout: 31 }
";
const PINNED: &str = "/sys/fs/bpf/tunectl";

fn tunectl(args: &[&str]) -> String {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args));
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

#[track_caller]
fn is_refused(path: &str, value: &str) {
    let refused = fs::write(format!("/proc/sys/{path}"), value);
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(1), "EPERM");
}

/// Whether there is a bpf file system, one that goes with this namespace; else it says so.
fn mounted(test: &str) -> bool {
    let done = run(Command::new("mount").args(["-t", "bpf", "bpf", "/sys/fs/bpf"]));
    let mounted = done.status.success();
    if !mounted {
        left_out(test, "no bpf file system can be mounted");
    }
    mounted
}

#[test]
fn it_outlasts_the_daemon_and_can_be_let_go() {
    let test = "daemon::pinned::it_outlasts_the_daemon_and_can_be_let_go";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        if !mounted(test) {
            return;
        }
        let watch = Watch::start(&["--pin"]);
        if !watch.told.iter().any(|told| told.contains("seen by bpf")) {
            left_out(test, "BPF is not to be had here");
            return;
        }
        assert!(tunectl(&["status"]).contains("2 prevented, pinned"));
        is_refused("net/core/somaxconn", "75");
        watch.end();
        is_refused("net/core/somaxconn", "75");
        // What satisfies the baseline may be written: the loaders of a boot, an apply.
        write("net/core/somaxconn", "4321");
        let status = tunectl(&["status"]);
        assert!(status.contains("tunectl watch does not run"), "{status}");
        let stays = "still prevented all the same (`watch --pin`): net.core.somaxconn, ";
        assert!(status.contains(stays), "{status}");

        let unlock = ["unlock", "net.core.somaxconn", "--for", "1m", "--reason", "break the glass"];
        let unlocked = tunectl(&unlock);
        assert!(unlocked.contains("nobody takes it back until one does"), "{unlocked}");
        write("net/core/somaxconn", "76");
        assert_eq!(live("net/core/somaxconn"), "76");
        is_refused("net/ipv4/tcp_fin_timeout", "77");
        let status = tunectl(&["status"]);
        assert!(status.contains("(`watch --pin`): net.ipv4.tcp_fin_timeout:"), "{status}");

        // However it ends; and the next one takes over.
        let watch = Watch::start(&["--pin"]);
        watch.signal("KILL");
        drop(watch);
        is_refused("net/ipv4/tcp_fin_timeout", "77");
        assert!(tunectl(&["status"]).contains("still prevented"));
        fs::write("/etc/tunectl/baseline.yaml", BASELINE.replace("31", "32")).unwrap();
        let applied = tunectl(&["apply"]);
        assert!(applied.contains("first: tunectl unlock net.ipv4.tcp_fin_timeout"), "{applied}");
        let watch = Watch::start(&[]);
        assert_eq!(live("net/ipv4/tcp_fin_timeout"), "32");
        is_refused("net/ipv4/tcp_fin_timeout", "77");
        assert!(!fs::exists(PINNED).unwrap(), "without the option it ends with the daemon");
        watch.end();
        write("net/ipv4/tcp_fin_timeout", "77");

        // A pin that is taken away by hand prevents nothing, and nobody says so.
        fs::write("/etc/tunectl/baseline.yaml", BASELINE).unwrap();
        let watch = Watch::start(&["--pin"]);
        watch.signal("KILL");
        drop(watch);
        fs::remove_dir_all(PINNED).unwrap();
        assert!(!tunectl(&["status"]).contains("still prevented"));
    });
}

/// Where everybody may make files in it, as on hosts whose bpf file system systemd has not mounted.
#[test]
fn what_somebody_else_puts_in_its_place_is_in_nobodys_way() {
    let test = "daemon::pinned::what_somebody_else_puts_in_its_place_is_in_nobodys_way";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        if !mounted(test) {
            return;
        }
        for made in ["link/x", "names/x"] {
            fs::create_dir_all(format!("{PINNED}/{made}")).unwrap();
        }
        for (owner, mode, why) in [
            (65534, 0o755, "it does not belong to root"),
            (0, 0o777, "it can be written by others"),
        ] {
            chown(PINNED, Some(owner), None).unwrap();
            fs::set_permissions(PINNED, fs::Permissions::from_mode(mode)).unwrap();
            let unlock =
                ["unlock", "net.core.somaxconn", "--for", "1m", "--reason", "break the glass"];
            let unlocked = tunectl(&unlock);
            assert!(unlocked.contains("net.core.somaxconn is let go"), "{unlocked}");
            assert!(unlocked.contains(why), "{unlocked}");
        }
        // The daemon goes without, and says so.
        let told = Command::new("timeout")
            .args(["2", env!("CARGO_BIN_EXE_tunectl"), "watch", "--pin"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&told.stderr);
        assert!(told.contains("/sys/fs/bpf/tunectl: it can be written by others"), "{told}");
        assert!(fs::exists(format!("{PINNED}/link/x")).unwrap());
    });
}
