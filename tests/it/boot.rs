//! `apply --boot` as a unit and a udev rule meet it: below a root of files, where `vm.*` can be
//! written, and on the real kernel inside namespaces.

mod files;
mod namespaces;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

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

#[test]
fn without_a_drop_in_a_broken_baseline_changes_nothing() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: x\nparameters: [\n");
    let before = host.value("vm.swappiness");
    let ran = boot(&host);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(
        ran.out.contains("/etc/sysctl.d/99-tunectl.conf has no last good values"),
        "{}",
        ran.out
    );
    assert_eq!(host.value("vm.swappiness"), before);
    assert!(!host.root.join("etc/sysctl.d").exists());
    assert_eq!(report(&host)["result"], "failed");
}

#[test]
fn a_guard_stops_its_own_parameter_only() {
    let baseline = "name: g\nparameters: { vm.min_free_kbytes: 9999999, vm.swappiness: 1 }\n";
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", baseline);
    let reserve = host.value("vm.min_free_kbytes");
    let ran = boot(&host);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(first_line(&ran).starts_with("boot: 0 parameters right, 1 corrected, 1 not corrected"));
    assert_eq!(
        (host.value("vm.swappiness"), host.value("vm.min_free_kbytes")),
        ("1".into(), reserve)
    );
    let dropin = fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    assert!(dropin.contains("vm.swappiness = 1\n") && !dropin.contains("min_free"), "{dropin}");
    let report = report(&host);
    assert_eq!(report["result"], "incomplete");
    let error = report["errors"][0].as_str().unwrap();
    assert!(error.starts_with("vm.min_free_kbytes: refused: 9999999 kB is above 5 %"), "{error}");
    assert!(report["found"][0]["error"].as_str().is_some_and(|e| e.starts_with("refused: ")));
    // It is told once.
    assert_eq!(ran.out.matches("is above 5 %").count(), 1, "{}", ran.out);
}

#[test]
fn what_this_kernel_has_not_is_told_and_is_no_failure() {
    let host = host(BASELINE);
    fs::remove_file(host.root.join("proc/sys/vm/dirty_ratio")).unwrap();
    host.live("vm.swappiness = 60").mode("proc/sys/vm/swappiness", 0o444);
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("boot: 0 parameters right, 2 not corrected, 1 pending"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "vm.dirty_ratio: this kernel has it not");
    assert!(
        lines[2].starts_with("vm.swappiness: 60, not 1: the kernel lets nobody write it"),
        "{lines:?}"
    );
    assert_eq!(report(&host)["result"], "incomplete");
    assert_eq!(host.run(["status", "--detailed-exitcode"]).code, 2);
}

#[test]
fn a_waived_parameter_is_left_alone() {
    let waived = format!(
        "{BASELINE}waivers:\n- {{ key: vm.swappiness, until: 2099-01-01, reason: trial }}\n"
    );
    let host = host(&waived);
    host.live("vm.swappiness = 60");
    let ran = boot(&host);
    assert_eq!(ran.code, 0);
    assert!(first_line(&ran).starts_with("boot: 1 parameter right, 1 waived, "), "{}", ran.out);
    assert_eq!(host.value("vm.swappiness"), "60");
}

