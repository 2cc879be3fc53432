//! What remains where several layers, roles or blocks speak of one parameter, or of one pair.
use super::*;

/// What is desired, as `key=value`.
fn remains(files: &[(&str, &str)]) -> Vec<String> {
    let set = good(files);
    set.parameters.iter().map(|d| format!("{}={}", d.key, d.requirement)).collect()
}

#[test]
fn null_leaves_one_half_of_a_pair_alone_and_the_other_stands() {
    for pair in
        ["vm.dirty_ratio: 5, vm.dirty_bytes: null", "vm.dirty_bytes: null, vm.dirty_ratio: 5"]
    {
        let file = format!("name: a\nparameters: {{ {pair} }}\n");
        assert_eq!(remains(&[("a", &file)]), ["vm.dirty_ratio=5"], "{pair}");
    }
    let file = "name: a\nparameters: { vm.dirty_bytes: 64MiB, vm.dirty_ratio: null }\n";
    assert_eq!(remains(&[("a", file)]), ["vm.dirty_bytes=67108864"]);
    for (held, value) in [("vm.dirty_ratio", "5"), ("vm.dirty_bytes", "67108864")] {
        let (half, other) = match held {
            "vm.dirty_ratio" => ("vm.dirty_bytes", "65536"),
            _ => ("vm.dirty_ratio", "7"),
        };
        let expected = [format!("{held}={value}")];
        // Of layers, the upper one leaves what the lower one does not speak of, or both do.
        let low = format!("name: low\nparameters: {{ {held}: {value} }}\n");
        let top = format!("name: top\nextends: [low]\nparameters: {{ {half}: null }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} left alone above");
        let low = format!("name: low\nparameters: {{ {half}: null }}\n");
        let top = format!("name: top\nextends: [low]\nparameters: {{ {held}: {value} }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} left alone below");
        let low = format!("name: low\nparameters: {{ {half}: {other} }}\n");
        let top =
            format!("name: top\nextends: [low]\nparameters: {{ {half}: null, {held}: {value} }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} let go above");
        let when = format!(
            "name: a\nparameters: {{ {held}: {value} }}\nwhen:\n  - if: {{ numa_nodes: 2 }}\n    parameters: {{ {half}: null }}\n"
        );
        assert_eq!(remains(&[("a", &when)]), expected, "{half} left alone by a block");
    }
}

#[test]
fn null_settles_which_half_of_two_roles_counts() {
    let one = "name: one\nparameters: { vm.dirty_ratio: 20 }\n";
    let two = "name: two\nparameters: { vm.dirty_bytes: 1GiB }\n";
    let roles = |order: &str, half: &str| {
        let host = format!("name: host\nextends: {order}\nparameters: {{ {half}: null }}\n");
        remains(&[("host", &host), ("one", one), ("two", two)])
    };
    for order in ["[one, two]", "[two, one]"] {
        assert_eq!(roles(order, "vm.dirty_bytes"), ["vm.dirty_ratio=20"], "{order}");
        assert_eq!(roles(order, "vm.dirty_ratio"), ["vm.dirty_bytes=1073741824"], "{order}");
    }
    // The other half says nothing about which of two values counts.
    let other = "name: two\nparameters: { vm.dirty_ratio: 30 }\n";
    let host = "name: host\nextends: [one, two]\nparameters: { vm.dirty_bytes: null }\n";
    let messages = bad(&[("host", host), ("one", one), ("two", other)]);
    assert_eq!(messages, ["two extended baselines disagree on vm.dirty_ratio"]);
}

