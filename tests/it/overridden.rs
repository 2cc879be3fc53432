//! A file that is read after ours and says otherwise, as each command tells of it.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use std::process::Command;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::operator::{Host, Ran};

const UNIT: &str = "etc/systemd/system/sysinit.target.wants/tunectl-boot.service";

/// A host whose one parameter is right now, and which another file overrides at the next boot.
fn host() -> Host {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: broker\nparameters: { vm.dirty_ratio: 30 }\n");
    host.file("etc/sysctl.d/zz.conf", "vm.dirty_ratio=5\n");
    assert_eq!(host.run(["apply"]).code, 0);
    host
}

/// The same with tunectl-boot enabled.
fn corrected() -> Host {
    let host = host();
    host.file(UNIT, "");
    host
}

fn value(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err))
}

fn report(host: &Host, format: &str) -> String {
    let ran = host.run(["report", "--format", format, "--detailed-exitcode"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    ran.out
}

/// What the report of that host is to a fleet: its hosts and the gate, and the text.
fn fleet(host: &Host) -> (Value, String) {
    host.given("report.ndjson", report(host, "json"));
    let ran = |format: &str| {
        let gated = ["fleet", "--gate", "boot=0", "--format", format, "report.ndjson"];
        let ran = host.told(
            Command::new(env!("CARGO_BIN_EXE_tunectl"))
                .args(gated)
                .current_dir(&host.work)
                .output()
                .unwrap(),
        );
        assert_eq!(ran.code, 2, "{}", ran.out);
        ran.out
    };
    (serde_json::from_str(&ran("json")).unwrap(), ran("text"))
}

#[test]
fn every_view_says_that_it_is_not_in_sync_and_that_tunectl_boot_corrects_it() {
    let host = corrected();
    let plan = host.run(["plan", "--detailed-exitcode"]);
    assert!(
        plan.code == 2 && plan.out.contains("broker: 1 overridden at boot of 1"),
        "{}",
        plan.out
    );
    let plan = value(&host.run(["plan", "--format", "json"]));
    assert_eq!(
        (&plan["summary"]["blocked"], &plan["summary"]["overridden"]),
        (&json!(1), &json!(1))
    );

    let then = "(/etc/sysctl.d/zz.conf:1); tunectl-boot then corrects it";
    let status = host.run(["status", "--detailed-exitcode"]);
    assert_eq!(status.code, 2);
    let first = "in sync now: 1 parameter of broker; 1 corrected at boot by tunectl-boot alone\n";
    assert!(status.out.starts_with(first) && status.out.contains(then), "{}", status.out);

    let text = report(&host, "text");
    let first = "0 of 1 parameter of broker in sync; 1 corrected at boot by tunectl-boot alone\n";
    assert!(text.contains(first) && text.contains(then), "{text}");
    assert!(report(&host, "junit").contains(&format!("next boot: overridden: 5 {then}\"")));
    let summary = &serde_json::from_str::<Value>(&report(&host, "json")).unwrap()["summary"];
    for (name, count) in
        [("parameters", 1), ("in_sync", 0), ("boot_differs", 1), ("boot_corrected", 1)]
    {
        assert_eq!(summary[name], count, "{name}: {summary}");
    }
    let metrics = report(&host, "prometheus");
    for line in [
        "tunectl_parameter_boot_in_sync{key=\"vm.dirty_ratio\"} 0\n",
        "tunectl_parameter_boot_corrected{key=\"vm.dirty_ratio\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }

    let (told, text) = fleet(&host);
    assert_eq!((&told["hosts"]["in_sync"], &told["hosts"]["boot"]), (&json!(0), &json!(1)));
    assert_eq!(told["boot"][0]["boot_unit"], true);
    assert!(text.starts_with("1 host: 0 in sync, 1 not persisted or overridden\n"), "{text}");
    assert!(text.contains("overridden, then corrected by tunectl-boot"), "{text}");
}

#[test]
fn without_tunectl_boot_nobody_corrects_it() {
    let host = host();
    let text = report(&host, "text");
    assert!(text.contains("in sync; 1 not after a reboot\n"), "{text}");
    let status = host.run(["status"]).out;
    assert!(status.contains("; a reboot takes back 1\n"), "{status}");
    for told in [text, status, report(&host, "junit"), report(&host, "prometheus"), fleet(&host).1]
    {
        assert!(!told.contains("correct"), "{told}");
    }
    let summary = &serde_json::from_str::<Value>(&report(&host, "json")).unwrap()["summary"];
    assert_eq!((&summary["boot_differs"], &summary["boot_corrected"]), (&json!(1), &json!(0)));
}

#[test]
fn an_apply_counts_it_once_with_all_there_is_to_say_below_it() {
    assert_data_eq!(
        corrected().run(["apply"]).out,
        str![[r#"
broker: 0 written, /etc/sysctl.d/99-tunectl.conf was already as planned; 1 overridden at boot
! vm.dirty_ratio  overridden at boot
      /etc/sysctl.d/zz.conf:1 sets 5 and is read after /etc/sysctl.d/99-tunectl.conf: change or
      remove that line
      tunectl-boot sets it right after that, before the services start

"#]]
    );
}

/// What it cannot mend is a status and no error, and is not told as in sync either.
#[test]
fn an_apply_with_nothing_to_write_does_not_end_in_sync() {
    for host in [host(), corrected()] {
        let ran = host.run(["apply", "--format", "json"]);
        assert_eq!((ran.code, &value(&ran)["result"]), (0, &json!("overridden")), "{}", ran.out);
        assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 2);
        std::fs::remove_file(host.root.join("etc/sysctl.d/zz.conf")).unwrap();
        assert_eq!(value(&host.run(["apply", "--format", "json"]))["result"], "in_sync");
    }
}

#[test]
fn what_helps_is_named_once() {
    let host = host();
    host.file(
        "etc/tunectl/baseline.yaml",
        "name: broker\nparameters: { vm.dirty_ratio: 30, vm.swappiness: 1 }\n",
    );
    host.file("etc/sysctl.d/zz.conf", "vm.dirty_ratio=5\nvm.swappiness=7\n");
    let names = |told: &str| told.matches("have tunectl-boot correct it").count();
    for command in ["plan", "apply"] {
        let told = host.run([command]).out;
        assert_eq!(names(&told), 1, "{told}");
    }
    let host = corrected();
    for command in ["plan", "apply"] {
        assert_eq!(names(&host.run([command]).out), 0, "it is enabled");
    }
}
