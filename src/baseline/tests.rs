//! Tests of baselines: from texts to what is desired of a host.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::diagnostic::Diagnostic;
use crate::key::{Key, Pattern};
use crate::observed::{Facts, Matches, NumaNode, Release, Usage, Virtualization};
mod merging;
mod spelling;
mod when;

fn facts() -> Facts {
    Facts {
        hostname: "broker-7".into(),
        kernel: Release { major: 6, minor: 1, patch: 20 },
        kernel_release: "6.1.20".into(),
        boot_id: String::new(),
        mem_total_kb: 64 << 20,
        numa_nodes: (0..2).map(|id| NumaNode { id, mem_total_kb: 32 << 20 }).collect(),
        page_bytes: 4096,
        huge_page_bytes: 2 << 20,
        virtualization: Virtualization::Vm("kvm".into()),
        thp_min_free_kb: None,
        today: "2026-11-24".into(),
        systemd: true,
        boot_unit: false,
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    }
}

const INTERFACES: [&str; 5] = ["all", "default", "docker0", "eth0", "lo"];

/// Resolves the first of the files, which may extend the others.
fn resolved(files: &[(&str, &str)], facts: &Facts) -> (DesiredSet, Vec<Diagnostic>) {
    let mut fetch = |wanted: &Wanted<'_>| match files.iter().find(|(n, _)| *n == wanted.name) {
        Some((name, text)) => Ok(Found::text(*name, *text)),
        None => Err(NotFound { message: format!("no {}", wanted.name), help: None }),
    };
    let (layers, mut problems) = load(&[files[0].0], &mut fetch);
    let expand = |pattern: &Pattern| {
        let keys = INTERFACES.iter().map(|i| format!("net/ipv4/conf/{i}/rp_filter"));
        let keys = keys.filter_map(|k| Key::from_path(&k).ok()).filter(|k| pattern.matches(k));
        Matches { keys: keys.collect(), ..Matches::default() }
    };
    let host = Host { facts, expand: &expand, exists: &|_| false };
    let (set, more) = resolve(&layers, &host);
    problems.extend(more);
    (set, problems)
}

#[track_caller]
fn good(files: &[(&str, &str)]) -> DesiredSet {
    let (set, problems) = resolved(files, &facts());
    assert!(!problems.iter().any(Diagnostic::is_error), "{problems:#?}");
    set
}

#[track_caller]
fn bad(files: &[(&str, &str)]) -> Vec<String> {
    let (_, problems) = resolved(files, &facts());
    problems.into_iter().filter(Diagnostic::is_error).map(|p| p.message).collect()
}

fn wanted<'a>(set: &'a DesiredSet, key: &str) -> Option<&'a Desired> {
    let key = Key::parse(key).unwrap();
    set.parameters.iter().find(|d| d.key == key)
}

#[track_caller]
fn value(set: &DesiredSet, key: &str) -> String {
    let desired = wanted(set, key).unwrap_or_else(|| panic!("{key} is not desired"));
    desired.requirement.to_string()
}

#[test]
fn a_percentage_is_computed_clamped_and_told() {
    let set =
        good(&[("a", "name: a\nparameters:\n  vm.min_free_kbytes: { percent_of_ram: 0.78 }\n")]);
    assert_eq!(value(&set, "vm.min_free_kbytes"), "523449");
    let told = wanted(&set, "vm.min_free_kbytes").unwrap().arithmetic.clone().unwrap();
    assert_eq!(told, "0.78 % of 67108864 kB = 523449 kB");
    let clamp = |bounds: &str| {
        let text = format!(
            "name: a\nparameters:\n  vm.min_free_kbytes: {{ percent_of_ram: 0.78, {bounds} }}\n"
        );
        let set = good(&[("a", &text)]);
        let arithmetic = wanted(&set, "vm.min_free_kbytes").unwrap().arithmetic.clone().unwrap();
        (value(&set, "vm.min_free_kbytes"), arithmetic)
    };
    let (number, told) = clamp("at_least: 1GiB");
    assert_eq!(number, "1048576");
    assert_eq!(told, "0.78 % of 67108864 kB = 523449 kB, raised to at_least 1048576 kB");
    assert_eq!(clamp("at_most: 256MiB").0, "262144");
    assert_eq!(clamp("at_most: 0.5%").0, "335544");
    assert_eq!(clamp("at_least: 64MiB, at_most: 5%").0, "523449");
}

