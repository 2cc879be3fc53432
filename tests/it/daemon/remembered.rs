//! What the daemon remembers of the time before it: only what it has written itself.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::harness::{Watch, fresh_host, live, write};
use super::{in_namespaces, run};

const OWN: &str = "/etc/tunectl/baseline.yaml";

/// What a parameter was and how it was left, as it is remembered of this boot and for good.
fn remembered(key: &str) -> [(Value, Value); 2] {
    ["/run/tunectl/originals.json", "/var/lib/tunectl/originals.json"].map(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let table: Value = serde_json::from_str(&text).unwrap_or_default();
        let entry = &table["originals"][key];
        (entry["value"].clone(), entry["left"].clone())
    })
}

fn tunectl(args: &[&str]) -> String {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args));
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn what_is_only_reported_was_left_by_others() {
    in_namespaces("daemon::remembered::what_is_only_reported_was_left_by_others", || {
        fresh_host(
            "name: held\nparameters:\n  net.core.somaxconn: 4321\n  \
             net.ipv4.tcp_fin_timeout: { value: 31, on_drift: report }\n  \
             net.ipv4.ip_forward: { value: 1, on_drift: report }\n",
        );
        let (key, before) = ("net.ipv4.tcp_fin_timeout", live("net/ipv4/tcp_fin_timeout"));
        let watch = Watch::start(&["--no-bpf"]);
        assert_eq!(live("net/core/somaxconn"), "4321");
        let as_it_was = (Value::from(before.as_str()), Value::from(before.as_str()));
        assert_eq!(remembered(key), [as_it_was.clone(), as_it_was.clone()]);
        // What a write would have changed besides.
        assert_eq!(remembered("net.ipv4.conf.lo.forwarding")[0].0, Value::Null);
        let [of_boot, _] = remembered("net.core.somaxconn");
        assert_eq!(of_boot.1, "4321");
        // Somebody else does what the baseline asks for: no rollback undoes that.
        write("net/ipv4/tcp_fin_timeout", "31");
        let text = tunectl(&["rollback", "--dry-run"]);
        let line = text.lines().find(|line| line.contains(key)).unwrap();
        assert!(line.starts_with("- "), "{text}");
        assert!(text.contains("left alone: changed since"), "{text}");
        watch.end();
    });
}

#[test]
fn what_is_let_go_is_left_as_it_was_left_before() {
    in_namespaces("daemon::remembered::what_is_let_go_is_left_as_it_was_left_before", || {
        let baseline = "name: held\nparameters:\n  net.core.somaxconn: 4321\n";
        fresh_host(baseline);
        let watch = Watch::start(&["--no-bpf"]);
        tunectl(&["unlock", "net.core.somaxconn", "--for", "9m", "--reason", "a try"]);
        watch.until("let go", || {
            write("net/core/somaxconn", "99");
            std::thread::sleep(std::time::Duration::from_millis(50));
            live("net/core/somaxconn") == "99"
        });
        fs::write(OWN, baseline.replace("4321", "5000")).unwrap();
        watch.event(|e| e["action"] == "reloaded");
        assert_eq!(live("net/core/somaxconn"), "99");
        assert_eq!(remembered("net.core.somaxconn")[0].1, "4321");
        watch.end();
    });
}
