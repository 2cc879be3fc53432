//! The built-in baselines on hosts as they are met: sizes, kernels, roles side by side.

use serde_json::Value;
use tunectl::baseline::{self, DesiredSet, Found, Host as Resolved, NotFound, Wanted, builtin};
use tunectl::catalogue;
use tunectl::key::{Key, Pattern};
use tunectl::observed::{Facts, Matches};

use crate::baselines::host;
use crate::operator::Host;

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

/// MemTotal is what the kernel has left, a few per cent less than what is built in.
#[test]
fn thresholds_lie_below_the_size_that_they_mean() {
    const WATCHES: &str = "fs.inotify.max_user_watches";
    for (mem_total_kb, role, key, expected) in [
        (16_384_000, "linux-server", WATCHES, Some(">= 524288")),
        (15_930_000, "linux-server", WATCHES, Some(">= 524288")),
        (12_000_000, "linux-server", WATCHES, None),
        (8_008_420, "postgresql-server", "vm.dirty_bytes", Some("1073741824")),
        (8_008_420, "postgresql-server", "vm.dirty_background_bytes", Some("67108864")),
        (6_000_000, "postgresql-server", "vm.dirty_bytes", None),
        (259_000_000, "kafka-broker", "vm.dirty_bytes", Some("68719476736")),
        (259_000_000, "kafka-broker", "vm.dirty_ratio", None),
        (195_000_000, "kafka-broker", "vm.dirty_ratio", Some("60")),
    ] {
        let (set, problems) = roles(role, &host("6.1.0", mem_total_kb, 1));
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(asked(&set, key).as_deref(), expected, "{role}: {key} on {mem_total_kb} kB");
    }
}

