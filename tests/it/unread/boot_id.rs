//! Whoever does not know which boot this is cannot tell what is past.

use std::fs;

use crate::operator::Host;
use crate::support::is_root;

use super::{applied, fresh, text};

const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";

/// A host whose boot cannot be told, by a file that is gone or by an empty one.
fn unknown(host: &Host, empty: bool) {
    if empty {
        host.file(BOOT_ID, "\n");
    } else {
        fs::remove_file(host.root.join(BOOT_ID)).unwrap();
    }
}

/// The journal of an apply that was killed, and a trial that nobody keeps.
fn left_behind(host: &Host) {
    let id = text(host, BOOT_ID).unwrap();
    let journal = format!(
        "tunectl journal 1\nboot\t{}\npid\t1\nbaseline\tx\nbegun\n\
         write\tvm/swappiness\t60\t10\tvm/swappiness\t60\n",
        id.trim()
    );
    host.file("run/tunectl/journal", &journal);
}

#[test]
fn in_an_unknown_boot_nothing_is_taken_for_another_boots() {
    for empty in [false, true] {
        let host = applied();
        host.file("etc/other.yaml", "name: other\nparameters: { vm.swappiness: 30 }\n");
        let trial = ["apply", "-b", "/etc/other.yaml", "--adopt", "--confirm-within", "1h"];
        assert_eq!(host.run(trial).code, 0);
        left_behind(&host);
        let id = text(&host, BOOT_ID).unwrap();
        unknown(&host, empty);
        let before = host.tree();
        let unlock = ["unlock", "vm.swappiness", "--for", "1m", "--reason", "x"];
        let commands: [&[&str]; 6] = [
            &["apply"],
            &["apply", "--boot"],
            &["rollback", "--yes"],
            &["confirm"],
            &["confirm", "--cancel"],
            &unlock,
        ];
        for args in commands.into_iter().filter(|args| is_root() || args[0] != "unlock") {
            let ran = host.run(args.iter().copied());
            assert_eq!(ran.code, 1, "{args:?}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains("this boot cannot be told from others"), "{}", ran.err);
            assert!(ran.err.contains("boot_id"), "{}", ran.err);
        }
        assert_eq!(host.tree(), before);
        let ran = host.run(["plan"]);
        assert!(ran.err.contains("this boot's id"), "{}", ran.err);
        host.file(BOOT_ID, &id);
        let ran = host.run(["confirm", "--cancel"]);
        assert_eq!((ran.code, &*host.value("vm.swappiness")), (0, "10"), "{}{}", ran.out, ran.err);
    }
}

/// Whoever only looks, at an image that has never run, needs no boot.
#[test]
fn what_has_left_nothing_behind_is_planned_in_an_unknown_boot() {
    let host = fresh();
    unknown(&host, false);
    assert_eq!(host.run(["plan"]).code, 0);
    assert_eq!(host.run(["apply"]).code, 1);
}
