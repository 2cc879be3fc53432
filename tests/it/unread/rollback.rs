//! A rollback that cannot read what it gives back has not rolled back.

use super::{DROPIN, applied, strace_injects, text, traced};

#[test]
fn where_the_drop_in_cannot_be_seen_nothing_is_rolled_back() {
    if !strace_injects("unread: the drop-in of a rollback") {
        return;
    }
    let host = applied();
    let before = host.tree();
    for (file, inject) in [("etc/sysctl.d", "getdents64:error=EIO"), (DROPIN, "read:error=EIO")] {
        for args in [&["rollback", "--yes"][..], &["rollback", "--yes", "--keep-going"]] {
            let ran = traced(&host, args, file, inject);
            assert_eq!(ran.code, 1, "{file}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains(&format!("/{DROPIN}: ")), "{}", ran.err);
        }
    }
    assert_eq!(host.tree(), before);
}

#[test]
fn a_value_that_cannot_be_read_is_not_given_back_and_stays_known() {
    if !strace_injects("unread: a value of a rollback") {
        return;
    }
    let host = applied();
    let before = host.tree();
    let (file, inject) = ("proc/sys/vm/swappiness", "read:error=EIO");
    let ran = traced(&host, &["rollback", "--yes"], file, inject);
    assert_eq!((ran.code, host.tree() == before), (1, true), "{}{}", ran.out, ran.err);
    let told = "vm.swappiness cannot be read, and so not be given back: I/O error (EIO)";
    assert!(ran.err.contains(told), "{}", ran.err);
    let args = ["rollback", "--yes", "--keep-going", "--format", "json"];
    let ran = traced(&host, &args, file, inject);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["result"], "incomplete", "{json}");
    assert!(json["errors"].to_string().contains(told), "{json}");
    assert_eq!(host.value("net.ipv4.conf.lo.rp_filter"), "0");
    // It is held as before: by the file, and by whoever looks at what was let go.
    assert!(text(&host, DROPIN).unwrap().contains("vm.swappiness = 10"));
    host.live("vm.swappiness = 1\n");
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "10");
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!((ran.code, &*host.value("vm.swappiness")), (0, "60"), "{}{}", ran.out, ran.err);
    assert_eq!(text(&host, DROPIN), None);
}
