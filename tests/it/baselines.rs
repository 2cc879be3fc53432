//! The baselines that come with the program, as files: form, provenance, keys and numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use tunectl::baseline::{self, Found, Host, Wanted, builtin};
use tunectl::key::Selector;
use tunectl::observed::{Facts, Matches, NumaNode, Usage, Virtualization};
use tunectl::value::{Percent, Shape, Size, canonical, kernel_number};

use crate::support::left_out;

const NAMES: [&str; 8] = [
    "cis-network",
    "elasticsearch-node",
    "kafka-broker",
    "kubernetes-node",
    "linux-server",
    "postgresql-server",
    "redis-server",
    "rocketmq-broker",
];

/// Parameters that not every kernel has, and what brings them.
const OPTIONAL: [(&str, &str); 13] = [
    ("kernel.keys.root_maxbytes", "CONFIG_KEYS"),
    ("kernel.keys.root_maxkeys", "CONFIG_KEYS"),
    ("kernel.perf_event_paranoid", "CONFIG_PERF_EVENTS"),
    ("net.bridge.bridge-nf-call-ip6tables", "module br_netfilter"),
    ("net.bridge.bridge-nf-call-iptables", "module br_netfilter"),
    ("net.core.bpf_jit_harden", "CONFIG_BPF_JIT"),
    ("net.ipv4.tcp_syncookies", "CONFIG_SYN_COOKIES"),
    ("net.ipv6.conf.all.accept_ra", "ipv6.disable=1 takes all of net.ipv6 away"),
    ("net.ipv6.conf.*.force_forwarding", "it came with 6.17"),
    ("net.netfilter.nf_conntrack_max", "module nf_conntrack"),
    ("vm.mmap_min_addr", "CONFIG_MMU"),
    ("vm.page-cluster", "CONFIG_SWAP"),
    ("vm.zone_reclaim_mode", "CONFIG_NUMA"),
];

/// A baseline as it is written; stricter than the format, for what we ship ourselves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    name: String,
    description: String,
    #[serde(default)]
    extends: Vec<String>,
    parameters: BTreeMap<String, Terms>,
    #[serde(default)]
    actions: BTreeMap<String, Terms>,
    #[serde(default)]
    when: Vec<When>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    #[serde(rename = "if")]
    conditions: BTreeMap<String, String>,
    parameters: BTreeMap<String, Terms>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    value: Option<Literal>,
    percent_of_ram: Option<f64>,
    at_least: Option<Literal>,
    at_most: Option<Literal>,
    module: Option<String>,
    reason: String,
    source: String,
    #[serde(default)]
    optional: bool,
}

/// A number, or a text such as `64MiB`. A truth value fits neither.
#[derive(Deserialize)]
#[serde(untagged)]
enum Literal {
    Number(i64),
    Text(String),
}

impl Literal {
    fn text(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The number, a size in bytes; nothing for a percentage.
    fn number(&self) -> Option<i128> {
        match Size::parse(&self.text()) {
            Ok(Some(size)) => Some(size.bytes.into()),
            _ => kernel_number(&self.text()),
        }
    }
}

impl Baseline {
    /// Every setting, wherever in the file it stands.
    fn settings(&self) -> impl Iterator<Item = (&String, &Terms)> {
        self.parameters.iter().chain(self.when.iter().flat_map(|w| &w.parameters))
    }

