//! Bounds alone: what satisfies them, what is written where it does not, and what a boot gets.

use std::fs;

use crate::operator::{Host, Ran};

const PAIRS: &str = "vm.dirty_ratio = 20\nvm.dirty_bytes = 0\nvm.dirty_background_ratio = 10\n\
                     vm.dirty_background_bytes = 0\nvm.overcommit_memory = 0\n\
                     vm.overcommit_ratio = 50\nvm.overcommit_kbytes = 0\n";

fn given(host: &Host, parameter: &str) {
    let text = format!("name: b\nparameters:\n  {parameter}\n");
    host.file("etc/tunectl/baseline.yaml", &text);
}

fn plan(host: &Host, parameter: &str) -> Ran {
    given(host, parameter);
    host.run(["plan", "--detailed-exitcode"])
}

fn apply(host: &Host, parameter: &str) -> Ran {
    given(host, parameter);
    host.run(["apply"])
}

/// The lines of the drop-in that set something.
fn persisted(host: &Host) -> Vec<String> {
    let text = fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf"));
    let text = text.unwrap_or_default();
    let sets = |line: &&str| !line.starts_with('#') && line.contains('=');
    text.lines().filter(sets).map(str::to_owned).collect()
}

/// Once applied nothing is left to do.
fn settled(host: &Host) {
    let ran = host.run(["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn of_a_half_that_is_not_in_force_a_bound_is_refused_e22() {
    for (live, parameter, in_force) in [
        ("", "vm.dirty_bytes: { at_most: 1GiB }", "vm.dirty_ratio (20)"),
        ("", "vm.dirty_bytes: { at_least: 1MiB, at_most: 1GiB }", "vm.dirty_ratio (20)"),
        ("", "vm.dirty_background_bytes: { at_least: 64MiB }", "vm.dirty_background_ratio (10)"),
        ("", "vm.overcommit_kbytes: { at_least: 8GiB }", "vm.overcommit_ratio (50)"),
        ("", "vm.overcommit_kbytes: { at_most: 8GiB }", "vm.overcommit_ratio (50)"),
        (
            "vm.dirty_ratio = 0\nvm.dirty_bytes = 17179869184\n",
            "vm.dirty_ratio: { at_least: 10 }",
            "vm.dirty_bytes (17179869184)",
        ),
    ] {
        for systemd in [true, false] {
            let host = Host::usual();
            host.live(PAIRS).live(live);
            if !systemd {
                fs::remove_file(host.root.join("usr/lib/systemd/systemd-sysctl")).unwrap();
            }
            let ran = plan(&host, parameter);
            let key = parameter.split(':').next().unwrap();
            assert_eq!(ran.code, 3, "{parameter}: {}{}", ran.out, ran.err);
            let ran = apply(&host, parameter);
            assert_eq!(ran.code, 3, "{parameter}: {}{}", ran.out, ran.err);
            let told = format!("not in force, {in_force} is");
            assert!(ran.err.contains(&told), "{parameter}: {}", ran.err);
            assert!(ran.err.contains("set an exact value"), "{parameter}: {}", ran.err);
            assert_eq!(
                (host.value(key), persisted(&host)),
                ("0".into(), Vec::new()),
                "{parameter}"
            );
        }
    }
}

#[test]
fn of_a_half_that_is_in_force_a_bound_is_kept() {
    let host = Host::usual();
    host.live(PAIRS);
    assert_eq!(apply(&host, "vm.dirty_ratio: { at_most: 15 }").code, 0);
    assert_eq!(
        (host.value("vm.dirty_ratio"), host.value("vm.dirty_bytes")),
        ("15".into(), "0".into())
    );
    assert_eq!(persisted(&host), ["vm.dirty_ratio = 15"]);
    settled(&host);
}

/// What another file gives to the other half at boot compares with nothing then.
#[test]
fn a_half_that_the_boot_takes_away_gets_what_runs() {
    let host = Host::usual();
    host.live(PAIRS).live("vm.dirty_ratio = 0\nvm.dirty_bytes = 536870912\n");
    host.file("etc/sysctl.d/50-own.conf", "vm.dirty_ratio = 30\n");
    let ran = apply(&host, "vm.dirty_bytes: { at_most: 1GiB }");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(persisted(&host), ["vm.dirty_bytes = 536870912"]);
    settled(&host);
}

#[test]
fn what_has_no_limit_is_more_than_any_bound() {
    for (key, none, least, most) in [
        ("kernel.sched_rt_runtime_us", "-1", "950000", "900000"),
        ("kernel.hung_task_warnings", "-1", "10", "20"),
        ("fs.pipe-user-pages-soft", "0", "16384", "65536"),
        ("net.netfilter.nf_conntrack_max", "0", "262144", "1048576"),
        ("kernel.core_pipe_limit", "0", "4", "16"),
        ("kernel.oops_limit", "0", "10000", "10000"),
    ] {
        let host = Host::usual();
        host.live(&format!("{key} = {none}\nkernel.sched_rt_period_us = 1000000\n"));
        host.live("net.netfilter.nf_conntrack_count = 700\n");
        let ran = apply(&host, &format!("{key}: {{ at_least: {least} }}"));
        assert_eq!((ran.code, host.value(key).as_str()), (0, none), "{}{}", ran.out, ran.err);
        settled(&host);
        let ran = apply(&host, &format!("{key}: {{ at_most: {most} }}"));
        assert_eq!((ran.code, host.value(key).as_str()), (0, most), "{}{}", ran.out, ran.err);
        assert_eq!(persisted(&host), [format!("{key} = {most}")]);
        settled(&host);
        // A target without a limit is not raised to the bound.
        let ran = apply(&host, &format!("{key}: {{ value: {none}, at_least: {least} }}"));
        assert_eq!((ran.code, host.value(key).as_str()), (0, none), "{}{}", ran.out, ran.err);
    }
}

/// From no limit at all every limit is lower.
#[test]
fn a_limit_below_what_is_in_use_is_refused_where_there_was_none() {
    let host = Host::usual();
    host.live("net.netfilter.nf_conntrack_max = 0\nnet.netfilter.nf_conntrack_count = 700\n");
    let ran = apply(&host, "net.netfilter.nf_conntrack_max: 500");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("[starves]"), "{}", ran.err);
}

/// A host of 1 GiB, and what its kernel makes of that.
fn small() -> Host {
    let host = Host::usual();
    host.file("proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 900000 kB\n");
    host.live("vm.min_free_kbytes = 11584\nkernel.threads-max = 7800\n");
    host
}

#[test]
fn what_the_kernel_makes_of_the_machine_is_not_kept_for_another_one() {
    let host = small();
    host.file("etc/systemd/system/sysinit.target.wants/tunectl-boot.service", "");
    let both = "vm.min_free_kbytes: { at_least: 8MiB }\n  kernel.threads-max: { at_least: 4096 }";
    let ran = apply(&host, both);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(persisted(&host), Vec::<String>::new());
    settled(&host);
    let json = host.run(["plan", "--format", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let reserve = &json["parameters"][1];
    assert_eq!(reserve["boot_status"], "same");
    assert_eq!(reserve["boot"]["systemd"]["value"], serde_json::Value::Null);
    let told = reserve["notes"][0].as_str().unwrap();
    assert!(told.contains("at each boot to fit the machine, 11584 today"), "{told}");
    // With more memory it makes more.
    host.file("proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 60000000 kB\n");
    host.live("kernel.random.boot_id = 7a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c\n");
    host.live("vm.min_free_kbytes = 67584\nkernel.threads-max = 513000\n");
    settled(&host);
    // What another file sets is judged as ever.
    host.file("etc/sysctl.d/50-own.conf", "vm.min_free_kbytes = 4096\n");
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(persisted(&host), ["vm.min_free_kbytes = 8192"]);
    settled(&host);
}

/// Somebody may have set it by hand, and nothing would put right what the next boot makes.
#[test]
fn without_the_boot_unit_what_runs_is_persisted() {
    let host = small();
    let ran = apply(&host, "vm.min_free_kbytes: { at_least: 8MiB }");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(persisted(&host), ["vm.min_free_kbytes = 11584"]);
    settled(&host);
    let json = host.run(["plan", "--format", "json"]).out;
    let told = "persisted as this number: enable tunectl-boot.service to have it follow the RAM";
    assert!(json.contains(told), "{json}");
}

#[test]
fn what_the_kernel_makes_too_small_is_persisted_at_the_bound() {
    let host = small();
    assert_eq!(apply(&host, "vm.min_free_kbytes: { at_least: 16MiB }").code, 0);
    assert_eq!(host.value("vm.min_free_kbytes"), "16384");
    assert_eq!(persisted(&host), ["vm.min_free_kbytes = 16384"]);
    settled(&host);
    // What somebody has raised after that is not the kernel's own either.
    host.live("vm.min_free_kbytes = 30000\n");
    assert_eq!(apply(&host, "vm.min_free_kbytes: { at_least: 20MiB }").code, 0);
    assert_eq!(persisted(&host), ["vm.min_free_kbytes = 30000"]);
    settled(&host);
}

/// It is not the kernel's own, and gone with the next boot.
#[test]
fn what_was_written_live_alone_is_persisted() {
    let host = small();
    given(&host, "vm.min_free_kbytes: { at_least: 16MiB }");
    assert_eq!(host.run(["apply", "--live-only"]).code, 0);
    let ran = plan(&host, "vm.min_free_kbytes: { at_least: 16MiB }");
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.contains("persist 16384"), "{}", ran.out);
    assert_eq!(apply(&host, "vm.min_free_kbytes: { at_least: 16MiB }").code, 0);
    assert_eq!(persisted(&host), ["vm.min_free_kbytes = 16384"]);
    settled(&host);
}

#[test]
fn bounds_that_leave_one_number_are_shown_as_that() {
    let host = Host::usual();
    let ran = plan(&host, "vm.min_free_kbytes: { at_least: 50%, at_most: 1% }");
    assert!(ran.out.contains(" -> 671088 "), "{}", ran.out);
    assert!(!ran.out.contains("671088 to"), "{}", ran.out);
}