#[test]
fn roles_that_say_the_same_in_other_spellings_agree() {
    let roles = |one: &str, two: &str| {
        let file = |name: &str, entry: &str| format!("name: {name}\nparameters: {{ {entry} }}\n");
        let host = "name: host\nextends: [one, two]\n";
        bad(&[("host", host), ("one", &file("one", one)), ("two", &file("two", two))])
    };
    for (one, two) in [
        ("vm.min_free_kbytes: 64MiB", "vm.min_free_kbytes: 65536"),
        ("vm.min_free_kbytes: 0x10000", "vm.min_free_kbytes: 65536"),
        ("vm.max_map_count: { at_least: 0x10 }", "vm.max_map_count: { at_least: 16 }"),
        (
            "vm.min_free_kbytes: { percent_of_ram: 1, at_least: 64MiB, at_most: 5% }",
            "vm.min_free_kbytes: { percent_of_ram: 1.0, at_least: 65536, at_most: 5 % }",
        ),
        ("net.ipv4.tcp_rmem: [4096, 5000, 6000]", "net.ipv4.tcp_rmem: 4096 5000  6000"),
        (
            "net.ipv4.ip_local_reserved_ports: '8080,8081'",
            "net.ipv4.ip_local_reserved_ports: 8080-8081",
        ),
        ("net.ipv4.ip_forward: true", "net.ipv4.ip_forward: 1"),
        ("vm.of_no_catalogue: 0x10", "vm.of_no_catalogue: 16"),
        ("net.ipv4.conf.*.rp_filter: 0x2", "net.ipv4.conf.*.rp_filter: 2"),
    ] {
        assert!(roles(one, two).is_empty(), "{one} beside {two}: {:?}", roles(one, two));
        assert!(roles(two, one).is_empty(), "{two} beside {one}");
    }
    for (one, two) in [
        ("vm.min_free_kbytes: 64MiB", "vm.min_free_kbytes: 65537"),
        ("vm.min_free_kbytes: { percent_of_ram: 1 }", "vm.min_free_kbytes: 671088"),
        ("vm.max_map_count: { at_least: 17 }", "vm.max_map_count: 16"),
        ("vm.max_map_count: { at_least: 17 }", "vm.max_map_count: { at_most: 16 }"),
        ("vm.max_map_count: { at_least: 16 }", "vm.max_map_count: null"),
        ("net.ipv4.tcp_rmem: [4096, 5000]", "net.ipv4.tcp_rmem: [4096, 5000, 6000]"),
        ("net.ipv4.ip_local_reserved_ports: 8080", "net.ipv4.ip_local_reserved_ports: 8080-8081"),
    ] {
        assert_eq!(roles(one, two).len(), 1, "{one} beside {two}");
        assert_eq!(roles(two, one).len(), 1, "{two} beside {one}");
    }
    let blocks = "name: a
when:
  - { if: { ram: '>= 1GiB' }, parameters: { vm.min_free_kbytes: 64MiB } }
  - { if: { numa_nodes: '>= 2' }, parameters: { vm.min_free_kbytes: 65536 } }
";
    assert!(bad(&[("a", blocks)]).is_empty());
}

#[test]
fn roles_whose_bounds_can_be_had_together_agree() {
    let roles = |entries: &[&str]| {
        let names = ["one", "two", "three"];
        let file = |(name, entry): (&str, &&str)| {
            format!("name: {name}\nparameters:\n  vm.max_map_count: {entry}\n")
        };
        let texts: Vec<String> = names.into_iter().zip(entries).map(file).collect();
        let host = format!("name: host\nextends: [{}]\n", names[..entries.len()].join(", "));
        let mut files = vec![("host", host.as_str())];
        files.extend(names.into_iter().zip(texts.iter().map(String::as_str)));
        remains(&files).concat()
    };
    for (entries, expected) in [
        // The higher of two lower bounds, the lower of two upper ones.
        (&["{ at_least: 16 }", "{ at_least: 32 }"][..], ">= 32"),
        (&["{ at_most: 16 }", "{ at_most: 32 }"], "<= 16"),
        (&["{ at_least: 16 }", "{ at_most: 32 }"], "16 to 32"),
        (&["{ at_least: 16, at_most: 40 }", "{ at_least: 20, at_most: 64 }"], "20 to 40"),
        (&["{ at_least: 16, at_most: 64 }", "{ at_least: 20, at_most: 40 }"], "20 to 40"),
        (&["{ at_least: 16 }", "{ at_most: 16 }"], "16"),
        // A value within a bound.
        (&["{ at_least: 16 }", "16"], "16"),
        (&["{ at_most: 64 }", "{ value: 8, at_least: 20 }"], "20"),
        (&["{ at_least: 16 }", "{ at_most: 32 }", "24"], "24"),
        (&["{ at_least: 16 }", "{ at_most: 32 }", "{ at_least: 20 }"], "20 to 32"),
    ] {
        let wanted = format!("vm.max_map_count={expected}");
        let mut turned = entries.to_vec();
        turned.reverse();
        assert_eq!(roles(entries), wanted, "{entries:?}");
        assert_eq!(roles(&turned), wanted, "{turned:?}");
    }
}

