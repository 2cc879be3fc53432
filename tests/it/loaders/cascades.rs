//! What writes change besides, at boot: `diff::boot_value` against what the loaders leave.

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

/// Parameters that take each other along, and what the kernel starts with. The switches of all
/// interfaces come first: to set them back does the same to what follows.
const KEYS: [(&str, &str); 19] = [
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
];

const GLOBS: [&str; 12] = [
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
];

fn lines(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(3) {
        let key = if random.below(3) == 0 {
            GLOBS[random.below(GLOBS.len())]
        } else {
            KEYS[random.below(KEYS.len())].0
        };
        if random.below(8) == 0 {
            let _ = writeln!(text, "-{key}");
            continue;
        }
        let value = match key.contains("base_reachable_tim") {
            true if key.ends_with("_ms") => 1000 * (1 + random.below(3)),
            true => 1 + random.below(3),
            false => random.below(2),
        };
        let _ = writeln!(text, "{key} = {value}");
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
        near: None,
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
        let keys: Vec<_> = KEYS.into_iter().filter(|(path, _)| place(path).exists()).collect();
        let (first, count) = (number_from("TUNECTL_SEED", 1), number_from("TUNECTL_TREES", 150));
        let mut taken_along = 0;
        for seed in first..first + count {
            let mut random = Random(seed);
            Tree::clear(Path::new("/"));
            fs::create_dir_all("/etc/sysctl.d").unwrap();
            for name in ["10-a.conf", "50-b.conf", "zz.conf"] {
                fs::write(format!("/etc/sysctl.d/{name}"), lines(&mut random)).unwrap();
            }
            let view = BootView::new(&read_conf_tree(Path::new("/")));
            for (loader, command) in &loaders {
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
                }
            }
        }
        assert!(count < 20 || taken_along > 100, "{taken_along} were taken along");
    });
}
