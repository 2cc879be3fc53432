//! Applying plans: on the scripted kernel for what the real one cannot be asked, on the real one
//! inside namespaces for what it can.

use std::path::Path;

use tunectl::apply::{Options, apply};
use tunectl::baseline::{self, DesiredSet, Found, Host};
use tunectl::bootview::dropin;
use tunectl::key::{Key, Selector};
use tunectl::observed::{
    ConfTree, Errno, Facts, NumaNode, Reading, Release, Snapshot, Usage, Virtualization,
};
use tunectl::persist::conf::read_conf_tree;
use tunectl::plan::{self, Observed, Plan};
use tunectl::plan::{DropinOutcome, Outcome, StepResult};
use tunectl::procsys::Kernel;

use crate::scripted::{Param, ScriptedKernel};

pub fn facts() -> Facts {
    Facts {
        hostname: "host".into(),
        kernel: Release::new(6, 1),
        kernel_release: "6.1.0".into(),
        boot_id: "5f8c".into(),
        mem_total_kb: 24_684_084,
        numa_nodes: vec![NumaNode { id: 0, mem_total_kb: 24_684_084 }],
        page_bytes: 4096,
        huge_page_bytes: 2 << 20,
        virtualization: Virtualization::None,
        thp_min_free_kb: Some(67584),
        today: "2026-11-24".into(),
        systemd: true,
        boot_unit: false,
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    }
}

pub fn desired(kernel: &dyn Kernel, parameters: &str, facts: &Facts) -> DesiredSet {
    let text = format!("name: test\n{parameters}");
    let (layers, problems) =
        baseline::load(&["test"], &mut |_| Ok(Found::text("test.yaml", text.clone())));
    assert!(problems.is_empty(), "{problems:?}");
    let host = Host {
        facts,
        expand: &|pattern| kernel.matches(pattern),
        exists: &|key| kernel.read(key).exists(),
    };
    let (set, problems) = baseline::resolve(&layers, &host);
    assert!(!problems.iter().any(tunectl::diagnostic::Diagnostic::is_error), "{problems:?}");
    set
}

pub fn snapshot(kernel: &dyn Kernel, set: &DesiredSet) -> Snapshot {
    let (also, globs) = plan::also_needed(set);
    let matches = globs.iter().flat_map(|glob| match Selector::parse(glob) {
        Ok(Selector::Pattern(pattern)) => kernel.expand(&pattern),
        _ => Vec::new(),
    });
    let keys = set.parameters.iter().map(|d| d.key.clone()).chain(also).chain(matches);
    keys.map(|key| (key.clone(), kernel.read(&key))).collect()
}

fn planned(kernel: &dyn Kernel, parameters: &str, conf: &ConfTree) -> Plan {
    planned_on(&facts(), kernel, parameters, conf)
}

fn planned_on(facts: &Facts, kernel: &dyn Kernel, parameters: &str, conf: &ConfTree) -> Plan {
    let set = desired(kernel, parameters, facts);
    let snapshot = snapshot(kernel, &set);
    let plan = plan::plan(set, &Observed::new(facts, &snapshot, conf));
    assert_eq!(plan::check::faults(&plan), Vec::<String>::new());
    plan
}

/// A plan of these parameters for a kernel whose files lie below `root`.
pub fn planned_here(kernel: &dyn Kernel, parameters: &str, root: &Path) -> Plan {
    planned(kernel, parameters, &read_conf_tree(root))
}

fn carry_out(plan: &Plan, kernel: &dyn Kernel, root: &Path, options: &Options) -> Outcome {
    apply(plan, kernel, root, options, &mut |_, _| None)
}

/// A root directory that goes away with it.
pub struct Root(pub std::path::PathBuf);

impl Root {
    pub fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tunectl-apply-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("etc/sysctl.d")).unwrap();
        Self(path)
    }

    pub fn dropin(&self) -> Option<String> {
        std::fs::read_to_string(self.0.join(dropin::PATH.trim_start_matches('/'))).ok()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("etc/sysctl.d")).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn keys_written(kernel: &ScriptedKernel) -> Vec<String> {
    kernel.writes().iter().map(|w| w.key.to_string()).collect()
}