#[test]
fn a_small_host_obeys_at_most_where_the_bounds_cross() {
    let small = Facts { mem_total_kb: 1 << 20, ..facts() };
    let text = "name: a\nparameters:\n  vm.min_free_kbytes: { percent_of_ram: 0.78, at_least: 64MiB, at_most: 5% }\n";
    let (set, problems) = resolved(&[("a", text)], &small);
    assert!(problems.is_empty(), "{problems:?}");
    let told = wanted(&set, "vm.min_free_kbytes").unwrap().arithmetic.clone().unwrap();
    assert!(
        told.ends_with(
            "raised to at_least 65536 kB, lowered to at_most 5 % of 1048576 kB = 52428 kB"
        )
    );
    // As near to the 64 MiB as 5 % allow, and not the 8178 kB of the share.
    assert_eq!(value(&set, "vm.min_free_kbytes"), "52428");
    // Bounds alone have no arithmetic to tell it.
    let text = "name: a\nparameters:\n  vm.min_free_kbytes: { at_least: 64MiB, at_most: 5% }\n";
    let (_, problems) = resolved(&[("a", text)], &small);
    assert_eq!(problems.len(), 1);
    assert!(!problems[0].is_error() && problems[0].message.contains("at_most counts"));
}

#[test]
fn sizes_become_the_keys_own_unit() {
    let set = good(&[(
        "a",
        "name: a\nparameters:\n  vm.min_free_kbytes: 512MiB\n  vm.dirty_bytes: 1GiB\n  vm.nr_hugepages: 4GiB\n  kernel.shmall: 8GiB\n",
    )]);
    assert_eq!(value(&set, "vm.min_free_kbytes"), "524288");
    assert_eq!(value(&set, "vm.dirty_bytes"), "1073741824");
    assert_eq!(value(&set, "vm.nr_hugepages"), "2048");
    assert_eq!(value(&set, "kernel.shmall"), "2097152");
}

#[test]
fn an_upper_layer_overrides_and_null_lets_go() {
    let base = "name: base\nparameters: { vm.swappiness: 10, vm.max_map_count: 65530, vm.dirty_ratio: 20 }\n";
    let top = "name: top\nextends: [base]\nparameters: { vm.swappiness: 1, vm.max_map_count: null, vm.dirty_bytes: 1GiB }\n";
    let set = good(&[("top", top), ("base", base)]);
    assert_eq!(set.name, "top");
    assert_eq!(value(&set, "vm.swappiness"), "1");
    assert!(wanted(&set, "vm.max_map_count").is_none());
    assert!(wanted(&set, "vm.dirty_ratio").is_none(), "the other half gives way");
    assert_eq!(set.sources.len(), 2);
}

#[test]
fn roles_that_disagree_are_an_error_unless_settled() {
    let one = "name: one\nparameters: { vm.swappiness: 1 }\n";
    let two = "name: two\nparameters: { vm.swappiness: 10 }\n";
    let host = "name: host\nextends: [one, two]\n";
    let files = |host| [("host", host), ("one", one), ("two", two)];
    assert_eq!(bad(&files(host)), ["two extended baselines disagree on vm.swappiness"]);
    let settled = "name: host\nextends: [one, two]\nparameters: { vm.swappiness: 5 }\n";
    assert_eq!(value(&good(&files(settled)), "vm.swappiness"), "5");
    let let_go = "name: host\nextends: [one, two]\nparameters: { vm.swappiness: null }\n";
    assert!(wanted(&good(&files(let_go)), "vm.swappiness").is_none());
}

#[test]
fn what_overrides_a_common_base_wins_over_a_sibling_that_only_inherits_it() {
    let base = "name: base\nparameters: { vm.swappiness: 10 }\n";
    let one = "name: one\nextends: [base]\nparameters: { vm.swappiness: 1 }\n";
    let two = "name: two\nextends: [base]\nparameters: { vm.max_map_count: 1 }\n";
    for order in ["[one, two]", "[two, one]"] {
        let host = format!("name: host\nextends: {order}\n");
        let set = good(&[("host", &host), ("one", one), ("two", two), ("base", base)]);
        assert_eq!(value(&set, "vm.swappiness"), "1", "{order}");
    }
}

#[test]
fn halves_of_a_pair_in_two_roles_disagree() {
    let one = "name: one\nparameters: { vm.dirty_ratio: 20 }\n";
    let two = "name: two\nparameters: { vm.dirty_bytes: 1GiB }\n";
    let host = "name: host\nextends: [one, two]\n";
    let messages = bad(&[("host", host), ("one", one), ("two", two)]);
    assert_eq!(messages, ["two extended baselines disagree on vm.dirty_bytes"]);
}

