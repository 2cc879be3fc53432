//! The tables as a whole: what must hold of each of their rows.
#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeSet;

use super::*;
use crate::key::{Selector, glob_matches, has_wildcard};
use crate::observed::Release;
use crate::value::{Shape, Unit};

/// The entry of the tables that a row was made of.
fn entry_of(p: Parameter) -> Entry {
    Entry {
        key: p.key(),
        summary: p.summary(),
        source: p.source(),
        shape: p.shape(),
        unit: p.unit(),
        ranges: p.ranges(),
        kind: p.kind(),
        latch: p.latch(),
        scope: p.scope(),
        pair: p.pair(),
        order: p.order(),
        effects: p.effects(),
        module: p.module(),
        since: p.since(),
        until: p.until(),
        hazard: p.hazard(),
        unlimited: match p.special() {
            Some(Special::NoLimit(number)) => Some(number),
            _ => None,
        },
        sized_at_boot: p.is_sized_at_boot(),
        reads_back: p.reads_back(),
        owners: p.owners().collect::<Vec<_>>().leak(),
    }
}

fn entry(path: &str) -> Parameter {
    lookup(&Key::from_path(path).unwrap()).unwrap_or_else(|| panic!("{path} is not known"))
}

#[test]
fn tables_are_sorted_and_unique() {
    for table in TABLES {
        for pair in table.windows(2) {
            assert!(pair[0].key < pair[1].key, "{} before {}", pair[0].key, pair[1].key);
        }
    }
    let mut seen = BTreeSet::new();
    for p in all() {
        assert!(seen.insert(p.key()), "{} is in two tables", p.key());
    }
    assert!(seen.len() >= 120, "only {} parameters are known", seen.len());
}

#[test]
fn what_is_carried_is_what_the_tables_say() {
    assert!(all().map(entry_of).eq(TABLES.iter().copied().flatten().copied()));
}

#[test]
fn every_key_is_a_canonical_path() {
    for p in all() {
        let parsed = Selector::parse(p.key()).unwrap_or_else(|e| panic!("{}: {e}", p.key()));
        assert_eq!(parsed.as_path(), p.key());
        assert_eq!(
            p.is_pattern(),
            has_wildcard(p.key()),
            "{}: only * may stand for names",
            p.key()
        );
    }
}

#[test]
fn lookup_finds_every_entry_and_nothing_else() {
    for p in all() {
        let path = p.key().replace('*', "eth0.100");
        assert_eq!(entry(&path).shape(), p.shape(), "{path}");
        if !p.is_pattern() {
            assert_eq!(entry(&path).key(), p.key());
        }
    }
    for unknown in ["vm", "vm/swappines", "vm/swappiness/x", "zz/top"] {
        assert_eq!(lookup(&Key::from_path(unknown).unwrap()), None, "{unknown}");
    }
    // What the look-up of patterns relies on.
    for p in all().filter(Parameter::is_pattern) {
        let stars: Vec<usize> = p
            .key()
            .split('/')
            .enumerate()
            .filter(|(_, c)| c.contains('*'))
            .map(|(n, _)| n)
            .collect();
        assert!(stars.len() == 1 && stars[0] > 0, "{}", p.key());
        assert!(p.key().split('/').any(|c| c == "*"), "{}", p.key());
    }
}

#[test]
fn texts_are_one_plain_sentence() {
    for p in all() {
        assert!(!p.summary().is_empty() && !p.source().is_empty(), "{}", p.key());
        assert!(!p.summary().ends_with('.'), "{}: final full stop", p.key());
        assert!(p.summary().len() <= 110, "{}: {} bytes", p.key(), p.summary().len());
        let texts = [Some(p.summary()), Some(p.source()), p.reads_back(), p.module()];
        for text in texts.into_iter().flatten().chain(p.owners()) {
            assert!(!text.is_empty() && text == text.trim(), "{}: {text:?}", p.key());
            assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text:?}", p.key());
        }
    }
}