#[test]
fn two_bounds_are_told_with_the_reasons_of_both() {
    let one = "name: one
parameters:
  vm.min_free_kbytes: { at_least: 1%, reason: for bursts, source: a }
";
    let two = "name: two
parameters:
  vm.min_free_kbytes: { at_least: 64MiB, at_most: 2GiB, reason: for all else, source: b, allow: [min-free-above-5-percent] }
";
    let files = [("host", "name: host\nextends: [one, two]\n"), ("one", one), ("two", two)];
    let (set, problems) = resolved(&files, &facts());
    assert!(problems.is_empty(), "{problems:?}");
    let desired = wanted(&set, "vm.min_free_kbytes").unwrap();
    assert_eq!(desired.requirement.to_string(), "671088 to 2097152");
    assert_eq!(desired.reason.as_deref(), Some("for bursts; for all else"));
    assert_eq!(desired.reference.as_deref(), Some("a; b"));
    assert_eq!(desired.allow, ["min-free-above-5-percent"]);
    assert_eq!(desired.arithmetic.as_deref(), Some("1 % of 67108864 kB = 671088 kB"));
    // With less memory the other bound decides, and it still follows the memory.
    let small = Facts { mem_total_kb: 4 << 20, ..facts() };
    let (set, _) = resolved(&files, &small);
    let desired = wanted(&set, "vm.min_free_kbytes").unwrap();
    assert_eq!(desired.requirement.to_string(), "65536 to 2097152");
    assert!(desired.from_ram);
}

#[test]
fn who_overrides_a_bound_overrides_all_that_stand_beside_it() {
    let files = [
        ("host", "name: host\nextends: [top, one, two]\n"),
        ("top", "name: top\nextends: [one, two]\nparameters: { vm.max_map_count: 8 }\n"),
        ("one", "name: one\nparameters: { vm.max_map_count: { at_least: 16 } }\n"),
        ("two", "name: two\nparameters: { vm.max_map_count: { at_most: 32 } }\n"),
    ];
    assert_eq!(remains(&files), ["vm.max_map_count=8"]);
    // What a pattern asks for is narrowed as well, and policies must agree all the same.
    let files = |policy: &str| {
        [
            ("host", "name: host\nextends: [one, two]\n".to_owned()),
            ("one", "name: one\nparameters: { net.ipv4.conf.*.rp_filter: { at_least: 1, on_drift: report } }\n".to_owned()),
            ("two", format!("name: two\nparameters: {{ net.ipv4.conf.*.rp_filter: {{ value: 2, on_drift: {policy} }} }}\n")),
        ]
    };
    let of = |policy: &str| {
        let files = files(policy);
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let (set, problems) = resolved(&files, &facts());
        (set, problems.len())
    };
    let (set, problems) = of("report");
    assert_eq!((value(&set, "net.ipv4.conf.lo.rp_filter").as_str(), problems), ("2", 0));
    assert_eq!(of("yield").1, 1);
}

