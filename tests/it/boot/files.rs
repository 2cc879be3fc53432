//! What a boot leaves in files: its report, the drop-in, the numbers made from RAM.

use std::fs;

use serde_json::Value;

use super::{BASELINE, BOOT, RUN, boot, first_line, host, json, report};
use crate::operator::Host;

const RAM: &str = "name: m
parameters: { vm.swappiness: 1, vm.min_free_kbytes: { percent_of_ram: 0.5 } }
";
const UNIT: &str = "etc/systemd/system/sysinit.target.wants/tunectl-boot.service";
const HOST_FILE: &str = "run/sysctl.d/99-tunectl-host.conf";

/// As after a power cut: /run is empty, and the kernel has its defaults.
fn rebooted(host: &Host) {
    fs::remove_dir_all(host.root.join("run")).unwrap();
    host.live("vm.swappiness = 60\nvm.min_free_kbytes = 67584");
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
fn where_the_unit_is_enabled_numbers_stand_in_run_alone() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", RAM).file(UNIT, "");
    assert_eq!(host.run(["apply"]).code, 0);
    rebooted(&host);
    host.file("proc/meminfo", "MemTotal:       33554432 kB\n");
    let ran = boot(&host);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(host.value("vm.min_free_kbytes"), "167772");
    let text = fs::read_to_string(host.root.join(HOST_FILE)).unwrap();
    assert!(text.contains("vm.min_free_kbytes = 167772\n"), "{text}");
    let dropin = fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    assert!(!dropin.contains("\nvm.min_free_kbytes ="), "{dropin}");
    let first = report(&host);
    assert_eq!(
        (&first["host_file"], &first["dropin"]),
        (&Value::from("written"), &Value::from("written"))
    );
    let ran = host.run(["status", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.out.starts_with("in sync: 2 parameters of m, now and after a reboot\n"),
        "{}",
        ran.out
    );
    assert_eq!(boot(&host).code, 0);
    assert_eq!(report(&host)["host_file"], "written", "of this boot");
}

#[test]
fn a_broken_baseline_brings_back_numbers_of_the_same_memory_only() {
    for (ram, reserve) in [(67_108_864, "335544"), (33_554_432, "67584")] {
        let host = Host::usual();
        host.file("etc/tunectl/baseline.yaml", RAM).file(UNIT, "");
        assert_eq!(host.run(["apply"]).code, 0);
        rebooted(&host);
        host.file("etc/tunectl/baseline.yaml", "name: [\n");
        host.file("proc/meminfo", &format!("MemTotal:       {ram} kB\n"));
        assert_eq!(boot(&host).code, 1);
        assert_eq!(host.value("vm.swappiness"), "1");
        assert_eq!(host.value("vm.min_free_kbytes"), reserve);
        assert!(!host.root.join(HOST_FILE).exists());
    }
}

#[test]
fn what_is_not_ours_in_run_is_left_alone() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", RAM).file(UNIT, "").file(HOST_FILE, "# mine\n");
    let ran = boot(&host);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(
        ran.out.contains("/run/sysctl.d/99-tunectl-host.conf could not be refreshed"),
        "{}",
        ran.out
    );
    assert_eq!(fs::read_to_string(host.root.join(HOST_FILE)).unwrap(), "# mine\n");
    assert!(host.root.join("etc/sysctl.d/99-tunectl.conf").exists());
    assert_eq!(host.value("vm.min_free_kbytes"), "335544");
}

#[test]
fn a_report_of_another_boot_is_not_trusted() {
    let host = host(BASELINE);
    boot(&host);
    let path = host.root.join(RUN);
    let old =
        fs::read_to_string(&path).unwrap().replace(BOOT, "00000000-0000-0000-0000-000000000000");
    fs::write(&path, &old).unwrap();
    let ran = host.run(["status"]);
    assert!(ran.out.contains("boot: no report"), "{}", ran.out);
    assert!(json(&host.run(["status", "--format", "json"]).out)["boot"].is_null());
    // What --only would mark belongs to this boot.
    host.live("net.netfilter.nf_conntrack_max = 65536");
    assert_eq!(host.run(["apply", "--boot", "--only", "net.netfilter.*"]).code, 0);
    assert_eq!(host.value("net.netfilter.nf_conntrack_max"), "1048576");
    assert_eq!(fs::read_to_string(&path).unwrap(), old);
    boot(&host);
    assert_eq!(report(&host)["boot_id"], BOOT);
    for damaged in ["", "{", "{\"schema\": \"tunectl/boot/2\"}"] {
        fs::write(&path, damaged).unwrap();
        assert!(host.run(["status"]).out.contains("boot: no report"), "{damaged:?}");
        assert_eq!(host.run(["apply", "--boot"]).code, 0);
        assert_eq!(report(&host)["boot_id"], BOOT);
    }
}

