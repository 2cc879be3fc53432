//! What writes leave at boot, and change besides: `diff::boot_value` against what the loaders leave.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tunectl::baseline::{Desired, OnDrift, Requirement};
use tunectl::bootview::{BootView, Loader};
use tunectl::catalogue;
use tunectl::diagnostic::Span;
use tunectl::diff::boot_value;
use tunectl::key::Key;
use tunectl::persist::conf::read_conf_tree;
use tunectl::probe::probe;
use tunectl::value::{Shape, agrees};

use super::trees::{Random, Tree};
use super::{carry_out, command, live, number_from, place, prepare, write};
use crate::support::in_namespaces;

/// Parameters that take each other along or stand in each other's way, and what the kernel starts
/// with; nothing where that is the host's. The switches of all interfaces come first: to set them
/// back does the same to what follows.
const KEYS: [(&str, &str); 25] = [
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv4/conf/all/forwarding", "0"),
    ("net/ipv6/conf/all/forwarding", "0"),
    ("net/ipv6/conf/all/disable_ipv6", "0"),
    ("net/ipv6/conf/all/ignore_routes_with_linkdown", "0"),
    ("net/ipv6/conf/all/force_forwarding", "0"),
    ("net/ipv4/conf/all/accept_redirects", "1"),
    ("net/ipv4/conf/default/forwarding", "0"),
    ("net/ipv4/conf/lo/forwarding", "0"),
    ("net/ipv6/conf/default/forwarding", "0"),
    ("net/ipv6/conf/lo/forwarding", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    ("net/ipv6/conf/lo/disable_ipv6", "0"),
    ("net/ipv6/conf/default/ignore_routes_with_linkdown", "0"),
    ("net/ipv6/conf/lo/ignore_routes_with_linkdown", "0"),
    ("net/ipv6/conf/default/force_forwarding", "0"),
    ("net/ipv6/conf/lo/force_forwarding", "0"),
    ("net/ipv4/neigh/lo/base_reachable_time", "30"),
    ("net/ipv4/neigh/lo/base_reachable_time_ms", "30000"),
    ("net/ipv4/ip_local_port_range", "32768 60999"),
    ("net/ipv4/ip_unprivileged_port_start", "1024"),
    ("net/ipv4/ipfrag_high_thresh", "4194304"),
    ("net/ipv4/ipfrag_low_thresh", "3145728"),
    ("net/ipv4/ping_group_range", "1 0"),
    ("net/ipv4/tcp_rmem", ""),
];

/// Out of the way before the others are set back.
const FIRST: (&str, &str) = ("net/ipv4/ipfrag_low_thresh", "0");

/// What the kernel takes or refuses behind a number (cases E8 and E9).
const TAILS: [&str; 9] = ["", "", "", " # c", "\tjunk", " 0", ",", "x", "\u{c}#"];

/// Values of the parameters that are no switches.
fn values(key: &str) -> &'static [&'static str] {
    match key.rsplit('/').next().unwrap_or_default() {
        "base_reachable_time_ms" => &["1000", "2000", "3000"],
        leaf if leaf.starts_with("base_reachable_tim") => &["1", "2", "3"],
        "ipfrag_*_thresh" => &["262144", "5000000", "3145728"],
        // The kernel's own ends on either side of it.
        "ip_*_port_*" => &["100", "2000", "500 3000", "30000"],
        "ip_local_port_range" => &["500 3000", "1500 9000", "61000", "9000 800", "2500 65535"],
        "ip_unprivileged_port_start" => &["100", "1024", "2000"],
        "ipfrag_high_thresh" => &["4194304", "20000000", "5000000", "50"],
        "ipfrag_low_thresh" => &["3145728", "4500000", "100", "-1"],
        "ping_group_range" => &["100 50", "50 100", "7", "0 2147483647"],
        "tcp_rmem" => {
            &["8192 87380 16777216", "8192", "8192 87380, 16777216", "4096 1 2 9", "0 5 6"]
        }
        _ => &["0", "1"],
    }
}

