//! Facts that are played: what the file does not give and a condition asks for is told.

use std::process::Command;

use crate::operator::Host;

const BASELINE: &str = "name: b\nwhen:\n  - if: { virtualization: none, ram: \">= 4GiB\", numa_nodes:                         \">= 1\", kernel: \">= 5.8\" }\n    parameters: { vm.swappiness: 1 }\n";

fn told(host: &Host, facts: &str) -> Vec<String> {
    host.given("b.yaml", BASELINE).given("facts.yaml", facts);
    let ran = host.run(["plan", "-b", "./b.yaml", "--facts", "facts.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.err.lines().filter(|line| line.contains("does not say")).map(str::to_owned).collect()
}

#[test]
fn a_fact_that_a_condition_asks_for_and_the_file_does_not_give_is_told() {
    let host = Host::usual();
    let warning = |field: &str, here: &str| {
        format!("warning: facts.yaml does not say {field}: this machine's, {here}, counts")
    };
    let (kernel, ram) = (warning("kernel", "6.18.44"), warning("mem_total", "67108864 kB"));
    let nodes = warning("numa_nodes", "2");
    let virtualization = warning("virtualization", "none");
    assert_eq!(told(&host, "hostname: a\n"), [ram, nodes, kernel.clone(), virtualization]);
    host.file("run/.containerenv", "engine=\"podman\"\n");
    let container = warning("virtualization", "container (podman)");
    // One node of all the memory is worked out.
    assert_eq!(told(&host, "mem_total: 8GiB\n"), [kernel, container.clone()]);
    assert_eq!(told(&host, "numa_nodes: [4GiB, 4GiB]\nkernel: 5.14.0\n"), [container]);
    let all = "mem_total: 8GiB\nkernel: 5.14.0\nvirtualization: kvm\n";
    assert_eq!(told(&host, all), [""; 0]);
}

/// Whoever writes such a file finds its fields in the help and in the manual page.
#[test]
fn every_field_is_documented() {
    let host = Host::usual();
    host.given("facts.yaml", "unheard_of_here: 1\n");
    let ran = host.run(["plan", "-b", "linux-server", "--facts", "facts.yaml"]);
    let (_, fields) = ran.err.split_once("the fields are ").unwrap();
    let fields: Vec<&str> = fields.lines().next().unwrap().split(", ").collect();
    assert!(fields.len() > 10, "{fields:?}");
    let help =
        Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["plan", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/man/tunectl-baseline.5");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once(".Sh FACTS").unwrap();
    for field in fields {
        assert!(help.contains(field), "{field} is not in plan --help");
        assert!(page.contains(field), "{field} is not in tunectl-baseline(5)");
    }
}
