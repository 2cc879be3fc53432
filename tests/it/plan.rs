//! Whole plans of played hosts, as text and as JSON, compared with files.
//!
//! A case is a directory of tests/golden/plan: `baseline.yaml` and `facts.yaml`, and where it
//! differs from the usual host `live.txt` (as `sysctl -a` prints it), `modes.txt` and `root`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::operator::{Golden, Host, Ran, cases};
use crate::support::unwrapped;

/// The plan's JSON, field by field: one that is added, renamed or lost fails the tests.
#[allow(dead_code, reason = "what is not judged must be there all the same")]
mod promised {
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Plan {
        pub schema: String,
        pub host: Host,
        pub baseline: Baseline,
        pub parameters: Vec<Parameter>,
        pub returned: Vec<serde_json::Value>,
        pub actions: Vec<Action>,
        pub summary: Summary,
        pub steps: Vec<Step>,
        pub dropin: Dropin,
        pub host_file: Dropin,
        pub refusals: Vec<String>,
        pub boot_problems: Vec<String>,
        pub notes: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Host {
        pub hostname: String,
        pub kernel: String,
        pub boot_id: String,
        pub mem_total_kb: u64,
        pub numa_nodes_kb: Vec<u64>,
        pub page_bytes: u64,
        pub huge_page_bytes: u64,
        pub virtualization: String,
        pub loader: String,
        pub boot_unit: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Baseline {
        pub name: String,
        pub sha256: String,
        pub sources: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Parameter {
        pub key: String,
        pub desired: Option<String>,
        pub requirement: String,
        pub live: Option<String>,
        pub live_status: String,
        pub boot: Boot,
        pub boot_status: String,
        pub r#do: Vec<String>,
        pub source: String,
        pub reason: Option<String>,
        pub reference: Option<String>,
        pub arithmetic: Option<String>,
        pub marks: Vec<String>,
        pub policy: String,
        pub persist_as: Option<String>,
        pub notes: Vec<String>,
        pub refused_by: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Boot {
        pub systemd: BootValue,
        pub procps: BootValue,
        pub unit: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct BootValue {
        pub value: Option<String>,
        pub source: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Action {
        pub key: String,
        pub value: String,
        pub reason: Option<String>,
        pub source: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Summary {
        pub in_sync: usize,
        pub to_write: usize,
        pub to_persist: usize,
        pub pending: usize,
        pub blocked: usize,
        pub overridden: usize,
        pub waived: usize,
        pub refused: usize,
        pub boot_unknown: usize,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Step {
        pub n: usize,
        pub key: String,
        pub expect: Option<String>,
        pub bytes: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Dropin {
        pub path: String,
        pub changes: bool,
        pub before_sha256: Option<String>,
        pub text: String,
        pub leaving: Vec<String>,
    }
}

/// The host of a case, with the baseline and facts in the operator's directory.
fn play(case: &Path) -> Host {
    let host = Host::usual();
    let lines = fs::read_to_string(case.join("live.txt")).unwrap_or_default();
    host.live(&lines);
    copy(&case.join("root"), &host.root);
    for line in fs::read_to_string(case.join("modes.txt")).unwrap_or_default().lines() {
        let (mode, path) = line.split_once(' ').unwrap();
        host.mode(path, u32::from_str_radix(mode, 8).unwrap());
    }
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let name = path.file_name().unwrap().to_str().unwrap();
            host.given(name, fs::read(&path).unwrap());
        }
    }
    host
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        let kind = fs::symlink_metadata(&from).unwrap().file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&from).unwrap(), to).unwrap();
        } else if kind.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

const FACTS: [&str; 6] =
    ["plan", "-b", "./baseline.yaml", "--facts", "./facts.yaml", "--detailed-exitcode"];

fn plan_json(ran: &Ran) -> promised::Plan {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {} {}", ran.out, ran.err))
}

fn name(case: &Path) -> &str {
    case.file_name().unwrap().to_str().unwrap()
}

/// The cases; a directory that is lost is missed.
fn all() -> Vec<PathBuf> {
    let found = cases("plan", "");
    assert!(found.len() >= 31, "only {} cases are found", found.len());
    found
}

#[test]
fn text_and_json_of_each_case() {
    let mut golden = Golden::default();
    for case in all() {
        let host = play(&case);
        let before = host.tree();
        let text = host.run(FACTS);
        golden.check(&case.join("plan.txt"), &text.transcript());
        let json = host.run(FACTS.into_iter().chain(["--format", "json"]));
        golden.check(&case.join("plan.json"), &json.out);
        assert!(host.tree() == before, "{}: a plan leaves no trace", name(&case));
        assert_eq!(json.code, text.code, "{}", name(&case));
        let plan = plan_json(&json);
        assert_eq!(plan.schema, "tunectl/plan/1");
        judge(&plan, json.code, name(&case));
    }
    golden.finish();
}

/// What holds in every plan, whatever its case is about.
fn judge(plan: &promised::Plan, code: i32, case: &str) {
    let mut written: Vec<&str> = plan
        .parameters
        .iter()
        .filter(|p| p.r#do.iter().any(|d| d == "write"))
        .map(|p| p.key.as_str())
        .collect();
    let mut steps: Vec<&str> = plan.steps.iter().map(|s| s.key.as_str()).collect();
    steps.sort_unstable();
    // A reserve is raised in several.
    steps.dedup();
    written.sort_unstable();
    assert_eq!(written, steps, "{case}: what is marked is what is done");
    assert_eq!(plan.summary.to_write, steps.len(), "{case}");
    assert!(plan.steps.iter().enumerate().all(|(n, s)| s.n == n + 1), "{case}");
    assert!(plan.steps.iter().all(|s| s.bytes.ends_with('\n') || s.bytes == "(secret)"), "{case}");
    for parameter in &plan.parameters {
        assert!(parameter.source.matches(':').count() >= 2, "{case}: {}", parameter.source);
        let waived = parameter.marks.iter().any(|m| m == "waived");
        assert!(!waived || parameter.r#do.is_empty(), "{case}: {} is waived", parameter.key);
    }
    let refused = plan.parameters.iter().any(|p| !p.refused_by.is_empty());
    assert!(!refused || code == 3, "{case}");
    assert_eq!(code == 3, !plan.refusals.is_empty(), "{case}: {:?}", plan.refusals);
    assert_eq!(plan.summary.refused > 0, refused, "{case}");
    let nothing = plan.steps.is_empty() && !plan.dropin.changes && !plan.host_file.changes;
    assert!(nothing || code != 0, "{case}: something would change");
    for action in &plan.actions {
        let persisted = plan.dropin.text.lines().any(|l| l.starts_with(&action.key));
        assert!(!persisted, "{case}: the action {} is persisted", action.key);
        assert!(plan.parameters.iter().all(|p| p.key != action.key), "{case}");
    }
}

/// What was carried out is nothing to do: after an apply no step remains, and a second one writes
/// nothing. What an apply cannot mend is a status, not a step.
#[test]
fn after_an_apply_no_step_remains() {
    let mut applied = 0;
    for case in all() {
        let host = play(&case);
        let ran = host.run(["apply", "-b", "./baseline.yaml"]);
        assert!(!ran.err.contains("panicked"), "{}: {}", name(&case), ran.err);
        if ran.code == 3 {
            let json = host.run(FACTS.into_iter().chain(["--format", "json"]));
            assert_eq!(json.code, 3, "{}: {}", name(&case), ran.err);
            continue;
        }
        applied += 1;
        let json = host.run(["plan", "-b", "./baseline.yaml", "--format", "json"]);
        let plan = plan_json(&json);
        assert!(plan.steps.is_empty(), "{}: {:?}", name(&case), plan.steps);
        assert!(!plan.dropin.changes && !plan.host_file.changes, "{}", name(&case));
        let before = host.tree();
        host.run(["apply", "-b", "./baseline.yaml"]);
        let lock = host.root.join("run/tunectl/lock");
        let settled = |tree: Vec<(PathBuf, Vec<u8>)>| {
            tree.into_iter().filter(|(path, _)| *path != lock).collect::<Vec<_>>()
        };
        assert!(settled(host.tree()) == settled(before), "{} is written twice", name(&case));
    }
    assert!(applied >= 20, "only {applied} cases were applied");
}

/// 0.78 % of a 64 GiB host lies just below 512 MiB, and the plan shows how it came about.
#[test]
fn a_share_of_memory_is_shown_with_its_arithmetic() {
    let case = all().into_iter().find(|c| c.ends_with("percent-of-64-gib")).unwrap();
    let host = play(&case);
    let plan = plan_json(&host.run(FACTS.into_iter().chain(["--format", "json"])));
    let parameter = &plan.parameters[0];
    let kb: u64 = parameter.desired.as_ref().unwrap().parse().unwrap();
    assert!((523_000..524_288).contains(&kb), "{kb}");
    let arithmetic = parameter.arithmetic.as_ref().unwrap();
    assert!(arithmetic.contains("0.78 % of 67108864 kB") && arithmetic.contains(&kb.to_string()));
    assert!(host.run(FACTS).out.contains(arithmetic.as_str()));
}

/// No stream shows a secret, in no format; the drop-in that is written has it.
#[test]
fn a_secret_is_shown_nowhere() {
    let case = all().into_iter().find(|c| c.ends_with("secret")).unwrap();
    let host = play(&case);
    let runs = [
        host.run(FACTS.into_iter().chain(["-v"])),
        host.run(FACTS.into_iter().chain(["--format", "json"])),
        host.run(["apply", "-b", "./baseline.yaml", "--format", "json"]),
        host.run(["apply", "-b", "./baseline.yaml"]),
        host.run(["plan", "-b", "./baseline.yaml", "-v"]),
    ];
    for ran in runs {
        for secret in ["0123abcd", "deadbeef", "00000000", "fd00:", "fedcba98", "badbad", "zz-"] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{}", ran.transcript());
        }
    }
    let dropin = fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    assert!(dropin.contains("0123abcd"), "{dropin}");
    assert_eq!(host.value("net.ipv4.tcp_fastopen_key"), "0123abcd-4567ef01-89abcdef-01234567");
}

/// Whoever edits the drop-in sees what an apply puts right, wherever the line stands.
#[test]
fn what_was_put_behind_our_lines_is_persisted_anew() {
    const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";
    let host = Host::usual();
    let baseline = "name: it\nparameters: { vm.swappiness: 10, vm.dirty_ratio: 20 }\n";
    host.file("etc/tunectl/baseline.yaml", baseline);
    assert_eq!(host.run(["apply"]).code, 0);
    let ours = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    for (edited, status) in [
        (ours.replace("vm.swappiness = 10", "vm.swappiness = 77"), "differs"),
        (format!("{ours}vm.swappiness = 77\n"), "differs"),
        (format!("{ours}vm/swappiness=77\nvm.swappiness = 10\nvm.swappiness = 77\n"), "differs"),
        (ours.replace("vm.swappiness = 10\n", ""), "unset"),
    ] {
        host.file(DROPIN, &edited);
        let ran = host.run(["plan", "--format", "json", "--detailed-exitcode"]);
        let plan = plan_json(&ran);
        let one = plan.parameters.iter().find(|p| p.key == "vm.swappiness").unwrap();
        assert_eq!((ran.code, one.boot_status.as_str()), (2, status), "{edited}");
        assert_eq!((one.r#do.as_slice(), plan.summary.to_persist), (&["persist".into()][..], 1));
        let ran = host.run(["plan"]);
        assert!(ran.out.starts_with("it: 1 to persist, 1 in sync of 2 parameters"), "{}", ran.out);
        assert_eq!(host.run(["apply"]).code, 0);
        assert_eq!(fs::read_to_string(host.root.join(DROPIN)).unwrap(), ours, "{edited}");
    }
}

/// Interfaces may have names that no key can have, and would not be missed.
#[test]
fn what_a_pattern_matches_and_no_key_can_name_is_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let host = Host::usual();
    host.live("net.ipv4.conf.eth0.rp_filter = 2\n");
    let baseline = |exclude: &str| {
        let text = "name: it\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\nexclude: ";
        host.file("etc/tunectl/baseline.yaml", &format!("{text}[{exclude}]\n"));
    };
    baseline("net.ipv4.conf.lo.rp_filter");
    assert_eq!(host.run(["apply"]).code, 0);
    let told = |name: &str| {
        let json = plan_json(&host.run(["plan", "--format", "json"]));
        let text = host.run(["plan"]).out.replace('\n', " ");
        let status = host.run(["status"]).out.replace("\n  ", " ");
        let note = json.notes.first().cloned().unwrap_or_default();
        assert_eq!(json.notes.len(), usize::from(!name.is_empty()), "{note}");
        assert!(text.contains(&note) && status.contains(&note), "{note}: {text}{status}");
        assert!(note.contains(name), "{note}");
    };
    told("");
    for name in ["a=b", "c#d"] {
        host.file(&format!("proc/sys/net/ipv4/conf/{name}/rp_filter"), "0\n");
    }
    told(
        "net.ipv4.conf.*.rp_filter matches 2 parameters, the first of them (/proc/sys/net/ipv4/conf/a=b",
    );
    baseline("net.ipv4.conf.a*.rp_filter");
    told("matches 1 parameter (/proc/sys/net/ipv4/conf/c#d/rp_filter) whose name no key can have");
    baseline("'net.ipv4.conf.[ac]*.rp_filter'");
    told("");
    // Names are bytes, and may act on a terminal.
    let place = host.root.join("proc/sys/net/ipv4/conf");
    let odd = place.join(std::ffi::OsStr::from_bytes(b"\xff\x1b[1m"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("rp_filter"), "0\n").unwrap();
    told("/proc/sys/net/ipv4/conf/\u{fffd}\\u{1b}[1m/rp_filter");
}

/// The loader that boots the host decides how a pattern is persisted: an old one takes it for a key.
#[test]
fn a_pattern_is_persisted_as_the_loader_can_read_it() {
    let host = Host::usual();
    host.live("net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth0.rp_filter = 0\n");
    let text = "name: it\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n";
    host.file("etc/tunectl/baseline.yaml", text);
    let dropin = || {
        assert_eq!(host.run(["apply"]).code, 0);
        assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 0);
        fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap()
    };
    let has = |text: &str| ["*", "all", "eth0"].map(|n| text.contains(&format!("conf.{n}.rp_f")));
    for (program, expected) in [
        ("\u{7f}ELF Not setting %s (explicit setting exists).", [true, true, false]),
        ("\u{7f}ELF Couldn't write '%s'", [false, true, true]),
        // Not to be told: both.
        ("\u{7f}ELF glob", [true, true, true]),
        ("#!/bin/sh", [true, true, true]),
    ] {
        host.file("usr/lib/systemd/systemd-sysctl", program);
        let text = dropin();
        assert_eq!(has(&text), expected, "{program}: {text}");
    }
}

/// What a sysctl.d file says with a `-` before a key: set it where there is such a parameter.
#[test]
fn what_is_optional_counts_for_nothing_where_the_kernel_lacks_it() {
    let host = Host::usual();
    let text = |optional: &str| {
        let entry = format!("kernel.yama.ptrace_scope: {{ value: 1{optional} }}");
        format!("name: it\nparameters:\n  vm.swappiness: 10\n  {entry}\n")
    };
    host.file("etc/tunectl/baseline.yaml", &text(""));
    assert_eq!(host.run(["apply"]).code, 1, "absent");
    host.file("etc/tunectl/baseline.yaml", &text(", optional: true"));
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = host.run(["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let told = "in sync, now and after a reboot: 1 of 2 parameters (1 absent and optional)\n";
    assert!(ran.out.contains(told) && ran.out.contains("absent, optional"), "{}", ran.out);
    let json = plan_json(&host.run(["plan", "--format", "json"]));
    assert_eq!(json.parameters[0].marks, ["optional"]);
    for command in [["status", "--detailed-exitcode"], ["report", "--detailed-exitcode"]] {
        let ran = host.run(command);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(!ran.out.contains("yama"), "{}", ran.out);
    }
    // Where it is there it counts like any other.
    host.live("kernel.yama.ptrace_scope = 0\n");
    assert_eq!(host.run(["plan", "--detailed-exitcode"]).code, 2);
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.value("kernel.yama.ptrace_scope"), "1");
    // It is a yes or a no.
    host.file("etc/tunectl/baseline.yaml", &text(", optional: maybe"));
    let ran = host.run(["plan"]);
    assert!(ran.err.contains("`optional` cannot be \"maybe\""), "{}", ran.err);
}

/// The loader runs early: what a module brings later it does not set.
#[test]
fn a_module_that_may_come_after_the_loader_is_told() {
    let host = Host::usual();
    host.live("net.netfilter.nf_conntrack_max = 262144\n");
    host.file("usr/lib/systemd/systemd-sysctl", "");
    let text = "name: it\nparameters: { net.netfilter.nf_conntrack_max: 1048576 }\n";
    host.file("etc/tunectl/baseline.yaml", text);
    let release = host.value("kernel.osrelease");
    let told = || {
        let text = host.run(["plan"]).out;
        text.contains("the next boot sets it only where nf_conntrack is loaded before")
    };
    assert!(!told(), "what is built in is not known");
    let builtin = format!("usr/lib/modules/{}/modules.builtin", release.trim());
    host.file(&builtin, "kernel/net/802/p8022.ko\n");
    assert!(told());
    host.file("etc/modules-load.d/own.conf", "# here\nnf-conntrack\n");
    assert!(!told(), "named in modules-load.d");
    fs::remove_file(host.root.join("etc/modules-load.d/own.conf")).unwrap();
    host.file(&builtin, "kernel/net/netfilter/nf_conntrack.ko\n");
    assert!(!told(), "built in");
    host.file(&builtin, "\n");
    assert!(told());
    host.file("etc/systemd/system/sysinit.target.wants/tunectl-boot.service", "");
    assert!(!told(), "the unit sets it once it comes");
}

/// What is proposed can be pasted into a shell, whatever the file's name.
#[test]
fn a_hint_names_files_as_a_shell_reads_them() {
    let host = Host::usual();
    let baseline = "name: it\nparameters: { vm.swappiness: 1 }\n";
    for (name, word) in [
        ("./plain-1.yaml", "./plain-1.yaml"),
        ("./a b;reboot.yaml", "'./a b;reboot.yaml'"),
        ("./it's.yaml", r"'./it'\''s.yaml'"),
    ] {
        host.given(name, baseline);
        let ran = host.run(["plan", "-b", name]);
        let hint = format!("as root: tunectl apply -b {word}\n");
        assert!(ran.err.contains(&hint), "{hint}: {}", ran.err);
    }
    let ran = host.run(["plan", "-b", "./plain-1.yaml", "--out", "a plan"]);
    assert!(ran.err.contains("as root: tunectl apply 'a plan'\n"), "{}", ran.err);
}

#[test]
fn a_reason_over_several_lines_is_told_in_one() {
    let host = Host::usual();
    let reason = "reason: |\n      one two\n      three\n    source: \"a\\nb\"\n";
    let baseline = format!(
        "name: it\nparameters:\n  vm.swappiness:\n    value: 1\n    {reason}\
         waivers:\n  - {{ key: vm.swappiness, until: 2099-01-01, reason: \"c\\nd\" }}\n"
    );
    host.given("it.yaml", baseline);
    let out = host.run(["plan", "-v", "-b", "./it.yaml"]).out;
    for told in ["  one two three\n", "source: a b\n", "waived until 2099-01-01: c d\n"] {
        assert!(out.contains(told), "{told:?}: {out}");
    }
}

/// What each network namespace has for itself is the host's alone on some kernels.
#[test]
fn why_a_network_namespace_lacks_a_parameter_is_told() {
    let host = Host::usual();
    let baseline = "name: it\nparameters: { net.ipv4.neigh.default.gc_stale_time: 60 }\n";
    host.given("it.yaml", baseline);
    let out = host.run(["plan", "-b", "./it.yaml"]).out;
    let words = unwrapped(&out);
    let told = "not in this network namespace: on this kernel it is the host's own alone";
    assert!(words.contains(told), "{out}");
}

/// One parameter of a plan, as JSON has it, and the plan's exit code.
fn planned(live: &str, baseline: &str) -> (promised::Plan, i32) {
    let host = Host::usual();
    host.live(live);
    host.given("it.yaml", format!("name: it\nparameters: {{ {baseline} }}\n"));
    let ran = host.run(["plan", "-b", "./it.yaml", "--format", "json"]);
    (plan_json(&ran), ran.code)
}

/// The kernel locks some values of a latch; the others are settings.
#[test]
fn only_what_the_kernel_locks_is_one_way() {
    for (key, live, desired, guarded) in [
        ("kernel.yama.ptrace_scope", 1, 2, false),
        ("kernel.yama.ptrace_scope", 2, 1, false),
        ("kernel.yama.ptrace_scope", 1, 3, true),
        ("kernel.unprivileged_bpf_disabled", 0, 2, false),
        ("kernel.unprivileged_bpf_disabled", 2, 0, false),
        ("kernel.unprivileged_bpf_disabled", 2, 1, true),
        ("kernel.kexec_load_limit_panic", -1, 0, true),
    ] {
        let (plan, code) = planned(&format!("{key} = {live}\n"), &format!("{key}: {desired}"));
        let one = &plan.parameters[0];
        let refused_by: &[String] = if guarded { &["one-way".into()] } else { &[] };
        assert_eq!(one.refused_by, refused_by, "{key}: {live} to {desired}");
        assert_eq!((code == 3, plan.steps.len()), (guarded, usize::from(!guarded)), "{key}");
        let told = one.notes.iter().any(|note| note.contains("without a reboot"));
        assert!(!told, "{key}: {:?}", one.notes);
    }
}

/// What the kernel would refuse is not tried; the next boot gets it, where a boot can have it.
#[test]
fn what_is_latched_is_left_to_the_next_boot() {
    for (key, live, desired, persisted) in [
        ("kernel.yama.ptrace_scope", 3, 1, true),
        ("kernel.unprivileged_bpf_disabled", 1, 0, true),
        ("kernel.modules_disabled", 1, 0, false),
        ("kernel.kexec_load_disabled", 1, 0, false),
        ("kernel.kexec_load_limit_reboot", 3, -1, false),
    ] {
        let baseline = format!("{key}: {desired}, vm.swappiness: 10");
        let (plan, _) = planned(&format!("{key} = {live}\n"), &baseline);
        let one = plan.parameters.iter().find(|p| p.key == key).unwrap();
        assert_eq!(one.live_status, "kernel_keeps", "{key}");
        assert_eq!(one.persist_as.is_some(), persisted, "{key}");
        assert!(one.notes.iter().any(|n| n.contains("until the next boot")), "{:?}", one.notes);
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.key.as_str()).collect();
        assert_eq!(steps, ["vm.swappiness"], "{key}: the others are written");
    }
}

/// What a later release takes a stable or vendor's kernel may take: it is told, and tried.
#[test]
fn a_number_of_later_releases_is_doubted_and_not_refused() {
    let host = Host::usual();
    host.live("kernel.osrelease = 5.10.0-31-amd64\nvm.watermark_scale_factor = 10\n");
    let plan = |number: u32| {
        host.given(
            "it.yaml",
            format!("name: it\nparameters: {{ vm.watermark_scale_factor: {number} }}\n"),
        );
        host.run(["plan", "-b", "./it.yaml"])
    };
    let ran = plan(1001);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    let told = "warning: 1001 may be out of range: vm.watermark_scale_factor takes 1 to 1000";
    assert!(ran.err.contains(told) && ran.out.contains("1 to write"), "{}", ran.transcript());
    let ran = plan(3001);
    assert!(
        ran.code != 0 && ran.err.contains("error: 3001 is out of range"),
        "{}",
        ran.transcript()
    );
    assert!(!plan(1000).err.contains("out of range"));
}

/// `kernel.watchdog` brings both watchdogs back as they were last set, which cannot be read.
#[test]
fn a_watchdog_is_written_after_the_switch_of_both() {
    let steps = |live: [u8; 3], desired: [u8; 3]| {
        let [all, nmi, soft] = live;
        let live = format!(
            "kernel.watchdog = {all}\nkernel.nmi_watchdog = {nmi}\nkernel.soft_watchdog = {soft}\n"
        );
        let [all, nmi, soft] = desired;
        let baseline = format!(
            "kernel.watchdog: {all}, kernel.nmi_watchdog: {nmi}, kernel.soft_watchdog: {soft}"
        );
        let (plan, _) = planned(&live, &baseline);
        let steps = plan.steps.iter().map(|s| s.key.trim_start_matches("kernel.").to_owned());
        let refused = plan.parameters.iter().flat_map(|p| {
            p.refused_by.iter().map(|by| format!("{} {by}", p.key.trim_start_matches("kernel.")))
        });
        (steps.collect::<Vec<_>>(), refused.collect::<Vec<_>>())
    };
    let none: [String; 0] = [];
    let (written, refused) = steps([0, 0, 0], [1, 0, 1]);
    assert_eq!(
        (&written[..], &refused[..]),
        (&["watchdog".into(), "soft_watchdog".into(), "nmi_watchdog".to_owned()][..], &none[..])
    );
    assert_eq!(steps([1, 1, 1], [0, 0, 0]).0, ["watchdog"]);
    assert_eq!(steps([1, 1, 1], [1, 0, 1]).0, ["nmi_watchdog"]);
    assert_eq!(steps([1, 1, 1], [0, 1, 0]).1, ["nmi_watchdog contradicted"]);
    assert_eq!(steps([0, 0, 0], [0, 1, 0]), (vec![], vec!["nmi_watchdog barred".to_owned()]));
}

/// The kernel keeps a mask and prints it in an order of its own.
#[test]
fn names_divided_by_commas_are_a_set() {
    let live = "kernel.panic_sys_info = tasks,mem\n";
    for (desired, steps) in [("'mem, tasks'", 0), ("[mem, tasks]", 0), ("mem", 1)] {
        let (plan, _) = planned(live, &format!("kernel.panic_sys_info: {desired}"));
        assert_eq!(plan.steps.len(), steps, "{desired}");
    }
}