#[test]
fn ranges_are_ordered_newest_first() {
    for p in all() {
        for r in p.ranges() {
            assert!(r.min <= r.max, "{}: {} above {}", p.key(), r.min, r.max);
        }
        if let Some(newest) = p.ranges().first() {
            assert_eq!(newest.until, None, "{}: no range for the newest kernels", p.key());
            let numbers = p.shape().field_count().is_some() || p.shape() == Shape::Bitmap;
            assert!(numbers, "{}: a range without numbers", p.key());
        }
        for pair in p.ranges().windows(2) {
            let later = pair[0].until.unwrap_or(Release::new(u16::MAX, 0));
            assert!(pair[1].until.is_some_and(|u| u < later), "{}: order of ranges", p.key());
            assert!((pair[0].min, pair[0].max) != (pair[1].min, pair[1].max), "{}: same", p.key());
        }
    }
}

#[test]
fn releases_are_in_order() {
    for p in all() {
        if let (Some(since), Some(until)) = (p.since(), p.until()) {
            assert!(since < until, "{}: gone before it came", p.key());
        }
        for r in p.ranges().iter().filter_map(|r| r.until) {
            assert!(p.since().is_none_or(|s| s < r), "{}: a range before it came", p.key());
            assert!(p.until().is_none_or(|u| r < u), "{}: a range after it went", p.key());
        }
    }
}

#[test]
fn pairs_are_mutual() {
    for p in all() {
        let Some(leaf) = p.pair() else { continue };
        let other = entry(Key::from_path(p.key()).unwrap().sibling(leaf).as_path());
        assert_eq!(other.pair(), p.key().rsplit('/').next(), "{} and {}", p.key(), other.key());
        assert_ne!(other.key(), p.key());
        assert!(p.shape().is_single_number() && p.kind() == Kind::Setting, "{}", p.key());
    }
    for (one, other) in [
        ("vm/dirty_bytes", "dirty_ratio"),
        ("vm/dirty_background_bytes", "dirty_background_ratio"),
        ("vm/overcommit_kbytes", "overcommit_ratio"),
    ] {
        assert_eq!(entry(one).pair(), Some(other));
    }
}

/// A look-up finds one limit.
#[test]
fn a_number_without_a_limit_can_be_written() {
    for p in all() {
        let Some(Special::NoLimit(number)) = p.special() else { continue };
        assert!(p.shape().is_single_number() && p.kind() != Kind::Action, "{}", p.key());
        for range in p.ranges() {
            assert!(range.contains(number.into()), "{}: {number}", p.key());
        }
    }
    let amount = |path: &str, number| Special::amount(entry(path).special(), number);
    assert_eq!(amount("net/netfilter/nf_conntrack_max", 0), Some(i128::MAX));
    assert_eq!(amount("net/netfilter/nf_conntrack_max", 7), Some(7));
    assert_eq!(amount("kernel/sched_rt_runtime_us", -1), Some(i128::MAX));
    assert_eq!(amount("kernel/sched_rt_runtime_us", 0), Some(0));
    assert_eq!(amount("vm/dirty_bytes", 0), None);
    assert_eq!(amount("vm/swappiness", 0), Some(0));
}

#[test]
fn what_is_sized_at_boot_is_one_number() {
    for p in all().filter(|p| p.is_sized_at_boot()) {
        assert!(p.shape().is_single_number() && p.kind() == Kind::Setting, "{}", p.key());
    }
    for path in ["vm/min_free_kbytes", "kernel/threads-max", "fs/file-max"] {
        assert!(entry(path).is_sized_at_boot(), "{path}");
    }
}

#[test]
fn a_parameter_is_part_of_one_limit() {
    let all: Vec<&str> = limits().flat_map(|(lower, upper)| [lower, upper]).collect();
    assert!(all.len() >= 14);
    for path in &all {
        assert_eq!(all.iter().filter(|other| *other == path).count(), 1, "{path}");
        let limit = limit_of(path).unwrap();
        assert!(limit.keys.contains(path) && limit.starts[0] <= limit.starts[1], "{limit:?}");
    }
    assert!(limit_of("vm/swappiness").is_none());
}