const BROKER: &str = "parameters:
  vm.dirty_background_ratio: 5
  vm.dirty_ratio: 30
  vm.max_map_count: 655360
  vm.min_free_kbytes: { percent_of_ram: 0.78 }
  vm.overcommit_memory: 1
  vm.swappiness: 1
  vm.zone_reclaim_mode: 0
";

#[test]
fn after_an_apply_no_step_remains() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("fixpoint"));
    let plan = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    assert!(outcome.succeeded(), "{outcome:?}");
    assert_eq!(outcome.dropin, DropinOutcome::Written);
    assert_eq!(kernel.value("vm.min_free_kbytes"), "192535");
    let text = root.dropin().unwrap();
    assert!(text.contains("# 0.78 % of 24684084 kB = 192535 kB\nvm.min_free_kbytes = 192535\n"));
    // What already was as desired is persisted and not written (case E56).
    assert!(text.contains("vm.zone_reclaim_mode = 0\n"));
    assert!(!keys_written(&kernel).contains(&"vm.zone_reclaim_mode".to_owned()));
    let again = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    assert!(again.in_sync() && again.steps.is_empty(), "{:?}", again.summary());
    let before = kernel.writes().len();
    let outcome = carry_out(&again, &kernel, &root.0, &Options::default());
    assert_eq!((outcome.dropin, kernel.writes().len()), (DropinOutcome::Unchanged, before));
}

#[test]
fn each_value_is_one_write_with_its_newline_e55() {
    let (kernel, root) = (ScriptedKernel::host(), Root::new("bytes"));
    let plan = planned(
        &kernel,
        "parameters: { net.ipv4.tcp_rmem: [4096, 200000, 8388608] }",
        &read_conf_tree(&root.0),
    );
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    let writes = kernel.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].bytes, b"4096 200000 8388608\n");
}

#[test]
fn a_refused_write_takes_back_all_that_came_before_it_at_every_position() {
    let wanted = "parameters:
  kernel.msgmax: 9000
  kernel.sem: [250, 32000, 100, 128]
  net.core.somaxconn: 8192
  net.ipv4.ip_default_ttl: 70
  net.ipv4.tcp_rmem: [4096, 200000, 8388608]
  net.ipv4.tcp_syn_retries: 3
  vm.dirty_ratio: 30
  vm.max_map_count: 655360
  vm.overcommit_memory: 1
  vm.swappiness: 1
";
    let root = Root::new("positions");
    let fresh = ScriptedKernel::host();
    let total = planned(&fresh, wanted, &read_conf_tree(&root.0)).steps.len();
    assert_eq!(total, 10);
    for position in 0..total {
        let kernel = ScriptedKernel::host();
        let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
        let before: Vec<String> =
            plan.steps.iter().map(|s| kernel.value(&s.key.to_string())).collect();
        kernel.fail_write(position + 1, Errno::EINVAL);
        let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
        assert!(!outcome.succeeded());
        assert_eq!(outcome.steps[position].result, StepResult::Refused(Errno::EINVAL));
        assert_eq!(outcome.restored.len(), position);
        assert!(outcome.steps[position + 1..].iter().all(|s| s.result == StepResult::NotTried));
        let after: Vec<String> =
            plan.steps.iter().map(|s| kernel.value(&s.key.to_string())).collect();
        assert_eq!(before, after, "position {position}");
        assert_eq!(root.dropin(), None, "nothing is persisted");
        assert_eq!(root.files(), Vec::<String>::new(), "and no temporary is left");
    }
}

/// An interface that nobody has set takes over what is written to `neigh/default`, by either name.
#[test]
fn an_interface_keeps_its_neighbours_beside_a_default() {
    for (default, own, values) in [
        ("gc_stale_time", "gc_stale_time", ["60", "120", "60"]),
        ("base_reachable_time_ms", "base_reachable_time_ms", ["30000", "60000", "30000"]),
        ("base_reachable_time_ms", "base_reachable_time", ["30000", "60000", "30"]),
    ] {
        let root = Root::new("neigh");
        let [before, wanted, kept] = values;
        let own = format!("net.ipv4.neigh.eth0.{own}");
        let default = format!("net.ipv4.neigh.default.{default}");
        let kernel = ScriptedKernel::host()
            .with(&default, Param::ints(before))
            .with(&own, Param::ints(kept));
        let baseline = format!("parameters: {{ {default}: {wanted}, {own}: {kept} }}");
        let plan = planned(&kernel, &baseline, &read_conf_tree(&root.0));
        assert_eq!(plan.steps.len(), 2, "{:?}", plan.steps);
        assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
        assert_eq!((kernel.value(&default), kernel.value(&own)), (wanted.into(), kept.into()));
        let again = planned(&kernel, &baseline, &read_conf_tree(&root.0));
        assert!(again.in_sync() && again.steps.is_empty(), "{:?}", again.summary());
    }
}

