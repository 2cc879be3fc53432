//! What makes a baseline the host's own, and takes back what was let go, goes with the values.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Stands, each, host, key, put_right, stands, strace_injects, stride, text, traced};
use crate::operator::Host;

const OWN: &str = "name: own\nparameters: { vm.swappiness: 60 }\n";
const APPLY: [&str; 4] = ["apply", "-b", "/etc/thirty.yaml", "--adopt"];
const RELEASED: &str = "var/lib/tunectl/released.json";

/// A host with a baseline written by hand, where one of the thirty parameters was rolled back.
fn other() -> Host {
    let host = host();
    let thirty = text(&host.root, "etc/tunectl/baseline.yaml").unwrap();
    host.file("etc/thirty.yaml", &thirty);
    host.file("etc/tunectl/baseline.yaml", OWN);
    host.file(
        RELEASED,
        "{\"schema\":\"tunectl/holds/1\",\"boot_id\":\"\",\"holds\":{\"net.ipv4.neigh.eth0.gc_stale_time\":\
         {\"kind\":\"released\",\"by\":\"x\",\"reason\":null,\"until\":null,\"until_since_boot\":null}}}",
    );
    host
}

/// Whether the baseline is the host's own, what was there is kept beside, and nothing is let go:
/// all of that or nothing.
fn is_adopted(host: &Host) -> bool {
    let own = text(&host.root, "etc/tunectl/baseline.yaml").unwrap();
    let adopted = own.contains("extends: ['/etc/thirty.yaml']");
    assert!(adopted || own == OWN, "{own}");
    let replaced = text(&host.root, "etc/tunectl/baseline.yaml.replaced");
    assert_eq!(replaced.as_deref(), adopted.then_some(OWN));
    assert_eq!(host.root.join(RELEASED).exists(), !adopted);
    adopted
}

#[test]
fn killed_at_any_system_call_it_is_adopted_with_the_values_or_not() {
    if !strace_injects("transaction: SIGKILL at every system call of an adoption") {
        return;
    }
    let between = AtomicUsize::new(0);
    let points = other().calls(APPLY);
    let going_on: Vec<&str> = APPLY.into_iter().chain(["--keep-going"]).collect();
    each((0..points.len()).step_by(stride(13)), &|n| {
        let host = other();
        // In another order, and yet all of it or nothing.
        let args = if n % 4 < 2 { &APPLY[..] } else { &going_on };
        traced(&host, args, &points[n].killing());
        between.fetch_add(usize::from(matches!(stands(&host), Stands::Between(..))), Relaxed);
        put_right(&host);
        match stands(&host) {
            Stands::Between(old, new) => panic!("killed at {n}: {old:?} {new:?}"),
            stands => assert_eq!(is_adopted(&host), stands == Stands::New, "killed at {n}"),
        }
        let ran = host.run(APPLY);
        assert_eq!((ran.code, stands(&host)), (0, Stands::New), "killed at {n}: {}", ran.err);
        assert!(is_adopted(&host));
        let names = fs::read_dir(host.root.join("etc/tunectl")).unwrap();
        assert_eq!(names.count(), 2, "killed at {n}: nothing is left behind");
    });
    assert!(between.into_inner() > 3);
}

#[test]
fn what_cannot_be_kept_beside_stops_it_before_the_first_write() {
    let host = other();
    // A directory where the old baseline would be kept.
    host.file("etc/tunectl/baseline.yaml.replaced/x", "");
    let ran = host.run(APPLY);
    assert_eq!((ran.code, stands(&host)), (1, Stands::Old), "{}", ran.err);
    assert!(ran.out.contains("/etc/tunectl/baseline.yaml.replaced"), "{}{}", ran.out, ran.err);
    assert_eq!(text(&host.root, "etc/tunectl/baseline.yaml").as_deref(), Some(OWN));
    assert!(host.root.join(RELEASED).exists());
    // Going on all the rest is done, and what would be lost is not replaced.
    let ran = host.run(APPLY.into_iter().chain(["--keep-going"]));
    assert_eq!((ran.code, stands(&host)), (1, Stands::New), "{}{}", ran.out, ran.err);
    assert_eq!(text(&host.root, "etc/tunectl/baseline.yaml").as_deref(), Some(OWN));
}

/// Undone, it would be a file.
#[test]
fn a_link_in_its_place_stays_and_nothing_is_changed() {
    let own = "etc/tunectl/baseline.yaml";
    for (place, there) in [(own, OWN), ("etc/tunectl/baseline.yaml.replaced", "older")] {
        let host = other();
        host.file("etc/kept.yaml", there);
        let _ = fs::remove_file(host.root.join(place));
        std::os::unix::fs::symlink("../kept.yaml", host.root.join(place)).unwrap();
        for more in [&[][..], &["--keep-going"], &["--confirm-within", "1h"]] {
            let ran = host.run(APPLY.into_iter().chain(more.iter().copied()));
            assert_eq!((ran.code, stands(&host)), (3, Stands::Old), "{more:?}: {}", ran.err);
            let told = format!("/{place} is a symbolic link to ../kept.yaml");
            assert!(ran.err.contains(&told), "{more:?}: {}", ran.err);
            assert!(host.root.join(place).is_symlink(), "{place} {more:?}");
            assert_eq!(text(&host.root, own).as_deref(), Some(OWN));
        }
    }
}

#[test]
fn going_on_it_is_adopted_once_it_is_persisted() {
    let host = other();
    // What only root may read stays so.
    let mode = |path: &str| {
        let found = fs::metadata(host.root.join("etc/tunectl").join(path)).unwrap();
        std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777
    };
    host.mode("etc/tunectl/baseline.yaml", 0o600);
    let ran = host.run(APPLY.into_iter().chain(["--keep-going"]));
    assert_eq!((ran.code, stands(&host)), (0, Stands::New), "{}{}", ran.out, ran.err);
    assert!(is_adopted(&host));
    assert_eq!(["baseline.yaml", "baseline.yaml.replaced"].map(mode), [0o600, 0o600]);
}

#[test]
fn going_on_it_is_not_adopted_where_nothing_is_persisted() {
    let host = other();
    fs::remove_dir_all(host.root.join("etc/sysctl.d")).unwrap();
    host.file("etc/sysctl.d", "");
    let ran = host.run(APPLY.into_iter().chain(["--keep-going"]));
    assert_eq!((ran.code, host.value(&key(0)).as_str()), (1, "30"), "{}{}", ran.out, ran.err);
    assert_eq!(text(&host.root, "etc/tunectl/baseline.yaml").as_deref(), Some(OWN));
}