#[test]
fn targets_of_orders_and_effects_are_known() {
    for p in all() {
        for order in p.order() {
            let target = match order {
                Order::After(target) | Order::AtMost(target, ..) | Order::ZeroWhileZero(target) => {
                    *target
                }
                Order::RefusedWhile(target, _) | Order::NeedsSecret(.., target) => target,
                Order::AfterBeside(leaf) => {
                    let (parent, _) = p.key().rsplit_once('/').unwrap();
                    let beside = format!("{parent}/{leaf}");
                    assert!(all().any(|o| o.key() == beside), "{}: no {beside}", p.key());
                    continue;
                }
            };
            let known = Key::from_path(target).ok().and_then(|key| lookup(&key));
            let other = known.unwrap_or_else(|| panic!("{}: no {target}", p.key()));
            assert_ne!(other.key(), p.key());
            if !matches!(order, Order::After(_) | Order::NeedsSecret(..)) {
                let first =
                    |shape: Shape| shape.is_single_number() || matches!(shape, Shape::Numbers(_));
                assert!(p.shape().is_single_number() && first(other.shape()), "{}", p.key());
            }
        }
        for effect in p.effects() {
            let hit = match effect {
                Effect::Copies(target)
                | Effect::CopiesToInterfaces(target)
                | Effect::ClearsInterfaces(target)
                | Effect::SetsInterfaces(target, _)
                | Effect::Gates(target)
                | Effect::Inverts(target) => {
                    all().any(|o| o.key() == *target || glob_matches(target, o.key()))
                }
                Effect::SetsBeside(leaf, _) | Effect::AddsWordBeside(leaf) => {
                    let (parent, _) = p.key().rsplit_once('/').unwrap();
                    all().any(|o| o.key() == format!("{parent}/{leaf}"))
                }
                Effect::Rescales(leaf, factor) => {
                    // The two are each other's, with factors that are each other's reverse.
                    let (parent, own) = p.key().rsplit_once('/').unwrap();
                    let reverse = factor.map(|(times, over)| (over, times));
                    let other = all().find(|o| o.key() == format!("{parent}/{leaf}"));
                    other.is_some_and(|o| o.effects() == [Effect::Rescales(own, reverse)])
                }
            };
            assert!(hit, "{} changes the unknown {effect:?}", p.key());
        }
    }
}

#[test]
fn orders_have_no_circle() {
    // Whoever follows `After` from any parameter comes to an end.
    for start in all() {
        let mut reached = vec![start.key()];
        let mut at = 0;
        while let Some(p) = reached.get(at).and_then(|k| all().find(|p| p.key() == *k)) {
            at += 1;
            for order in p.order() {
                let Order::After(target) = order else { continue };
                assert_ne!(*target, start.key(), "{} must come before itself", start.key());
                if !reached.contains(target) {
                    reached.push(target);
                }
            }
        }
    }
}

#[test]
fn kinds_and_hazards_agree() {
    for p in all() {
        let one_way = p.hazard() == Some(Hazard::OneWay);
        assert_eq!(p.kind() == Kind::Latch, one_way, "{}: a latch is one-way", p.key());
        assert_eq!(p.latch().is_some(), one_way, "{}: since which value", p.key());
        match p.kind() {
            Kind::Action => {
                assert_eq!(p.pair(), None, "{}", p.key());
                assert!(p.order().is_empty(), "{}: an action in an order", p.key());
            }
            Kind::Counter => assert!(p.hazard().is_none() && p.pair().is_none(), "{}", p.key()),
            Kind::Setting | Kind::Latch | Kind::Secret => {}
        }
        if p.unit() != Unit::None {
            assert!(p.shape().field_count().is_some(), "{}: a unit without a number", p.key());
        }
        if p.unit() == Unit::Percent {
            assert_ne!(p.shape(), crate::value::Shape::Bool, "{}", p.key());
        }
    }
}

#[test]
fn ranges_follow_the_kernel_e13() {
    let on = |path: &str, major, minor| {
        entry(path).range_on(Release::new(major, minor)).map(|r| (r.min, r.max))
    };
    assert_eq!(on("vm/swappiness", 5, 7), Some((0, 100)));
    assert_eq!(on("vm/swappiness", 5, 8), Some((0, 200)));
    assert_eq!(on("vm/overcommit_memory", 6, 18), Some((0, 2)));
    assert_eq!(on("vm/dirty_ratio", 4, 18), Some((0, 100)));
    assert_eq!(on("vm/page-cluster", 6, 2), Some((0, 31)));
    assert_eq!(on("vm/watermark_scale_factor", 6, 18), Some((1, 3000)));
    assert_eq!(on("vm/watermark_scale_factor", 5, 16), Some((1, 1000)));
    assert_eq!(on("kernel/unprivileged_bpf_disabled", 5, 10), Some((0, 2)));
    for (path, first) in [("hung_task_panic", (6, 19)), ("softlockup_panic", (7, 0))] {
        let path = format!("kernel/{path}");
        assert_eq!(on(&path, 6, 18), Some((0, 1)), "{path}");
        assert_eq!(on(&path, first.0, first.1), Some((0, i32::MAX.into())), "{path}");
    }
    assert_eq!(on("vm/compact_memory", 6, 1), Some((i32::MIN.into(), i32::MAX.into())));
    assert_eq!(on("fs/xfs/panic_mask", 6, 12), Some((0, 511)));
    assert!(on("vm/zone_reclaim_mode", 6, 18).unwrap().1 > 8, "8 is accepted");
    assert!(on("vm/overcommit_ratio", 6, 18).unwrap().1 > 101, "101 is accepted");
    assert!(on("vm/dirty_writeback_centisecs", 6, 18).unwrap().0 < -5, "-5 is accepted");
    assert_eq!(on("kernel/numa_balancing", 5, 15), Some((0, 1)));
    assert_eq!(on("kernel/numa_balancing", 6, 1), Some((0, 4)));
}

