//! Laws that hold for every baseline, told over random ones.

use std::path::PathBuf;

use proptest::prelude::*;

use tunectl::apply::{Options, apply};
use tunectl::baseline::{self, DesiredSet, Found, Layers, NotFound};
use tunectl::diagnostic::Diagnostic;
use tunectl::key::{Key, Pattern, Selector};
use tunectl::observed::{Errno, Facts, NumaNode, Reading, Snapshot, Usage, Virtualization};
use tunectl::persist::conf::read_conf_tree;
use tunectl::plan::Outcome;
use tunectl::plan::{Observed, Plan, also_needed, check, plan};
use tunectl::procsys::Kernel;
use tunectl::report;

use crate::scripted::ScriptedKernel;

fn facts() -> Facts {
    Facts {
        hostname: "broker-7".into(),
        kernel: "6.18.44".parse().unwrap(),
        kernel_release: "6.18.44".into(),
        boot_id: "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c".into(),
        mem_total_kb: 24_684_084,
        numa_nodes: vec![NumaNode { id: 0, mem_total_kb: 24_684_084 }],
        page_bytes: 4096,
        huge_page_bytes: 2 << 20,
        virtualization: Virtualization::None,
        thp_min_free_kb: Some(67_584),
        today: "2026-11-24".into(),
        systemd: true,
        boot_unit: false,
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    }
}

fn load(text: &str) -> (Layers, Vec<Diagnostic>) {
    baseline::load(&["it"], &mut |wanted| match wanted.from {
        None => Ok(Found::text("it.yaml", text)),
        Some(_) => Err(NotFound { message: "no layers here".into(), help: None }),
    })
}

fn resolve(text: &str, kernel: &dyn Kernel) -> (DesiredSet, Vec<Diagnostic>) {
    let (layers, mut problems) = load(text);
    let host = baseline::Host {
        facts: &facts(),
        expand: &|pattern: &Pattern| kernel.matches(pattern),
        exists: &|key: &Key| kernel.read(key).exists(),
    };
    let (set, more) = baseline::resolve(&layers, &host);
    problems.extend(more);
    (set, problems)
}

/// So many cases, or PROPTEST_CASES; one that fails is told, and belongs into a test of its own, not into a file.
fn cases(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(cases, |n| n.parse().unwrap());
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Pieces of baselines, whole and broken.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "name",
        "description",
        "extends",
        "defaults",
        "parameters",
        "exclude",
        "actions",
        "when",
        "waivers",
        "value",
        "percent_of_ram",
        "at_least",
        "at_most",
        "reason",
        "allow",
        "on_drift",
        "if",
        "ram",
        "until",
        "key",
        "vm.swappiness",
        "vm/swappiness",
        "vm.dirty_bytes",
        "vm.dirty_ratio",
        "vm.min_free_kbytes",
        "net.ipv4.conf.*.rp_filter",
        "vm.drop_caches",
        "net.ipv4.tcp_rmem",
        "net.ipv4.ip_local_reserved_ports",
        "kernel.core_pattern",
    ]);
    let marks = prop::sample::select(vec![
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "|",
        ">",
        "|-\n",
        "&a ",
        "*a",
        "!!null ",
        "!x ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "# c\n",
        "\t",
        "\r\n",
        "\r",
        "\u{feff}",
        "\u{ad}",
        "\u{e0041}",
        "\0",
        "\u{85}",
        "\u{2028}",
        "\u{1b}[2J",
        "<<",
        "~",
        "\\",
    ]);
    let values = prop::sample::select(vec![
        "1",
        "-1",
        "010",
        "0x10",
        "1_000",
        "1e3",
        "yes",
        "null",
        ".inf",
        "64MiB",
        "5%",
        "1G",
        "18446744073709551616",
        "2027-01-31",
        "\">= 64GiB\"",
        "größer",
        "数据库",
        "a b",
    ]);
    prop_oneof![
        words.prop_map(str::to_owned),
        marks.prop_map(str::to_owned),
        values.prop_map(str::to_owned),
        ".{0,6}",
    ]
}

/// Lines of a baseline that hold together more often than not.
fn lines() -> impl Strategy<Value = String> {
    let line = (piece(), piece(), piece()).prop_map(|(a, b, c)| format!("  {a}: {b}{c}\n"));
    prop::collection::vec(line, 0..12)
        .prop_map(|lines| format!("name: it\nparameters:\n{}", lines.concat()))
}