#[test]
fn patterns_expand_but_for_named_and_excluded_keys() {
    let text = "name: a
parameters:
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.eth0.rp_filter: 1
exclude: [net.ipv4.conf.docker0.rp_filter]
";
    let set = good(&[("a", text)]);
    assert_eq!(value(&set, "net.ipv4.conf.all.rp_filter"), "2");
    assert_eq!(value(&set, "net.ipv4.conf.eth0.rp_filter"), "1");
    assert!(wanted(&set, "net.ipv4.conf.docker0.rp_filter").is_none());
    assert_eq!(set.patterns.len(), 1);
    // By key, whichever way they came in.
    let names: Vec<_> = set.parameters.iter().filter_map(|d| d.key.components().nth(3)).collect();
    assert_eq!(names, ["all", "default", "eth0", "lo"]);
}

#[test]
fn a_waiver_holds_on_its_last_day_and_not_after_it() {
    let text = |day: &str| {
        format!(
            "name: a\nparameters: {{ vm.swappiness: 1 }}\nwaivers:\n  - {{ key: vm/swappiness, until: {day}, reason: incident 4711 }}\n"
        )
    };
    let today = good(&[("a", &text("2026-11-24"))]);
    assert_eq!(
        wanted(&today, "vm.swappiness").unwrap().waiver.as_ref().unwrap().reason,
        "incident 4711"
    );
    let past = good(&[("a", &text("2026-11-23"))]);
    assert!(wanted(&past, "vm.swappiness").unwrap().waiver.is_none());
    assert_eq!(past.expired_waivers.len(), 1);
}

#[test]
fn a_waiver_is_told_of_two_weeks_before_its_end() {
    let days = |until: &str| {
        let text = format!(
            "name: a\nparameters: {{ vm.swappiness: 1 }}\nwaivers:\n  - {{ key: vm.swappiness, until: {until}, reason: x }}\n"
        );
        let set = good(&[("a", &text)]);
        set.ending_waivers.first().map(|(_, days)| *days)
    };
    assert_eq!(days("2026-11-23"), None, "it has ended");
    assert_eq!(days("2026-11-24"), Some(0), "today");
    assert_eq!(days("2026-12-08"), Some(14));
    assert_eq!(days("2026-12-09"), None);
    assert_eq!(days("2027-11-24"), None);
}

/// A host whose clock has not been set yet believes it is 1970: exceptions hold then.
#[test]
fn with_a_clock_older_than_the_baseline_waivers_hold() {
    let text = "name: a\nparameters: { vm.swappiness: 1 }\nwaivers:\n  - { key: vm.swappiness, until: 2026-11-23, reason: x }\n";
    let facts = Facts { today: "1970-01-01".into(), ..facts() };
    let (set, problems) = resolved(&[("a", text)], &facts);
    assert!(problems.is_empty(), "{problems:?}");
    assert!(wanted(&set, "vm.swappiness").unwrap().waiver.is_some());
    assert!(set.expired_waivers.is_empty() && set.ending_waivers.is_empty());
}

#[test]
fn on_drift_is_the_keys_own_or_the_documents_default() {
    let text = "name: a
defaults: { on_drift: report }
parameters:
  vm.swappiness: 1
  vm.max_map_count: { value: 655360, on_drift: yield }
";
    let set = good(&[("a", text)]);
    assert_eq!(wanted(&set, "vm.swappiness").unwrap().on_drift, OnDrift::Report);
    assert_eq!(wanted(&set, "vm.max_map_count").unwrap().on_drift, OnDrift::Yield);
}

#[test]
fn the_hash_is_that_of_the_texts_one_behind_the_other() {
    let set = good(&[("a", "name: a\n")]);
    // printf 'name: a\n' | sha256sum
    assert_eq!(set.sha256, "1e7e5f3c45fc71cc0d92ffd6a4136ce35256118f2cb9a940b09a9e336022a571");
}

#[test]
fn the_hash_of_more_than_a_block_is_the_same_in_any_pieces() {
    // The two-block message of FIPS 180-4's examples.
    let text = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno\
                 ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    for (first, second) in (0..=text.len()).map(|at| text.split_at(at)) {
        assert_eq!(
            sha256([first, second]),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        );
    }
}

#[test]
fn a_ring_of_extends_is_told_once() {
    let messages = bad(&[("a", "name: a\nextends: [b]\n"), ("b", "name: b\nextends: [a]\n")]);
    assert_eq!(messages, ["a baseline cannot extend itself: a -> b -> a"]);
}