#[test]
fn roles_that_disagree_on_an_action_or_on_drift_are_an_error() {
    let roles = |one: &str, two: &str, own: &str| {
        let host = format!("name: host\nextends: [one, two]\n{own}");
        let files = [
            ("host", host),
            ("one", format!("name: one\n{one}")),
            ("two", format!("name: two\n{two}")),
        ];
        let (set, problems) =
            resolved(&files.each_ref().map(|(name, text)| (*name, text.as_str())), &facts());
        let told = problems.into_iter().filter(Diagnostic::is_error);
        (set, told.map(|p| (p.message, p.related.len())).collect::<Vec<_>>())
    };
    let drop = |value| format!("actions: {{ vm.drop_caches: {value} }}\n");
    let on = "two extended baselines disagree on vm.drop_caches".to_owned();
    assert_eq!(roles(&drop(1), &drop(3), "").1, [(on, 2)]);
    assert!(roles(&drop(1), &drop(3), &drop(3)).1.is_empty());
    assert!(roles(&drop(1), &drop(1), "").1.is_empty());
    let held = |policy: &str| {
        format!("parameters: {{ vm.swappiness: {{ value: 1, on_drift: {policy} }} }}\n")
    };
    let on = "two extended baselines disagree on `on_drift` of vm.swappiness: report and prevent";
    assert_eq!(roles(&held("report"), &held("prevent"), "").1, [(on.to_owned(), 2)]);
    assert!(roles(&held("report"), &held("prevent"), &held("yield")).1.is_empty());
    // Who says nothing about it has nothing against what the other says, on either side.
    let plain = "parameters: { vm.swappiness: 1 }\n";
    for (one, two) in [(plain, held("report")), (&held("report"), plain.to_owned())] {
        let (set, told) = roles(one, &two, "");
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(wanted(&set, "vm.swappiness").unwrap().on_drift, OnDrift::Report);
    }
    let by_default = "defaults: { on_drift: report }\nparameters: { vm.swappiness: 1 }\n";
    assert_eq!(roles(by_default, &held("prevent"), "").1.len(), 1);
    let blocks = "name: a
when:
  - { if: { ram: '>= 1GiB' }, parameters: { vm.swappiness: { value: 1, on_drift: report } } }
  - { if: { numa_nodes: 2 }, parameters: { vm.swappiness: { value: 1, on_drift: yield } } }
";
    assert_eq!(bad(&[("a", blocks)]).len(), 1);
}

#[test]
fn what_is_left_out_and_set_anew_overrides_a_common_base() {
    let base =
        "name: base\nparameters: { net.ipv4.conf.eth0.rp_filter: 2, vm.dirty_bytes: 1GiB }\n";
    let heir = "name: heir\nextends: [base]\n";
    for (own, expected) in [
        (
            "parameters: { net.ipv4.conf.eth0.rp_filter: 1 }\nexclude: [net.ipv4.conf.*.rp_filter]\n",
            ["net.ipv4.conf.eth0.rp_filter=1", "vm.dirty_bytes=1073741824"],
        ),
        (
            "parameters: { vm.dirty_ratio: 5 }\nexclude: [vm.dirty_bytes]\n",
            ["net.ipv4.conf.eth0.rp_filter=2", "vm.dirty_ratio=5"],
        ),
    ] {
        let anew = format!("name: anew\nextends: [base]\n{own}");
        for order in ["[anew, heir]", "[heir, anew]"] {
            let host = format!("name: host\nextends: {order}\n");
            let files = [("host", &*host), ("anew", &anew), ("heir", heir), ("base", base)];
            assert_eq!(remains(&files), expected, "{order}");
        }
    }
    // Of a pair, too, whatever was overridden on the way to it.
    let mid = "name: mid\nextends: [base]\nparameters: { vm.dirty_bytes: 2GiB }\n";
    let top = "name: top\nextends: [mid]\nparameters: { vm.dirty_ratio: 5 }\n";
    let host = "name: host\nextends: [top, heir]\n";
    let files = [("host", host), ("top", top), ("mid", mid), ("heir", heir), ("base", base)];
    assert_eq!(remains(&files), ["net.ipv4.conf.eth0.rp_filter=2", "vm.dirty_ratio=5"]);
}