const GLOBS: [&str; 19] = [
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/[a-d]*/forwarding",
    "net/ipv4/ip_forwar?",
    "net/ipv4/conf/*/accept_redirect?",
    "net/ipv6/conf/*/forwarding",
    "net/ipv6/conf/a*/*forwarding",
    "net/ipv6/conf/*/disable_ipv6",
    "net/ipv6/conf/all/dis*",
    "net/ipv6/conf/*/ignore_routes_with_linkdown",
    "net/ipv6/conf/*/force_forwarding",
    "net/ipv4/neigh/l*/base_reachable_time",
    "net/ipv4/neigh/*/base_reachable_tim?",
    "net/ipv4/{ip_forward,conf/l*/forwarding}",
    "net/ipv4/conf/{all,lo}{,x}*/forwarding",
    "net/ipv6/conf/[[:alpha:]]*/forwarding",
    "net/ipv6/conf/{all/disable_ipv6,l[!a]/forwarding}",
    "net/ipv6/conf/.*/all/*forwarding",
    "net/ipv4/ipfrag_*_thresh",
    "net/ipv4/ip_*_port_*",
];

fn lines(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(5) {
        let key = if random.below(3) == 0 {
            GLOBS[random.below(GLOBS.len())]
        } else {
            KEYS[random.below(KEYS.len())].0
        };
        if random.below(8) == 0 {
            let _ = writeln!(text, "-{key}");
            continue;
        }
        let values = values(key);
        let (value, tail) = (values[random.below(values.len())], TAILS[random.below(TAILS.len())]);
        let _ = writeln!(text, "{key} = {value}{tail}");
    }
    text
}

fn desired(path: &str) -> Desired {
    let key = Key::from_path(path).unwrap();
    let known = catalogue::lookup(&key);
    Desired {
        requirement: Requirement::Exact("0".to_owned()),
        shape: known.map_or(Shape::Unknown, tunectl::catalogue::Parameter::shape),
        known,
        key,
        origin: Span { source: 0, start: 0, end: 0, line: 1, column: 1 },
        pattern: None,
        reason: None,
        reference: None,
        module: None,
        allow: Vec::new(),
        on_drift: OnDrift::Enforce,
        arithmetic: None,
        from_ram: false,
        waiver: None,
        optional: false,
        near: None,
        unreached: None,
    }
}

#[test]
fn agree_with_what_the_loaders_leave() {
    const TEST: &str = "loaders::cascades::agree_with_what_the_loaders_leave";
    in_namespaces(TEST, || {
        prepare();
        let loaders: Vec<(Loader, Vec<String>)> =
            Loader::ALL.into_iter().filter_map(|l| Some((l, command(l, TEST)?))).collect();
        let facts = probe(Path::new("/")).unwrap();
        let there = KEYS.into_iter().filter(|(path, _)| place(path).exists());
        let keys: Vec<(&str, String)> = there
            .map(|(path, start)| {
                (path, if start.is_empty() { live(path) } else { start.to_owned() })
            })
            .collect();
        let (first, count) = (number_from("TUNECTL_SEED", 1), number_from("TUNECTL_TREES", 150));
        let (mut taken_along, mut refused) = (0, 0);
        for seed in first..first + count {
            let mut random = Random(seed);
            Tree::clear(Path::new("/"));
            fs::create_dir_all("/etc/sysctl.d").unwrap();
            for name in ["10-a.conf", "50-b.conf", "zz.conf"] {
                fs::write(format!("/etc/sysctl.d/{name}"), lines(&mut random)).unwrap();
            }
            let view = BootView::new(&read_conf_tree(Path::new("/")));
            for (loader, command) in &loaders {
                assert!(write(FIRST.0, FIRST.1));
                for (path, value) in &keys {
                    assert!(write(path, value), "{path} cannot be set back");
                }
                carry_out(command);
                for (path, start) in &keys {
                    let desired = desired(path);
                    let boot = boot_value(&desired, &view, *loader, &facts);
                    let (found, said) = (live(path), boot.value.as_deref().unwrap_or(start));
                    assert!(
                        agrees(desired.shape, said, &found),
                        "{loader} leaves {found} in {path}, not {said}; replay with \
                         TUNECTL_SEED={seed} TUNECTL_TREES=1\n{:#?}",
                        view.writes(*loader).map(|w| format!("{w:?}")).collect::<Vec<_>>()
                    );
                    taken_along += usize::from(boot.by.is_some());
                    refused += usize::from(boot.refused.is_some());
                }
            }
        }
        assert!(count < 20 || taken_along > 100, "{taken_along} were taken along");
        assert!(count < 20 || refused > 100, "{refused} were refused");
    });
}