/// The write of the default loads a module and allows it; that of the list loads none.
#[test]
fn the_allowed_congestion_controls_come_after_the_default() {
    let (default, allowed) =
        ("net.ipv4.tcp_congestion_control", "net.ipv4.tcp_allowed_congestion_control");
    for (wanted, written) in
        [("reno cubic bbr", &[default][..]), ("cubic reno", &[default, allowed])]
    {
        let root = Root::new("congestion");
        let kernel = ScriptedKernel::host()
            .with(default, Param::choice(&["cubic", "reno", "bbr"]))
            .with(allowed, Param::text("reno cubic", 256));
        let baseline = format!("parameters: {{ {allowed}: {wanted}, {default}: bbr }}");
        let plan = planned(&kernel, &baseline, &read_conf_tree(&root.0));
        let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
        assert!(outcome.succeeded(), "{outcome:?}");
        assert_eq!(keys_written(&kernel), written, "{wanted}");
        let text = root.dropin().unwrap();
        assert!(text.find(default) < text.find(allowed), "{text}");
        let again = planned(&kernel, &baseline, &read_conf_tree(&root.0));
        assert!(again.in_sync() && again.steps.is_empty(), "{:?}", again.summary());
    }
}

#[test]
fn keep_going_carries_on_and_persists_what_was_accepted() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("keep"));
    kernel.fail_key("vm.max_map_count", Errno::EPERM);
    let plan = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    let options = Options { keep_going: true, ..Options::default() };
    let outcome = carry_out(&plan, &kernel, &root.0, &options);
    assert!(!outcome.succeeded());
    assert_eq!(kernel.value("vm.swappiness"), "1");
    let text = root.dropin().unwrap();
    assert!(text.contains("vm.swappiness = 1\n"));
    assert!(!text.contains("vm.max_map_count"), "what the kernel refused is never persisted");
}

#[test]
fn permission_is_known_before_the_first_write() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("probe"));
    kernel.mount_read_only();
    let set = desired(&kernel, BROKER, &facts());
    // As if the mount had become read-only after the plan was made.
    let writable: Snapshot = snapshot(&kernel, &set)
        .iter()
        .map(|(k, r)| (k.clone(), Reading { read_only_mount: false, ..r.clone() }))
        .collect();
    let conf = read_conf_tree(&root.0);
    let plan = plan::plan(set, &Observed::new(&facts(), &writable, &conf));
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    assert!(outcome.steps.iter().all(|s| s.result == StepResult::Refused(Errno::EROFS)));
    assert_eq!(kernel.writes().len(), 0);
    assert_eq!(outcome.dropin, DropinOutcome::LeftAlone);
}

#[test]
fn a_kept_value_is_told_and_taken_back() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("kept"));
    kernel.keep("vm.max_map_count", "65531");
    let plan = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    let kept = outcome.steps.iter().find(|s| s.step.key.leaf() == "max_map_count").unwrap();
    assert_eq!(kept.result, StepResult::Kept("65531".into()));
    assert_eq!(kernel.value("vm.dirty_ratio"), "20");
    assert_eq!(root.dropin(), None);
}

#[test]
fn a_refused_array_leaves_no_leading_number_behind() {
    let (kernel, root) = (ScriptedKernel::host(), Root::new("array"));
    let before = kernel.value("net.ipv4.tcp_rmem");
    let plan = planned(
        &kernel,
        "parameters: { net.ipv4.tcp_rmem: [5000, 131072, 6291456] }",
        &read_conf_tree(&root.0),
    );
    // The scripted kernel takes the first number and refuses the second, as the real one does.
    let mut broken = plan.clone();
    broken.steps[0].value = "5000 junk 3".into();
    let outcome = carry_out(&broken, &kernel, &root.0, &Options::default());
    assert_eq!(outcome.steps[0].result, StepResult::Refused(Errno::EINVAL));
    assert_eq!(kernel.value("net.ipv4.tcp_rmem"), before);
}

