//! What is new to hold is set, and is no drift: nobody has changed it.

use std::fs;

use serde_json::Value;

use super::harness::{Watch, fresh_host, ip, live, write};
use super::in_namespaces;

const OWN: &str = "/etc/tunectl/baseline.yaml";
const YIELDING: &str = "name: edge
parameters:
  net.core.somaxconn: { value: 4321, on_drift: yield }
  net.ipv4.conf.*.log_martians: { value: 1, on_drift: yield }
exclude: [net.ipv4.conf.default.log_martians]
";

fn is_drift(event: &Value) -> bool {
    ["restored", "reported", "yielded", "failed"].contains(&event["action"].as_str().unwrap())
}

#[test]
fn what_yields_to_others_is_set_until_somebody_changes_it() {
    in_namespaces("daemon::new::what_yields_to_others_is_set_until_somebody_changes_it", || {
        fresh_host(YIELDING);
        for (path, value) in [
            ("net/core/somaxconn", "4321"),
            ("net/ipv4/conf/all/log_martians", "1"),
            ("net/ipv4/conf/lo/log_martians", "1"),
        ] {
            write(path, value);
        }
        let watch = Watch::start(&["--no-bpf"]);
        fs::write(OWN, YIELDING.replace("4321", "5000")).unwrap();
        watch.until("the edit is in force", || live("net/core/somaxconn") == "5000");
        assert!(ip("link add t0 type bridge"));
        watch.until("the new interface is set", || live("net/ipv4/conf/t0/log_martians") == "1");
        assert_eq!(watch.count(is_drift), 0, "{:#?}", watch.events());
        // Now somebody does.
        write("net/core/somaxconn", "77");
        watch.event(|e| e["action"] == "yielded" && e["to"] == "77");
        fs::write(OWN, YIELDING.replace("4321", "6000")).unwrap();
        watch.event(|e| e["detail"] == "edge: net.core.somaxconn: 5000 (yield) -> 6000 (yield)");
        assert_eq!(live("net/core/somaxconn"), "77", "it is still another's");
        watch.end();
        // While no daemon runs somebody changes another one.
        write("net/ipv4/conf/t0/log_martians", "0");
        let watch = Watch::start(&["--no-bpf"]);
        watch.event(|e| e["action"] == "yielded" && e["key"] == "net.ipv4.conf.t0.log_martians");
        assert_eq!(live("net/ipv4/conf/t0/log_martians"), "0");
        watch.end();
    });
}

#[test]
fn a_named_parameter_that_comes_is_no_drift() {
    in_namespaces("daemon::new::a_named_parameter_that_comes_is_no_drift", || {
        fresh_host(
            "name: edge
parameters:
  net.ipv4.conf.t0.log_martians: 1
  net.ipv4.conf.t1.log_martians: { value: 1, on_drift: yield }
",
        );
        let watch = Watch::start(&["--no-bpf"]);
        for name in ["t0", "t1", "t0"] {
            ip("link del t0");
            assert!(ip(&format!("link add {name} type bridge")));
            let path = format!("net/ipv4/conf/{name}/log_martians");
            watch.until("set", || live(&path) == "1");
            let detail = format!("net.ipv4.conf.{name}.log_martians is there now and is set to 1");
            watch.event(|e| e["action"] == "reloaded" && e["detail"] == detail);
        }
        assert_eq!(watch.count(is_drift), 0, "{:#?}", watch.events());
        // From now on it is.
        write("net/ipv4/conf/t0/log_martians", "0");
        watch.event(|e| e["action"] == "restored" && e["key"] == "net.ipv4.conf.t0.log_martians");
        watch.end();
    });
}