#[test]
fn structural_and_semantic_problems_come_in_one_run() {
    let text = "name: a
descripton: x
parameters:
  vm.swappiness: yes
  vm.dirty_ratio: 10
  vm.dirty_bytes: 1GiB
  vm..x: 1
";
    assert_eq!(bad(&[("a", text)]).len(), 4, "{:?}", bad(&[("a", text)]));
}

#[test]
fn what_the_build_prepared_is_what_the_text_says() {
    for (name, text) in builtin::ALL {
        let found = builtin::found(name).unwrap();
        assert_eq!((found.name.as_str(), &*found.text), (&*format!("built-in:{name}"), *text));
        let made = found.prepared.unwrap();
        let (tree, problems) = yaml::parse(3, text);
        let (document, more) = read::document(3, &tree.unwrap());
        assert_eq!([problems, more], [[], []], "{name}");
        let shown = |document: &schema::Document| format!("{document:#?}");
        let prepared = prepared::read(3, made.document()).unwrap();
        assert_eq!(shown(&prepared), shown(&document), "{name}");
        assert!(made.document() == prepared::write(&document), "{name}");
        assert_eq!(made.sha256(), sha256([text.as_bytes()]), "{name}");
        // Damaged bytes are of no document; the text is read then.
        assert!(prepared::read(0, &made.document()[1..]).is_none(), "{name}");
        assert!(prepared::read(0, &[]).is_none());
    }
}

#[test]
fn what_no_built_in_baseline_has_survives_its_preparation() {
    let text = "name: a
description: all of it
extends: [b, ./c.yaml]
defaults: { on_drift: report }
parameters:
  vm.swappiness: null
  vm.dirty_ratio: { value: 010, at_least: 5, at_most: 5%, on_drift: prevent, allow: [one-way], reason: r }
  net.ipv4.conf.*.rp_filter: [1, '2']
  net.ipv4.conf.eth0/100.rp_filter: { percent_of_ram: 0.000001, module: m, source: s }
exclude: [net.ipv4.conf.docker0.rp_filter, 'net.ipv6.conf.[a-c]?.*']
actions: { vm.drop_caches: 3 }
when:
  - if: { ram: '>= 64GiB', numa_nodes: 2, kernel: '>= 5.8', virtualization: none, hostname: 'a*' }
    parameters: { vm.zone_reclaim_mode: 0 }
waivers:
  - { key: vm.swappiness, until: 2027-01-31, reason: incident }
";
    let (tree, problems) = yaml::parse(1, text);
    let (document, more) = read::document(1, &tree.unwrap());
    assert_eq!([problems, more], [[], []]);
    let bytes: &[u8] = prepared::write(&document).leak();
    let again = prepared::read(1, bytes).unwrap();
    assert_eq!(format!("{again:#?}"), format!("{document:#?}"));
    for length in 0..bytes.len() {
        assert!(prepared::read(1, &bytes[..length]).is_none(), "{length}");
    }
}

#[test]
fn every_built_in_baseline_resolves_on_every_host() {
    let gib = 1 << 20;
    let hosts = [(1, 1), (4, 1), (24, 1), (64, 2), (2048, 8)];
    let kernels = [(4, 18), (5, 14), (6, 1), (6, 18)];
    for (name, _) in builtin::ALL {
        for (ram, nodes) in hosts {
            for (major, minor) in kernels {
                let facts = Facts {
                    mem_total_kb: ram * gib,
                    numa_nodes: (0..nodes)
                        .map(|id| NumaNode { id, mem_total_kb: ram * gib / u64::from(nodes) })
                        .collect(),
                    kernel: Release::new(major, minor),
                    ..facts()
                };
                let mut fetch = |wanted: &Wanted<'_>| Ok(builtin::found(wanted.name).unwrap());
                let (layers, mut problems) = load(&[name], &mut fetch);
                let host =
                    Host { facts: &facts, expand: &|_| Matches::default(), exists: &|_| true };
                let (set, more) = resolve(&layers, &host);
                problems.extend(more);
                assert_eq!(problems, [], "{name} on {ram} GiB, kernel {major}.{minor}");
                assert!(set.parameters.iter().all(|d| d.reason.is_some() && d.reference.is_some()));
                let min_free = wanted(&set, "vm.min_free_kbytes").map(|d| d.requirement.clone());
                if let Some(Requirement::Exact(kb)) = min_free {
                    assert!(kb.parse::<u64>().unwrap() <= facts.mem_total_kb / 20, "{name}: {kb}");
                }
            }
        }
    }
}

