//! Where there is no room, or nothing may be written, nothing is changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Stands, host, stands};
use crate::operator::Host;
use crate::support::{heeding_permissions, in_namespaces, left_out};
use tunectl::persist::ledger;

fn mount(args: &[&str], place: &Path) {
    let status = Command::new("mount").args(args).arg(place).status().unwrap();
    assert!(status.success(), "{args:?} {}", place.display());
}

/// A file system without room for another byte.
fn full(host: &Host, dir: &str) {
    let place = host.root.join(dir);
    fs::create_dir_all(&place).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], &place);
    let _ = fs::write(place.join("README"), vec![b'x'; 1 << 20]);
    assert!(fs::write(place.join("more"), "x").is_err(), "it is full");
    let _ = fs::remove_file(place.join("more"));
}

fn read_only(host: &Host, dir: &str) {
    let place = host.root.join(dir);
    fs::create_dir_all(&place).unwrap();
    mount(&["--bind", place.to_str().unwrap()], &place);
    mount(&["-o", "remount,ro,bind"], &place);
}

/// What is expected of an apply there: the words of its message, or that it goes on all the same.
fn apply(what: &str, spoil: impl Fn(&Host), refused: Option<&[&str]>) {
    let host = host();
    spoil(&host);
    let ran = host.run(["apply"]);
    let told = format!("{what}: exit {}\n{}{}", ran.code, ran.out, ran.err);
    match refused {
        Some(words) => {
            assert_eq!((ran.code, stands(&host)), (1, Stands::Old), "{told}");
            for word in words {
                assert!(told.contains(word), "{word}: {told}");
            }
        }
        None => assert_eq!((ran.code, stands(&host)), (0, Stands::New), "{told}"),
    }
    assert!(!ledger::exists(&host.root), "{told}");
    let temporaries = host.tree().into_iter().filter(|(path, _)| path.ends_with(".tmp")).count();
    assert_eq!(temporaries, 0, "{told}");
    for dir in ["etc/sysctl.d", "run", "var/lib/tunectl", "etc/tunectl"] {
        let _ = Command::new("umount").arg("-q").arg(host.root.join(dir)).status();
    }
}

#[test]
fn without_room_or_permission_nothing_is_changed() {
    in_namespaces("transaction::disk::without_room_or_permission_nothing_is_changed", || {
        let no_room = "No space left on device";
        let read_only_fs = "Read-only file system";
        apply(
            "full /etc/sysctl.d",
            |h| full(h, "etc/sysctl.d"),
            Some(&["99-tunectl.conf", no_room]),
        );
        apply("full /run", |h| full(h, "run"), Some(&["/run/", no_room]));
        let dropin: &[&str] = &["99-tunectl.conf", read_only_fs];
        apply("read-only /etc/sysctl.d", |h| read_only(h, "etc/sysctl.d"), Some(dropin));
        apply("read-only /run", |h| read_only(h, "run"), Some(&["/run/", read_only_fs]));
        // What is kept for later boots alone keeps no host from being tuned.
        apply("full /var", |h| full(h, "var/lib/tunectl"), None);
        apply("read-only /var", |h| read_only(h, "var/lib/tunectl"), None);
    });
}

#[test]
fn without_permission_nothing_is_changed() {
    let test = "transaction::disk::without_permission_nothing_is_changed";
    in_namespaces(test, || {
        let host = host();
        // Root without the capability that lets it pass any permission bits.
        let place = host.root.join("etc/sysctl.d");
        assert!(Command::new("chown").arg("nobody").arg(&place).status().unwrap().success());
        host.mode("etc/sysctl.d", 0o555);
        let output = heeding_permissions(&host.command(["apply"])).output();
        let Ok(output) = output else { return left_out(test, "there is no setpriv") };
        let ran = host.told(output);
        let told = format!("exit {}\n{}{}", ran.code, ran.out, ran.err);
        assert_eq!((ran.code, stands(&host)), (1, Stands::Old), "{told}");
        assert!(told.contains("99-tunectl.conf") && told.contains("Permission denied"), "{told}");
    });
}