#[test]
fn what_moved_since_the_plan_stops_it() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("stale"));
    let plan = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    kernel.drift("vm.swappiness", "42");
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    let moved = vec![(Key::parse("vm.swappiness").unwrap(), "60".to_owned(), "42".to_owned())];
    assert_eq!(outcome.moved, moved);
    assert_eq!(kernel.writes().len(), 0);
}

#[test]
fn a_pair_is_restored_to_its_active_half_e22() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("pair"));
    kernel.drift("vm.dirty_bytes", "4294967296");
    kernel.drift("vm.dirty_ratio", "0");
    kernel.fail_key("vm.swappiness", Errno::EINVAL);
    let wanted = "parameters: { vm.dirty_ratio: 30, vm.swappiness: 1 }";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    assert!(!outcome.succeeded());
    assert_eq!(kernel.value("vm.dirty_bytes"), "4294967296");
    assert_eq!(kernel.value("vm.dirty_ratio"), "0");
}

#[test]
fn overcommit_ratio_comes_before_strict_overcommit_e63() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("strict"));
    let wanted = "parameters: { vm.overcommit_memory: 2, vm.overcommit_ratio: 80 }";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    assert_eq!(keys_written(&kernel), ["vm.overcommit_ratio", "vm.overcommit_memory"]);
    // At boot too.
    let text = root.dropin().unwrap();
    assert!(text.find("overcommit_ratio =").unwrap() < text.find("overcommit_memory =").unwrap());
}

#[test]
fn runtime_and_period_find_their_order_both_ways_e25() {
    for (period, runtime, first) in [
        (2_000_000, 1_500_000, "kernel.sched_rt_period_us"),
        (500_000, 400_000, "kernel.sched_rt_runtime_us"),
    ] {
        let (kernel, root) = (ScriptedKernel::host(), Root::new("rt"));
        let wanted = format!(
            "parameters: {{ kernel.sched_rt_period_us: {period}, kernel.sched_rt_runtime_us: {runtime} }}"
        );
        let plan = planned(&kernel, &wanted, &read_conf_tree(&root.0));
        let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
        assert!(outcome.succeeded(), "{outcome:?}");
        assert_eq!(keys_written(&kernel)[0], first);
        // At boot too, which starts from 1000000 and 950000.
        let text = root.dropin().unwrap();
        let line = text.lines().find(|line| line.starts_with("kernel.sched_rt")).unwrap();
        assert!(line.starts_with(first), "{text}");
    }
}

#[test]
fn perf_is_set_before_its_limit_is_lifted_and_after_it_is_back_e25() {
    let [rate, limit] = ["kernel.perf_event_max_sample_rate", "kernel.perf_cpu_time_max_percent"];
    for (before, percent, first) in
        [("25", 0, rate), ("25", 100, rate), ("25", 50, limit), ("0", 50, limit)]
    {
        let kernel = ScriptedKernel::host()
            .with(rate, Param::ints("100000"))
            .with(limit, Param::ints(before));
        let root = Root::new("perf");
        let wanted = format!("parameters: {{ {limit}: {percent}, {rate}: 50000 }}");
        let plan = planned(&kernel, &wanted, &read_conf_tree(&root.0));
        let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
        assert!(outcome.succeeded(), "{outcome:?}");
        assert_eq!(keys_written(&kernel)[0], first, "{before} {percent}");
        let line = plan.dropin.text.lines().find(|line| line.starts_with("kernel.perf")).unwrap();
        assert!(line.starts_with(first), "{}", plan.dropin.text);
    }
}

