//! The built-in baselines on hosts as they are met: sizes, kernels, roles side by side.

use tunectl::baseline::{self, DesiredSet, Found, Host as Resolved, NotFound, Wanted, builtin};
use tunectl::key::{Key, Pattern};
use tunectl::observed::{Facts, Matches};

use crate::baselines::host;

/// What a baseline, built in or given, asks of a host without interfaces.
fn resolved(text: &str, facts: &Facts) -> (DesiredSet, Vec<String>) {
    let mut fetch = |wanted: &Wanted<'_>| match builtin::text(wanted.name) {
        Some(text) => Ok(Found::text(wanted.name, text)),
        None if wanted.name == "own" => Ok(Found::text("own", text)),
        None => Err(NotFound { message: format!("no {}", wanted.name), help: None }),
    };
    let (layers, mut problems) = baseline::load(&["own"], &mut fetch);
    let expand: &dyn Fn(&Pattern) -> Matches = &|_| Matches::default();
    let (set, more) = baseline::resolve(&layers, &Resolved { facts, expand, exists: &|_| true });
    problems.extend(more);
    (set, problems.into_iter().map(|problem| problem.message).collect())
}

/// What roles together ask of a host, and what is wrong with that.
fn roles(names: &str, facts: &Facts) -> (DesiredSet, Vec<String>) {
    resolved(&format!("name: own\nextends: [{names}]\n"), facts)
}

fn asked(set: &DesiredSet, key: &str) -> Option<String> {
    set.get(&Key::parse(key).unwrap()).map(|desired| desired.requirement.to_string())
}

/// Only the pair of which one forwards and the other must not is refused, and those that disagree
/// on a value.
#[test]
fn roles_that_one_value_satisfies_stand_side_by_side() {
    let facts = host("6.1.0", 64_000_000, 2);
    for (pair, key, expected) in [
        ("elasticsearch-node, kubernetes-node", "vm.max_map_count", ">= 1048576"),
        ("linux-server, rocketmq-broker", "vm.swappiness", "1"),
        ("postgresql-server, redis-server", "vm.swappiness", "1"),
        ("kubernetes-node, redis-server", "vm.overcommit_memory", "1"),
        ("redis-server, cis-network", "net.core.somaxconn", ">= 4096"),
    ] {
        let turned = pair.rsplit(", ").collect::<Vec<_>>().join(", ");
        for names in [pair, &turned] {
            let (set, problems) = roles(names, &facts);
            assert!(problems.is_empty(), "{names}: {problems:?}");
            assert_eq!(asked(&set, key).as_deref(), Some(expected), "{names}: {key}");
        }
    }
    let (_, problems) = roles("kubernetes-node, cis-network", &facts);
    assert_eq!(problems, ["two extended baselines disagree on net.ipv4.ip_forward"]);
}