#[test]
fn a_late_parameter_is_set_and_marked_in_the_report() {
    let host = host(BASELINE);
    boot(&host);
    host.live("net.netfilter.nf_conntrack_max = 65536\nvm.swappiness = 60");
    let ran = host.run(["apply", "--boot", "--only", "net/netfilter/*"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(first_line(&ran), "boot, selected: 0 parameters right, 1 corrected");
    assert_eq!(host.value("net.netfilter.nf_conntrack_max"), "1048576");
    assert_eq!(host.value("vm.swappiness"), "60", "only what is selected");
    let report = report(&host);
    assert!(report["pending"][0]["set_at"].as_str().is_some_and(|t| t.ends_with('Z')), "{report}");
    assert_eq!(report["found"], json("[]"), "the rest of the report is of the boot");
}

#[test]
fn a_selection_without_anything_of_the_baseline_does_nothing() {
    let host = host(BASELINE);
    let before = host.tree();
    for only in ["net/ipv4/conf/veth0/*", "vm.max_map_count", "net.bridge.*"] {
        let is_quick = |_| {
            let started = std::time::Instant::now();
            let ran = host.run(["apply", "--boot", "--only", only]);
            assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{only}");
            started.elapsed().as_millis() < 1900
        };
        assert!((0..5).any(is_quick), "{only}: nothing is waited for");
    }
    assert_eq!(host.tree(), before);
    let ran = host.run(["apply", "--boot", "--only", "../etc/passwd"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot walk through directories"), "{}", ran.err);
}

#[test]
fn the_boot_options_exclude_what_a_boot_never_does() {
    let host = host(BASELINE);
    let before = host.tree();
    for args in [
        &["--boot", "-b", "linux-server"][..],
        &["--boot", "--adopt"],
        &["--boot", "--live-only"],
        &["--boot", "--run-actions"],
        &["--boot", "--only", "vm.swappiness", "--settled"],
        &["--only", "vm.swappiness"],
        &["--settled"],
    ] {
        let ran = host.run(["apply"].into_iter().chain(args.iter().copied()));
        assert_eq!(ran.code, 1, "{args:?}: {}", ran.out);
        assert!(ran.err.starts_with("error: "), "{args:?}: {}", ran.err);
    }
    assert_eq!(host.tree(), before);
}

#[test]
fn the_outcome_is_the_report_where_json_is_asked_for() {
    let host = host(BASELINE);
    let ran = host.run(["apply", "--boot", "--format", "json"]);
    assert_eq!(json(&ran.out), report(&host));
}

#[test]
fn a_held_lock_is_waited_for_and_then_told() {
    let host = host(BASELINE);
    host.live("vm.swappiness = 60");
    let lock = fs::File::options().write(true).open(host.root.join("run/tunectl/lock")).unwrap();
    lock.lock().unwrap();
    let ran = host.run(["apply", "--boot", "--lock-timeout", "0"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(host.value("vm.swappiness"), "60");
}

#[test]
fn in_the_journal_each_line_has_its_priority() {
    let host = host(BASELINE);
    host.live("vm.swappiness = 60");
    // A file stands in for the journal's socket: what counts is that systemd named it.
    let journal = host.work.join("journal");
    let file = fs::File::create(&journal).unwrap();
    let id = file.metadata().unwrap();
    let named = format!("{}:{}", id.dev(), id.ino());
    let mut command = host.command(["apply", "--boot"]);
    assert!(command.env("JOURNAL_STREAM", named).stdout(file).status().unwrap().success());
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("<4>boot: 1 parameter right, 1 corrected"), "{text}");
    assert!(lines[1].starts_with("<4>vm.swappiness: 60 -> 1 ("), "{text}");
    // Another stream of a service that inherits the variable is left as it is.
    let mut command = host.command(["apply", "--boot"]);
    let output = command.env("JOURNAL_STREAM", "1:2").output().unwrap();
    assert!(host.told(output).out.starts_with("boot: "));
}

#[test]
fn a_secret_is_in_no_report_and_no_line() {
    const KEY: &str = "net.ipv4.tcp_fastopen_key";
    let (old, new) = ("11111111-22222222-33333333-44444444", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4");
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", &format!("name: s\nparameters: {{ {KEY}: {new} }}\n"));
    host.file("etc/sysctl.d/50-vendor.conf", &format!("{KEY} = {old}\n"));
    host.live(&format!("{KEY} = {old}"));
    let ran = boot(&host);
    assert_eq!((ran.code, host.value(KEY).as_str()), (0, new), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("(set by /etc/sysctl.d/50-vendor.conf:1)"), "{}", ran.out);
    host.live(&format!("{KEY} = {old}"));
    let status = host.run(["status"]);
    let report = fs::read_to_string(host.root.join(RUN)).unwrap();
    let json = host.run(["status", "--format", "json"]).out;
    for text in [&ran.out, &ran.err, &status.out, &status.err, &report, &json] {
        assert!(!text.contains("11111111") && !text.contains("a1a1a1a1"), "{text}");
    }
    assert!(report.contains("(secret)"), "{report}");
}

#[test]
fn what_a_value_is_made_of_does_not_act_on_a_terminal() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: s\nparameters: { kernel.domainname: a }\n");
    host.file("proc/sys/kernel/domainname", "x\u{1b}[2Jy\nz\n");
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("kernel.domainname: x\\u{1b}[2Jy\\u{a}z -> a ("), "{}", ran.out);
    assert!(!host.run(["status"]).out.contains('\u{1b}'));
}

#[test]
fn a_selection_is_told_as_json_too() {
    let host = host(BASELINE);
    host.live("vm.swappiness = 60");
    let ran = host.run(["apply", "--boot", "--only", "vm.swap*", "--format", "json"]);
    let told = json(&ran.out);
    assert_eq!(
        (&told["schema"], &told["found"][0]["key"]),
        (&"tunectl/boot/1".into(), &"vm.swappiness".into())
    );
    assert!(!host.root.join(RUN).exists(), "it is no report of the boot");
}
