//! Lines so long that a loader stops.

use super::*;

#[test]
fn systemd_stops_at_a_line_of_a_mebibyte() {
    const LIMIT: usize = 1 << 20;
    for begin in ["#", " ", "vm.dirty_ratio = 5", "\t;", "vm.swappiness = 7"] {
        for (length, end, stops) in [
            (LIMIT - 1, "\n", false),
            (LIMIT, "\n", true),
            (LIMIT, "\r\n", true),
            (LIMIT, "", true),
        ] {
            // What follows the line, where anything can.
            let next = if end.is_empty() { "" } else { "vm.x = 2" };
            let line = [begin, &" ".repeat(length - begin.len())].concat();
            let tree = tree(&[
                ("/etc/sysctl.d/10.conf", &format!("vm.swappiness = 1\n{line}{end}")),
                ("/etc/sysctl.d/20.conf", &format!("vm.x = 1\n{line}{end}{next}")),
            ]);
            let last = if begin.starts_with("vm.s") { "7" } else { "1" };
            check(&tree, SWAPPINESS, Some(if stops { "1" } else { last }), Some(last));
            if !end.is_empty() {
                check(&tree, "vm/x", Some(if stops { "1" } else { "2" }), Some("2"));
            }
            let told = problems(&tree, SYSTEMD);
            assert_eq!(told.len(), if stops { 2 } else { 0 }, "{begin} {length} {end:?}");
            assert!(told.iter().all(|p| p.contains(".conf:2: the line has a mebibyte")));
            assert!(problems(&tree, PROCPS).is_empty());
        }
    }
}
