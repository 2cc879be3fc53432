//! `apply --boot` and `status` as a unit, a udev rule and an operator meet them: on the real
//! kernel inside namespaces, and below a root of files where `vm.*` is needed.

use std::fs;

use serde_json::Value;

use crate::operator::{Host, Ran};

const RUN: &str = "run/tunectl/boot.json";
const BOOT: &str = "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c";

const BASELINE: &str = "name: broker
parameters:
  vm.swappiness: 1
  vm.dirty_ratio: 20
  net.netfilter.nf_conntrack_max: { value: 1048576, module: nf_conntrack }
";

/// A host with that baseline, and with the drop-in that an apply of it leaves.
fn host(baseline: &str) -> Host {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", baseline);
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    host
}

fn boot(host: &Host) -> Ran {
    host.run(["apply", "--boot"])
}

fn report(host: &Host) -> Value {
    json(&fs::read_to_string(host.root.join(RUN)).unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn first_line(ran: &Ran) -> &str {
    ran.out.lines().next().unwrap_or("")
}

#[test]
fn a_boot_that_finds_all_right_says_so_and_reports_it() {
    let host = host(BASELINE);
    let dropin = host.root.join("etc/sysctl.d/99-tunectl.conf");
    let before = fs::metadata(&dropin).unwrap().modified().unwrap();
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let pending = "net.netfilter.nf_conntrack_max: module nf_conntrack not loaded";
    assert_eq!(ran.out, format!("boot: 2 parameters right, 1 pending ({pending})\n"));
    assert_eq!(fs::metadata(&dropin).unwrap().modified().unwrap(), before, "written once");
    let report = report(&host);
    assert_eq!(report["schema"], "tunectl/boot/1");
    assert_eq!(report["boot_id"], BOOT);
    assert_eq!(report["result"], "in_sync");
    assert_eq!(report["right"], 2);
    assert_eq!(report["found"], json("[]"));
    assert_eq!(report["dropin"], "unchanged");
    assert_eq!(report["baseline"]["name"], "broker");
    assert_eq!(report["baseline"]["sources"], json("[\"/etc/tunectl/baseline.yaml\"]"));
    assert_eq!(report["host"]["mem_total_kb"], 67_108_864);
    assert_eq!(report["pending"][0]["module"], "nf_conntrack");
    assert!(report["pending"][0]["set_at"].is_null());
    assert!(report["time"].as_str().is_some_and(|t| t.ends_with('Z') && t.len() == 20));
    assert!(report["took_us"].as_u64().is_some_and(|us| us > 0));
}

#[test]
fn what_another_file_set_is_corrected_and_its_line_named() {
    let host = host(BASELINE);
    host.file("etc/sysctl.d/zz-vendor.conf", "# a vendor\n\nvm.swappiness = 60\n");
    host.live("vm.swappiness = 60\nvm.dirty_ratio = 33");
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("boot: 0 parameters right, 2 corrected, 1 pending ("),
        "{lines:?}"
    );
    let told = "vm.swappiness: 60 -> 1 (set by /etc/sysctl.d/zz-vendor.conf:3)";
    assert!(lines.contains(&told), "{lines:?}");
    assert!(
        lines[1].starts_with("vm.dirty_ratio: 33 -> 20 (not from any sysctl.d file"),
        "{lines:?}"
    );
    assert_eq!(
        (host.value("vm.swappiness"), host.value("vm.dirty_ratio")),
        ("1".into(), "20".into())
    );
    let report = report(&host);
    assert_eq!(report["result"], "corrected");
    let found = &report["found"][1];
    assert_eq!(found["key"], "vm.swappiness");
    assert_eq!((&found["found"], &found["desired"]), (&Value::from("60"), &Value::from("1")));
    assert_eq!(
        found["set_by"],
        json(r#"{"source": "/etc/sysctl.d/zz-vendor.conf:3", "value": "60"}"#)
    );
    assert_eq!(found["corrected"], true);
    assert!(found["error"].is_null());
    assert!(report["found"][0]["set_by"].is_null());
}

#[test]
fn a_word_on_the_kernel_command_line_is_named() {
    let host = host(BASELINE);
    fs::remove_file(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    host.file("proc/cmdline", "root=/dev/vda sysctl.vm.swappiness=40\n").live("vm.swappiness = 40");
    let ran = boot(&host);
    assert!(ran.out.contains("vm.swappiness: 40 -> 1 (set by kernel command line)"), "{}", ran.out);
    // The drop-in that somebody has deleted is there again.
    assert!(first_line(&ran).ends_with("; drop-in refreshed"), "{}", ran.out);
    assert_eq!(report(&host)["dropin"], "written");
    assert!(host.root.join("etc/sysctl.d/99-tunectl.conf").exists());
}

#[test]
fn numbers_follow_the_memory_of_this_boot() {
    let host = host("name: m\nparameters: { vm.min_free_kbytes: { percent_of_ram: 0.5 } }\n");
    assert_eq!(host.value("vm.min_free_kbytes"), "335544");
    host.file("proc/meminfo", "MemTotal:       33554432 kB\n");
    assert_eq!(boot(&host).code, 0);
    assert_eq!(host.value("vm.min_free_kbytes"), "167772");
    assert_eq!(report(&host)["host"]["mem_total_kb"], 33_554_432);
}

#[test]
fn without_a_baseline_there_is_nothing_to_do() {
    let host = Host::usual();
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(first_line(&ran), "boot: nothing to hold");
    assert!(ran.out.contains("this host has no /etc/tunectl/baseline.yaml"), "{}", ran.out);
    assert!(report(&host)["baseline"].is_null());
    let before = host.tree();
    assert_eq!(host.run(["apply", "--boot", "--only", "vm.swappiness"]).code, 0);
    assert_eq!(host.tree(), before);
}

#[test]
fn with_a_broken_baseline_the_last_good_values_stand() {
    let host = host(BASELINE);
    host.file("etc/tunectl/baseline.yaml", &BASELINE.replace("swappiness: 1", "swappiness: 999"));
    host.file("etc/sysctl.d/zz-vendor.conf", "vm.swappiness = 60\n");
    host.live("vm.swappiness = 60");
    let dropin = fs::read(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    let ran = boot(&host);
    assert_eq!(ran.code, 1);
    let first = "boot: the baseline /etc/tunectl/baseline.yaml cannot be used; of the last good \
                 values 1 parameter right, 1 corrected";
    assert!(first_line(&ran).starts_with(first), "{}", ran.out);
    assert!(ran.out.contains("/etc/tunectl/baseline.yaml:3:18: "), "{}", ran.out);
    assert!(ran.err.contains("error: "), "{}", ran.err);
    assert_eq!(host.value("vm.swappiness"), "1");
    assert_eq!(fs::read(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap(), dropin);
    let report = report(&host);
    assert_eq!(report["result"], "failed");
    assert!(report["baseline"].is_null());
    assert_eq!(report["dropin"], "left_alone");
    assert!(report["errors"][0].as_str().unwrap().starts_with("/etc/tunectl/baseline.yaml:3:18: "));
    assert_eq!(report["found"][0]["corrected"], true);
}
