//! What is known of net.ipv6.*: IPv6, its ICMP, neighbour discovery and autoconfiguration.

use super::bounds::{FRAGMENTS, HASH_FIELDS, MS_TICKS, UNRES_QLEN, USER_TICKS};
use super::entry::{Checked, Effect, Entry, Hazard, Kind, Order, Range, Scope};
use crate::value::Shape::{self, Bitmap, Bool, Ipv6, Number};
use crate::value::Unit;

const DOC: &str = "Documentation/networking/ip-sysctl.rst";

const INT_MIN: i128 = i32::MIN as i128;
const INT_MAX: i128 = i32::MAX as i128;
const INT: &[Range] = &[Range::new(INT_MIN, INT_MAX)];
const NOT_NEGATIVE: &[Range] = &[Range::new(0, INT_MAX)];
const POSITIVE: &[Range] = &[Range::new(1, INT_MAX)];
const BOOL: &[Range] = &[Range::new(0, 1)];
/// Kept in one byte since 5.13, unchecked beyond that; a whole number before.
const U8: &[Range] = &[Range::new(0, 255), Range::before(5, 13, INT_MIN, INT_MAX)];
const ADDR_GEN_MODES: &[Range] = &[Range::new(0, 3)];
const ICMP_TYPES: &[Range] = &[Range::new(0, 255)];
/// Checked since 6.19, and by 5.10.262, 6.1.170 and 6.12.117; any number before.
const RPL: &[Range] = &[Range::new(0, 1), Range::within_before(6, 19, INT_MIN, INT_MAX)];
const SKIP_NOTIFY: &[Range] = &[Range::new(0, 1), Range::before(5, 2, INT_MIN, INT_MAX)];

/// The first sets every interface's; a secret, an interface's own or the one for all of them, sets
/// the mode to 2, which is not taken without one.
const ADDR_GEN_ORDER: &[Order] = &[
    Order::After("net/ipv6/conf/all/addr_gen_mode"),
    Order::After(SECRET_FOR_ALL),
    Order::AfterBeside("stable_secret"),
    Order::NeedsSecret(2, "stable_secret", SECRET_FOR_ALL),
];
const SECRET_FOR_ALL: &str = "net/ipv6/conf/default/stable_secret";
/// Only kernels that have force_forwarding clear it.
const ALL_FORWARDING: &[Effect] = &[
    Effect::Copies("net/ipv6/conf/*/forwarding"),
    Effect::ClearsInterfaces("net/ipv6/conf/*/force_forwarding"),
];
const HOST_CONFIGURERS: &[&str] = &["systemd-networkd", "NetworkManager"];
const DISABLERS: &[&str] = &["systemd-networkd", "NetworkManager", "dockerd", "libvirtd"];
/// What is set by the file that IPT_SYSCTL in /etc/default/ufw names, whenever ufw starts.
const UFW: &[&str] = &["ufw (/etc/ufw/sysctl.conf)"];
const FORWARDERS: &[&str] =
    &["systemd-networkd", "dockerd", "CNI plugins", "libvirtd", "calico-node", "cilium-agent"];

/// Each network namespace's own.
const fn own(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    Entry::new(key, shape, summary, DOC).scope(Scope::NetNs)
}

/// In-situ measurements: what a packet collects on its way.
const fn ioam(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/ioam6-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs).since(5, 15)
}

/// Security labels in IPv6 packets (RFC 5570); the host's alone.
const fn calipso(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    Entry::new(key, shape, summary, "net/ipv6/calipso.c").ranges(INT).since(4, 8)
}