/// Of no kernel's clock are there fewer than 100 ticks a second.
#[test]
fn seconds_without_a_range_are_kept_in_clock_ticks() {
    let limits = |path: &str| entry(path).time_limits().map(|r| (r.min, r.max));
    for path in ["vm/stat_interval", "fs/nfs/idmap_cache_timeout", "net/ipv4/tcp_keepalive_time"] {
        assert_eq!(limits(path), Some((-21_474_836, 21_474_836)), "{path}");
    }
    for path in ["kernel/random/urandom_min_reseed_secs", "kernel/panic", "kernel/sysrq"] {
        assert_eq!(limits(path), None, "{path}");
    }
}

/// Each is one that every kernel refuses beyond, and this one's own range need not be as wide.
#[test]
fn ranges_that_depend_on_the_machine_are_told_from_others() {
    let here = Release::new(6, 18);
    for path in [
        "kernel/msgmni",
        "kernel/pid_max",
        "kernel/shmmni",
        "net/core/max_skb_frags",
        "net/ipv4/tcp_probe_interval",
        "net/ipv6/conf/eth0/mtu",
        "vm/dirty_bytes",
    ] {
        assert!(entry(path).range_on(here).unwrap().outer, "{path}");
    }
    let fragments = entry("net/ipv4/ipfrag_high_thresh");
    assert!(!fragments.range_on(here).unwrap().outer);
    assert_eq!(fragments.range_on(Release::new(4, 16)).unwrap().max, i32::MAX.into());
}

/// The number of sets is checked by itself, the others are not.
#[test]
fn the_fourth_number_of_semaphores_has_a_limit_of_its_own() {
    let sem = entry("kernel/sem");
    let max = |place, kernel| sem.limits_at(place, kernel).unwrap().max;
    let all = i128::from(i32::MAX);
    assert_eq!([0, 1, 2, 3].map(|place| max(place, Release::new(6, 18))), [all, all, all, 1 << 24]);
    assert_eq!(max(3, Release::new(4, 19)), all);
}

#[test]
fn what_only_reports_is_never_a_setting_e32() {
    let volatile = [
        "fs/dentry-state",
        "fs/file-nr",
        "fs/inode-nr",
        "fs/inode-state",
        "kernel/ns_last_pid",
        "kernel/pty/nr",
        "kernel/random/entropy_avail",
        "kernel/random/uuid",
    ];
    for path in volatile {
        assert_eq!(entry(path).kind(), Kind::Counter, "{path}");
    }
}

#[test]
fn what_cannot_be_undone_or_runs_programs_is_guarded_e41() {
    for path in [
        "kernel/kexec_load_disabled",
        "kernel/modules_disabled",
        "kernel/unprivileged_bpf_disabled",
        "kernel/yama/ptrace_scope",
    ] {
        assert_eq!(entry(path).kind(), Kind::Latch, "{path}");
    }
    for path in ["kernel/core_pattern", "kernel/hotplug", "kernel/modprobe", "kernel/poweroff_cmd"]
    {
        assert_eq!(entry(path).hazard(), Some(Hazard::ExecutesCode), "{path}");
    }
    assert_eq!(entry("vm/min_free_kbytes").hazard(), Some(Hazard::MinFree));
    assert_eq!(entry("vm/overcommit_memory").hazard(), Some(Hazard::OvercommitStrict));
}