#[test]
fn the_settled_pass_corrects_what_has_changed_since_and_keeps_the_report() {
    let host = host(BASELINE);
    host.live("vm.dirty_ratio = 33");
    boot(&host);
    host.live("vm.swappiness = 60");
    let ran = host.run(["apply", "--boot", "--settled"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let first = "settled: 1 parameter right, 1 corrected, 1 pending (";
    assert!(first_line(&ran).starts_with(first), "{}", ran.out);
    assert_eq!(host.value("vm.swappiness"), "1");
    assert!(!host.root.join(RUN).exists(), "it was moved");
    let kept = host.root.join(format!("var/lib/tunectl/boots/{BOOT}.json"));
    let report = json(&fs::read_to_string(&kept).unwrap());
    assert_eq!(report["found"][0]["key"], "vm.dirty_ratio");
    assert_eq!(report["since"].as_array().map(Vec::len), Some(1));
    let since = &report["since"][0];
    assert_eq!(
        (&since["key"], &since["found"]),
        (&Value::from("vm.swappiness"), &Value::from("60"))
    );
    assert_eq!(since["corrected"], true);
    assert_eq!(since["time"], report["settled"]);
    assert_eq!(report["result"], "corrected");
    // A later one is added too, and so is what comes late.
    host.live("vm.swappiness = 61\nnet.netfilter.nf_conntrack_max = 65536");
    assert_eq!(host.run(["apply", "--boot", "--only", "net.netfilter.nf_conntrack_max"]).code, 0);
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    let report = json(&fs::read_to_string(&kept).unwrap());
    assert_eq!(report["since"].as_array().map(Vec::len), Some(2));
    assert!(!report["pending"][0]["set_at"].is_null());
}

#[test]
fn a_second_pass_keeps_what_the_first_one_found() {
    let host = host(BASELINE);
    host.live("vm.swappiness = 60");
    boot(&host);
    host.live("vm.dirty_ratio = 33");
    assert_eq!(boot(&host).code, 0);
    let report = report(&host);
    assert_eq!(report["found"][0]["key"], "vm.swappiness");
    assert_eq!(report["since"][0]["key"], "vm.dirty_ratio");
    assert!(report["settled"].is_null());
}

#[test]
fn a_later_pass_that_is_right_says_so_and_the_boot_keeps_what_it_was() {
    let successful = |host: &Host| {
        let metrics = host.run(["report", "--format", "prometheus"]).out;
        metrics.lines().any(|l| l == "tunectl_boot_last_pass_successful 1")
    };
    // The boot is right; a pass later is not, and one after that is.
    let host = host(BASELINE);
    assert_eq!(boot(&host).code, 0);
    assert_eq!(report(&host)["latest"]["pass"], 1);
    assert!(successful(&host));
    let refused = format!("{BASELINE}  vm.min_free_kbytes: 9999999\n");
    host.file("etc/tunectl/baseline.yaml", &refused);
    for pass in 2..4 {
        assert_eq!(boot(&host).code, 3);
        let report = report(&host);
        assert_eq!(report["latest"]["pass"], pass);
        assert_eq!(report["latest"]["result"], "incomplete");
        assert_eq!(report["since"].as_array().unwrap().len(), 1, "told once: {report}");
    }
    assert!(!successful(&host));
    let text = host.run(["status"]).out;
    assert!(text.contains("pass 3 of this boot: ") && text.contains(": incomplete\n"), "{text}");
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    assert_eq!(boot(&host).code, 0);
    assert!(successful(&host));
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    let kept = json(&host.run(["report", "--format", "json"]).out)["boot"].clone();
    assert_eq!((&kept["result"], &kept["latest"]["pass"]), (&"incomplete".into(), &5.into()));
    assert_eq!(kept["latest"]["successful"], true);
    let metrics = host.run(["report", "--format", "prometheus"]).out;
    assert!(metrics.contains("tunectl_boot_result{result=\"incomplete\"} 1\n"), "{metrics}");
    for command in ["status", "report"] {
        let text = host.run([command]).out.replace('\n', " ");
        assert!(text.contains("all is right that can be"), "{text}");
    }
    // What nobody may write is no mistake of the boot's, as its exit code says.
    let host = self::host(BASELINE);
    host.live("vm.swappiness = 60").mode("proc/sys/vm/swappiness", 0o444);
    assert_eq!(boot(&host).code, 0);
    assert_eq!(report(&host)["result"], "incomplete");
    assert!(successful(&host));
}

#[test]
fn the_newest_sixteen_reports_are_kept() {
    let host = host(BASELINE);
    for n in 0..20 {
        let name = format!("var/lib/tunectl/boots/0000-{n:02}.json");
        host.file(&name, "{}");
        let file = fs::File::options().append(true).open(host.root.join(&name)).unwrap();
        let day = std::time::Duration::from_secs(1_000_000_000 + n * 86400);
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + day).unwrap();
    }
    boot(&host);
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    let mut names: Vec<String> = fs::read_dir(host.root.join("var/lib/tunectl/boots"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 16);
    assert_eq!(names[0], "0000-05.json");
    assert_eq!(names[15], format!("{BOOT}.json"));
    // However wrong the clock may be: this boot's is not the one that goes.
    for name in &names[..15] {
        let path = host.root.join("var/lib/tunectl/boots").join(name);
        let day = std::time::SystemTime::now() + std::time::Duration::from_secs(1_000_000);
        fs::File::options().append(true).open(path).unwrap().set_modified(day).unwrap();
    }
    host.file("var/lib/tunectl/boots/another.json", "{}");
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    assert!(host.root.join(format!("var/lib/tunectl/boots/{BOOT}.json")).exists());
}

#[test]
fn where_var_cannot_be_written_the_report_stays_in_run() {
    let host = host(BASELINE);
    boot(&host);
    // A file where the directory belongs: even root cannot write below it.
    fs::remove_dir_all(host.root.join("var/lib/tunectl")).unwrap();
    host.file("var/lib/tunectl", "");
    let ran = host.run(["apply", "--boot", "--settled"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("the boot report stays in /run: "), "{}", ran.out);
    assert!(!report(&host)["settled"].is_null());
    assert!(host.run(["status"]).out.contains("settled: "));
}

#[test]
fn where_etc_cannot_be_written_the_values_are_right_all_the_same() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE).file("etc/sysctl.d", "");
    let ran = boot(&host);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(first_line(&ran).ends_with("; drop-in NOT refreshed"), "{}", ran.out);
    assert!(
        ran.out.contains("/etc/sysctl.d/99-tunectl.conf could not be refreshed: "),
        "{}",
        ran.out
    );
    assert_eq!(host.value("vm.swappiness"), "1");
    assert_eq!(report(&host)["result"], "incomplete");
    assert_eq!(report(&host)["dropin"], "failed");
}

#[test]
fn what_a_killed_apply_had_begun_to_write_is_gone_after_a_boot() {
    let host = host(BASELINE);
    let before = fs::read(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    let left = "etc/sysctl.d/.99-tunectl.conf.4194000.tmp";
    host.file(left, "half");
    assert_eq!(boot(&host).code, 0);
    assert!(!host.root.join(left).exists());
    assert_eq!(fs::read(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap(), before);
}

#[test]
fn a_foreign_drop_in_is_left_alone_and_stops_no_value() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    host.file("etc/sysctl.d/99-tunectl.conf", "vm.swappiness = 3\n");
    let ran = boot(&host);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("was not written by tunectl"), "{}", ran.out);
    assert_eq!(host.value("vm.swappiness"), "1");
    let text = fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    assert_eq!(text, "vm.swappiness = 3\n");
}
