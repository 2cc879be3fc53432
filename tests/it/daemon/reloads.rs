//! Edits of the baseline and of the drop-in, while the daemon runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::harness::{Watch, fresh_host, live, write};
use super::{BASELINE, in_namespaces};

const OWN: &str = "/etc/tunectl/baseline.yaml";
const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";

#[test]
fn a_good_edit_comes_into_force_and_a_broken_one_does_not() {
    in_namespaces(
        "daemon::reloads::a_good_edit_comes_into_force_and_a_broken_one_does_not",
        || {
            fresh_host(BASELINE);
            let mut watch = Watch::start(&[]);
            // By rename, as editors do.
            fs::write("/etc/tunectl/.new", BASELINE.replace("4321", "4444")).unwrap();
            fs::rename("/etc/tunectl/.new", OWN).unwrap();
            let event = watch.event(|e| e["action"] == "reloaded");
            assert_eq!(event["detail"], "held: net.core.somaxconn: 4321 -> 4444");
            assert_eq!(live("net/core/somaxconn"), "4444");
            assert!(fs::read_to_string(DROPIN).unwrap().contains("net.core.somaxconn = 4444"));
            // In place, and broken.
            fs::write(OWN, BASELINE.replace("4321", "yes")).unwrap();
            let event = watch.event(|e| e["action"] == "refused");
            let detail = event["detail"].as_str().unwrap();
            assert!(detail.starts_with("/etc/tunectl/baseline.yaml:3:23: "), "{detail}");
            write("net/core/somaxconn", "77");
            watch.event(|e| e["to"] == "77");
            assert_eq!(live("net/core/somaxconn"), "4444", "the baseline before stays in force");
            // Asked for by name, it is told again; and the drop-in is kept even now.
            watch.signal("HUP");
            watch.hear("READY=1");
            assert_eq!(watch.count(|e| e["action"] == "refused"), 2);
            fs::remove_file(DROPIN).unwrap();
            watch.until("written again", || fs::exists(DROPIN).unwrap());
            // What a guard forbids is refused as well.
            fs::write(OWN, format!("{BASELINE}  kernel.core_pattern: '|/bin/false'\n")).unwrap();
            let guard = |e: &serde_json::Value| {
                e["action"] == "refused" && e["detail"].as_str().unwrap().contains("core_pattern")
            };
            watch.event(guard);
            fs::write(OWN, BASELINE.replace("4321", "4555")).unwrap();
            watch.until("in force", || live("net/core/somaxconn") == "4555");
            // A key that leaves the baseline is left as it is.
            fs::write(OWN, BASELINE.replace("  net.core.somaxconn: 4321\n", "")).unwrap();
            let gone = "held: net.core.somaxconn: no longer held at 4555";
            watch.event(|e| e["detail"] == gone);
            write("net/core/somaxconn", "78");
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(live("net/core/somaxconn"), "78");
        },
    );
}

#[test]
fn a_link_that_is_exchanged_is_followed() {
    in_namespaces("daemon::reloads::a_link_that_is_exchanged_is_followed", || {
        fresh_host(BASELINE);
        // As a Kubernetes ConfigMap is mounted, and updated.
        let version = |name: &str, value: &str| {
            fs::create_dir_all(format!("/etc/map/{name}")).unwrap();
            let text = BASELINE.replace("4321", value);
            fs::write(format!("/etc/map/{name}/baseline.yaml"), text).unwrap();
            symlink(name, "/etc/map/..data_tmp").unwrap();
            fs::rename("/etc/map/..data_tmp", "/etc/map/..data").unwrap();
        };
        version("..1", "5001");
        symlink("..data/baseline.yaml", "/etc/map/baseline.yaml").unwrap();
        fs::remove_file(OWN).unwrap();
        symlink("/etc/map/baseline.yaml", OWN).unwrap();
        let watch = Watch::start(&[]);
        assert_eq!(live("net/core/somaxconn"), "5001");
        for (n, value) in [("..2", "5002"), ("..3", "5003")] {
            version(n, value);
            watch.until("followed", || live("net/core/somaxconn") == value);
        }
        // A layer that comes counts too.
        fs::create_dir("/etc/tunectl/baseline.d").unwrap();
        let layer = "name: mine\nparameters:\n  net.core.somaxconn: 5004\n";
        fs::write("/etc/tunectl/baseline.d/50-mine.yaml", layer).unwrap();
        watch.until("layered", || live("net/core/somaxconn") == "5004");
    });
}

#[test]
fn the_drop_in_is_put_right_and_anothers_file_is_left_alone() {
    in_namespaces(
        "daemon::reloads::the_drop_in_is_put_right_and_anothers_file_is_left_alone",
        || {
            fresh_host(BASELINE);
            let watch = Watch::start(&[]);
            let text = fs::read_to_string(DROPIN).unwrap();
            let right = || fs::read_to_string(DROPIN).is_ok_and(|now| now == text);
            fs::remove_file(DROPIN).unwrap();
            watch.until("written again", right);
            let told = |how: &'static str| {
                move |e: &serde_json::Value| {
                    e["action"] == "dropin" && e["detail"].as_str().unwrap().contains(how)
                }
            };
            assert!(watch.count(told("was not there")) >= 1);
            fs::write(DROPIN, text.replace("4321", "1")).unwrap();
            watch.until("put right", right);
            watch.event(told("was not as planned"));
            let other = "# somebody else's\nnet.core.somaxconn = 1\n";
            fs::remove_file(DROPIN).unwrap();
            fs::write("/etc/other", other).unwrap();
            fs::rename("/etc/other", DROPIN).ok();
            let left = |e: &serde_json::Value| {
                e["action"] == "failed"
                    && e["key"].is_null()
                    && e["detail"].as_str().unwrap().contains(DROPIN)
            };
            if fs::read_to_string(DROPIN).unwrap() == other {
                watch.event(left);
                assert_eq!(fs::read_to_string(DROPIN).unwrap(), other);
            }
        },
    );
}

#[test]
fn it_does_not_start_with_a_broken_baseline() {
    in_namespaces("daemon::reloads::it_does_not_start_with_a_broken_baseline", || {
        fresh_host("name: x\nparameters: {");
        let before = live("net/core/somaxconn");
        let ran = crate::support::run(
            std::process::Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("watch"),
        );
        assert_eq!(ran.status.code(), Some(1));
        let text = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(text.contains("/etc/tunectl/baseline.yaml:2:13"), "{text}");
        assert_eq!(live("net/core/somaxconn"), before);
    });
}
