//! What a plan tells whoever is to decide on it: what an apply leaves out, what stands in the way,
//! which file wins, and each of that once.

use crate::operator::{Host, Ran};
use crate::support::{heeding_permissions, is_root};

fn plan(host: &Host, more: &[&str]) -> Ran {
    let ran = host.run(["plan", "-b", "./it.yaml"].into_iter().chain(more.iter().copied()));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran
}

/// What an apply does: it writes the others, makes the baseline the host's own and exits with 1.
#[test]
fn what_an_apply_leaves_out_is_said_before_it() {
    let host = Host::usual();
    let text = "name: it\nparameters: { vm.no_such_thing: 1, vm.nor_this: 1, vm.swappiness: 1 }\n";
    host.given("it.yaml", text);
    let ran = plan(&host, &[]);
    let told = "2 of these cannot be set here (absent): an apply sets the others and ends with 1; say \
                `optional: true` where a kernel may lack it.\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(ran.out.starts_with("it: 1 to write, 1 to persist, 2 absent of 3 "), "{}", ran.out);
    host.file("etc/it.yaml", text);
    let ran = host.run(["apply", "-b", "/etc/it.yaml"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (1, "1"), "{}", ran.err);
    assert!(host.root.join("etc/tunectl/baseline.yaml").exists());
    // Nobody can write it: no `optional` would help there.
    host.live("vm.laptop_mode = 0").mode("proc/sys/vm/laptop_mode", 0o444);
    host.given("it.yaml", "name: it\nparameters: { vm.laptop_mode: 1, vm.swappiness: 2 }\n");
    let ran = plan(&host, &[]);
    let told =
        "1 of these cannot be set here (read-only): an apply sets the others and ends with 1.\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(!plan(&host, &["-q"]).err.contains("cannot be set"));
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 2 }\n");
    assert!(!plan(&host, &[]).err.contains("cannot be set"));
}

#[test]
fn what_stands_in_the_way_is_named_where_it_is_one_thing() {
    let host = Host::usual();
    host.file("etc/sysctl.d/zz.conf", "vm.swappiness = 60\n");
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1 }\n");
    let ran = plan(&host, &[]);
    assert!(ran.out.contains(", 1 overridden at boot of 1 parameter\n"), "{}", ran.out);
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1, vm.no_such_thing: 1 }\n");
    let ran = plan(&host, &[]);
    assert!(ran.out.contains(", 2 blocked of 2 parameters\n"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&plan(&host, &["--format", "json"]).out).unwrap();
    assert_eq!(json["summary"]["blocked"], 2);
}