#[test]
fn forwarding_goes_first_and_what_it_resets_is_written_again_e24() {
    let (kernel, root) = (ScriptedKernel::host(), Root::new("forward"));
    let wanted = "parameters:
  net.ipv4.ip_forward: 1
  net.ipv4.conf.all.accept_redirects: 1
  net.ipv4.conf.all.rp_filter: 2
";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    let written = keys_written(&kernel);
    let at = |key: &str| written.iter().position(|k| k == key).unwrap();
    assert!(at("net.ipv4.ip_forward") < at("net.ipv4.conf.all.accept_redirects"));
    assert_eq!(kernel.value("net.ipv4.conf.all.accept_redirects"), "1");
    assert!(planned(&kernel, wanted, &read_conf_tree(&root.0)).in_sync());
}

#[test]
fn an_undone_forwarding_leaves_every_interface_as_it_was_e24() {
    let root = Root::new("unforward");
    let kernel = ScriptedKernel::host().with_interface("eth0.100");
    kernel.drift("net/ipv4/conf/eth0.100/forwarding", "1");
    kernel.fail_key("vm.swappiness", Errno::EINVAL);
    let wanted = "parameters: { net.ipv4.ip_forward: 1, vm.swappiness: 1 }";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(!carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    assert_eq!(kernel.value("net.ipv4.ip_forward"), "0");
    assert_eq!(kernel.value("net/ipv4/conf/eth0.100/forwarding"), "1");
    assert_eq!(kernel.value("net.ipv4.conf.lo.forwarding"), "0");
    assert_eq!(kernel.value("net.ipv4.conf.all.accept_redirects"), "1");
}

/// What was as desired, and is written only because another write changes it, can be put back.
#[test]
fn what_is_written_again_alone_is_put_back_e24() {
    let (kernel, root) = (ScriptedKernel::host(), Root::new("again"));
    let wanted = "parameters:
  net.ipv4.ip_forward: 1
  net.ipv4.conf.all.accept_redirects: 1
";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    let steps: Vec<String> = plan.steps.iter().map(|step| step.key.to_string()).collect();
    assert_eq!(steps, ["net.ipv4.ip_forward", "net.ipv4.conf.all.accept_redirects"]);
    assert_eq!(plan::untryable(&plan), []);
    // The drop-in finds its directory gone once all is written.
    let mut lose_directory = |_, _: &_| {
        let _ = std::fs::remove_dir_all(root.0.join("etc/sysctl.d"));
        None
    };
    let options = Options::default();
    let outcome = apply(&plan, &kernel, &root.0, &options, &mut lose_directory);
    assert!(matches!(outcome.dropin, DropinOutcome::Failed(_)), "{outcome:?}");
    assert_eq!(outcome.restored.len(), 2);
    assert!(outcome.restored.iter().all(|(_, result)| result.is_ok()), "{outcome:?}");
    for (key, before) in [("net.ipv4.ip_forward", "0"), ("net.ipv4.conf.all.accept_redirects", "1")]
    {
        assert_eq!(kernel.value(key), before);
    }
}

#[test]
fn the_core_pattern_comes_before_root_only_dumps_e26() {
    let kernel = ScriptedKernel::host()
        .with("fs.suid_dumpable", Param::ints("0").range(0, 2))
        .with("kernel.core_pattern", Param::text("core", 127));
    let root = Root::new("e26");
    let wanted = "parameters:
  fs.suid_dumpable: 2
  kernel.core_pattern: { value: '|/usr/lib/dump', allow: [exec-key], reason: dumps are kept }
";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    assert_eq!(keys_written(&kernel), ["kernel.core_pattern", "fs.suid_dumpable"]);
    // At boot too.
    let text = root.dropin().unwrap();
    assert!(text.find("core_pattern =").unwrap() < text.find("suid_dumpable =").unwrap());
}

#[test]
fn of_two_lines_for_one_key_the_last_wins_and_a_baseline_has_but_one_e27() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("e27"));
    let file = root.0.join("etc/sysctl.d/zz-twice.conf");
    std::fs::write(file, "vm.swappiness = 25\nvm.swappiness = 5\nvm.swappiness = 1\n").unwrap();
    let plan = planned(&kernel, "parameters: { vm.swappiness: 1 }", &read_conf_tree(&root.0));
    let item = plan.item(&Key::parse("vm.swappiness").unwrap()).unwrap();
    for boot in [&item.systemd, &item.procps] {
        assert_eq!(boot.value.as_deref(), Some("1"));
        assert_eq!(boot.source.as_ref().unwrap().line, 3);
    }
    let twice = "name: x\nparameters: { vm.swappiness: 1, vm/swappiness: 2 }\n";
    let (_, problems) = baseline::load(&["x"], &mut |_| Ok(Found::text("x.yaml", twice)));
    assert!(problems.iter().any(|p| p.message.contains("twice")), "{problems:?}");
}

