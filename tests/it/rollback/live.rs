//! On the real kernel, with the daemon.

use std::process::Command;

use super::in_namespaces;
use crate::daemon::harness::{Watch, fresh_host, live, write};
use crate::support::left_out;

fn tunectl(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn forwarding_comes_back_with_all_that_it_had_changed_e24() {
    in_namespaces("rollback::live::forwarding_comes_back_with_all_that_it_had_changed_e24", || {
        fresh_host("name: it\nparameters: { net.ipv4.ip_forward: 1, net.core.somaxconn: 4321 }\n");
        write("net/ipv4/conf/lo/forwarding", "1");
        let parameters = || {
            let output = Command::new("sysctl").args(["-a", "--pattern", "^net\\."]).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        let before = parameters();
        let (code, told) = tunectl(&["apply"]);
        assert!(code == 0 && parameters() != before, "{told}");
        let (code, told) = tunectl(&["rollback", "--yes"]);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("comes back with net.ipv4.ip_forward"), "{told}");
        assert_eq!(parameters(), before);
    });
}

#[test]
fn a_running_daemon_leaves_alone_what_is_rolled_back() {
    in_namespaces("rollback::live::a_running_daemon_leaves_alone_what_is_rolled_back", || {
        fresh_host(
            "name: it\nparameters:\n  net.core.somaxconn: 4321\n  net.ipv4.tcp_syn_retries: 3\n",
        );
        let before = (live("net/core/somaxconn"), live("net/ipv4/tcp_syn_retries"));
        let watch = Watch::start(&["--sweep", "1"]);
        assert_eq!(live("net/core/somaxconn"), "4321");
        // Again and again: each time the daemon could be quicker.
        for _ in 0..10 {
            let (code, told) = tunectl(&["rollback", "--yes"]);
            assert_eq!(code, 0, "{told}");
            watch.sweeps(1);
            let now = (live("net/core/somaxconn"), live("net/ipv4/tcp_syn_retries"));
            assert_eq!(now, before, "{told}");
            assert!(!std::fs::exists("/etc/sysctl.d/99-tunectl.conf").unwrap());
            let (code, told) = tunectl(&["apply"]);
            assert_eq!((code, live("net/core/somaxconn").as_str()), (0, "4321"), "{told}");
        }
        // Nor did it take a value back for a moment, before it knew of the rollback or the apply.
        let at_start = "found so at the daemon's start";
        let meanwhile = watch.count(|e| e["action"] == "restored" && e["detail"] != at_start);
        assert_eq!(meanwhile, 0, "{:#?}", watch.events());
        // What was taken back is held again.
        write("net/core/somaxconn", "77");
        watch.until("held again", || live("net/core/somaxconn") == "4321");
        // One alone: the other stays held.
        let (code, told) = tunectl(&["rollback", "net.core.somaxconn", "--yes"]);
        assert_eq!((code, live("net/core/somaxconn")), (0, before.0.clone()), "{told}");
        write("net/ipv4/tcp_syn_retries", "5");
        watch.until("still held", || live("net/ipv4/tcp_syn_retries") == "3");
        assert_eq!(live("net/core/somaxconn"), before.0);
        watch.end();
    });
}

#[test]
fn what_the_daemon_wrote_first_comes_back_too() {
    in_namespaces("rollback::live::what_the_daemon_wrote_first_comes_back_too", || {
        fresh_host(
            "name: it\nparameters:\n  net.core.somaxconn: 4321\n  \
             net.ipv4.tcp_syn_retries: { at_least: 4 }\n",
        );
        let before = (live("net/core/somaxconn"), live("net/ipv4/tcp_syn_retries"));
        assert_eq!(before.1, "6");
        let watch = Watch::start(&[]);
        assert_eq!(live("net/core/somaxconn"), "4321");
        // The bound was satisfied; now the daemon writes it for the first time.
        write("net/ipv4/tcp_syn_retries", "2");
        watch.event(|e| e["key"] == "net.ipv4.tcp_syn_retries" && e["action"] == "restored");
        assert_eq!(live("net/ipv4/tcp_syn_retries"), "4");
        watch.end();
        let (code, told) = tunectl(&["rollback", "--yes"]);
        assert_eq!(code, 0, "{told}");
        let now = (live("net/core/somaxconn"), live("net/ipv4/tcp_syn_retries"));
        assert_eq!(now, before, "{told}");
    });
}

#[test]
fn what_the_daemon_prevents_is_named_with_what_lets_it_go() {
    let test = "rollback::live::what_the_daemon_prevents_is_named_with_what_lets_it_go";
    in_namespaces(test, || {
        fresh_host(
            "name: it\nparameters:\n  net.core.somaxconn: { value: 4321, on_drift: prevent }\n",
        );
        let before = live("net/core/somaxconn");
        let watch = Watch::start(&["--sweep", "1"]);
        if std::fs::write("/proc/sys/net/core/somaxconn", "77").is_ok() {
            return left_out(test, "nothing is prevented here: BPF is not to be had");
        }
        let (code, told) = tunectl(&["rollback", "--yes"]);
        assert_eq!((code, live("net/core/somaxconn").as_str()), (1, "4321"), "{told}");
        assert!(told.contains("net.core.somaxconn is prevented by the daemon"), "{told}");
        assert!(told.contains("tunectl unlock net.core.somaxconn --for"), "{told}");
        let unlock = ["unlock", "net.core.somaxconn", "--for", "1m", "--reason", "to give it back"];
        assert_eq!(tunectl(&unlock).0, 0);
        watch.sweeps(1);
        let (code, told) = tunectl(&["rollback", "--yes"]);
        assert_eq!((code, live("net/core/somaxconn")), (0, before.clone()), "{told}");
        watch.sweeps(1);
        assert_eq!(live("net/core/somaxconn"), before);
        watch.end();
    });
}