fn never_panics(text: &str) {
    let kernel = ScriptedKernel::vm_host();
    let (layers, _) = load(text);
    let (_, problems) = resolve(text, &kernel);
    for width in [40, 100] {
        let told = report::diagnostics::render(&problems, &layers.sources, false, width);
        assert!(problems.is_empty() || !told.is_empty());
        let raw = |c: char| c.is_control() && c != '\n';
        assert!(!told.contains(raw), "{told:?}");
    }
    for problem in &problems {
        assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{problem:?}");
        let Some(span) = problem.span else { continue };
        let source = &layers.sources[span.source].text;
        assert!(source.get(span.start..span.end).is_some(), "{problem:?} in {source:?}");
        assert!(span.line >= 1 && span.column >= 1, "{problem:?}");
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        never_panics(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        never_panics(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(piece(), 0..40)) {
        never_panics(&pieces.concat());
    }

    #[test]
    fn any_lines_are_read_or_refused(text in lines()) {
        never_panics(&text);
    }

    #[test]
    fn a_baseline_means_the_same_each_time(text in lines()) {
        let kernel = ScriptedKernel::vm_host();
        let (first, second) = (resolve(&text, &kernel), resolve(&text, &kernel));
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}

/// Keys of the scripted kernel with values that it takes. A pair has one number: which half it
/// is, the case decides.
#[derive(Clone, Debug)]
struct Wanted {
    key: &'static str,
    value: String,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let of = |key: &'static str, values: std::ops::RangeInclusive<u64>| {
        values.prop_map(move |n| Wanted { key, value: n.to_string() }).boxed()
    };
    let bound = |key: &'static str, values: std::ops::RangeInclusive<u64>, field: &'static str| {
        values.prop_map(move |n| Wanted { key, value: format!("{{ {field}: {n} }}") }).boxed()
    };
    prop_oneof![
        of("vm.swappiness", 0..=200),
        of("vm.dirty_ratio", 1..=100),
        of("vm.dirty_bytes", 8192..=1 << 40),
        of("vm.dirty_background_ratio", 1..=100),
        of("vm.dirty_background_bytes", 4096..=1 << 40),
        of("vm.dirty_expire_centisecs", 0..=90_000),
        of("vm.dirty_writeback_centisecs", 0..=90_000),
        of("vm.max_map_count", 65_530..=1 << 30),
        of("vm.min_free_kbytes", 67_584..=1_000_000),
        of("vm.overcommit_memory", 0..=2),
        of("vm.overcommit_ratio", 1..=100),
        of("vm.overcommit_kbytes", 1..=1 << 30),
        of("vm.page-cluster", 0..=10),
        of("vm.vfs_cache_pressure", 0..=500),
        of("vm.watermark_scale_factor", 1..=1000),
        of("vm.zone_reclaim_mode", 0..=7),
        bound("vm.max_map_count", 65_530..=1 << 30, "at_least"),
        bound("vm.swappiness", 0..=200, "at_most"),
        bound("vm.min_free_kbytes", 67_584..=1_000_000, "at_least"),
        bound("vm.dirty_expire_centisecs", 1..=5000, "at_most"),
    ]
}

fn unique(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let half = |key: &str| match key {
        "vm.dirty_ratio" => Some("vm.dirty_bytes"),
        "vm.dirty_bytes" => Some("vm.dirty_ratio"),
        "vm.dirty_background_ratio" => Some("vm.dirty_background_bytes"),
        "vm.dirty_background_bytes" => Some("vm.dirty_background_ratio"),
        "vm.overcommit_ratio" => Some("vm.overcommit_kbytes"),
        "vm.overcommit_kbytes" => Some("vm.overcommit_ratio"),
        _ => None,
    };
    let mut kept: Vec<Wanted> = Vec::new();
    for one in wanted {
        if !kept.iter().any(|k| k.key == one.key || half(k.key) == Some(one.key)) {
            kept.push(one);
        }
    }
    kept
}

fn text_of(wanted: &[Wanted]) -> String {
    wanted.iter().fold("name: it\nparameters:\n".to_owned(), |text, w| {
        text + &format!("  {}: {}\n", w.key, w.value)
    })
}

/// A root directory of the test's own, for the drop-in.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("tunectl-laws-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("etc/sysctl.d")).unwrap();
        Self(dir)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn planned(text: &str, kernel: &ScriptedKernel, root: &Root) -> Plan {
    let (set, problems) = resolve(text, kernel);
    let errors: Vec<_> = problems.iter().filter(|p| p.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    let (also, globs) = also_needed(&set);
    let mut snapshot = Snapshot::default();
    for key in set.parameters.iter().map(|d| &d.key).chain(&also) {
        snapshot.insert(key.clone(), kernel.read(key));
    }
    for glob in globs {
        let Ok(Selector::Pattern(pattern)) = Selector::parse(glob) else { continue };
        for key in kernel.expand(&pattern) {
            let reading = kernel.read(&key);
            snapshot.insert(key, reading);
        }
    }
    let conf = read_conf_tree(&root.0);
    let plan = plan(set, &Observed::new(&facts(), &snapshot, &conf));
    assert_eq!(check::faults(&plan), Vec::<String>::new(), "{text}");
    plan
}

fn carried_out(plan: &Plan, kernel: &ScriptedKernel, root: &Root) -> Outcome {
    apply(plan, kernel, &root.0, &Options::default(), &mut |_, _| None)
}

/// What the kernel holds, but for what can be written only.
fn state(kernel: &ScriptedKernel) -> Vec<(Key, Reading)> {
    let held = |key: Key| {
        let reading = kernel.read(&key);
        reading.value.is_ok().then_some((key, reading))
    };
    kernel.list().into_iter().filter_map(held).collect()
}

/// A kernel that others have already set this and that on.
fn drifted(drift: &[Wanted]) -> ScriptedKernel {
    let kernel = ScriptedKernel::vm_host();
    for one in drift.iter().filter(|d| !d.value.contains('{')) {
        kernel.drift(one.key, &one.value);
    }
    kernel
}

proptest! {
    #![proptest_config(cases(100))]

    /// After an apply nothing is left to do, and every value is as the baseline wants it.
    #[test]
    fn an_apply_leaves_nothing_to_do(
        wanted in prop::collection::vec(wanted(), 1..10).prop_map(unique),
        drift in prop::collection::vec(wanted(), 0..6).prop_map(unique),
    ) {
        let (kernel, root, text) = (drifted(&drift), Root::new(), text_of(&wanted));
        let first = planned(&text, &kernel, &root);
        prop_assert!(first.refusals().next().is_none());
        let outcome = carried_out(&first, &kernel, &root);
        prop_assert!(outcome.succeeded(), "{outcome:?}\n{text}");
        for item in &first.items {
            let now = kernel.read(&item.desired.key);
            let held = item.desired.requirement.satisfied_by(item.desired.shape, now.text().unwrap());
            prop_assert!(held, "{} reads {:?}\n{text}", item.desired.key, now);
        }
        let second = planned(&text, &kernel, &root);
        prop_assert!(!second.changes() && second.in_sync(), "{:?}\n{text}", second.steps);
        let writes = kernel.writes().len();
        carried_out(&second, &kernel, &root);
        prop_assert_eq!(kernel.writes().len(), writes, "a second apply writes nothing");
    }

    /// Where one write is refused, the kernel holds what it held before, and nothing is persisted.
    #[test]
    fn an_apply_that_fails_changes_nothing(
        wanted in prop::collection::vec(wanted(), 1..10).prop_map(unique),
        drift in prop::collection::vec(wanted(), 0..6).prop_map(unique),
        nth in 0usize..8,
    ) {
        let (kernel, root, text) = (drifted(&drift), Root::new(), text_of(&wanted));
        let plan = planned(&text, &kernel, &root);
        prop_assume!(!plan.steps.is_empty());
        let nth = 1 + nth % plan.steps.len();
        let before = state(&kernel);
        kernel.fail_write(nth, Errno::EPERM);
        let outcome = carried_out(&plan, &kernel, &root);
        prop_assert!(!outcome.succeeded());
        prop_assert_eq!(state(&kernel), before, "{:?}\n{}", kernel.writes(), text);
        let left: Vec<_> = std::fs::read_dir(root.0.join("etc/sysctl.d")).unwrap().collect();
        prop_assert!(left.is_empty(), "{left:?}");
    }
}