/// The names below `properties` at a place of the schema.
fn named(schema: &serde_json::Value, place: &str) -> Vec<String> {
    let properties = schema.pointer(place).and_then(|p| p["properties"].as_object());
    properties.unwrap_or_else(|| panic!("nothing at {place}")).keys().cloned().collect()
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_json_schema_has_the_fields_that_are_read() {
    let text = include_str!("../../packaging/schema/baseline-1.schema.json");
    let schema: serde_json::Value = serde_json::from_str(text).unwrap();
    let listed = |place: &str| {
        let list = schema.pointer(place).and_then(|l| l.as_array()).unwrap();
        sorted(list.iter().filter_map(|v| v.as_str()))
    };
    let properties = |place| sorted(named(&schema, place).iter().map(String::as_str));
    assert_eq!(properties(""), sorted(FIELDS.iter().copied()));
    assert_eq!(properties("/$defs/terms"), sorted(read::ENTRY.iter().copied()));
    let facts = sorted(FactName::NAMES.iter().map(|(name, _)| *name));
    assert_eq!(properties("/$defs/conditions"), facts);
    let on_drift = sorted(OnDrift::NAMES.iter().map(|(name, _)| *name));
    assert_eq!(listed("/$defs/on_drift/enum"), on_drift);
    let guards = sorted(crate::catalogue::Hazard::GUARDS);
    assert_eq!(listed("/$defs/terms/properties/allow/items/enum"), guards);
}

#[test]
fn what_does_not_count_here_is_judged_for_any_host() {
    let text = |entry: &str| {
        format!("name: a\nwhen:\n  - if: {{ ram: '< 1GiB' }}\n    parameters: {{ {entry} }}\n")
    };
    for good_there in [
        // Some kernel, page size or amount of memory makes it right.
        "vm.swappiness: 200",
        "net.ipv4.tcp_mem: [64KiB, 6KiB, 128KiB]",
        "vm.min_free_kbytes: { at_least: 5%, at_most: 64MiB }",
        "vm.dirty_bytes: { percent_of_ram: 0, at_least: 8KiB }",
        "vm.not_in_any_catalogue: 1",
        "vm.nr_hugepages: 4GiB",
        "net.ipv4.conf.dummy*.rp_filter: 1",
    ] {
        let text = text(good_there);
        assert!(good(&[("a", &text)]).parameters.is_empty(), "{good_there}");
    }
    for (bad_anywhere, told) in [
        ("vm.swappiness: 201", "201 is out of range"),
        ("net.ipv4.conf.*.rp_filter: loose", "\"loose\" is not a whole number"),
        ("vm.dirty_bytes: 8K", "\"8K\" does not say"),
        ("fs.file-nr: 1", "fs.file-nr is read-only"),
    ] {
        let messages = bad(&[("a", &text(bad_anywhere))]);
        assert!(messages[0].starts_with(told), "{messages:?}");
    }
}

/// Quotes make no other number of it.
#[test]
fn octal_is_told_quoted_or_not_e9() {
    for text in ["010", "'010'", "\"010\"", "{ value: '010' }"] {
        let text = format!("name: a\nparameters: {{ net.core.somaxconn: {text} }}\n");
        let (set, problems) = resolved(&[("a", &text)], &facts());
        assert_eq!(value(&set, "net.core.somaxconn"), "8");
        let told: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(told, ["010 is octal for the kernel: 8"]);
    }
}

#[test]
fn a_range_goes_up_e19() {
    let ports =
        |range: &str| format!("name: a\nparameters: {{ net.ipv4.ip_local_port_range: {range} }}\n");
    for (range, told) in
        [("[65500, 9000]", "65500 to 9000 is no range"), ("[0, 80]", "0 is out of range")]
    {
        let messages = bad(&[("a", &ports(range))]);
        assert!(messages[0].starts_with(told), "{messages:?}");
    }
    assert_eq!(
        value(&good(&[("a", &ports("[9000, 9000]"))]), "net.ipv4.ip_local_port_range"),
        "9000 9000"
    );
    let groups =
        |range: &str| format!("name: a\nparameters: {{ net.ipv4.ping_group_range: {range} }}\n");
    assert_eq!(value(&good(&[("a", &groups("[1, 0]"))]), "net.ipv4.ping_group_range"), "1 0");
    assert_eq!(bad(&[("a", &groups("[9, 3]"))]), ["9 to 3 is no range: it goes down"]);
}