/// Stable releases and vendors' kernels have taken over what came with later ones.
#[test]
fn a_kernel_may_take_what_later_ones_take() {
    let may = |path: &str, number, major, minor| {
        entry(path).may_take(0, number, Release::new(major, minor))
    };
    assert!(may("vm/watermark_scale_factor", 3000, 5, 10) && may("vm/swappiness", 200, 4, 18));
    assert!(!may("vm/watermark_scale_factor", 3001, 5, 10));
    // What older ones took is not taken again.
    assert!(may("vm/page-cluster", 40, 6, 1) && !may("vm/page-cluster", 40, 6, 2));
    assert!(!entry("kernel/sem").may_take(3, -1, Release::new(6, 18)));
}

#[test]
fn a_latch_locks_at_its_own_value() {
    let latch = |path: &str, live: &str, value: &str| {
        let known = entry(path);
        (known.is_latched(value), known.is_latched_against(live, value), known.is_only_read(value))
    };
    for (path, live, value, expected) in [
        ("kernel/yama/ptrace_scope", "1", "2", (false, false, false)),
        ("kernel/yama/ptrace_scope", "1", "3", (true, false, false)),
        ("kernel/yama/ptrace_scope", "3", "2", (false, true, false)),
        ("kernel/unprivileged_bpf_disabled", "0", "2", (false, false, false)),
        ("kernel/unprivileged_bpf_disabled", "2", "1", (true, false, false)),
        ("kernel/unprivileged_bpf_disabled", "1", "2", (false, true, false)),
        ("kernel/modules_disabled", "0", "1", (true, false, false)),
        ("kernel/modules_disabled", "1", "0", (false, true, true)),
        ("kernel/kexec_load_limit_panic", "-1", "0", (true, false, false)),
        ("kernel/kexec_load_limit_panic", "5", "4", (true, false, false)),
        ("kernel/kexec_load_limit_panic", "5", "6", (true, true, false)),
        ("kernel/kexec_load_limit_panic", "5", "-1", (false, true, true)),
        ("kernel/loadpin/enforce", "1", "0", (false, false, false)),
        ("kernel/usermodehelper/bset", "255\t511", "7 511", (true, false, false)),
        ("kernel/usermodehelper/bset", "7\t511", "255 511", (true, true, false)),
        ("vm/swappiness", "1", "2", (false, false, false)),
    ] {
        assert_eq!(latch(path, live, value), expected, "{path}: {live} to {value}");
    }
}

#[test]
fn removed_parameters_are_told_from_mistyped_ones_e42() {
    let gone = entry("kernel/sched_latency_ns");
    assert!(gone.exists_on(Release::new(5, 12)) && !gone.exists_on(Release::new(5, 13)));
    let new = entry("vm/compaction_proactiveness");
    assert!(!new.exists_on(Release::new(5, 8)) && new.exists_on(Release::new(5, 9)));
    let extra = Key::from_path("vm/extra_free_kbytes").unwrap();
    assert_eq!(lookup(&extra), None, "never in mainline");
}

/// What [`lookup`] relies on.
#[test]
fn a_star_is_one_whole_component_and_never_the_first() {
    for parameter in all() {
        let stars = parameter.key().split('/').skip(1).filter(|c| *c == "*").count();
        assert_eq!(stars, parameter.key().matches('*').count(), "{}", parameter.key());
        assert!(stars <= 1, "{}", parameter.key());
        assert!(!parameter.key().contains(['?', '[']), "{}", parameter.key());
    }
}

#[test]
fn every_entry_is_found_under_each_name_that_it_stands_for() {
    for parameter in all() {
        for name in ["eth0.100", "all", "zz"] {
            let path = parameter.key().replace('*', name);
            let found = lookup(&Key::from_path(&path).unwrap()).unwrap();
            let matches = |p: &Parameter| crate::key::glob_matches(p.key(), &path);
            // An entry of its own is stronger than one with a star.
            assert_eq!(
                Some(found),
                all().find(|p| p.key() == path).or_else(|| all().find(matches))
            );
        }
        let hidden = Key::from_path(&parameter.key().replace('*', ".x")).unwrap();
        assert_eq!(lookup(&hidden).is_some(), !parameter.is_pattern(), "{}", parameter.key());
    }
    for unknown in ["net", "vm/*x", "net/ipv4/conf/eth0/nothing", "nothing/at/all"] {
        assert!(Key::from_path(unknown).ok().and_then(|key| lookup(&key)).is_none(), "{unknown}");
    }
}
