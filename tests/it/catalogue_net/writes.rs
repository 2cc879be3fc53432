//! What a written value becomes, and when it is refused, where the catalogue tells of it.

use tunectl::catalogue::{self, Effect, Kind, Order, Parameter, Reach};
use tunectl::key::Key;
use tunectl::value::{Rounding, Shape, agrees, canonical};

use super::{
    EINVAL, catalogued, exists, has_writable_value, must_put, must_read, put, with_interfaces,
};
use crate::support;

const ENOENT: i32 = 2;

/// Beyond case E3: a change of `conf/default` does reach an interface that has had no address yet
/// and whose own value nobody has written.
#[test]
fn default_reaches_interfaces_without_an_address() {
    let test = "catalogue_net::writes::default_reaches_interfaces_without_an_address";
    with_interfaces(test, || {
        let (addressed, bare) = ("net/ipv4/conf/t0/arp_notify", "net/ipv4/conf/t1/arp_notify");
        must_put("net/ipv4/conf/default/arp_notify", "1");
        assert_eq!((must_read(addressed), must_read(bare)), ("0".to_owned(), "1".to_owned()));
        must_put(bare, "1");
        must_put("net/ipv4/conf/default/arp_notify", "0");
        assert_eq!(must_read(bare), "1", "it has been written itself");
        if exists("net/ipv6/conf/t1") {
            must_put("net/ipv6/conf/default/accept_ra", "0");
            assert_eq!(must_read("net/ipv6/conf/t1/accept_ra"), "1", "IPv6 does not do so");
        }
    });
}

/// Writes, checks what reads back, and tells whether the two agree.
fn told(path: &str, wanted: &str, live: &str) -> (Parameter, bool) {
    let parameter = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
    must_put(path, wanted);
    assert_eq!(must_read(path), live, "{path} = {wanted}");
    (parameter, agrees(parameter.shape(), wanted, live))
}

/// Cases E8 and E18, and what the catalogue's `reads_back` tells.
#[test]
fn values_read_back_as_told() {
    with_interfaces("catalogue_net::writes::values_read_back_as_told", || {
        let ports = "net/ipv4/ip_local_reserved_ports";
        let (reserved, same) = told(ports, "8082,8080,8081,9000-9002", "8080-8082,9000-9002");
        assert!(same && reserved.shape() == Shape::Bitmap && reserved.reads_back().is_some());
        assert!(told(ports, "", "").1);

        // Fewer numbers than there are change the leading ones alone; more are dropped.
        let buffers = must_read("net/ipv4/tcp_wmem");
        let rest = buffers.split_once('\t').unwrap().1;
        let (wmem, same) = told("net/ipv4/tcp_wmem", "5000", &format!("5000\t{rest}"));
        assert!(same && wmem.shape() == Shape::Numbers(3));
        assert!(told("net/ipv4/tcp_wmem", "4096 8192 16384 1", "4096\t8192\t16384").1);
        assert_eq!(put("net/ipv4/tcp_wmem", "4096 8192 16384 1"), Ok("4096 8192 16384 ".len()));

        let key = "net/ipv4/tcp_fastopen_key";
        let full = "0000000a-00000002-00000003-00000004";
        assert!(told(key, &full.to_ascii_uppercase(), full).1);
        assert!(told(key, "A-02-3-00000004", full).1, "leading zeros are filled in");
        for wrong in ["a-2-3", "a-2-3-4,5-6-7", "a-2-3-g"] {
            assert_eq!(put(key, wrong), Err(EINVAL), "{wrong}");
            assert!(canonical(Shape::HexGroups, wrong).is_err(), "{wrong}");
        }
        for odd in ["0xa-2-3-4", "A-2-3-4-5", "a- 2-3-4", "f0000000a-2-3-4junk"] {
            assert!(told(key, odd, full).1, "{odd}");
        }
        // Numbers in a list may have any base, as they may elsewhere.
        assert!(told(ports, "0x50,0120-0122", "80-82").1);
        assert_eq!(put(ports, "65536"), Err(EINVAL));
        assert!(told(ports, "80,82,", "80,82").1);
        for wrong in ["80,,82", ",80", "80 82", "80-81-82", "82-80"] {
            assert_eq!(put(ports, wrong), Err(EINVAL), "{wrong}");
            assert!(canonical(Shape::Bitmap, wrong).is_err(), "{wrong}");
        }

        let (groups, _) = told("net/ipv4/ping_group_range", "9 3", "1\t0");
        assert!(groups.reads_back().is_some());
    });
}

/// A secret reads back in full, and changes how addresses are made.
#[test]
fn a_stable_secret_sets_the_mode() {
    let test = "catalogue_net::writes::a_stable_secret_sets_the_mode";
    with_interfaces(test, || {
        if !exists("net/ipv6/conf/t0/stable_secret") {
            return support::left_out(test, "no IPv6 here");
        }
        let (secret, same) = told(
            "net/ipv6/conf/t0/stable_secret",
            "2001:db8::1",
            "2001:0db8:0000:0000:0000:0000:0000:0001",
        );
        assert!(same && secret.kind() == Kind::Secret);
        assert_eq!(must_read("net/ipv6/conf/t0/addr_gen_mode"), "2");
        assert_eq!(must_read("net/ipv6/conf/t1/addr_gen_mode"), "0");
        assert_eq!(put("net/ipv6/conf/t1/addr_gen_mode", "2"), Err(EINVAL));
        must_put("net/ipv6/conf/default/stable_secret", "2001:db8::2");
        assert_eq!(must_read("net/ipv6/conf/t1/addr_gen_mode"), "2");
    });
}