/// Before 5.11 the limit was 8192 on every host.
#[test]
fn old_kernels_get_a_limit_of_watches_that_follows_the_memory() {
    for (kernel, mem_total_kb, expected) in [
        ("4.18.0", 8_008_420, Some(">= 65536")),
        ("5.10.0", 15_000_000, Some(">= 65536")),
        ("5.11.0", 8_008_420, None),
        ("4.18.0", 16_384_000, Some(">= 524288")),
        ("6.1.0", 16_384_000, Some(">= 524288")),
    ] {
        let (set, problems) = roles("linux-server", &host(kernel, mem_total_kb, 1));
        assert!(problems.is_empty(), "{kernel} with {mem_total_kb} kB: {problems:?}");
        let watches = asked(&set, "fs.inotify.max_user_watches");
        assert_eq!(watches.as_deref(), expected, "{kernel} with {mem_total_kb} kB");
    }
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

/// Entries of the table below gc_thresh1 are never thrown out, which on clouds that reuse addresses
/// costs connections; of IPv6 the table is as large as that of IPv4.
#[test]
fn kubernetes_nodes_get_room_for_neighbours_of_both_families() {
    let (set, _) = roles("kubernetes-node", &host("6.1.0", 16_384_000, 1));
    for family in ["ipv4", "ipv6"] {
        let asked = |leaf: &str| asked(&set, &format!("net.{family}.neigh.default.{leaf}"));
        assert_eq!(asked("gc_thresh1"), None, "{family}");
        assert_eq!(asked("gc_thresh2").as_deref(), Some(">= 8192"), "{family}");
        assert_eq!(asked("gc_thresh3").as_deref(), Some(">= 16384"), "{family}");
    }
}

/// Some kernels are built for no more than 32 KiB.
#[test]
fn what_arm_kernels_protect_is_enough() {
    let (set, _) = roles("linux-server", &host("6.1.0", 16_384_000, 1));
    assert_eq!(asked(&set, "vm.mmap_min_addr").as_deref(), Some(">= 32768"));
}

/// What /etc/ufw/sysctl.conf sets at each start.
#[test]
fn ufw_is_named_where_it_sets_what_a_baseline_asks_for() {
    let of_ufw = [
        "net.ipv4.conf.all.accept_redirects",
        "net.ipv4.conf.default.accept_redirects",
        "net.ipv6.conf.all.accept_redirects",
        "net.ipv6.conf.default.accept_redirects",
        "net.ipv4.icmp_echo_ignore_broadcasts",
        "net.ipv4.icmp_ignore_bogus_error_responses",
        "net.ipv4.icmp_echo_ignore_all",
        "net.ipv4.conf.all.log_martians",
        "net.ipv4.conf.default.log_martians",
    ];
    for key in of_ufw {
        let known = catalogue::lookup(&Key::parse(key).unwrap()).unwrap();
        assert!(known.owners().any(|owner| owner.starts_with("ufw ")), "{key}");
    }
}

/// A host with two interfaces, as cis-network wants it.
fn cis_host() -> Host {
    let host = Host::new();
    host.live("net.ipv4.ip_forward = 0");
    for place in ["all", "default", "eth0", "eth1", "lo"] {
        for (leaf, value) in [("forwarding", 0), ("rp_filter", 1), ("accept_redirects", 0)] {
            host.live(&format!("net.ipv4.conf.{place}.{leaf} = {value}"));
        }
        for leaf in ["forwarding", "force_forwarding"] {
            host.live(&format!("net.ipv6.conf.{place}.{leaf} = 0"));
        }
    }
    host
}

/// The parameters of a plan, by their names.
fn planned(host: &Host, name: &str) -> Vec<Value> {
    let ran = host.run(["plan", "-b", name, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    plan["parameters"].as_array().unwrap().clone()
}

fn of<'a>(parameters: &'a [Value], key: &str) -> &'a Value {
    parameters.iter().find(|p| p["key"] == key).unwrap_or_else(|| panic!("no {key}"))
}

/// ip_forward is 0 and an interface forwards all the same: the kernel looks at its own.
#[test]
fn an_interface_that_forwards_by_itself_is_not_in_sync_with_cis_network() {
    let host = cis_host();
    let forwarding = ["net.ipv4.conf.eth1.forwarding", "net.ipv6.conf.eth1.force_forwarding"];
    let before = planned(&host, "cis-network");
    for key in forwarding {
        assert_eq!(of(&before, key)["live_status"], "in_sync", "{key}");
        host.live(&format!("{key} = 1"));
    }
    let after = planned(&host, "cis-network");
    for key in forwarding {
        let parameter = of(&after, key);
        assert_eq!(parameter["live_status"], "differs", "{key}");
        assert_eq!(parameter["do"][0], "write", "{key}");
    }
    assert_eq!(of(&after, "net.ipv4.ip_forward")["live_status"], "in_sync");
    // Before 6.17 there is nothing of the kind.
    host.live("kernel.osrelease = 6.16.0");
    let older = planned(&host, "cis-network");
    assert!(!older.iter().any(|p| p["key"] == forwarding[1]));
}

#[test]
fn who_stops_forwarding_is_told_what_that_costs() {
    const COST: &str = "this host forwards now: containers, virtual machines and VPNs behind it lose their network";
    let told = |host: &Host, name: &str| -> Vec<String> {
        let costs = |p: &Value| p["notes"].as_array().unwrap().iter().any(|note| note == COST);
        let told = planned(host, name).into_iter().filter(costs);
        told.map(|p| p["key"].as_str().unwrap().to_owned()).collect()
    };
    let host = cis_host();
    assert_eq!(told(&host, "cis-network"), [""; 0]);
    host.live("net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1");
    for place in ["all", "default", "eth0", "eth1", "lo"] {
        host.live(&format!("net.ipv4.conf.{place}.forwarding = 1"));
    }
    // One switch has two names.
    let both = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
    assert_eq!(told(&host, "cis-network"), both);
    let own = "name: own\nparameters: { net.ipv4.conf.all.forwarding: 0 }\n";
    host.given("own.yaml", own);
    assert_eq!(told(&host, "./own.yaml"), ["net.ipv4.conf.all.forwarding"]);
    // Who goes on forwarding loses nothing.
    host.given("router.yaml", "name: router\nparameters: { net.ipv4.ip_forward: 1 }\n");
    assert_eq!(told(&host, "./router.yaml"), [""; 0]);
}

/// What the header of cis-network promises where IPv6 is off.
#[test]
fn without_ipv6_its_keys_count_for_nothing() {
    let host = Host::usual();
    let all = planned(&host, "cis-network");
    let of_ipv6: Vec<_> =
        all.iter().filter(|p| p["key"].as_str().unwrap().starts_with("net.ipv6.")).collect();
    assert!(!of_ipv6.is_empty());
    for one in of_ipv6 {
        assert_eq!(one["live_status"], "absent", "{one}");
        assert!(one["marks"].as_array().unwrap().iter().any(|m| m == "optional"), "{one}");
    }
}
