//! `status` as an operator meets it.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use std::fs;

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::operator::{Host, Ran};
use crate::support::{heeding_permissions, is_root, left_out};

const BASELINE: &str = "name: broker
parameters:
  vm.swappiness: 1
  vm.dirty_ratio: 20
  vm.max_map_count: { at_least: 262144 }
  net.netfilter.nf_conntrack_max: { value: 1048576, module: nf_conntrack }
";
const UNIT: &str = "etc/systemd/system/sysinit.target.wants/tunectl-boot.service";

/// A host with that baseline, and with the drop-in that an apply of it leaves.
fn host() -> Host {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    assert_eq!(host.run(["apply"]).code, 0);
    host
}

/// The same with the unit enabled and this boot's pass run; `vm.swappiness` was wrong.
fn booted() -> Host {
    let host = host();
    host.file(UNIT, "");
    host.file("etc/sysctl.d/zz-vendor.conf", "vm.swappiness = 60\n").live("vm.swappiness = 60");
    let ran = host.run(["apply", "--boot"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    fs::remove_file(host.root.join("etc/sysctl.d/zz-vendor.conf")).unwrap();
    host
}

fn status(host: &Host) -> Ran {
    let before = host.tree();
    let ran = host.run(["status", "--detailed-exitcode"]);
    assert_eq!(host.tree(), before, "it changes nothing");
    ran
}

fn json(host: &Host) -> Value {
    serde_json::from_str(&host.run(["status", "--format", "json"]).out).unwrap()
}

#[test]
fn all_is_as_it_was_at_boot() {
    let ran = status(&booted());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_data_eq!(
        ran.out,
        str![[r#"
in sync: 3 parameters of broker, now and after a reboot; 1 pending
  pending: net.netfilter.nf_conntrack_max: module nf_conntrack not loaded
boot: [..]Z in [..] ms: 2 parameters right, 1 corrected
  vm.swappiness: 60 -> 1 (set by /etc/sysctl.d/zz-vendor.conf:1)
daemon: tunectl watch does not run: `systemctl enable --now tunectl`

"#]]
    );
}

#[test]
fn what_has_changed_since_boot_is_told_from_what_to_what() {
    let host = booted();
    host.live("vm.swappiness = 30\nvm.max_map_count = 65530");
    let ran = status(&host);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_data_eq!(
        ran.out,
        str![[r#"
2 of 4 parameters of broker changed since boot; 1 pending
  vm.max_map_count: 262144 -> 65530 since boot (not from any sysctl.d file; known to set it:
  elasticsearch, saptune, tuned)
  vm.swappiness: 1 -> 30 since boot (not from any sysctl.d file; known to set it: tuned,
  zram-generator)
  pending: net.netfilter.nf_conntrack_max: module nf_conntrack not loaded
boot: [..]Z in [..] ms: 2 parameters right, 1 corrected
  vm.swappiness: 60 -> 1 (set by /etc/sysctl.d/zz-vendor.conf:1)
daemon: tunectl watch does not run: `systemctl enable --now tunectl`

"#]]
    );
    let status = json(&host);
    assert_eq!(status["schema"], "tunectl/status/1");
    assert_eq!(status["result"], "differs");
    assert_eq!(status["right"], 1);
    assert_eq!(status["boot_unit"], true);
    assert_eq!(status["boot"]["schema"], "tunectl/boot/1");
    let changed = &status["changed"][1];
    assert_eq!(changed["key"], "vm.swappiness");
    assert_eq!((&changed["from"], &changed["to"]), (&Value::from("1"), &Value::from("30")));
    assert_eq!(changed["since_boot"], true);
    assert!(changed["owners"].as_array().is_some_and(|o| o.contains(&Value::from("tuned"))));
    // Without --detailed-exitcode it is the answer to a question.
    assert_eq!(host.run(["status"]).code, 0);
}

#[test]
fn times_have_one_form() {
    let host = booted();
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    let event = r#"{"schema":"tunectl/event/1","time":"2026-11-24T14:03:22.123456Z","boot_id":"6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c","key":"vm.swappiness","desired":"1","from":"1","to":"60","action":"restored","cause":"unknown","writer":null,"latency_us":40,"count":1,"detail":null}"#;
    host.file("var/lib/tunectl/events.jsonl", &format!("{event}\n"));
    let until = r#""until":"2999-01-01T00:00:00Z","until_since_boot":4102444800"#;
    let hold = format!(r#"{{"kind":"unlocked","by":"root","reason":null,{until}}}"#);
    let holds = format!(
        r#"{{"schema":"tunectl/holds/1","boot_id":"6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c","holds":{{"vm.dirty_ratio":{hold}}}}}"#
    );
    host.file("run/tunectl/holds.json", &holds);
    let told = host.run(["status"]).out;
    for time in ["settled: 2", "  2026-11-24 14:03:22Z  ", "; until 2999-01-01 00:00:00Z\n"] {
        assert!(told.contains(time), "{told}");
    }
    let digit = |byte: &u8| byte.is_ascii_digit();
    let joined = |three: &[u8]| digit(&three[0]) && three[1] == b'T' && digit(&three[2]);
    assert!(!told.as_bytes().windows(3).any(joined), "{told}");
}

#[test]
fn the_settled_pass_is_told_as_well() {
    let host = booted();
    host.live("vm.dirty_ratio = 33");
    assert_eq!(host.run(["apply", "--boot", "--settled"]).code, 0);
    let ran = status(&host);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_data_eq!(
        ran.out,
        str![[r#"
in sync: 3 parameters of broker, now and after a reboot; 1 pending
  pending: net.netfilter.nf_conntrack_max: module nf_conntrack not loaded
boot: [..]Z in [..] ms: 2 parameters right, 1 corrected
  vm.swappiness: 60 -> 1 (set by /etc/sysctl.d/zz-vendor.conf:1)
settled: [..]Z: 1 changed since, corrected
  vm.dirty_ratio: 33 -> 20 (not from any sysctl.d file; known to set it: tuned)
daemon: tunectl watch does not run: `systemctl enable --now tunectl`

"#]]
    );
}

#[test]
fn what_was_not_right_at_boot_has_not_changed_since() {
    let host = host();
    host.live("vm.swappiness = 60").mode("proc/sys/vm/swappiness", 0o444);
    host.run(["apply", "--boot"]);
    let ran = status(&host);
    assert_eq!(ran.code, 2);
    let first = "1 of 4 parameters of broker not as required; 1 pending\n";
    assert!(ran.out.starts_with(first), "{}", ran.out);
    assert_eq!(json(&host)["changed"][0]["since_boot"], false);
}

#[test]
fn what_a_reboot_takes_back_is_told_with_who_does() {
    let host = host();
    host.file("etc/sysctl.d/zz-vendor.conf", "vm.swappiness = 60\n");
    let ran = status(&host);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert_data_eq!(
        ran.out,
        str![[r#"
in sync now: 3 parameters of broker; a reboot takes back 1; 1 pending
  vm.swappiness: the next boot sets 60 (/etc/sysctl.d/zz-vendor.conf:1): change or remove that line,
  or `systemctl enable tunectl-boot`
  pending: net.netfilter.nf_conntrack_max: module nf_conntrack not loaded
boot: no report, tunectl-boot is not enabled: `systemctl enable tunectl-boot`
daemon: tunectl watch does not run: `systemctl enable --now tunectl`

"#]]
    );
    let next = json(&host)["next_boot"][0].clone();
    assert_eq!((&next["key"], &next["value"]), (&Value::from("vm.swappiness"), &Value::from("60")));
    assert_eq!(next["source"], "/etc/sysctl.d/zz-vendor.conf:1");
    host.file(UNIT, "");
    let text = status(&host).out.replace("\n  ", " ");
    assert!(text.contains("zz-vendor.conf:1); tunectl-boot then corrects it "), "{text}");
}

#[test]
fn without_a_report_it_says_what_to_run() {
    let host = host();
    let ran = status(&host);
    assert_eq!(ran.code, 0);
    let told = "boot: no report, tunectl-boot is not enabled: `systemctl enable tunectl-boot`\n\
                daemon: tunectl watch does not run: `systemctl enable --now tunectl`\n";
    assert!(ran.out.ends_with(told), "{}", ran.out);
    host.file(UNIT, "");
    assert!(status(&host).out.contains("`systemctl status tunectl-boot`"));
}

#[test]
fn without_a_baseline_there_is_nothing_to_hold() {
    let host = Host::usual();
    let ran = status(&host);
    assert_eq!(ran.code, 2, "that is no yes");
    assert_eq!(host.run(["status"]).code, 0);
    assert!(ran.out.starts_with("this host has no baseline: nothing to hold\n"), "{}", ran.out);
    assert!(ran.err.contains("tunectl apply -b NAME"), "{}", ran.err);
    assert_eq!(json(&host)["result"], "no_baseline");
}

#[test]
fn a_broken_baseline_is_an_error_and_the_report_is_shown_all_the_same() {
    let host = booted();
    host.file("etc/tunectl/baseline.yaml", &BASELINE.replace(": 20", ": many"));
    let ran = status(&host);
    assert_eq!(ran.code, 1);
    let first = "unknown: the baseline of this host cannot be used\n  \
                 /etc/tunectl/baseline.yaml:4:19: ";
    assert!(ran.out.starts_with(first), "{}", ran.out);
    assert!(ran.out.contains("vm.swappiness: 60 -> 1 (set by /etc/sysctl.d/zz-vendor.conf:1)"));
    assert!(ran.err.contains("is not a whole number"), "{}", ran.err);
    assert_eq!(json(&host)["errors"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_the_boot_was_asked_for_says_nothing_of_another_baseline() {
    let host = booted();
    host.file("etc/tunectl/baseline.yaml", &BASELINE.replace("swappiness: 1", "swappiness: 5"));
    let ran = status(&host);
    assert_eq!(ran.code, 2);
    assert!(ran.out.starts_with("1 of 4 parameters of broker not as required"), "{}", ran.out);
    assert!(
        ran.out.contains("the baseline has been changed since the last apply\n"),
        "{}",
        ran.out
    );
    assert!(json(&host)["changed"][0]["from"].is_null());
    // Once it is applied there is nothing of which to tell.
    assert_eq!(host.run(["apply"]).code, 0);
    let ran = status(&host);
    assert!(ran.code == 0 && !ran.out.contains("has been changed"), "{}", ran.out);
}

/// Nothing is told of a baseline that has not changed, nor of values that nobody has set.
#[test]
fn an_edited_drop_in_is_told_as_such() {
    const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";
    let edited = "/etc/sysctl.d/99-tunectl.conf is not what tunectl writes for this baseline \
                  (edited since?): an apply writes it anew";
    let host = host();
    host.live("net.core.somaxconn = 4096");
    let written = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    let changed = written.replace("vm.swappiness = 1\n", "vm.swappiness = 2\n");
    let longer = format!("{written}net.core.somaxconn = 77\n");
    for (text, also) in [(changed, None), (longer, Some("it reads 4096, and the drop-in says 77"))]
    {
        assert_ne!(text, written);
        host.file(DROPIN, &text);
        for command in ["status", "plan"] {
            let told = host.run([command, "--color", "never"]).out.replace("\n  ", " ");
            let told = told.replace('\n', " ");
            assert_eq!(told.matches(edited).count(), 1, "{told}");
            assert!(!told.contains("any longer") && !told.contains("since from"), "{told}");
            assert!(command != "plan" || also.is_none_or(|also| told.contains(also)), "{told}");
        }
        assert_eq!(host.run(["apply"]).code, 0);
        assert_eq!(fs::read_to_string(host.root.join(DROPIN)).unwrap(), written);
        for command in ["status", "plan"] {
            assert!(!host.run([command]).out.contains("edited since"));
        }
    }
}

/// What `plan` has to do is not in sync, though no parameter of the baseline is wrong.
#[test]
fn an_edited_baseline_is_not_in_sync_before_it_is_applied() {
    let host = host();
    let without = BASELINE.replace("  vm.swappiness: 1\n", "");
    host.file("etc/tunectl/baseline.yaml", &without);
    let ran = status(&host);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert_data_eq!(
        ran.out,
        str![[r#"
in sync now: 2 parameters of broker; an apply is due; 1 pending
  pending: net.netfilter.nf_conntrack_max: module nf_conntrack not loaded
  the baseline has been changed since the last apply: 1 to give back (vm.swappiness)
boot: no report, tunectl-boot is not enabled: `systemctl enable tunectl-boot`
daemon: tunectl watch does not run: `systemctl enable --now tunectl`

"#]]
    );
    assert!(ran.err.contains("as root: tunectl apply"), "{}", ran.err);
    let told = json(&host);
    assert_eq!(told["unapplied"], serde_json::json!(["vm.swappiness"]));
    assert_eq!(told["result"], "differs");
    let report = || -> Value {
        let ran = host.run(["report", "--format", "json"]);
        host.given("report.json", &ran.out);
        serde_json::from_str(&ran.out).unwrap()
    };
    assert_eq!(host.run(["report", "--detailed-exitcode"]).code, 2);
    let told = report();
    assert_eq!(
        (&told["result"], &told["baseline"]["unapplied"]),
        (&"differs".into(), &true.into())
    );
    let hash = told["baseline"]["sha256"].as_str().unwrap().to_owned();
    let gate = |expression: &str| host.run(["fleet", "report.json", "--gate", expression]).code;
    let arrived = format!("baseline=broker@{}", &hash[..12]);
    assert_eq!((gate("drift=0"), gate("unapplied=0"), gate(&arrived)), (0, 2, 2));
    assert_eq!(host.run(["fleet", "report.json", "--hosts", "unapplied"]).out, "broker-7\n");
    let junit = host.run(["report", "--format", "junit"]).out;
    assert!(junit.contains("failures=\"1\"") && junit.contains("an apply is due"), "{junit}");
    // By another baseline nothing is to be given back.
    let by = ["report", "-b", "/etc/tunectl/baseline.yaml", "--detailed-exitcode"];
    assert_eq!(host.run(by).code, 0);
    // Who may not see what there was before still sees the drop-in.
    for path in ["run/tunectl/originals.json", "var/lib/tunectl/originals.json"] {
        host.mode(path, 0o000);
    }
    let command = host.command(["status", "--detailed-exitcode"]);
    let output = heeding_permissions(&command).output();
    if let Some(output) = output.ok().filter(|output| output.status.code() != Some(127)) {
        let ran = host.told(output);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        let told = "1 to take out of the drop-in (vm.swappiness)";
        assert!(ran.out.contains(told), "{}", ran.out);
    } else {
        left_out("status::an_edited_baseline_is_not_in_sync_before_it_is_applied", "no setpriv(1)");
    }
    for path in ["run/tunectl/originals.json", "var/lib/tunectl/originals.json"] {
        host.mode(path, 0o600);
    }
    assert_eq!(host.run(["apply"]).code, 0);
    let ran = status(&host);
    assert!(ran.code == 0 && !ran.out.contains("last apply"), "{}", ran.out);
    assert_eq!(json(&host)["unapplied"], serde_json::json!([]));
    let told = report();
    assert_eq!(
        (&told["result"], &told["baseline"]["unapplied"]),
        (&"in_sync".into(), &Value::Null)
    );
    assert_eq!((gate("unapplied=0"), gate(&arrived)), (0, 0));
}

/// A drop-in that sets the same is as good as one that words it in the same way.
#[test]
fn a_drop_in_of_other_words_is_in_sync() {
    const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";
    let host = host();
    host.file("etc/tunectl/baseline.yaml", &format!("# reviewed\n{BASELINE}"));
    let ran = status(&host);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_eq!(host.run(["report", "--detailed-exitcode"]).code, 0);
    assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 2, "it would be worded anew");
    // Nor is an interface that comes or goes an edit.
    let pattern = "  net.ipv4.conf.*.rp_filter: 2\n";
    host.live("net.ipv4.conf.veth1.rp_filter = 1");
    host.file("etc/tunectl/baseline.yaml", &format!("{BASELINE}{pattern}"));
    let ran = status(&host);
    assert!(ran.out.contains("; an apply is due"), "{}", ran.out);
    assert_eq!(host.run(["apply"]).code, 0);
    let text = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    assert!(text.contains("net.ipv4.conf.veth1.rp_filter = 2"), "{text}");
    fs::remove_dir_all(host.root.join("proc/sys/net/ipv4/conf/veth1")).unwrap();
    host.live("net.ipv4.conf.veth2.rp_filter = 2");
    assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 2);
    let ran = status(&host);
    assert_eq!(ran.code, 0, "{}", ran.out);
    host.file("etc/tunectl/baseline.yaml", &format!("# reviewed\n{BASELINE}{pattern}"));
    assert_eq!(status(&host).code, 0);
    // What somebody has written into it is asked for by nobody.
    host.file(DROPIN, &format!("{text}vm.page-cluster = 3\n"));
    let ran = status(&host);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.contains("1 to take out of the drop-in (vm.page-cluster)"), "{}", ran.out);
}

/// What is asked for anew and happens to be so everywhere is not applied either.
#[test]
fn what_another_file_sets_as_well_is_not_applied_before_it_is_persisted() {
    let host = host();
    host.file("usr/lib/sysctl.d/50-vendor.conf", "vm.page-cluster = 3\n");
    host.file("etc/tunectl/baseline.yaml", &format!("{BASELINE}  vm.page-cluster: 3\n"));
    let ran = status(&host);
    assert_eq!(ran.code, 2, "{}", ran.out);
    let told = "has been changed since the last apply: 1 to persist (vm.page-cluster)";
    assert!(ran.out.replace("\n  ", " ").contains(told), "{}", ran.out);
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(status(&host).code, 0);
    // A waiver takes its line out of the drop-in.
    let waived = format!(
        "{BASELINE}waivers:\n  - {{ key: vm.dirty_ratio, until: 2099-01-31, reason: incident }}\n"
    );
    host.file("etc/tunectl/baseline.yaml", &waived);
    assert_eq!(status(&host).code, 2);
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(status(&host).code, 0);
}

/// It is named what keeps an apply from doing what would be to do.
#[test]
fn what_lies_in_the_place_of_the_drop_in_is_named() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    host.file("etc/sysctl.d/99-tunectl.conf", "# mine\n");
    let ran = status(&host);
    assert_eq!(ran.code, 2);
    let text = ran.out.replace("\n  ", " ");
    let why = "/etc/sysctl.d/99-tunectl.conf exists and was not written by tunectl: move it away";
    assert!(text.contains(&format!("an apply is refused: {why}")), "{text}");
    assert!(!text.contains("`tunectl apply` persists it"), "{text}");
    assert!(!ran.err.contains("as root: tunectl apply"), "{}", ran.err);
    assert!(ran.err.contains("An apply would refuse this"), "{}", ran.err);
    let refusals = json(&host)["refusals"].clone();
    assert!(refusals[0].as_str().unwrap().starts_with(why), "{refusals}");
}

/// What was let go on purpose is laid at nobody else's door.
#[test]
fn who_let_a_parameter_go_is_told_and_nobody_suspected() {
    let host = host();
    let hold = r#"{"schema":"tunectl/holds/1","boot_id":"6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c","holds":{"vm.swappiness":{"kind":"unlocked","by":"root","reason":"incident","until":"2999-01-01T00:00:00Z","until_since_boot":99999999999}}}"#;
    host.file("run/tunectl/holds.json", hold).live("vm.swappiness = 98\nvm.dirty_ratio = 33");
    let text = status(&host).out.replace("\n  ", " ");
    let told = "vm.swappiness: 98, not 1: let go until 2999-01-01 00:00:00Z (not from any sysctl.d \
                file) ";
    assert!(text.contains(told), "{text}");
    let told = "vm.dirty_ratio: 33, not 20: not as required (not from any sysctl.d file; known to \
                set it: tuned)";
    assert!(text.contains(told), "{text}");
    // Since the boot it is the same.
    let host = booted();
    host.file("run/tunectl/holds.json", hold).live("vm.swappiness = 98");
    let text = status(&host).out.replace("\n  ", " ");
    let told = "vm.swappiness: 1 -> 98 since boot: let go until 2999-01-01 00:00:00Z (not from any";
    assert!(text.contains(told), "{text}");
}

/// A bound is told as one, and not as the value that an apply would write.
#[test]
fn a_bound_that_is_violated_is_told_as_a_bound() {
    let host = Host::usual();
    host.live("net.core.somaxconn = 4096").file(
        "etc/tunectl/baseline.yaml",
        "name: it\nparameters:\n  net.core.somaxconn: { at_most: 512 }\n  vm.max_map_count: { at_least: 1024 }\n",
    );
    let out = status(&host).out;
    assert!(out.contains("net.core.somaxconn: 4096, not <= 512: not as required"), "{out}");
    let changed = json(&host)["changed"][0].clone();
    assert_eq!((&changed["bound"], &changed["desired"]), (&"<= 512".into(), &"512".into()));
    let report = host.run(["report", "-v"]).out;
    for row in
        ["! net.core.somaxconn  4096   <= 512   differs", "vm.max_map_count    65530  >= 1024"]
    {
        assert!(report.contains(row), "{row}: {report}");
    }
    let junit = host.run(["report", "--format", "junit"]).out;
    assert!(junit.contains("now: differs: 4096, not &lt;= 512"), "{junit}");
}

#[test]
fn an_interrupted_apply_is_told() {
    let host = host();
    host.file("run/tunectl/journal", "tunectl journal 1\nboot\tother\n");
    for args in [&["status"][..], &["plan"], &["status", "--format", "json"]] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("an apply was interrupted on this host"), "{args:?}: {}", ran.err);
    }
}

/// A line that excludes a key, and one whose value the kernel refuses, take ours away.
#[test]
fn the_line_that_keeps_a_boot_from_setting_it_is_named() {
    let host = host();
    for (line, rest) in [
        ("-vm.swappiness\n", "change or remove that line, or `systemctl enable tunectl-boot`"),
        ("vm.swappiness = 999999\n", "change or remove that line"),
    ] {
        host.file("etc/sysctl.d/zz.conf", &format!("# vendor\n{line}"));
        let text = status(&host).out.replace("\n  ", " ");
        let told = "vm.swappiness: /etc/sysctl.d/zz.conf:2 keeps the next boot from setting it: ";
        assert!(text.contains(&format!("{told}{rest}")), "{text}");
        let next = json(&host)["next_boot"][0].clone();
        assert_eq!(next["value"], Value::Null);
        assert_eq!(next["source"], "/etc/sysctl.d/zz.conf:2");
    }
}

/// A parameter that root alone may read is not wrong because somebody else looks.
#[test]
fn what_this_user_may_not_read_is_unknown() {
    let host = host();
    let look = |args: &[&'static str]| {
        let mut command = host.command(args.iter().copied());
        if is_root() {
            command = heeding_permissions(&command);
        }
        host.told(command.output().unwrap())
    };
    // Readable, only not by its owner.
    host.mode("proc/sys/vm/swappiness", 0o040);
    let ran = look(&["status", "--detailed-exitcode"]);
    if ran.code == 127 {
        return left_out("status::what_this_user_may_not_read_is_unknown", "no setpriv(1)");
    }
    assert_eq!(ran.code, 2, "what is not known is not in sync: {}{}", ran.out, ran.err);
    let head = ran.out.lines().next().unwrap();
    assert!(head.starts_with("in sync as far as this user may read: "), "{head}");
    assert!(head.contains("; 1 not readable by this user"), "{head}");
    let told = "vm.swappiness: unknown: only root may read it: run it as root to see it";
    assert!(ran.out.contains(told) && !ran.out.contains("not as required"), "{}", ran.out);
    let status: Value = serde_json::from_str(&look(&["status", "--format", "json"]).out).unwrap();
    assert_eq!(status["unreadable"], serde_json::json!(["vm.swappiness"]));
    assert_eq!((&status["result"], &status["changed"]), (&"differs".into(), &Value::Array(vec![])));
    host.live("vm.dirty_ratio = 77");
    let head = look(&["status"]).out;
    assert!(head.contains(" not as required; 1 not readable by this user"), "{head}");
}

/// Whatever lies in the place of the drop-in: of what nobody has read it is not known what it sets.
#[test]
fn what_lies_in_our_place_and_cannot_be_read_leaves_the_boot_unknown() {
    const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";
    let test = "status::what_lies_in_our_place_and_cannot_be_read_leaves_the_boot_unknown";
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.swappiness: 10 }\n");
    assert_eq!(host.run(["apply"]).code, 0);
    let place = host.root.join(DROPIN);
    let judge = |run: &dyn Fn(&[&'static str]) -> Ran, code| {
        let ran = run(&["plan", "--detailed-exitcode", "--format", "json"]);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        let plan: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(plan["parameters"][0]["boot_status"], "unknown", "{}", ran.out);
        // Nobody knows here whether it is to be written anew.
        let todo = plan["parameters"][0]["do"].as_array().unwrap().len();
        assert_eq!(todo, usize::from(code == 3), "{}", ran.out);
        assert_eq!(plan["refusals"].as_array().unwrap().len(), usize::from(code == 3));
        let ran = run(&["status"]);
        assert!(ran.out.contains("what a reboot leaves of 1 is not known"), "{}", ran.out);
        assert!(ran.out.contains("99-tunectl.conf could"), "{}", ran.out);
        let ran = run(&["plan"]);
        let foreign = ["is not a regular file", "99-tunectl.conf cannot be read: "];
        assert_eq!(foreign.iter().any(|why| ran.out.contains(why)), code == 3, "{}", ran.out);
        assert!(ran.out.contains("  10       unknown  "), "{}", ran.out);
        // What may be somebody else's is not written over.
        let ran = run(&["apply"]);
        assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    };
    host.mode(DROPIN, 0o000);
    let output = heeding_permissions(&host.command(["plan"])).output();
    if output.is_ok_and(|output| output.status.success()) {
        let run = |args: &[&'static str]| {
            let command = host.command(args.iter().copied());
            host.told(heeding_permissions(&command).output().unwrap())
        };
        judge(&run, 2);
        // Nor does an apply know that is not to persist anything.
        for live in ["33", "10"] {
            host.live(&format!("vm.swappiness = {live}"));
            let ran = run(&["apply", "--live-only"]);
            assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "10"), "{}", ran.err);
            let told =
                "whether persisted is not known: /etc/sysctl.d/99-tunectl.conf cannot be read";
            assert!(ran.out.contains(told), "{live}: {}", ran.out);
        }
    } else {
        left_out(test, "no setpriv(1) that may drop capabilities");
    }
    fs::remove_file(&place).unwrap();
    nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).unwrap();
    judge(&|args| host.run(args.iter().copied()), 3);
    fs::remove_file(&place).unwrap();
    fs::write(&place, "# a comment\n".repeat(1 << 20)).unwrap();
    judge(&|args| host.run(args.iter().copied()), 3);
}