#[test]
fn an_overcommit_limit_is_put_back_whichever_half_was_in_force_e23() {
    for kbytes in ["0", "104857600"] {
        let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("e23"));
        if kbytes != "0" {
            kernel.drift("vm.overcommit_kbytes", kbytes);
        }
        let half =
            if kbytes == "0" { "vm.overcommit_kbytes: 4096" } else { "vm.overcommit_ratio: 80" };
        let before = (kernel.value("vm.overcommit_ratio"), kernel.value("vm.overcommit_kbytes"));
        kernel.fail_key("vm.swappiness", Errno::EINVAL);
        let wanted = format!("parameters: {{ {half}, vm.swappiness: 1 }}");
        let plan = planned(&kernel, &wanted, &read_conf_tree(&root.0));
        assert!(!carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
        let after = (kernel.value("vm.overcommit_ratio"), kernel.value("vm.overcommit_kbytes"));
        assert_eq!(after, before, "never both 0");
    }
}

#[test]
fn actions_run_on_request_only_and_are_never_persisted() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("actions"));
    let wanted = "parameters: { vm.swappiness: 1 }\nactions: { vm.drop_caches: 1 }";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    assert_eq!(keys_written(&kernel), ["vm.swappiness"]);
    assert!(!root.dropin().unwrap().contains("drop_caches"));
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    let options = Options { run_actions: true, ..Options::default() };
    assert!(carry_out(&plan, &kernel, &root.0, &options).succeeded());
    assert_eq!(keys_written(&kernel), ["vm.swappiness", "vm.drop_caches"]);
}

#[test]
fn a_pending_key_is_persisted_and_a_missing_one_is_not() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("pending"));
    let wanted = "parameters:
  net.netfilter.nf_conntrack_max: { value: 1048576, module: nf_conntrack }
  vm.not_a_parameter_of_any_kernel: 1
  vm.swappiness: 1
";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &kernel, &root.0, &Options::default()).succeeded());
    let text = root.dropin().unwrap();
    assert!(text.contains("net.netfilter.nf_conntrack_max = 1048576\n"));
    assert!(!text.contains("not_a_parameter"));
}

#[test]
fn live_only_persists_nothing() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("live"));
    let plan = planned(&kernel, BROKER, &read_conf_tree(&root.0));
    let options = Options { live_only: true, ..Options::default() };
    let outcome = carry_out(&plan, &kernel, &root.0, &options);
    assert!(outcome.succeeded());
    assert_eq!((outcome.dropin, root.files()), (DropinOutcome::NotAsked, Vec::new()));
    assert_eq!(kernel.value("vm.swappiness"), "1");
}

#[test]
fn where_nothing_can_be_persisted_nothing_is_written() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("unwritable"));
    // A file where the directory belongs: even root cannot write below it.
    std::fs::remove_dir(root.0.join("etc/sysctl.d")).unwrap();
    std::fs::write(root.0.join("etc/sysctl.d"), "").unwrap();
    let plan = planned(&kernel, BROKER, &ConfTree::default());
    let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
    assert!(matches!(&outcome.dropin, DropinOutcome::Failed(why) if why.contains("sysctl.d")));
    assert_eq!(kernel.writes().len(), 0);
}

#[test]
fn where_it_keeps_going_live_values_do_not_wait_for_the_drop_in() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("going"));
    std::fs::remove_dir(root.0.join("etc/sysctl.d")).unwrap();
    std::fs::write(root.0.join("etc/sysctl.d"), "").unwrap();
    let plan = planned(&kernel, BROKER, &ConfTree::default());
    let options = Options { keep_going: true, ..Options::default() };
    let outcome = carry_out(&plan, &kernel, &root.0, &options);
    assert!(matches!(outcome.dropin, DropinOutcome::Failed(_)));
    assert!(!outcome.succeeded() && outcome.restored.is_empty());
    assert_eq!(kernel.value("vm.swappiness"), "1");
}

