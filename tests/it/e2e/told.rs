//! What is told of parameters that are given back, where little is known of them.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use super::{expect, fresh_host};
use crate::support::{heeding_permissions, in_namespaces, left_out, run, unwrapped};

/// What comes back is known, though not to everybody.
#[test]
fn what_root_alone_may_see_is_not_called_unknown() {
    let test = "e2e::told::what_root_alone_may_see_is_not_called_unknown";
    in_namespaces(test, || {
        fresh_host();
        fs::write(
            "/etc/it.yaml",
            "name: it
parameters: { net.core.somaxconn: 4321 }
",
        )
        .unwrap();
        expect(0, &["apply", "-b", "/etc/it.yaml"]);
        let text = "name: it
parameters: { net.ipv4.tcp_keepalive_time: 600 }
";
        fs::write("/etc/it.yaml", text).unwrap();
        let plan = |program: Command| {
            let mut command = heeding_permissions(&program);
            let output = run(command.arg("plan"));
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            unwrapped(&text)
        };
        let told = plan(Command::new(env!("CARGO_BIN_EXE_tunectl")));
        assert!(told.contains("net.core.somaxconn 4321 -> 4096"), "{told}");
        for place in ["/run/tunectl/originals.json", "/var/lib/tunectl/originals.json"] {
            chown(place, Some(65534), None).unwrap();
        }
        let told = plan(Command::new(env!("CARGO_BIN_EXE_tunectl")));
        assert!(told.contains("what it was before tunectl is for root to see"), "{told}");
        assert!(!told.contains("until the next reboot"), "{told}");
    });
}

/// That it names its module no baseline needs to be told any longer.
#[test]
fn what_waits_for_its_module_is_given_back_without_advice() {
    let test = "e2e::told::what_waits_for_its_module_is_given_back_without_advice";
    in_namespaces(test, || {
        fresh_host();
        let text = "name: it
parameters:
  net.core.somaxconn: 4321
  net.netfilter.nf_foo_max: { value: 7, module: nf_foo }
";
        fs::write("/etc/it.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/it.yaml"]);
        let text = expect(0, &["rollback", "--yes"]);
        assert!(text.contains("it is not there now"), "{text}");
        assert!(!text.contains("module: NAME"), "{text}");
    });
}

/// What the kernel takes in the host's own network namespace alone is foreseen, and told as such.
#[test]
fn a_congestion_control_that_the_host_has_not_allowed_is_told() {
    let test = "e2e::told::a_congestion_control_that_the_host_has_not_allowed_is_told";
    in_namespaces(test, || {
        fresh_host();
        let list = |name: &str| super::live(&format!("net/ipv4/tcp_{name}_congestion_control"));
        let (available, allowed) = (list("available"), list("allowed"));
        let is_allowed = |name: &&str| allowed.split(' ').any(|word| word == *name);
        let Some(name) = available.split(' ').find(|name| !is_allowed(name)) else {
            left_out(test, "this kernel allows every congestion control that it has");
            return;
        };
        let baseline =
            format!("name: it\nparameters: {{ net.ipv4.tcp_congestion_control: {name} }}\n");
        fs::write("/etc/it.yaml", baseline).unwrap();
        let told = unwrapped(&expect(0, &["plan", "-b", "/etc/it.yaml"]));
        assert!(told.contains("the kernel refuses it here until the host adds it"), "{told}");
        let told = unwrapped(&expect(1, &["apply", "-b", "/etc/it.yaml"]));
        assert!(told.contains(&format!("have the host add {name} to its own list")), "{told}");
    });
}
