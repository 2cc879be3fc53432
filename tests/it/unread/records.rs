//! What tunectl has written down and cannot read is neither forgotten nor written anew.

use crate::operator::Host;

use super::{DROPIN, applied, holds, strace_injects, text, traced};

const RELEASED: &str = "var/lib/tunectl/released.json";
const FIRST: &str = "var/lib/tunectl/originals.json";
const OF_BOOT: &str = "run/tunectl/originals.json";

fn errors(host: &Host) -> String {
    let report = text(host, "run/tunectl/boot.json").unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["errors"].to_string()
}

/// What was rolled back would be set again.
#[test]
fn where_it_is_not_known_what_was_rolled_back_nothing_is_set() {
    if !strace_injects("unread: what was rolled back") {
        return;
    }
    let host = applied();
    assert_eq!(host.run(["rollback", "--yes"]).code, 0);
    let released = text(&host, RELEASED);
    // As after a reboot.
    std::fs::remove_file(host.root.join("run/tunectl/holds.json")).unwrap();
    for args in [&["apply", "--boot"][..], &["apply"], &["rollback", "--yes"]] {
        let ran = traced(&host, args, RELEASED, "read:error=EIO");
        assert_eq!(ran.code, 1, "{args:?}: {}{}", ran.out, ran.err);
        assert_eq!((&*host.value("vm.swappiness"), text(&host, DROPIN)), ("60", None), "{args:?}");
        assert_eq!(text(&host, RELEASED), released, "{args:?}");
        if args.len() > 1 && args[1] == "--boot" {
            assert!(errors(&host).contains("cannot read /var/lib/tunectl/released.json"));
        }
    }
    assert_eq!(host.run(["apply"]).code, 0);
    assert!(holds(&host) && text(&host, RELEASED).is_none());
}

#[test]
fn what_there_was_before_is_not_lost_where_it_cannot_be_read() {
    if !strace_injects("unread: what there was before") {
        return;
    }
    for path in [FIRST, OF_BOOT] {
        let host = applied();
        let before = text(&host, path);
        host.live("vm.swappiness = 60\n");
        for args in [&["apply"][..], &["rollback", "--yes"]] {
            let ran = traced(&host, args, path, "read:error=EIO");
            assert_eq!((ran.code, text(&host, path) == before), (1, true), "{args:?}: {}", ran.err);
            assert!(ran.err.contains(&format!("cannot read /{path}: ")), "{}", ran.err);
        }
        // Values are held all the same at boot.
        host.live("vm.swappiness = 60\n");
        let ran = traced(&host, &["apply", "--boot"], path, "read:error=EIO");
        assert_eq!((ran.code, text(&host, path) == before), (1, true), "{}{}", ran.out, ran.err);
        assert!(holds(&host) && errors(&host).contains(&format!("cannot read /{path}")));
        assert_eq!(host.run(["rollback", "--yes"]).code, 0);
        assert_eq!(host.value("vm.swappiness"), "60");
    }
}

/// Somebody may make sense of it yet.
#[test]
fn what_makes_no_sense_is_kept_beside_what_takes_its_place() {
    for path in [FIRST, OF_BOOT, RELEASED, "run/tunectl/holds.json"] {
        let host = applied();
        host.file(path, "{ torn");
        host.live("vm.swappiness = 60\n");
        let ran = host.run(["apply"]);
        assert_eq!(ran.code, 0, "{path}: {}{}", ran.out, ran.err);
        let kept = format!("{path}.damaged");
        assert_eq!(text(&host, &kept).as_deref(), Some("{ torn"), "{path}");
        assert!(ran.err.contains(&format!("/{path} is damaged")), "{}", ran.err);
        assert!(ran.err.contains(&format!("it is kept as /{kept}")), "{}", ran.err);
    }
}

/// After a slip of chmod what it says is nobody's word any more, and not lost.
#[test]
fn what_others_can_write_is_kept_beside_what_takes_its_place() {
    for path in [FIRST, OF_BOOT, RELEASED, "run/tunectl/holds.json"] {
        let host = applied();
        let has = text(&host, path).is_some();
        if !has {
            host.file(path, "{}");
        }
        let before = text(&host, path);
        host.mode(path, 0o666).live("vm.swappiness = 60\n");
        let ran = host.run(["apply"]);
        assert_eq!(ran.code, 0, "{path}: {}{}", ran.out, ran.err);
        let told = format!(
            "/{path} is not obeyed, because others can write it: it is kept as /{path}.damaged"
        );
        assert!(ran.err.contains(&told), "{}", ran.err);
        let kept = format!("{path}.damaged");
        assert_eq!(text(&host, &kept), before, "{path}");
        if path == FIRST {
            host.mode(&kept, 0o600);
            std::fs::rename(host.root.join(&kept), host.root.join(path)).unwrap();
            std::fs::remove_file(host.root.join(OF_BOOT)).unwrap();
            let ran = host.run(["rollback", "--yes"]);
            assert_eq!((ran.code, &*host.value("vm.swappiness")), (0, "60"), "{}", ran.err);
        }
    }
}