/// A resized machine must not boot with yesterday's number: no file that outlives the boot sets it.
#[test]
fn numbers_made_from_ram_follow_it_where_the_boot_unit_is_enabled() {
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("ram"));
    let host_file = || {
        let path = root.0.join(dropin::HOST_PATH.trim_start_matches('/'));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let apply_on = |facts: &Facts| {
        let plan = planned_on(facts, &kernel, BROKER, &read_conf_tree(&root.0));
        let outcome = carry_out(&plan, &kernel, &root.0, &Options::default());
        assert!(outcome.succeeded(), "{outcome:?}");
        let again = planned_on(facts, &kernel, BROKER, &read_conf_tree(&root.0));
        assert!(again.in_sync() && !again.changes(), "{:?}", again.summary());
        outcome
    };
    let small = Facts { boot_unit: true, ..facts() };
    let outcome = apply_on(&small);
    assert_eq!(outcome.host_file, DropinOutcome::Written);
    assert!(host_file().contains("\nvm.min_free_kbytes = 192535\n"), "{}", host_file());
    let text = root.dropin().unwrap();
    assert!(!text.contains("\nvm.min_free_kbytes"), "{text}");
    assert_eq!(dropin::at_boot(text.as_bytes())[0].1, "192535");

    let large = Facts { mem_total_kb: 2 * small.mem_total_kb, ..small.clone() };
    apply_on(&large);
    assert_eq!(kernel.value("vm.min_free_kbytes"), "385071");
    assert!(host_file().contains("\nvm.min_free_kbytes = 385071\n"));
    assert_eq!(dropin::at_boot(root.dropin().unwrap().as_bytes())[0].2, large.mem_total_kb);

    // Without the unit nothing would set it at boot: it goes to the file that outlives one.
    apply_on(&Facts { boot_unit: false, ..large });
    assert!(root.dropin().unwrap().contains("\nvm.min_free_kbytes = 385071\n"));
    assert!(!host_file().contains("\nvm."), "{}", host_file());
}

#[test]
fn a_bound_never_lowers_and_is_persisted_where_the_boot_would_miss_it() {
    let root = Root::new("bounds");
    let wanted = "parameters: { vm.max_map_count: { at_least: 655360 } }";
    let below = ScriptedKernel::vm_host();
    let plan = planned(&below, wanted, &read_conf_tree(&root.0));
    assert!(carry_out(&plan, &below, &root.0, &Options::default()).succeeded());
    assert_eq!(below.value("vm.max_map_count"), "655360");
    assert!(root.dropin().unwrap().contains("vm.max_map_count = 655360\n"));

    let (above, root) = (ScriptedKernel::vm_host(), Root::new("bounds2"));
    above.drift("vm.max_map_count", "1048576");
    let plan = planned(&above, wanted, &read_conf_tree(&root.0));
    assert!(plan.steps.is_empty());
    assert!(carry_out(&plan, &above, &root.0, &Options::default()).succeeded());
    assert!(
        root.dropin().unwrap().contains("vm.max_map_count = 1048576\n"),
        "the bound would lower it"
    );
    assert!(planned(&above, wanted, &read_conf_tree(&root.0)).in_sync());

    // Another file satisfies it: nothing of ours is needed.
    let (kernel, root) = (ScriptedKernel::vm_host(), Root::new("bounds3"));
    kernel.drift("vm.max_map_count", "2000000");
    std::fs::write(root.0.join("etc/sysctl.d/10-app.conf"), "vm.max_map_count=2000000\n").unwrap();
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert!(!plan.dropin.text.contains("max_map_count"));
}

#[test]
fn an_unset_key_that_reads_eio_is_written_e35() {
    let root = Root::new("eio");
    let kernel = ScriptedKernel::empty()
        .with("net.ipv6.conf.lo.stable_secret", Param::text("", 39).unreadable(Errno::EIO));
    let wanted = "parameters: { net.ipv6.conf.lo.stable_secret: '2001:db8::1' }";
    let plan = planned(&kernel, wanted, &read_conf_tree(&root.0));
    assert_eq!(plan.steps.len(), 1);
}
