//! What a plan says of the next boot, where the files as they are now do not tell.

use std::os::unix::fs::symlink;

use crate::operator::{Host, Ran};
use crate::support::unwrapped;

const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

/// A host with these parameters, and a baseline that is applied.
fn applied(live: &str, baseline: &str) -> Host {
    let host = Host::new();
    host.live(live);
    host.file("etc/tunectl/baseline.yaml", &format!("name: a\nparameters:\n{baseline}"));
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    host
}

#[track_caller]
fn tells(ran: &Ran, code: i32, texts: &[&str]) {
    // Lines are folded.
    let told = unwrapped(&ran.out);
    assert_eq!(ran.code, code, "{} {}", ran.out, ran.err);
    for text in texts {
        assert!(told.contains(text), "{text}: {}", ran.out);
    }
}

fn boot_of(host: &Host) -> (serde_json::Value, serde_json::Value) {
    let ran = host.run(["plan", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let parameter = &json["parameters"][0];
    (parameter["boot"]["systemd"]["value"].clone(), parameter["boot_status"].clone())
}

#[test]
fn what_a_file_in_run_masks_is_back_after_a_reboot() {
    for (live, baseline) in
        [("30", "  vm.swappiness: 30\n"), ("60", "  vm.swappiness: { at_most: 70 }\n")]
    {
        for mask in [None, Some("# nothing\n")] {
            let host = applied(&format!("vm.swappiness = {live}"), baseline);
            tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
            host.file("usr/lib/sysctl.d/zz.conf", "vm.swappiness = 77\n");
            host.file("run/sysctl.d/README", "");
            match mask {
                None => symlink("/dev/null", host.root.join("run/sysctl.d/zz.conf")).unwrap(),
                Some(text) => {
                    host.file("run/sysctl.d/zz.conf", text);
                }
            }
            let hidden = "that file is hidden by /run/sysctl.d/zz.conf until a reboot";
            tells(&host.run(PLAN), 2, &["zz.conf:1 sets 77 and is read after", hidden]);
            assert_eq!(boot_of(&host), ("77".into(), "overridden".into()), "{baseline}");
            assert_eq!(host.run(["status", "--detailed-exitcode"]).code, 2);
            let head = host.run(["apply"]).out.lines().next().unwrap().to_owned();
            assert!(head.ends_with("; 1 overridden at boot"), "{head}");
            // What lies in /etc goes before both.
            host.file("etc/sysctl.d/zz.conf", "# nothing\n");
            tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
        }
    }
}

#[test]
fn what_a_file_in_run_sets_is_told_and_does_not_count() {
    let host = applied("vm.swappiness = 10", "  vm.swappiness: 10\n");
    host.file("run/sysctl.d/zz.conf", "vm.swappiness = 5\n");
    let note = "note: /run/sysctl.d/zz.conf:1 sets 5 until a reboot, which finds that file gone \
                unless something writes it anew";
    tells(&host.run(PLAN), 0, &["in sync, now and after a reboot", note]);
    // It is that which has set it in this boot.
    host.live("vm.swappiness = 5");
    let ran = host.run(["status"]);
    tells(&ran, 0, &["set by /run/sysctl.d/zz.conf:1"]);
}

#[test]
fn a_link_into_run_leads_nowhere_at_the_next_boot() {
    let host = applied("vm.swappiness = 10", "  vm.swappiness: 10\n");
    host.file("run/sysctl.d/zz.conf", "vm.swappiness = 5\n");
    symlink("/run/sysctl.d/zz.conf", host.root.join("etc/sysctl.d/zz-link.conf")).unwrap();
    tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
}

#[test]
fn numbers_made_at_boot_count_where_the_boot_unit_makes_them() {
    let host = Host::new();
    host.live("vm.min_free_kbytes = 90112");
    let wanted = "etc/systemd/system/sysinit.target.wants/tunectl-boot.service";
    host.file("usr/lib/systemd/system/tunectl-boot.service", "").file(wanted, "");
    let baseline = "name: a\nparameters:\n  vm.min_free_kbytes: { percent_of_ram: 0.5 }\n";
    host.file("etc/tunectl/baseline.yaml", baseline);
    assert_eq!(host.run(["apply"]).code, 0);
    assert!(host.root.join("run/sysctl.d/99-tunectl-host.conf").exists());
    tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
    std::fs::remove_file(host.root.join(wanted)).unwrap();
    tells(&host.run(PLAN), 2, &["unset persist"]);
    assert_eq!(host.run(["apply"]).code, 0);
    tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
}

#[test]
fn a_later_line_that_sets_the_other_name_of_a_variable_overrides() {
    for (key, value, other) in [
        ("net.ipv4.neigh.lo.unres_qlen_bytes", "1048576", "net.ipv4.neigh.lo.unres_qlen = 3"),
        ("net.ipv6.neigh.lo.retrans_time_ms", "4000", "net.ipv6.neigh.*.retrans_time = 200"),
        ("kernel.panic_print", "0", "kernel.panic_sys_info = tasks,mem"),
    ] {
        let live = format!("{key} = {value}");
        let host = applied(&live, &format!("  {key}: {value}\n"));
        host.file("etc/sysctl.d/zz.conf", &format!("{other}\n"));
        let told = [
            "unknown overridden at boot",
            "which is the same in another unit, and is read after /etc/sysctl.d/99-tunectl.conf",
        ];
        tells(&host.run(PLAN), 2, &told);
        assert_eq!(boot_of(&host), (serde_json::Value::Null, "overridden".into()), "{key}");
        let status = host.run(["status", "--detailed-exitcode"]);
        tells(&status, 2, &["/etc/sysctl.d/zz.conf:1 keeps the next boot from setting it"]);
        // Ours is read after an earlier one.
        let from = host.root.join("etc/sysctl.d/zz.conf");
        std::fs::rename(from, host.root.join("etc/sysctl.d/10-a.conf")).unwrap();
        tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
        std::fs::remove_file(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
        tells(&host.run(PLAN), 2, &["unknown persist"]);
        assert_eq!(boot_of(&host), (serde_json::Value::Null, "differs".into()), "{key}");
        assert_eq!(host.run(["apply"]).code, 0);
        tells(&host.run(PLAN), 0, &["in sync, now and after a reboot"]);
    }
}

#[test]
fn the_kernel_command_line_counts_where_the_kernel_obeys_it_e48() {
    let conntrack = "  net.netfilter.nf_conntrack_max: { at_least: 262144 }\n";
    let own = "  kernel.own: { value: 1, module: own }\n";
    for (kernel, key, value, baseline, counts) in [
        ("6.18.44", "vm.swappiness", "10", "  vm.swappiness: { at_most: 10 }\n", true),
        ("5.8.0", "vm.swappiness", "10", "  vm.swappiness: { at_most: 10 }\n", true),
        ("4.18.0-553.el8", "vm.swappiness", "10", "  vm.swappiness: { at_most: 10 }\n", false),
        ("6.18.44", "net.netfilter.nf_conntrack_max", "1048576", conntrack, false),
        ("6.18.44", "kernel.own", "1", own, false),
        (
            "6.18.44",
            "net.ipv4.conf.eth0.rp_filter",
            "1",
            "  net.ipv4.conf.eth0.rp_filter: 1\n",
            false,
        ),
        ("6.18.44", "net.ipv4.conf.lo.rp_filter", "1", "  net.ipv4.conf.lo.rp_filter: 1\n", true),
    ] {
        let host = Host::new();
        host.live(&format!("kernel.osrelease = {kernel}\n{key} = {value}\n"));
        host.file("proc/cmdline", &format!("quiet sysctl.{key}={value}\n"));
        host.file("etc/tunectl/baseline.yaml", &format!("name: a\nparameters:\n{baseline}"));
        let (left, status) = boot_of(&host);
        let expected =
            if counts { (value.into(), "same") } else { (serde_json::Value::Null, "unset") };
        assert_eq!((left, status), (expected.0, expected.1.into()), "{kernel} {key}");
    }
}

#[test]
fn a_glob_writes_both_ends_of_a_limit_in_the_order_of_their_names_e25() {
    let host = Host::new();
    host.live("net.ipv4.ipfrag_high_thresh = 262144\nnet.ipv4.ipfrag_low_thresh = 196608\n");
    let baseline = "name: a\nparameters: { net.ipv4.ipfrag_high_thresh: 262144 }\n";
    host.file("etc/tunectl/baseline.yaml", baseline);
    host.file("etc/sysctl.d/zz.conf", "net.ipv4.ipfrag_*_thresh = 262144\n");
    tells(&host.run(PLAN), 2, &["which the kernel refuses beside net.ipv4.ipfrag_low_thresh"]);
    assert_eq!(boot_of(&host), (serde_json::Value::Null, "overridden".into()));
}

#[test]
fn more_patterns_than_are_looked_into_leave_the_boot_unknown() {
    let host = applied(
        "vm.swappiness = 10\nnet.ipv4.conf.lo.rp_filter = 1\n",
        "  vm.swappiness: 10\n  net.ipv4.conf.lo.rp_filter: 1\n",
    );
    let patterns = |count| -> String {
        let lines: Vec<String> =
            (0..count).map(|n| format!("net.ipv4.conf.*a*a*.x{n} = 1\n")).collect();
        lines.concat()
    };
    // A line of ours keeps each of them off.
    host.file("etc/sysctl.d/zz.conf", &patterns(10_001));
    let ran = host.run(PLAN);
    tells(&ran, 0, &["in sync, now and after a reboot", "zz.conf:10001: more than 10000 patterns"]);
    std::fs::remove_file(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    tells(&host.run(PLAN), 2, &["2 with an unknown next boot"]);
    host.file("etc/sysctl.d/zz.conf", &patterns(5_000));
    host.file("etc/sysctl.d/10-a.conf", &patterns(5_000));
    let ran = host.run(PLAN);
    tells(&ran, 2, &["2 to persist"]);
    assert!(!ran.out.contains("more than"), "{}", ran.out);
}