    fn entries(&self) -> impl Iterator<Item = (&String, &Terms)> {
        self.settings().chain(&self.actions)
    }
}

fn text(name: &str) -> String {
    let path = format!("{}/baselines/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn read(text: &str) -> Result<Baseline, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0, max_documents: 1 },
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn all() -> BTreeMap<&'static str, Baseline> {
    let parsed = |name| read(&text(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    NAMES.into_iter().map(|name| (name, parsed(name))).collect()
}

fn selector(key: &str) -> Selector {
    Selector::parse(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

/// What a test of strictness relies on: the mirror above does refuse.
#[test]
fn the_mirror_refuses_what_the_format_refuses() {
    let with = |entry: &str| {
        read(&format!("name: x\ndescription: y\nparameters:\n  vm.swappiness: {entry}\n"))
    };
    assert!(with("{ value: 1, reason: r, source: s }").is_ok());
    for wrong in [
        "1",
        "{ value: 1, reason: r }",
        "{ value: true, reason: r, source: s }",
        "{ value: 1, reason: r, source: s, colour: red }",
        "&a { value: 1, reason: r, source: s }",
        "{ value: 1, value: 2, reason: r, source: s }",
    ] {
        assert!(with(wrong).is_err(), "{wrong} was taken");
    }
}

#[test]
fn each_file_is_named_described_and_introduced() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines");
    let mut files: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, NAMES.map(|name| format!("{name}.yaml")));

    for (name, baseline) in all() {
        let text = text(name);
        assert_eq!(baseline.name, name);
        assert!(!baseline.description.trim().is_empty(), "{name} describes nothing");
        assert!(text.starts_with("# "), "{name} has no header");
        for part in ["# For: ", "# Check before use:\n"] {
            assert!(text.contains(part), "{name}: its header has no {part:?}");
        }
        assert!(!text.contains('\t'), "{name} has a tab");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name} does not end in a line");
        for lower in &baseline.extends {
            assert!(NAMES.contains(&lower.as_str()), "{name} extends {lower}");
            assert!(all()[lower.as_str()].extends.is_empty(), "{name} is more than two layers");
        }
        assert!(baseline.when.iter().all(|w| !w.conditions.is_empty()), "{name}: empty `if`");
    }
}

#[test]
fn every_entry_says_why_and_whence() {
    for (name, baseline) in all() {
        for (key, terms) in baseline.entries() {
            let Terms { reason, source, .. } = terms;
            assert!(!reason.trim().is_empty() && !source.trim().is_empty(), "{name}: {key}");
            assert!(reason.chars().count() <= 140, "{name}: {key}: the reason is long: {reason}");
            assert!(!reason.ends_with('.') && !reason.contains('\n'), "{name}: {key}: {reason}");
            let document = source.contains("https://")
                || ["Benchmark v", "O'Reilly", "of the Linux kernel"]
                    .iter()
                    .any(|title| source.contains(title));
            assert!(document, "{name}: {key}: {source:?} names no public document");
        }
    }
}

#[test]
fn keys_are_spelled_one_way_and_once() {
    for (name, baseline) in all() {
        let blocks = std::iter::once(&baseline.parameters)
            .chain(std::iter::once(&baseline.actions))
            .chain(baseline.when.iter().map(|w| &w.parameters));
        for block in blocks {
            let mut seen = BTreeSet::new();
            for key in block.keys() {
                let selector = selector(key);
                assert_eq!(selector.to_string(), *key, "{name}: the usual form of {key}");
                assert!(seen.insert(selector), "{name}: {key} stands twice");
            }
        }
        for key in baseline.actions.keys() {
            assert!(!baseline.settings().any(|(k, _)| k == key), "{name}: {key} is both");
        }
    }
}

/// What the report asked for, as it asked: nine settings and one verb, and nothing from below.
#[test]
fn rocketmq_has_nine_settings_and_one_action() {
    let baseline = &all()["rocketmq-broker"];
    assert!(baseline.extends.is_empty() && baseline.when.is_empty());
    let values: BTreeMap<&str, String> = baseline
        .parameters
        .iter()
        .filter_map(|(key, terms)| Some((key.as_str(), terms.value.as_ref()?.text())))
        .collect();
    let wanted = [
        ("vm.dirty_background_ratio", "50"),
        ("vm.dirty_ratio", "50"),
        ("vm.dirty_writeback_centisecs", "360000"),
        ("vm.max_map_count", "655360"),
        ("vm.overcommit_memory", "1"),
        ("vm.page-cluster", "3"),
        ("vm.swappiness", "1"),
        ("vm.zone_reclaim_mode", "0"),
    ];
    assert_eq!(values, wanted.map(|(key, value)| (key, value.to_owned())).into());
    assert_eq!(baseline.parameters.len(), 9);
    let reserve = &baseline.parameters["vm.min_free_kbytes"];
    assert_eq!(reserve.percent_of_ram, Some(0.78));
    assert_eq!(reserve.at_most.as_ref().unwrap().text(), "5%");

    let actions: Vec<_> = baseline
        .actions
        .iter()
        .map(|(k, t)| (k.as_str(), t.value.as_ref().unwrap().text()))
        .collect();
    assert_eq!(actions, [("vm.drop_caches", "1".to_owned())]);
}

/// From a laptop to a large server, the reserve stays what the incident asked for and below the
/// share of memory at which the kernel may kill for want of it.
#[test]
fn the_rocketmq_reserve_fits_every_host() {
    let baseline = &all()["rocketmq-broker"];
    let reserve = &baseline.parameters["vm.min_free_kbytes"];
    let share = Percent::parse(&reserve.percent_of_ram.unwrap().to_string()).unwrap();
    let ceiling = Percent::parse(&reserve.at_most.as_ref().unwrap().text()).unwrap();
    let floor = reserve.at_least.as_ref().unwrap().number().unwrap();
    let floor_kb = u64::try_from(floor / 1024).unwrap();
    let reserved = |ram_gib: u64| {
        let ram_kb = ram_gib << 20;
        // Where the bounds cross, at_most counts.
        share.of(ram_kb).max(floor_kb).min(ceiling.of(ram_kb))
    };
    assert_eq!(reserved(1), 52_428);
    // What khugepaged insists on by itself, with pages of 4 kB and three zones (case E28).
    for ram_gib in [2, 4, 8] {
        assert_eq!(reserved(ram_gib), 67_584);
    }
    assert_eq!(reserved(9), 73_610);
    assert_eq!(reserved(64), 523_449);
    assert_eq!(reserved(2048), 16_750_372);
}

#[test]
fn keys_exist_here_or_are_known_to_be_optional() {
    let baselines = all();
    let cause_of = |key: &str| OPTIONAL.iter().find(|(k, _)| *k == key).map(|(_, cause)| *cause);
    // Registered for the first network namespace alone, in every configuration.
    let first_netns = Path::new("/proc/sys/net/core/netdev_max_backlog").exists();
    let ipv6 = Path::new("/proc/sys/net/ipv6").exists();
    if !first_netns {
        left_out("baselines::keys_exist_here_or_are_known_to_be_optional", "net.*: not the host's");
    }
    let mut used = BTreeSet::new();
    for (name, baseline) in &baselines {
        for (key, terms) in baseline.entries() {
            let cause = cause_of(key);
            used.extend(cause.map(|_| key.as_str()));
            let module = cause.and_then(|c| c.strip_prefix("module "));
            assert_eq!(terms.module.as_deref(), module, "{name}: the module of {key}");
            let selector = selector(key);
            // What `*` stands for includes `all`.
            let path = selector.as_path().replace('*', "all");
            let unseen = (path.starts_with("net/") && !first_netns)
                || (path.starts_with("net/ipv6/") && !ipv6);
            let exists = Path::new("/proc/sys").join(&path).exists();
            let may_lack = terms.optional || cause.is_some();
            assert!(exists || unseen || may_lack, "{name}: this kernel has no {key}");
        }
    }
    for (key, cause) in OPTIONAL {
        assert!(used.contains(key), "no baseline has {key} ({cause})");
    }
}

#[test]
fn values_are_numbers_as_the_kernel_reads_them() {
    for (name, baseline) in all() {
        for (key, terms) in baseline.entries() {
            let at = format!("{name}: {key}");
            let wishes = [&terms.value, &terms.at_least, &terms.at_most];
            assert!(terms.percent_of_ram.is_some() || wishes.iter().any(|w| w.is_some()), "{at}");
            assert!(terms.percent_of_ram.is_none() || terms.value.is_none(), "{at}: two targets");
            for literal in wishes.into_iter().flatten() {
                let text = literal.text();
                if text.ends_with('%') {
                    assert!(Percent::parse(&text).is_ok(), "{at}: {text}");
                    continue;
                }
                let number = literal.number().unwrap_or_else(|| panic!("{at}: {text}"));
                for shape in [Shape::Number, Shape::Unknown] {
                    assert!(canonical(shape, &number.to_string()).is_ok(), "{at}: {text}");
                }
            }
        }
    }
}

/// From the smallest and oldest host to the largest and newest: no error, no warning, no key that
/// the kernel lacks, no two halves of one setting.
#[test]
fn the_loader_takes_each_on_every_host() {
    let names: Vec<_> = builtin::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, NAMES);
    let fetch = |wanted: &Wanted<'_>| {
        let text = builtin::text(wanted.name).unwrap().to_owned();
        Ok(Found::text(format!("{}.yaml", wanted.name), text))
    };
    for (kernel, mem_total_kb, nodes) in [
        ("4.18.0", 990_000, 1),
        ("5.14.0", 16 << 20, 1),
        ("6.1.0", 64 << 20, 2),
        ("6.18.0", 2 << 30, 8),
    ] {
        let facts = host(kernel, mem_total_kb, nodes);
        let host = Host { facts: &facts, expand: &|_| Matches::default(), exists: &|_| true };
        for name in NAMES {
            let (layers, mut problems) = baseline::load(&[name], &mut |wanted| fetch(wanted));
            let (set, more) = baseline::resolve(&layers, &host);
            problems.extend(more);
            let at = format!("{name} on {kernel} with {mem_total_kb} kB");
            assert!(problems.is_empty(), "{at}: {problems:?}");
            let keys: BTreeSet<_> = set.parameters.iter().map(|p| p.key.clone()).collect();
            assert!(keys.len() >= 9, "{at}: {} parameters", keys.len());
            for parameter in &set.parameters {
                let key = &parameter.key;
                let known = parameter.known.unwrap_or_else(|| panic!("{at}: {key} is not known"));
                assert!(known.exists_on(facts.kernel), "{at}: {key} is not there");
                let half = known.pair().map(|leaf| key.sibling(leaf));
                assert!(half.is_none_or(|h| !keys.contains(&h)), "{at}: both halves of {key}");
            }
        }
    }
}

pub fn host(kernel: &str, mem_total_kb: u64, nodes: u32) -> Facts {
    let share = mem_total_kb / u64::from(nodes);
    Facts {
        hostname: "host-1".into(),
        kernel: kernel.parse().unwrap(),
        kernel_release: kernel.into(),
        boot_id: String::new(),
        mem_total_kb,
        numa_nodes: (0..nodes).map(|id| NumaNode { id, mem_total_kb: share }).collect(),
        page_bytes: 4096,
        huge_page_bytes: 2 << 20,
        virtualization: Virtualization::None,
        thp_min_free_kb: Some(67_584),
        today: "2026-11-24".into(),
        systemd: true,
        boot_unit: true,
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    }
}

/// A role may ask for more than the baseline that it extends, never for less.
#[test]
fn no_role_weakens_what_it_extends() {
    let baselines = all();
    let mut compared = 0;
    for (name, baseline) in &baselines {
        let lower = baseline.extends.iter().flat_map(|l| baselines[l.as_str()].settings());
        for (key, below) in lower {
            let Some((_, terms)) = baseline.settings().find(|(k, _)| *k == key) else { continue };
            let at = format!("{name}: {key}");
            let number = |l: &Option<Literal>| l.as_ref().and_then(Literal::number);
            let exact = number(&terms.value);
            if let Some(least) = number(&below.at_least) {
                assert!(exact.or(number(&terms.at_least)).is_some_and(|n| n >= least), "{at}");
            }
            if let Some(most) = number(&below.at_most) {
                assert!(exact.or(number(&terms.at_most)).is_some_and(|n| n <= most), "{at}");
            }
            if let Some(value) = number(&below.value) {
                assert_eq!(exact, Some(value), "{at}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 5, "only {compared} overrides: the comparison missed some");
}

/// The benchmark can stand beside every role but the one whose hosts must forward packets.
#[test]
fn cis_network_disagrees_with_kubernetes_alone() {
    let baselines = all();
    let cis = &baselines["cis-network"];
    let mut disagreements = Vec::new();
    for (name, baseline) in &baselines {
        for (key, terms) in baseline.settings() {
            let asked = cis.parameters.get(key).and_then(|t| t.value.as_ref()).map(Literal::text);
            if asked.is_some() && asked != terms.value.as_ref().map(Literal::text) {
                disagreements.push((*name, key.as_str()));
            }
        }
    }
    assert_eq!(disagreements, [("kubernetes-node", "net.ipv4.ip_forward")]);
}