#[rustfmt::skip] // one entry, as few lines as it takes
pub(super) const TABLE: &[Entry] = &[
    own("net/ipv6/anycast_src_echo_reply", Bool,
        "Answers echo requests to an anycast address from that address").ranges(U8),
    own("net/ipv6/auto_flowlabels", Number,
        "Flow labels made from the flow: 0 never, 1 unless, 2 only if the socket asks, 3 always")
        .ranges(&[Range::new(0, 3)]),
    own("net/ipv6/bindv6only", Bool,
        "IPv6 sockets do not take IPv4 connections unless they ask to").ranges(U8),
    calipso("net/ipv6/calipso_cache_bucket_size", Number,
        "Most CALIPSO labels in one bucket of their cache"),
    calipso("net/ipv6/calipso_cache_enable", Bool, "Caches what CALIPSO labels stand for"),
    own("net/ipv6/conf/*/accept_dad", Number,
        "Duplicate address detection: 0 off, 1 on, 2 stops IPv6 if the link-local one is taken")
        .ranges(INT),
    own("net/ipv6/conf/*/accept_ra", Number,
        "Router advertisements: 0 ignore, 1 obey unless forwarding, 2 obey even then")
        .ranges(INT).hazard(Hazard::CutsNetwork).owners(HOST_CONFIGURERS),
    own("net/ipv6/conf/*/accept_ra_defrtr", Bool,
        "Takes the default route from router advertisements")
        .ranges(INT).hazard(Hazard::CutsNetwork),
    own("net/ipv6/conf/*/accept_ra_from_local", Bool,
        "Obeys router advertisements from the host's own link-local addresses").ranges(INT),
    own("net/ipv6/conf/*/accept_ra_min_hop_limit", Number,
        "Least hop limit taken from router advertisements").ranges(INT),
    own("net/ipv6/conf/*/accept_ra_min_lft", Number,
        "Least lifetime taken from router advertisements; shorter ones are ignored")
        .unit(Unit::Seconds).ranges(INT).since(5, 10), // 6.6, and stable 5.10 to 6.1
    own("net/ipv6/conf/*/accept_ra_mtu", Bool,
        "Takes the MTU from router advertisements").ranges(INT).owners(HOST_CONFIGURERS),
    own("net/ipv6/conf/*/accept_ra_pinfo", Bool,
        "Takes prefixes from router advertisements").ranges(INT),
    own("net/ipv6/conf/*/accept_ra_rt_info_max_plen", Number,
        "Longest prefix of routes taken from router advertisements").ranges(INT),
    own("net/ipv6/conf/*/accept_ra_rt_info_min_plen", Number,
        "Shortest prefix of routes taken from router advertisements").ranges(INT).since(4, 12),
    own("net/ipv6/conf/*/accept_ra_rtr_pref", Bool,
        "Takes the router's preference from router advertisements").ranges(INT),
    own("net/ipv6/conf/*/accept_redirects", Bool,
        "Obeys ICMPv6 redirects on the interface, where it does not forward")
        .ranges(INT).owners(UFW),
    own("net/ipv6/conf/*/accept_source_route", Number,
        "Routing headers: below 0 refuse them, else type 2 alone is accepted").ranges(INT),
    own("net/ipv6/conf/*/accept_untracked_na", Number,
        "Learns neighbours from unasked advertisements: 0 no, 1 yes, 2 those of the same subnet")
        .ranges(&[Range::new(0, 2), Range::before(6, 0, 0, 1)]).since(5, 19),
    own("net/ipv6/conf/*/addr_gen_mode", Number,
        "Addresses made: 0 EUI-64, 1 no link-local one, 2 from stable_secret, 3 random secret")
        .ranges(ADDR_GEN_MODES).since(4, 11).order(ADDR_GEN_ORDER).owners(HOST_CONFIGURERS)
        .reads_back("2 needs a stable_secret, else EINVAL; writing one sets 2; 3 makes one"),
    own("net/ipv6/conf/*/autoconf", Bool,
        "Makes addresses from the prefixes that routers advertise")
        .ranges(INT).owners(&["libvirtd"]),
    own("net/ipv6/conf/*/dad_transmits", Number,
        "Probes for a duplicate before an address is used")
        .ranges(INT).owners(&["systemd-networkd"]),
    own("net/ipv6/conf/*/disable_ipv6", Bool,
        "Turns IPv6 off on the interface and removes its addresses and routes")
        .ranges(INT).order(&[Order::After("net/ipv6/conf/all/disable_ipv6")])
        .hazard(Hazard::CutsNetwork).owners(DISABLERS),
    own("net/ipv6/conf/*/disable_policy", Bool,
        "Applies no IPsec policy to the interface").ranges(INT).since(4, 12),
    own("net/ipv6/conf/*/drop_unicast_in_l2_multicast", Bool,
        "Drops unicast IPv6 packets that came in link-layer multicast or broadcast frames")
        .ranges(INT).since(4, 6),
    own("net/ipv6/conf/*/drop_unsolicited_na", Bool,
        "Drops unasked neighbour advertisements").ranges(INT).since(4, 6),
    own("net/ipv6/conf/*/enhanced_dad", Bool,
        "Adds a nonce to duplicate address detection, so that looped-back probes are told apart")
        .ranges(INT).since(4, 10),
    own("net/ipv6/conf/*/force_forwarding", Bool,
        "Forwards what comes in here, also where conf/all/forwarding is off")
        .ranges(BOOL).since(6, 17)
        .order(&[
            Order::After("net/ipv6/conf/all/forwarding"),
            Order::After("net/ipv6/conf/all/force_forwarding"),
        ])
        .hazard(Hazard::CutsNetwork),
    own("net/ipv6/conf/*/force_mld_version", Number,
        "MLD version to speak: 0 as the network asks, else 1 or 2").ranges(INT),
    own("net/ipv6/conf/*/force_tllao", Bool,
        "Sends its link-layer address in every neighbour advertisement").ranges(INT),
    own("net/ipv6/conf/*/forwarding", Bool,
        "Makes the interface act as a router's: no router solicitations, redirects ignored")
        .ranges(INT).order(&[Order::After("net/ipv6/conf/all/forwarding")])
        .hazard(Hazard::CutsNetwork).owners(FORWARDERS),
    own("net/ipv6/conf/*/hop_limit", Number,
        "Hop limit of packets that the host sends")
        .ranges(&[Range::new(1, 255), Range::before(4, 6, INT_MIN, INT_MAX)])
        .owners(&["systemd-networkd", "NetworkManager"]),
    own("net/ipv6/conf/*/ignore_routes_with_linkdown", Bool,
        "Skips routes through an interface that has no carrier")
        .ranges(INT).order(&[Order::After("net/ipv6/conf/all/ignore_routes_with_linkdown")]),
    ioam("net/ipv6/conf/*/ioam6_enabled", Bool,
        "Adds its data to packets with the IOAM option that come in by the interface").ranges(BOOL),
    ioam("net/ipv6/conf/*/ioam6_id", Number,
        "The interface's number in IOAM data").ranges(&[Range::new(0, 0xffff)]),
    ioam("net/ipv6/conf/*/ioam6_id_wide", Number,
        "The interface's wide number in IOAM data").ranges(&[Range::new(0, 0xffff_ffff)]),
    own("net/ipv6/conf/*/keep_addr_on_down", Number,
        "Keeps static addresses of a downed interface: below 0 no, 0 as conf/all says, else yes")
        .ranges(INT).since(4, 6),
    own("net/ipv6/conf/*/max_addresses", Number,
        "Most autoconfigured addresses of an interface; 0 means any").ranges(INT).unlimited(0),
    own("net/ipv6/conf/*/max_desync_factor", Number,
        "Most random seconds taken off a temporary address's preferred lifetime")
        .unit(Unit::Seconds).ranges(INT),
    own("net/ipv6/conf/*/mc_forwarding", Bool,
        "Whether a multicast routing daemon forwards by this interface")
        .kind(Kind::Counter).owners(&["multicast routing daemons"]),
    own("net/ipv6/conf/*/mldv1_unsolicited_report_interval", MS_TICKS,
        "Time between unsolicited MLDv1 reports").unit(Unit::Milliseconds),
    own("net/ipv6/conf/*/mldv2_unsolicited_report_interval", MS_TICKS,
        "Time between unsolicited MLDv2 reports").unit(Unit::Milliseconds),
    own("net/ipv6/conf/*/mtu", Number,
        "IPv6 MTU of the interface, from 1280 to the device's own; it follows the device's")
        .unit(Unit::Bytes).ranges(&[Range::within(1280, INT_MAX)]).owners(HOST_CONFIGURERS),
    own("net/ipv6/conf/*/ndisc_evict_nocarrier", Bool,
        "Forgets an interface's neighbours when it loses its carrier; conf/all must be set too")
        .ranges(BOOL).since(5, 17),
    own("net/ipv6/conf/*/ndisc_notify", Bool,
        "Announces its addresses when an interface comes up or changes its hardware address")
        .ranges(INT),
    own("net/ipv6/conf/*/ndisc_tclass", Number,
        "Traffic class of neighbour discovery packets").ranges(&[Range::new(0, 255)]).since(4, 15),
    own("net/ipv6/conf/*/optimistic_dad", Bool,
        "Uses addresses while duplicate detection still runs (RFC 4429)").ranges(INT),
    own("net/ipv6/conf/*/proxy_ndp", Bool,
        "Answers neighbour solicitations for addresses listed as proxies")
        .ranges(INT).owners(&["systemd-networkd", "calico-node"]),
    own("net/ipv6/conf/*/ra_defrtr_metric", Number,
        "Metric of default routes taken from router advertisements")
        .ranges(&[Range::new(1, 4_294_967_295)]).since(5, 12),
    own("net/ipv6/conf/*/ra_honor_pio_life", Bool,
        "Takes a prefix's lifetime as advertised, however short").ranges(BOOL).since(6, 7),
    own("net/ipv6/conf/*/ra_honor_pio_pflag", Bool,
        "Makes no addresses from prefixes that are for DHCPv6 delegation")
        .ranges(BOOL).since(6, 12),
    own("net/ipv6/conf/*/regen_max_retry", Number,
        "Tries at a temporary address that is not taken").ranges(INT),
    own("net/ipv6/conf/*/regen_min_advance", Number,
        "Least seconds ahead of its expiry that a temporary address is replaced")
        .unit(Unit::Seconds).ranges(INT).since(6, 9),
    own("net/ipv6/conf/*/router_probe_interval", Number,
        "Seconds between probes of a router that does not answer").unit(Unit::Seconds),
    own("net/ipv6/conf/*/router_solicitation_delay", Number,
        "Seconds before the first router solicitation").unit(Unit::Seconds),
    own("net/ipv6/conf/*/router_solicitation_interval", Number,
        "Seconds between the first router solicitations").unit(Unit::Seconds),
    own("net/ipv6/conf/*/router_solicitation_max_interval", Number,
        "Most seconds between router solicitations").unit(Unit::Seconds).since(4, 9),
    own("net/ipv6/conf/*/router_solicitations", Number,
        "Router solicitations without an answer before it gives up; -1 means never")
        .ranges(&[Range::new(-1, INT_MAX), Range::before(4, 9, INT_MIN, INT_MAX)]).unlimited(-1),
    own("net/ipv6/conf/*/rpl_seg_enabled", Bool,
        "Accepts RPL source routing headers").ranges(RPL).since(5, 7),
    own("net/ipv6/conf/*/seg6_enabled", Bool,
        "Accepts segment routing packets; conf/all and the interface must both allow it")
        .ranges(INT).since(4, 10),
    own("net/ipv6/conf/*/seg6_require_hmac", Number,
        "Segment routing HMAC: -1 ignore, 0 check if present, 1 demand").ranges(INT).since(4, 10),
    own("net/ipv6/conf/*/stable_secret", Ipv6,
        "Secret that stable private addresses (RFC 7217) are made from")
        .kind(Kind::Secret).order(&[Order::After("net/ipv6/conf/all/addr_gen_mode")])
        .effects(&[Effect::SetsBeside("addr_gen_mode", "2")])
        .reads_back("in full; EIO until it is set"),
    own("net/ipv6/conf/*/suppress_frag_ndisc", Bool,
        "Drops fragmented neighbour discovery packets (RFC 6980)").ranges(INT),
    own("net/ipv6/conf/*/temp_prefered_lft", Number,
        "Seconds that a temporary address is preferred").unit(Unit::Seconds).ranges(INT),
    own("net/ipv6/conf/*/temp_valid_lft", Number,
        "Seconds that a temporary address is valid").unit(Unit::Seconds).ranges(INT),
    own("net/ipv6/conf/*/use_oif_addrs_only", Bool,
        "Takes source addresses of the outgoing interface alone").ranges(INT),
    own("net/ipv6/conf/*/use_optimistic", Bool,
        "Prefers addresses still in duplicate detection no less than others").ranges(INT),
    own("net/ipv6/conf/*/use_tempaddr", Number,
        "Privacy addresses: 0 or below none, 1 made, 2 made and preferred")
        .ranges(INT).owners(HOST_CONFIGURERS),
    own("net/ipv6/conf/all/addr_gen_mode", Number,
        "Sets the address generation mode of every interface and of conf/default")
        .ranges(ADDR_GEN_MODES).since(4, 11)
        .effects(&[Effect::Copies("net/ipv6/conf/*/addr_gen_mode")]),
    own("net/ipv6/conf/all/disable_ipv6", Bool,
        "Turns IPv6 off or on for every interface and conf/default")
        .ranges(INT).effects(&[Effect::Copies("net/ipv6/conf/*/disable_ipv6")])
        .hazard(Hazard::CutsNetwork).owners(DISABLERS),
    own("net/ipv6/conf/all/force_forwarding", Bool,
        "Sets force_forwarding of every interface, but not of conf/default").ranges(BOOL).since(6, 17)
        .effects(&[Effect::CopiesToInterfaces("net/ipv6/conf/*/force_forwarding")])
        .hazard(Hazard::CutsNetwork),
    own("net/ipv6/conf/all/forwarding", Bool,
        "Forwards IPv6 packets; a write sets forwarding of every interface and of conf/default")
        .ranges(INT).effects(ALL_FORWARDING)
        .hazard(Hazard::CutsNetwork).owners(FORWARDERS),
    own("net/ipv6/conf/all/ignore_routes_with_linkdown", Bool,
        "Sets ignore_routes_with_linkdown of every interface and of conf/default")
        .ranges(INT).effects(&[Effect::Copies("net/ipv6/conf/*/ignore_routes_with_linkdown")]),
    own("net/ipv6/conf/all/stable_secret", Ipv6,
        "Nothing: the one for all interfaces is that of conf/default")
        .kind(Kind::Secret).reads_back("EIO, and the kernel takes no write"),
    own(SECRET_FOR_ALL, Ipv6,
        "Secret that stable private addresses are made from, for interfaces without their own")
        .kind(Kind::Secret).order(&[Order::After("net/ipv6/conf/all/addr_gen_mode")])
        .effects(&[Effect::SetsInterfaces("net/ipv6/conf/*/addr_gen_mode", "2")])
        .reads_back("in full; EIO until it is set"),
    own("net/ipv6/fib_multipath_hash_fields", Number,
        "Mask of the fields that a custom multipath hash (fib_multipath_hash_policy 3) is made of")
        .ranges(HASH_FIELDS).since(5, 14),
    own("net/ipv6/fib_multipath_hash_policy", Number,
        "Chooses between equal routes by 0 addresses, 1 ports too, 2 inner ones, 3 custom fields")
        .ranges(&[Range::new(0, 3), Range::before(5, 14, 0, 2), Range::before(5, 8, 0, 1)])
        .since(4, 17),
    own("net/ipv6/fib_notify_on_flag_change", Number,
        "Tells netlink listeners when a route's offload flags change: 0 no, 1 yes, 2 failures only")
        .ranges(&[Range::new(0, 2)]).since(5, 12),
    own("net/ipv6/flowlabel_consistency", Bool,
        "Forbids flow labels that the flow label manager did not hand out").ranges(U8),
    own("net/ipv6/flowlabel_reflect", Number,
        "Mask of replies that take the flow label they answer: 1 TCP, 2 TCP resets, 4 ICMPv6")
        .ranges(&[Range::new(0, 7), Range::before(5, 3, INT_MIN, INT_MAX)]).since(4, 14),
    own("net/ipv6/flowlabel_state_ranges", Bool,
        "Keeps chosen and made flow labels in two ranges").ranges(U8),
    own("net/ipv6/fwmark_reflect", Bool,
        "Replies that belong to no socket carry the firewall mark of what they answer").ranges(U8),
    own("net/ipv6/icmp/echo_ignore_all", Bool,
        "Answers no ICMPv6 echo request").ranges(U8).since(4, 19),
    own("net/ipv6/icmp/echo_ignore_anycast", Bool,
        "Answers no ICMPv6 echo request to an anycast address").ranges(U8).since(5, 2),
    own("net/ipv6/icmp/echo_ignore_multicast", Bool,
        "Answers no ICMPv6 echo request to a multicast address").ranges(U8).since(5, 2),
    own("net/ipv6/icmp/error_anycast_as_unicast", Bool,
        "Sends ICMPv6 errors in answer to packets to an anycast address too")
        .ranges(BOOL).since(6, 5),
    own("net/ipv6/icmp/errors_extension_mask", Number,
        "Mask of what is added to ICMPv6 errors: 1 the interface that the packet came by (RFC 5837)")
        .ranges(BOOL).since(6, 19),
    own("net/ipv6/icmp/ratelimit", MS_TICKS,
        "Least time between limited ICMPv6 messages to one target; 0 means no limit")
        .unit(Unit::Milliseconds),
    own("net/ipv6/icmp/ratemask", Bitmap,
        "ICMPv6 types that icmp/ratelimit counts for")
        .ranges(ICMP_TYPES).since(5, 2).reads_back("sorted, neighbouring ranges merged"),
    own("net/ipv6/idgen_delay", Number,
        "Seconds between tries at a stable private address that is not taken").unit(Unit::Seconds),
    own("net/ipv6/idgen_retries", Number,
        "Tries at a stable private address that is not taken").ranges(INT),
    ioam("net/ipv6/ioam6_id", Number,
        "The host's number in IOAM data").ranges(&[Range::new(0, 0xff_ffff)]),
    ioam("net/ipv6/ioam6_id_wide", Number,
        "The host's wide number in IOAM data").ranges(&[Range::new(0, 0xff_ffff_ffff_ffff)]),
    own("net/ipv6/ip6frag_high_thresh", Number,
        "Most memory for incomplete IPv6 packets").unit(Unit::Bytes).ranges(FRAGMENTS),
    own("net/ipv6/ip6frag_low_thresh", Number,
        "Without effect since 4.17; once where dropping of incomplete packets stopped")
        .unit(Unit::Bytes).ranges(FRAGMENTS)
        .order(&[Order::AtMost("net/ipv6/ip6frag_high_thresh", (3 << 20, 4 << 20), Checked::Always)]),
    own("net/ipv6/ip6frag_secret_interval", Number,
        "Without effect since 3.17; once how often the hash of incomplete packets got a new secret")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv6/ip6frag_time", Number,
        "Seconds that an incomplete packet is kept").unit(Unit::Seconds),
    own("net/ipv6/ip_nonlocal_bind", Bool,
        "Lets programs bind to addresses that the host does not have")
        .ranges(U8).owners(&["keepalived"]),
    own("net/ipv6/max_dst_opts_length", Number,
        "Longest destination options header in bytes").unit(Unit::Bytes).ranges(INT).since(4, 15),
    own("net/ipv6/max_dst_opts_number", Number,
        "Most options in a destination options header; below 0 unknown ones are refused too")
        .ranges(INT).since(4, 15),
    own("net/ipv6/max_hbh_length", Number,
        "Longest hop-by-hop options header in bytes").unit(Unit::Bytes).ranges(INT).since(4, 15),
    own("net/ipv6/max_hbh_opts_number", Number,
        "Most options in a hop-by-hop header; below 0 unknown ones are refused too")
        .ranges(INT).since(4, 15),
    own("net/ipv6/mld_max_msf", Number,
        "Most sources in a multicast filter").ranges(INT).scope(Scope::Host),
    own("net/ipv6/mld_qrv", Number,
        "MLD robustness: how many times a report is repeated").ranges(POSITIVE).scope(Scope::Host),
    own("net/ipv6/neigh/*/anycast_delay", USER_TICKS,
        "Longest random delay of an answer to a solicitation for an anycast address")
        .unit(Unit::Centiseconds),
    own("net/ipv6/neigh/*/app_solicit", Number,
        "Probes sent to a user-space daemon before multicast ones").ranges(NOT_NEGATIVE),
    own("net/ipv6/neigh/*/base_reachable_time", Number,
        "The same as base_reachable_time_ms, in seconds").unit(Unit::Seconds)
        .effects(&[Effect::Rescales("base_reachable_time_ms", Some((1000, 1)))]),
    own("net/ipv6/neigh/*/base_reachable_time_ms", MS_TICKS,
        "Time that a neighbour counts as reachable, varied at random by half")
        .unit(Unit::Milliseconds)
        .effects(&[Effect::Rescales("base_reachable_time", Some((1, 1000)))]),
    own("net/ipv6/neigh/*/delay_first_probe_time", Number,
        "Seconds before a stale neighbour that is in use is probed").unit(Unit::Seconds),
    own("net/ipv6/neigh/*/gc_stale_time", Number,
        "Seconds after which an unused neighbour may be forgotten").unit(Unit::Seconds),
    own("net/ipv6/neigh/*/interval_probe_time_ms", MS_TICKS,
        "Time between probes of neighbours that the kernel keeps resolved")
        .unit(Unit::Milliseconds).ranges(POSITIVE).since(6, 0),
    own("net/ipv6/neigh/*/locktime", USER_TICKS,
        "Of no use to IPv6; with IPv4 the least age at which an ARP entry is replaced")
        .unit(Unit::Centiseconds),
    own("net/ipv6/neigh/*/mcast_resolicit", Number,
        "Multicast probes after unicast ones failed for a known neighbour").ranges(NOT_NEGATIVE),
    own("net/ipv6/neigh/*/mcast_solicit", Number,
        "Multicast solicitations before an address counts as unreachable").ranges(NOT_NEGATIVE),
    own("net/ipv6/neigh/*/proxy_delay", USER_TICKS,
        "Longest random delay of a proxy's answer").unit(Unit::Centiseconds),
    own("net/ipv6/neigh/*/proxy_qlen", Number,
        "Most packets that wait for a proxy's answer").ranges(NOT_NEGATIVE),
    own("net/ipv6/neigh/*/retrans_time", Number,
        "The same as retrans_time_ms, in clock ticks of the kernel's own rate").ranges(INT)
        .effects(&[Effect::Rescales("retrans_time_ms", None)]),
    own("net/ipv6/neigh/*/retrans_time_ms", MS_TICKS,
        "Time between repeated neighbour solicitations")
        .unit(Unit::Milliseconds).effects(&[Effect::Rescales("retrans_time", None)])
        .owners(&["NetworkManager", "systemd-networkd"]),
    own("net/ipv6/neigh/*/ucast_solicit", Number,
        "Unicast probes of a known neighbour before multicasting").ranges(NOT_NEGATIVE),
    own("net/ipv6/neigh/*/unres_qlen", Number,
        "Packets that wait for one unresolved neighbour; counted from unres_qlen_bytes, use that")
        .ranges(UNRES_QLEN).effects(&[Effect::Rescales("unres_qlen_bytes", None)])
        .reads_back("stored as bytes, and printed as packets again"),
    own("net/ipv6/neigh/*/unres_qlen_bytes", Number,
        "Bytes of packets that wait for one unresolved neighbour")
        .unit(Unit::Bytes).ranges(NOT_NEGATIVE)
        .effects(&[Effect::Rescales("unres_qlen", None)]),
    own("net/ipv6/neigh/default/gc_interval", Number,
        "Seconds between runs of the neighbour table's garbage collection")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv6/neigh/default/gc_thresh1", Number,
        "Neighbours below which none is collected")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).owners(&["tuned"]),
    own("net/ipv6/neigh/default/gc_thresh2", Number,
        "Neighbours above which those older than five seconds are collected")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).owners(&["tuned"]),
    own("net/ipv6/neigh/default/gc_thresh3", Number,
        "Most neighbours in the table; beyond it packets to new ones are dropped")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).hazard(Hazard::Starves).owners(&["tuned"]),
    own("net/ipv6/route/flush", Number,
        "Forgets cached routes; the number written is a delay in seconds").kind(Kind::Action),
    own("net/ipv6/route/gc_elasticity", Number,
        "How fast the pace of route collection grows with the cache").ranges(INT),
    own("net/ipv6/route/gc_interval", Number,
        "Seconds between runs of the route cache's garbage collection").unit(Unit::Seconds),
    own("net/ipv6/route/gc_min_interval", Number,
        "The same as gc_min_interval_ms, in seconds").unit(Unit::Seconds)
        .effects(&[Effect::Rescales("gc_min_interval_ms", Some((1000, 1)))]),
    own("net/ipv6/route/gc_min_interval_ms", MS_TICKS,
        "Least time between two collections of cached routes").unit(Unit::Milliseconds)
        .effects(&[Effect::Rescales("gc_min_interval", Some((1, 1000)))]),
    own("net/ipv6/route/gc_thresh", Number,
        "Cached routes above which collection starts").ranges(INT),
    own("net/ipv6/route/gc_timeout", Number,
        "Seconds after which a cached route may be collected").unit(Unit::Seconds),
    own("net/ipv6/route/max_size", Number,
        "Most cached routes; no longer enforced since 6.3").ranges(INT),
    own("net/ipv6/route/min_adv_mss", Number,
        "Least TCP segment size that is advertised, whatever the route's MTU")
        .unit(Unit::Bytes).ranges(INT),
    own("net/ipv6/route/mtu_expires", Number,
        "Seconds that a learnt path MTU is kept").unit(Unit::Seconds),
    own("net/ipv6/route/skip_notify_on_dev_down", Bool,
        "Sends no netlink message for each route that a downed interface takes with it")
        .ranges(SKIP_NOTIFY).since(4, 20),
    own("net/ipv6/seg6_flowlabel", Number,
        "Flow label of segment routing packets: -1 zero, 0 copied or none, 1 made from the flow")
        .ranges(INT).since(4, 18),
    own("net/ipv6/xfrm6_gc_thresh", Number,
        "Without effect since 4.14; once when IPsec routes were collected").ranges(INT),
];