/// A switch that a write of any number but 0 turns on.
#[test]
fn bridge_filters_read_back_as_one() {
    let test = "catalogue_net::writes::bridge_filters_read_back_as_one";
    with_interfaces(test, || {
        if !exists("net/bridge/bridge-nf-call-iptables") {
            return support::left_out(test, "no br_netfilter here");
        }
        let (bridge, same) = told("net/bridge/bridge-nf-call-iptables", "7", "1");
        assert!(same && bridge.reads_back().is_some());
    });
}

/// Names that the kernel does not know are refused with ENOENT, not EINVAL (case E20).
#[test]
fn unknown_names_are_refused() {
    with_interfaces("catalogue_net::writes::unknown_names_are_refused", || {
        let log = "net/netfilter/nf_log/2";
        for path in ["net/ipv4/tcp_congestion_control", "net/mptcp/scheduler", log] {
            let parameter = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
            if !exists(path) {
                support::left_out("catalogue_net::writes::unknown_names_are_refused", path);
                continue;
            }
            assert_eq!(parameter.shape(), Shape::Text(if path == log { 63 } else { 15 }));
            let before = must_read(path);
            assert_eq!(put(path, "no-such-name"), Err(ENOENT), "{path}");
            assert_eq!(must_read(path), before);
            must_put(path, &before);
        }
    });
}

/// Each declared `AtMost` is a refusal that depends on another value; so is each first port.
#[test]
fn orders_are_the_kernels() {
    with_interfaces("catalogue_net::writes::orders_are_the_kernels", || {
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            for order in parameter.order() {
                let Order::AtMost(other, (start, other_start), _) = order else { continue };
                assert_eq!(must_read(&path), start.to_string(), "{path} in a new namespace");
                let limit = must_read(other);
                let limit: u64 = limit.split_whitespace().next().unwrap().parse().unwrap();
                assert_eq!(limit, other_start.unsigned_abs(), "{other} in a new namespace");
                assert_eq!(put(&path, &(limit + 1).to_string()), Err(EINVAL), "{path} > {other}");
                must_put(&path, &limit.to_string());
                tried += 1;
            }
        }
        assert!(tried >= 2, "only {tried} were tried");
        let (range, first) =
            ("net/ipv4/ip_local_port_range", "net/ipv4/ip_unprivileged_port_start");
        assert_eq!(put(range, "65500 9000"), Err(EINVAL));
        assert_eq!(put(range, "80 9000"), Err(EINVAL), "below the first unprivileged port");
        must_put(first, "80");
        must_put(range, "80 9000");
        assert_eq!(put(first, "81"), Err(EINVAL), "above the first local port");
    });
}

/// Times are kept in clock ticks: what reads back still agrees (case E21).
#[test]
fn ticks_round_as_the_value_rules_expect() {
    with_interfaces("catalogue_net::writes::ticks_round_as_the_value_rules_expect", || {
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            let ticks = [Rounding::Milliseconds, Rounding::Centiseconds].map(Shape::Rounded);
            if !ticks.contains(&parameter.shape()) || !has_writable_value(&path, parameter) {
                continue;
            }
            for wanted in ["1", "2", "3", "7", "33", "99", "1001", "1234", "5000"] {
                must_put(&path, wanted);
                let live = must_read(&path);
                assert!(agrees(parameter.shape(), wanted, &live), "{path}: {wanted} reads {live}");
            }
            tried += 1;
        }
        assert!(tried >= 14, "only {tried} were tried");
    });
}

/// One variable under two names, each in a unit of its own.
#[test]
fn a_name_in_another_unit_follows() {
    with_interfaces("catalogue_net::writes::a_name_in_another_unit_follows", || {
        let mut tried = 0;
        for (path, parameter) in catalogued() {
            let rescales = parameter.effects().iter().find(|e| matches!(e, Effect::Rescales(..)));
            let Some(effect) = rescales.filter(|_| exists(&path)) else { continue };
            let key = Key::from_path(&path).unwrap();
            let Effect::Rescales(leaf, ..) = effect else { unreachable!() };
            let other = key.sibling(leaf);
            let shape = catalogue::lookup(&other).unwrap().shape();
            assert!(effect.reaches(&path, &other) && Reach::of(&key).covers(&other), "{path}");
            let before = must_read(other.as_path());
            for value in ["3000", "7000"] {
                must_put(&path, value);
                let live = must_read(other.as_path());
                let said = effect.leaves(value, None);
                let as_said = said.as_ref().is_none_or(|said| agrees(shape, said, &live));
                assert!(as_said, "{path} = {value}: {other} reads {live}, not {said:?}");
                assert_ne!(live, before, "{path}: {other} did not follow");
            }
            tried += 1;
        }
        // Six for each interface, of IPv4 alone.
        assert!(tried >= 18, "only {tried} were tried");
    });
}
