//! Bounds alone: what satisfies them, what is written where it does not, and what a boot gets.

use crate::operator::{Host, Ran};

fn given(host: &Host, parameter: &str) {
    let text = format!("name: b\nparameters:\n  {parameter}\n");
    host.file("etc/tunectl/baseline.yaml", &text);
}

fn plan(host: &Host, parameter: &str) -> Ran {
    given(host, parameter);
    host.run(["plan", "--detailed-exitcode"])
}

#[test]
fn bounds_that_leave_one_number_are_shown_as_that() {
    let host = Host::usual();
    let ran = plan(&host, "vm.min_free_kbytes: { at_least: 50%, at_most: 1% }");
    assert!(ran.out.contains(" -> 671088 "), "{}", ran.out);
    assert!(!ran.out.contains("671088 to"), "{}", ran.out);
}
