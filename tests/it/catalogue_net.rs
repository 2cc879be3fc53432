//! What the catalogue says of net.* against what the running kernel does.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tunectl::catalogue::{self, Effect, Kind, Order, Parameter, Scope};
use tunectl::key::Key;
use tunectl::observed::Release;
use tunectl::value::{Canonical, Shape, Unit, agrees, canonical};

use crate::support;

mod writes;

const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const EIO: i32 = 5;

/// What any namespace can set, for the whole host: no test may.
const FROM_ANYWHERE: &[&str] = &["net/netfilter/nf_hooks_lwtunnel"];

/// Values by slash path, of the parameters that could be read.
type Snapshot = BTreeMap<String, String>;

fn release() -> Release {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim().parse().unwrap()
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(format!("/proc/sys/{path}")).map(|t| t.trim_end_matches('\n').to_owned())
}

fn must_read(path: &str) -> String {
    read(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// One write(2) at offset 0; the error is the kernel's number. A short count is no failure: that
/// is how the kernel says that it dropped fields beyond the parameter's own (case E8).
fn put(path: &str, value: &str) -> Result<usize, i32> {
    let error = |e: io::Error| e.raw_os_error().unwrap();
    let mut file =
        OpenOptions::new().write(true).open(format!("/proc/sys/{path}")).map_err(error)?;
    file.write(format!("{value}\n").as_bytes()).map_err(error)
}

fn must_put(path: &str, value: &str) {
    let written = put(path, value);
    assert!(written.is_ok(), "{path} = {value}: {written:?}");
}

/// Every parameter below `net` that this process sees, as slash paths.
fn live_paths() -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec!["net".to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(format!("/proc/sys/{dir}")).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{dir}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() { todo.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Those of them that the catalogue knows.
fn catalogued() -> Vec<(String, Parameter)> {
    let known = |path: String| {
        let parameter = catalogue::lookup(&Key::from_path(&path).unwrap())?;
        Some((path, parameter))
    };
    live_paths().into_iter().filter_map(known).collect()
}

fn exists(path: &str) -> bool {
    fs::exists(format!("/proc/sys/{path}")).unwrap()
}

fn mode(path: &str) -> u32 {
    fs::metadata(format!("/proc/sys/{path}")).unwrap().permissions().mode()
}

fn has_writable_value(path: &str, parameter: Parameter) -> bool {
    matches!(parameter.kind(), Kind::Setting | Kind::Secret) && mode(path) & 0o200 != 0
}

fn snapshot() -> Snapshot {
    live_paths().into_iter().filter_map(|path| read(&path).ok().map(|text| (path, text))).collect()
}

/// What differs, as `path: before -> after` lines.
fn differences(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = paths.into_iter().filter(|p| before.get(*p) != after.get(*p));
    differing.map(|p| format!("{p}: {:?} -> {:?}", before.get(p), after.get(p))).collect()
}

/// What a write of `value` makes of `before`, by what the catalogue declares.
fn predicted(before: &Snapshot, path: &str, parameter: Parameter, value: &str) -> Snapshot {
    let mut after = before.clone();
    for effect in parameter.effects() {
        for (other, text) in &mut after {
            let reached = Key::from_path(other).is_ok_and(|key| effect.reaches(path, &key));
            if let Some(left) = effect.leaves(value, Some(text)).filter(|_| reached) {
                *text = left;
            }
        }
    }
    after.insert(path.to_owned(), value.to_owned());
    after
}

/// Two interfaces besides `lo`, the first with an IPv4 address.
fn with_interfaces(test: &str, body: impl FnOnce()) {
    support::in_namespaces(test, || {
        let script = "ip link add t0 type veth peer name t1 && ip addr add 192.0.2.1/24 dev t0";
        let made = support::run(Command::new("sh").args(["-c", script]));
        if made.status.success() {
            body();
        } else {
            support::left_out(test, "no veth interfaces here");
        }
    });
}

#[test]
fn the_values_of_this_host_fit_what_is_said_of_them() {
    let release = release();
    let mut fitting = 0;
    for (path, parameter) in catalogued() {
        assert!(parameter.exists_on(release), "{path} is there on {release}");
        let text = match read(&path) {
            Ok(text) => text,
            Err(e) => {
                let expected: &[i32] = match parameter.kind() {
                    Kind::Action => &[EACCES],
                    Kind::Secret => &[EACCES, EIO],
                    _ if mode(&path) & 0o004 == 0 => &[EACCES],
                    _ => &[],
                };
                assert!(expected.contains(&e.raw_os_error().unwrap()), "{path}: {e}");
                continue;
            }
        };
        assert_ne!(parameter.kind(), Kind::Action, "{path} can be read");
        let value = canonical(parameter.shape(), &text).unwrap_or_else(|e| panic!("{path}: {e}"));
        if let Canonical::Numbers(numbers) = &value {
            let fields = text.split_whitespace().count();
            assert_eq!(Some(fields), parameter.shape().field_count(), "{path} reads {text:?}");
            if let Some(range) = parameter.range_on(release) {
                for number in numbers {
                    assert!(range.contains(*number), "{path} reads {number}, beyond {range:?}");
                }
            }
        }
        assert!(agrees(parameter.shape(), &text, &text), "{path}: {text:?} is not itself");
        fitting += 1;
    }
    // Even a namespace without IPv6, bridges and connection tracking has more than this.
    assert!(fitting >= 100, "only {fitting} parameters were looked at");
}

#[test]
fn every_parameter_of_this_network_is_known() {
    let families = ["bridge", "core", "ipv4", "ipv6", "mptcp", "netfilter", "unix"];
    let of_them = |path: &String| families.iter().any(|f| path.starts_with(&format!("net/{f}/")));
    let unknown = |path: &String| catalogue::lookup(&Key::from_path(path).unwrap()).is_none();
    let unknown: Vec<_> = live_paths().into_iter().filter(of_them).filter(unknown).collect();
    // Newer ones have more, and older ones some that went.
    let another = (release().major, release().minor) != (6, 18);
    if another && !unknown.is_empty() {
        let test = "catalogue_net::every_parameter_of_this_network_is_known";
        support::left_out(test, &format!("of another kernel than 6.18: {unknown:?}"));
    } else {
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn entries_are_whole() {
    let net = || catalogue::all().filter(|p| p.key().starts_with("net/"));
    assert!(net().count() >= 100);
    for p in net() {
        let (key, summary) = (p.key(), p.summary());
        assert!(!summary.ends_with('.') && summary.len() <= 110 && !summary.is_empty(), "{key}");
        let source = p.source();
        assert!(source.starts_with("Documentation/") || source.ends_with(".c"), "{key}: {source}");
        if let (Some(since), Some(until)) = (p.since(), p.until()) {
            assert!(since < until, "{key}");
        }
        for range in p.ranges() {
            assert!(range.min <= range.max, "{key}");
            let counted = p.shape().field_count().is_some() || p.shape() == Shape::Bitmap;
            assert!(counted, "{key}: a range of {:?}", p.shape());
        }
        let untils: Vec<_> = p.ranges().iter().filter_map(|r| r.until).collect();
        assert!(untils.is_sorted_by(|newer, older| newer > older), "{key}: {:?}", p.ranges());
        let others = p.order().iter().filter_map(|o| match o {
            Order::After(other)
            | Order::AtMost(other, ..)
            | Order::RefusedWhile(other, _)
            | Order::ZeroWhileZero(other)
            | Order::NeedsSecret(.., other) => Some(*other),
            Order::AfterBeside(_) => None,
        });
        let effects = p.effects().iter().filter_map(|e| match e {
            Effect::Copies(other)
            | Effect::CopiesToInterfaces(other)
            | Effect::ClearsInterfaces(other)
            | Effect::SetsInterfaces(other, _)
            | Effect::Gates(other)
            | Effect::Inverts(other) => Some(*other),
            Effect::Rescales(..) | Effect::SetsBeside(..) | Effect::AddsWordBeside(_) => None,
        });
        for other in others.chain(effects) {
            let concrete = Key::from_path(&other.replace('*', "all")).unwrap();
            assert!(catalogue::lookup(&concrete).is_some(), "{key} names {other}, not catalogued");
        }
    }
}

#[test]
fn exact_entries_come_before_patterns() {
    let entry = |key| catalogue::lookup(&Key::parse(key).unwrap()).unwrap();
    assert!(!entry("net.ipv4.conf.all.forwarding").is_pattern());
    assert!(entry("net.ipv4.conf.eth0/100.forwarding").is_pattern());
    assert_eq!(entry("net.ipv6.conf.all.disable_ipv6").key(), "net/ipv6/conf/all/disable_ipv6");
    assert_eq!(entry("net.ipv6.conf.wlan0.disable_ipv6").key(), "net/ipv6/conf/*/disable_ipv6");
    assert_eq!(entry("net.ipv6.conf.eth0.stable_secret").kind(), Kind::Secret);
    let old = entry("net.ipv4.tcp_tw_recycle");
    assert!(old.exists_on(Release::new(4, 11)) && !old.exists_on(Release::new(4, 12)));
    let ttl = entry("net.ipv4.ip_default_ttl").range_on(Release::new(5, 4)).unwrap();
    assert_eq!((ttl.min, ttl.max), (1, 255));
    let sack = entry("net.ipv4.tcp_sack");
    assert_eq!(sack.range_on(Release::new(5, 13)).unwrap().max, 255);
    assert_eq!(sack.range_on(Release::new(5, 12)).unwrap().max, i128::from(i32::MAX));
}

/// Seen on kernels other than the one that runs the tests.
#[test]
fn what_other_kernels_have_and_take_is_known() {
    let entry = |key: &str| catalogue::lookup(&Key::parse(key).unwrap()).unwrap();
    for (key, major, minor) in [
        ("net.ipv6.conf.lo.accept_ra_min_lft", 5, 10),
        ("net.ipv4.tcp_migrate_req", 5, 10),
        ("net.ipv6.route.skip_notify_on_dev_down", 4, 20),
        ("net.ipv4.netfilter.ip_conntrack_max", 4, 8),
        ("net.ipv4.tcp_rx_skb_cache", 5, 10),
        ("net.netfilter.nf_conntrack_dccp_loose", 6, 12),
        ("net.netfilter.nf_conntrack_dccp_timeout_timewait", 6, 12),
        ("net.sctp.pf_expose", 5, 10),
        ("net.sctp.plpmtud_probe_interval", 6, 1),
        ("net.sctp.l3mdev_accept", 6, 12),
        ("net.core.txq_reselection_ms", 7, 2),
        ("net.ipv4.vs.conn_max", 7, 2),
        ("net.mptcp.add_addr_v6_port_drop_ts", 7, 2),
    ] {
        assert!(entry(key).exists_on(Release::new(major, minor)), "{key}");
    }
    for (key, value, major, minor) in [
        ("net.ipv6.fib_multipath_hash_policy", 2, 5, 8),
        ("net.ipv6.conf.lo.rpl_seg_enabled", 2, 5, 15),
        ("net.netfilter.nf_conntrack_expect_max", 0, 6, 14),
        ("net.ipv4.tcp_notsent_lowat", -1, 4, 9),
        ("net.ipv4.tcp_ecn", 2, 6, 19),
    ] {
        let range = entry(key).limits_on(Release::new(major, minor)).unwrap();
        assert!(range.contains(value), "{key}: {value} in {range:?}");
    }
    // Taken, and read back as something else.
    for wrong in [-1, 4_294_967_296] {
        for leaf in ["locktime", "anycast_delay", "proxy_delay", "retrans_time"] {
            let limits = entry(&format!("net.ipv4.neigh.lo.{leaf}")).time_limits().unwrap();
            assert!(!limits.contains(wrong), "{leaf}: {wrong} in {limits:?}");
        }
    }
}

#[test]
fn declared_ranges_are_the_kernels() {
    with_interfaces("catalogue_net::declared_ranges_are_the_kernels", || {
        let release = release();
        // Lets the port range go down to its declared least value (case E19).
        must_put("net/ipv4/ip_unprivileged_port_start", "0");
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            let Some(range) = parameter.range_on(release) else { continue };
            if parameter.shape() == Shape::Bitmap {
                // Of the ends of its range a set may well have none or both.
                assert_eq!(put(&path, &(range.max + 1).to_string()), Err(EINVAL), "{path}");
                continue;
            }
            if !has_writable_value(&path, parameter) {
                continue;
            }
            // Its greatest value is there only once the other one's is, and its least the reverse.
            for (limited, limit) in catalogue::limits() {
                if limit == path && exists(limited) {
                    let limited = catalogue::lookup(&Key::from_path(limited).unwrap()).unwrap();
                    must_put(limited.key(), &limited.range_on(release).unwrap().min.to_string());
                }
            }
            for order in parameter.order() {
                if let Order::AtMost(other, ..) = order {
                    let other = catalogue::lookup(&Key::from_path(other).unwrap()).unwrap();
                    let fields = other.shape().field_count().unwrap();
                    must_put(other.key(), &vec![range.max.to_string(); fields].join(" "));
                }
            }
            let fields = parameter.shape().field_count().unwrap();
            let all_fields = |number: i128| vec![number.to_string(); fields].join(" ");
            let original = must_read(&path);
            let ends = [range.min, range.max];
            for accepted in ends.into_iter().filter(|_| !range.outer) {
                let wanted = all_fields(accepted);
                let written = put(&path, &wanted);
                assert!(written.is_ok(), "{path} should take {wanted}: {written:?}");
                let live = must_read(&path);
                assert!(agrees(parameter.shape(), &wanted, &live), "{path}: {wanted} reads {live}");
                must_put(&path, &original);
                assert_eq!(must_read(&path), original, "{path} is restored");
            }
            for refused in [range.min - 1, range.max + 1] {
                let wanted = all_fields(refused);
                assert_eq!(put(&path, &wanted), Err(EINVAL), "{path} refuses {wanted}");
                assert_eq!(must_read(&path), original, "{path} after a refused write");
            }
            tried += 1;
        }
        assert!(tried >= 150, "only {tried} ranges were tried");
    });
}

/// What no clock rate lets a time be is refused by this kernel's as well.
#[test]
fn limits_of_times_are_the_kernels() {
    with_interfaces("catalogue_net::limits_of_times_are_the_kernels", || {
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            let Some(limits) = parameter.time_limits() else { continue };
            // Hundredths of a second overflow unnoticed: what lies outside does not stay.
            if parameter.unit() == Unit::Centiseconds || !has_writable_value(&path, parameter) {
                continue;
            }
            for refused in [limits.min - 1, limits.max + 1] {
                assert_eq!(put(&path, &refused.to_string()), Err(EINVAL), "{path} takes {refused}");
            }
            // Half an hour is nothing unusual.
            must_put(&path, "1800");
            tried += 1;
        }
        assert!(tried >= 30, "only {tried} times were tried");
    });
}

#[test]
fn scopes_are_the_kernels() {
    with_interfaces("catalogue_net::scopes_are_the_kernels", || {
        let mut own = 0;
        for (path, parameter) in catalogued() {
            if mode(&path) & 0o200 == 0 {
                continue;
            }
            let scope = if FROM_ANYWHERE.contains(&&*path) { Scope::Host } else { Scope::NetNs };
            assert_eq!(parameter.scope(), scope, "{path} can be written in any namespace");
            own += 1;
        }
        assert!(own >= 200, "only {own} parameters can be written");
    });
}

/// Case E24: what a change of the forwarding switches changes besides them, and nothing else.
#[test]
fn cascades_are_as_declared() {
    with_interfaces("catalogue_net::cascades_are_as_declared", || {
        let cascading = [
            ("net/ipv4/ip_forward", ["1", "0", "2", "0"].as_slice()),
            ("net/ipv4/conf/all/forwarding", &["1", "0"]),
            ("net/ipv6/conf/all/forwarding", &["1", "2", "0"]),
            ("net/ipv6/conf/all/force_forwarding", &["1", "0"]),
            ("net/ipv6/conf/all/ignore_routes_with_linkdown", &["1", "0"]),
            ("net/ipv6/conf/all/disable_ipv6", &["1", "0"]),
            // Not 3: that makes each interface a stable_secret of its own besides.
            ("net/ipv6/conf/all/addr_gen_mode", &["1", "0"]),
        ];
        for (path, values) in cascading {
            if !exists(path) {
                support::left_out("catalogue_net::cascades_are_as_declared", path);
                continue;
            }
            let parameter = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
            assert!(!parameter.effects().is_empty(), "{path}");
            for value in values {
                let before = snapshot();
                must_put(path, value);
                let mut wanted = predicted(&before, path, parameter, value);
                if path == "net/ipv4/ip_forward" {
                    // The same variable by its other name.
                    wanted.insert("net/ipv4/conf/all/forwarding".into(), (*value).to_owned());
                }
                let unexpected = differences(&wanted, &snapshot());
                assert!(unexpected.is_empty(), "{path} = {value}: {unexpected:#?}");
            }
        }
    });
}

/// Nothing else cascades: each number is changed, and every other value below `net` looked at.
#[test]
fn no_effect_is_left_out() {
    with_interfaces("catalogue_net::no_effect_is_left_out", || {
        let mut before = snapshot();
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            // One interface with an address stands for all; `default` has a test of its own.
            let elsewhere = ["/default/", "/lo/", "/t1/"].iter().any(|part| path.contains(part));
            let single = parameter.shape().is_single_number();
            if elsewhere || !single || !has_writable_value(&path, parameter) {
                continue;
            }
            let old: i128 = before[&path].parse().unwrap();
            let changed = if old == 0 { 1 } else { old - 1 };
            if put(&path, &changed.to_string()).is_err() {
                continue;
            }
            let after = snapshot();
            let mut wanted = predicted(&before, &path, parameter, &after[&path]);
            for alias in aliases(&path, parameter) {
                wanted.insert(alias.clone(), after[&alias].clone());
            }
            let unexpected = differences(&wanted, &after);
            assert!(unexpected.is_empty(), "{path} = {changed}: {unexpected:#?}");
            must_put(&path, &old.to_string());
            before = snapshot();
            tried += 1;
        }
        assert!(tried >= 150, "only {tried} parameters were changed");
    });
}

/// Other names of the same variable: in another unit, where what they read is rounded, or of an
/// older time.
fn aliases(path: &str, parameter: Parameter) -> Vec<String> {
    let same = [
        ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"),
        ("net/mptcp/pm_type", "net/mptcp/path_manager"),
    ];
    let older = same.iter().filter(|(one, _)| *one == path).map(|(_, other)| (*other).to_owned());
    let rescaled = parameter.effects().iter().filter_map(|effect| match effect {
        Effect::Rescales(leaf, _) => {
            Some(Key::from_path(path).unwrap().sibling(leaf).as_path().to_owned())
        }
        _ => None,
    });
    older.chain(rescaled).collect()
}
