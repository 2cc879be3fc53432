//! What is known of net.ipv4.*: IP, ICMP, IGMP, ARP, TCP and UDP.

use super::bounds::{
    FRAGMENTS, HASH_FIELDS, MS_TICKS, SHORT as PORTS, UINT, ULONG, UNRES_QLEN, USER_TICKS,
};
use super::entry::{Checked, Effect, Entry, Hazard, Kind, Order, Range, Scope};
use crate::value::Shape::{self, Bitmap, Bool, HexGroups, Number, Numbers, Text, Words};
use crate::value::Unit;

const DOC: &str = "Documentation/networking/ip-sysctl.rst";

const INT_MIN: i128 = i32::MIN as i128;
const INT_MAX: i128 = i32::MAX as i128;
const INT: &[Range] = &[Range::new(INT_MIN, INT_MAX)];
const NOT_NEGATIVE: &[Range] = &[Range::new(0, INT_MAX)];
const POSITIVE: &[Range] = &[Range::new(1, INT_MAX)];
const BOOL: &[Range] = &[Range::new(0, 1)];
const U64: &[Range] = &[Range::new(0, u64::MAX as i128)];
/// Kept in one byte since 5.13 and by stable 5.10, unchecked beyond that; a whole number before.
const U8: &[Range] = &[Range::new(0, 255), Range::within_before(5, 13, INT_MIN, INT_MAX)];
const BOOL_SINCE_5_19: &[Range] = &[
    Range::new(0, 1),
    Range::before(5, 19, 0, 255),
    Range::within_before(5, 13, INT_MIN, INT_MAX),
];
const APP_WINDOW: &[Range] = &[
    Range::new(0, 31),
    Range::within_before(6, 3, 0, 255),
    Range::within_before(5, 13, INT_MIN, INT_MAX),
];
/// Accurate ECN adds numbers above 2 after 6.19: 7.2 takes up to 5.
const ECN: &[Range] = &[
    Range::within(0, 5),
    Range::before(7, 0, 0, 2),
    Range::before(5, 19, 0, 255),
    Range::within_before(5, 13, INT_MIN, INT_MAX),
];
/// Likewise 3, also where the option was seen to fail.
const ECN_OPTION: &[Range] = &[Range::within(0, 3), Range::before(7, 0, 0, 2)];
/// 0 and less are refused by 6.18.44, 6.12.117 and 6.1.192, and do no good elsewhere.
const POSITIVE_BY_STABLE_FIX: &[Range] = POSITIVE;

const PLB_ROUNDS: &[Range] = &[Range::new(0, 31)];

/// Written after the two switches that change it (case E24).
const AFTER_FORWARDING: &[Order] =
    &[Order::After("net/ipv4/ip_forward"), Order::After("net/ipv4/conf/all/forwarding")];
const IP_FORWARD: &[Effect] = &[
    Effect::Copies("net/ipv4/conf/*/forwarding"),
    Effect::Inverts("net/ipv4/conf/all/accept_redirects"),
];
const ALL_FORWARDING: &[Effect] = &[
    Effect::Copies("net/ipv4/ip_forward"),
    Effect::Copies("net/ipv4/conf/*/forwarding"),
    Effect::Inverts("net/ipv4/conf/all/accept_redirects"),
];
const RP_FILTERERS: &[&str] = &[
    "systemd (50-default.conf)",
    "cilium-agent",
    "calico-node",
    "CNI plugins",
    "systemd-networkd",
];
/// What is set by the file that IPT_SYSCTL in /etc/default/ufw names, whenever ufw starts.
const UFW: &[&str] = &["ufw (/etc/ufw/sysctl.conf)"];
const FORWARDERS: &[&str] =
    &["dockerd", "CNI plugins", "libvirtd", "systemd-networkd", "calico-node", "cilium-agent"];

/// Each network namespace's own.
const fn own(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    Entry::new(key, shape, summary, DOC).scope(Scope::NetNs)
}

#[rustfmt::skip] // one entry, as few lines as it takes
pub(super) const TABLE: &[Entry] = &[
    own("net/ipv4/cipso_cache_bucket_size", Number,
        "Most CIPSO labels in one bucket of their cache").ranges(INT).scope(Scope::Host),
    own("net/ipv4/cipso_cache_enable", Bool,
        "Caches what CIPSO labels stand for").ranges(INT).scope(Scope::Host),
    own("net/ipv4/cipso_rbm_optfmt", Bool,
        "Fills CIPSO labels up with empty categories, so that data is aligned to 32 bits")
        .ranges(INT).scope(Scope::Host),
    own("net/ipv4/cipso_rbm_strictvalid", Bool,
        "Checks CIPSO options strictly as soon as a packet's options are parsed")
        .ranges(INT).scope(Scope::Host),
    own("net/ipv4/conf/*/accept_local", Bool,
        "Accepts packets whose source is one of the host's own addresses")
        .ranges(INT).owners(&["systemd-networkd"]),
    own("net/ipv4/conf/*/accept_redirects", Bool,
        "Obeys ICMP redirects; conf/all and the interface both on a router, either on a host")
        .ranges(INT).order(AFTER_FORWARDING).owners(UFW),
    own("net/ipv4/conf/*/accept_source_route", Bool,
        "Accepts packets with a source route; conf/all and the interface must both allow it")
        .ranges(INT).owners(&["systemd (50-default.conf)"]),
    own("net/ipv4/conf/*/arp_accept", Number,
        "New neighbours learnt from unasked ARP: 0 none, 1 any, 2 those of the same subnet")
        .ranges(INT),
    own("net/ipv4/conf/*/arp_announce", Number,
        "Source address of ARP requests: 0 any, 1 of the target's subnet if any, 2 the best one")
        .ranges(INT).hazard(Hazard::CutsNetwork).owners(&["kube-proxy", "keepalived"]),
    own("net/ipv4/conf/*/arp_evict_nocarrier", Bool,
        "Forgets an interface's neighbours when it loses its carrier; conf/all must be set too")
        .ranges(INT).since(5, 17),
    own("net/ipv4/conf/*/arp_filter", Bool,
        "Answers ARP on an interface only if the kernel would route a reply through it")
        .ranges(INT).owners(&["keepalived"]),
    own("net/ipv4/conf/*/arp_ignore", Number,
        "ARP requests not answered: 0 none, 1 for other interfaces' addresses, up to 8 all")
        .ranges(INT).hazard(Hazard::CutsNetwork).owners(&["kube-proxy", "keepalived"]),
    own("net/ipv4/conf/*/arp_notify", Bool,
        "Announces its address by ARP when an interface comes up or changes its hardware address")
        .ranges(INT),
    own("net/ipv4/conf/*/bc_forwarding", Bool,
        "Forwards directed broadcasts; conf/all and the receiving interface must both allow it")
        .ranges(INT).since(4, 19),
    own("net/ipv4/conf/*/bootp_relay", Bool,
        "Without effect; reserved for packets from 0.0.0.0/8 that a BOOTP relay is to forward")
        .ranges(INT),
    own("net/ipv4/conf/*/disable_policy", Bool,
        "Applies no IPsec policy to the interface").ranges(INT),
    own("net/ipv4/conf/*/disable_xfrm", Bool,
        "Does no IPsec encryption on the interface, whatever the policy").ranges(INT),
    own("net/ipv4/conf/*/drop_gratuitous_arp", Bool,
        "Drops all gratuitous ARP").ranges(INT).since(4, 6),
    own("net/ipv4/conf/*/drop_unicast_in_l2_multicast", Bool,
        "Drops unicast IP packets that came in link-layer multicast or broadcast frames")
        .ranges(INT).since(4, 6),
    own("net/ipv4/conf/*/force_igmp_version", Number,
        "IGMP version to speak: 0 as the network asks, else 1, 2 or 3").ranges(INT),
    own("net/ipv4/conf/*/forwarding", Bool,
        "Forwards packets that come in by the interface")
        .ranges(INT).order(AFTER_FORWARDING).hazard(Hazard::CutsNetwork).owners(FORWARDERS),
    own("net/ipv4/conf/*/igmpv2_unsolicited_report_interval", Number,
        "Time between unsolicited IGMPv1 and IGMPv2 reports").unit(Unit::Milliseconds).ranges(INT),
    own("net/ipv4/conf/*/igmpv3_unsolicited_report_interval", Number,
        "Time between unsolicited IGMPv3 reports").unit(Unit::Milliseconds).ranges(INT),
    own("net/ipv4/conf/*/ignore_routes_with_linkdown", Bool,
        "Skips routes through an interface that has no carrier").ranges(INT),
    own("net/ipv4/conf/*/log_martians", Bool,
        "Logs packets with impossible addresses; conf/all or the interface turns it on")
        .ranges(INT).owners(UFW),
    own("net/ipv4/conf/*/mc_forwarding", Bool,
        "Whether a multicast routing daemon forwards by this interface")
        .kind(Kind::Counter).owners(&["multicast routing daemons"]),
    own("net/ipv4/conf/*/medium_id", Number,
        "Tells interfaces on different media apart for proxy ARP; -1 means unknown").ranges(INT),
    own("net/ipv4/conf/*/promote_secondaries", Bool,
        "Makes a secondary address primary when the primary one is removed")
        .ranges(INT).owners(&["systemd (50-default.conf)", "systemd-networkd"]),
    own("net/ipv4/conf/*/proxy_arp", Bool,
        "Answers ARP requests for addresses that it can reach elsewhere")
        .ranges(INT).owners(&["calico-node", "systemd-networkd"]),
    own("net/ipv4/conf/*/proxy_arp_pvlan", Bool,
        "Answers ARP on the interface the request came by, for private VLANs")
        .ranges(INT).owners(&["systemd-networkd"]),
    own("net/ipv4/conf/*/route_localnet", Bool,
        "Routes 127.0.0.0/8 like other addresses, instead of treating it as martian")
        .ranges(INT).owners(&["kube-proxy", "CNI portmap", "systemd-networkd"]),
    own("net/ipv4/conf/*/rp_filter", Number,
        "Source validation: 0 none, 1 strict, 2 loose; the larger of conf/all and this counts")
        .ranges(INT).hazard(Hazard::CutsNetwork).owners(RP_FILTERERS),
    own("net/ipv4/conf/*/secure_redirects", Bool,
        "Obeys redirects to known gateways only; conf/all or the interface turns it on")
        .ranges(INT),
    own("net/ipv4/conf/*/send_redirects", Bool,
        "Sends ICMP redirects when it forwards; conf/all or the interface turns it on")
        .ranges(INT).owners(&["libreswan", "cilium-agent"]),
    own("net/ipv4/conf/*/shared_media", Bool,
        "Redirects between subnets that share one medium; overrides secure_redirects").ranges(INT),
    own("net/ipv4/conf/*/src_valid_mark", Bool,
        "Takes the packet's firewall mark into the lookup that validates its source")
        .ranges(INT).owners(&["wg-quick"]),
    own("net/ipv4/conf/*/tag", Number,
        "A number for the use of programs; the kernel does nothing with it").ranges(INT),
    own("net/ipv4/conf/all/accept_redirects", Bool,
        "Obeys ICMP redirects on all interfaces; changed by every change of ip_forward")
        .ranges(INT).order(AFTER_FORWARDING).owners(UFW),
    own("net/ipv4/conf/all/forwarding", Bool,
        "The same switch as ip_forward: sets forwarding of every interface and of conf/default")
        .ranges(INT).order(&[Order::After("net/ipv4/ip_forward")]).effects(ALL_FORWARDING)
        .hazard(Hazard::CutsNetwork).owners(FORWARDERS),
    own("net/ipv4/fib_multipath_hash_fields", Number,
        "Mask of the fields that a custom multipath hash (fib_multipath_hash_policy 3) is made of")
        .ranges(HASH_FIELDS).since(5, 14),
    own("net/ipv4/fib_multipath_hash_policy", Number,
        "Chooses between equal routes by 0 addresses, 1 ports too, 2 inner ones, 3 custom fields")
        .ranges(&[Range::new(0, 3), Range::before(5, 14, 0, 2), Range::before(5, 4, 0, 1)])
        .since(4, 12),
    own("net/ipv4/fib_multipath_hash_seed", Number,
        "Seed of the hash that chooses between equal routes, of IPv6 too; 0 means a random one")
        .ranges(UINT).since(6, 11),
    own("net/ipv4/fib_multipath_use_neigh", Bool,
        "Leaves out next hops that are known to be unreachable").ranges(BOOL).since(4, 7),
    own("net/ipv4/fib_notify_on_flag_change", Number,
        "Tells netlink listeners when a route's offload flags change: 0 no, 1 yes, 2 failures only")
        .ranges(&[Range::new(0, 2)]).since(5, 12),
    own("net/ipv4/fib_sync_mem", Number,
        "Memory of replaced routes that may pile up before a synchronize_rcu is forced")
        .unit(Unit::Bytes).ranges(&[Range::new(65536, 67_108_864)]).scope(Scope::Host).since(5, 2),
    own("net/ipv4/fwmark_reflect", Bool,
        "Replies that belong to no socket carry the firewall mark of what they answer").ranges(U8),
    own("net/ipv4/icmp_echo_enable_probe", Bool,
        "Answers RFC 8335 PROBE requests about the host's interfaces").ranges(BOOL).since(5, 13),
    own("net/ipv4/icmp_echo_ignore_all", Bool,
        "Answers no ICMP echo request").ranges(BOOL_SINCE_5_19).owners(UFW),
    own("net/ipv4/icmp_echo_ignore_broadcasts", Bool,
        "Answers no ICMP echo or time stamp request to a broadcast or multicast address")
        .ranges(BOOL_SINCE_5_19).owners(UFW),
    own("net/ipv4/icmp_errors_extension_mask", Number,
        "Mask of what is added to ICMP errors: 1 the interface that the packet came by (RFC 5837)")
        .ranges(BOOL).since(6, 19),
    own("net/ipv4/icmp_errors_use_inbound_ifaddr", Bool,
        "Sends ICMP errors from the address of the interface that the packet came by")
        .ranges(BOOL_SINCE_5_19),
    own("net/ipv4/icmp_ignore_bogus_error_responses", Bool,
        "Does not log bogus answers to broadcasts").ranges(BOOL_SINCE_5_19).owners(UFW),
    own("net/ipv4/icmp_msgs_burst", Number,
        "ICMP messages of the limited kinds that may be sent in a burst").ranges(NOT_NEGATIVE),
    own("net/ipv4/icmp_msgs_per_sec", Number,
        "Most ICMP messages of the limited kinds sent in a second").ranges(NOT_NEGATIVE),
    own("net/ipv4/icmp_ratelimit", MS_TICKS,
        "Least time between limited ICMP messages to one target; 0 means no limit")
        .unit(Unit::Milliseconds),
    own("net/ipv4/icmp_ratemask", Number,
        "Mask of the ICMP types that icmp_ratelimit counts for").ranges(INT),
    own("net/ipv4/igmp_link_local_mcast_reports", Bool,
        "Reports membership of groups in 224.0.0.0/24 too").ranges(U8),
    own("net/ipv4/igmp_max_memberships", Number,
        "Most multicast groups that one socket may join").ranges(INT),
    own("net/ipv4/igmp_max_msf", Number, "Most sources in a multicast filter").ranges(INT),
    own("net/ipv4/igmp_qrv", Number,
        "IGMP robustness: how many times a report is repeated").ranges(POSITIVE),
    own("net/ipv4/inet_peer_maxttl", Number,
        "Seconds that an unused peer entry is kept while memory is plentiful")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/inet_peer_minttl", Number,
        "Seconds that a peer entry is kept at least").unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/inet_peer_threshold", Number,
        "Number of peer entries from which they are thrown away early")
        .ranges(INT).scope(Scope::Host).sized_at_boot(),
    own("net/ipv4/ip_autobind_reuse", Bool,
        "Lets bind() share a port by SO_REUSEADDR once all ephemeral ports are taken")
        .ranges(BOOL).since(5, 7),
    own("net/ipv4/ip_default_ttl", Number,
        "Time to live of packets that the host sends").ranges(&[Range::new(1, 255)]),
    own("net/ipv4/ip_dynaddr", Number,
        "Rewrites the source of a connection being opened when its address changes; 2 logs it")
        .ranges(U8),
    own("net/ipv4/ip_early_demux", Bool, "Looks a packet's socket up before routing it").ranges(U8),
    own("net/ipv4/ip_forward", Bool,
        "Forwards packets between interfaces; a change sets conf/*/forwarding too")
        .ranges(INT).effects(IP_FORWARD).hazard(Hazard::CutsNetwork).owners(FORWARDERS),
    own("net/ipv4/ip_forward_update_priority", Bool,
        "Sets a forwarded packet's priority from its type of service").ranges(BOOL).since(4, 19),
    own("net/ipv4/ip_forward_use_pmtu", Bool, "Trusts learnt path MTUs when forwarding").ranges(U8),
    own("net/ipv4/ip_local_port_range", Numbers(2),
        "First and last port that outgoing connections take")
        .ranges(&[Range::new(1, 65535)]),
    own("net/ipv4/ip_local_port_step_width", Number,
        "Most ports to step over at random where one is taken; 0 turns that off")
        .ranges(UINT).since(7, 0), // seen in 7.2, not in 6.19
    own("net/ipv4/ip_local_reserved_ports", Bitmap,
        "Ports that are never taken for outgoing connections by themselves").ranges(PORTS)
        .reads_back("sorted, ranges merged; a newline clears it, an empty write does not"),
    own("net/ipv4/ip_no_pmtu_disc", Number,
        "Path MTU discovery: 0 on, 1 down to min_pmtu, 2 off, 3 only errors that can be verified")
        .ranges(U8),
    own("net/ipv4/ip_nonlocal_bind", Bool,
        "Lets programs bind to addresses that the host does not have")
        .ranges(U8).owners(&["keepalived"]),
    own("net/ipv4/ip_unprivileged_port_start", Number,
        "First port that needs no privilege to bind").since(4, 11).ranges(PORTS)
        .order(&[Order::AtMost("net/ipv4/ip_local_port_range", (1024, 32768), Checked::Always)]),
    own("net/ipv4/ipfrag_high_thresh", Number,
        "Most memory for incomplete IP packets").unit(Unit::Bytes).ranges(FRAGMENTS),
    own("net/ipv4/ipfrag_low_thresh", Number,
        "Without effect since 4.17; once where dropping of incomplete packets stopped")
        .unit(Unit::Bytes).ranges(FRAGMENTS)
        .order(&[Order::AtMost("net/ipv4/ipfrag_high_thresh", (3 << 20, 4 << 20), Checked::Always)]),
    own("net/ipv4/ipfrag_max_dist", Number,
        "Disorder of fragments of one source after which a packet is given up; 0 means any")
        .ranges(NOT_NEGATIVE).unlimited(0),
    own("net/ipv4/ipfrag_secret_interval", Number,
        "Without effect since 3.17; once how often the hash of incomplete packets got a new secret")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/ipfrag_time", Number,
        "Seconds that an incomplete packet is kept").unit(Unit::Seconds),
    own("net/ipv4/neigh/*/anycast_delay", USER_TICKS,
        "Of no use to IPv4; with IPv6 the longest random delay of an anycast address's answer")
        .unit(Unit::Centiseconds),
    own("net/ipv4/neigh/*/app_solicit", Number,
        "Probes sent to a user-space ARP daemon before multicast ones").ranges(NOT_NEGATIVE),
    own("net/ipv4/neigh/*/base_reachable_time", Number,
        "The same as base_reachable_time_ms, in seconds").unit(Unit::Seconds)
        .effects(&[Effect::Rescales("base_reachable_time_ms", Some((1000, 1)))]),
    own("net/ipv4/neigh/*/base_reachable_time_ms", MS_TICKS,
        "Time that a neighbour counts as reachable, varied at random by half")
        .unit(Unit::Milliseconds)
        .effects(&[Effect::Rescales("base_reachable_time", Some((1, 1000)))]),
    own("net/ipv4/neigh/*/delay_first_probe_time", Number,
        "Seconds before a stale neighbour that is in use is probed").unit(Unit::Seconds),
    own("net/ipv4/neigh/*/gc_stale_time", Number,
        "Seconds after which an unused neighbour may be forgotten").unit(Unit::Seconds),
    own("net/ipv4/neigh/*/interval_probe_time_ms", MS_TICKS,
        "Time between probes of neighbours that the kernel keeps resolved")
        .unit(Unit::Milliseconds).ranges(POSITIVE).since(6, 0),
    own("net/ipv4/neigh/*/locktime", USER_TICKS,
        "Least age at which an ARP entry is replaced by another answer").unit(Unit::Centiseconds),
    own("net/ipv4/neigh/*/mcast_resolicit", Number,
        "Multicast probes after unicast ones failed for a known neighbour").ranges(NOT_NEGATIVE),
    own("net/ipv4/neigh/*/mcast_solicit", Number,
        "Broadcast ARP requests before an address counts as unreachable").ranges(NOT_NEGATIVE),
    own("net/ipv4/neigh/*/proxy_delay", USER_TICKS,
        "Longest random delay of a proxy ARP answer").unit(Unit::Centiseconds),
    own("net/ipv4/neigh/*/proxy_qlen", Number,
        "Most packets that wait for a proxy ARP answer").ranges(NOT_NEGATIVE),
    own("net/ipv4/neigh/*/retrans_time", USER_TICKS,
        "The same as retrans_time_ms, in hundredths of a second").unit(Unit::Centiseconds)
        .effects(&[Effect::Rescales("retrans_time_ms", Some((10, 1)))]),
    own("net/ipv4/neigh/*/retrans_time_ms", MS_TICKS,
        "Time between repeated ARP requests").unit(Unit::Milliseconds)
        .effects(&[Effect::Rescales("retrans_time", Some((1, 10)))]),
    own("net/ipv4/neigh/*/ucast_solicit", Number,
        "Unicast probes of a known neighbour before broadcasting").ranges(NOT_NEGATIVE),
    own("net/ipv4/neigh/*/unres_qlen", Number,
        "Packets that wait for one unresolved neighbour; counted from unres_qlen_bytes, use that")
        .ranges(UNRES_QLEN).effects(&[Effect::Rescales("unres_qlen_bytes", None)])
        .reads_back("stored as bytes, and printed as packets again"),
    own("net/ipv4/neigh/*/unres_qlen_bytes", Number,
        "Bytes of packets that wait for one unresolved neighbour")
        .unit(Unit::Bytes).ranges(NOT_NEGATIVE)
        .effects(&[Effect::Rescales("unres_qlen", None)]),
    own("net/ipv4/neigh/default/gc_interval", Number,
        "Seconds between runs of the neighbour table's garbage collection")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/neigh/default/gc_thresh1", Number,
        "Neighbours below which none is collected")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).owners(&["tuned"]),
    own("net/ipv4/neigh/default/gc_thresh2", Number,
        "Neighbours above which those older than five seconds are collected")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).owners(&["tuned"]),
    own("net/ipv4/neigh/default/gc_thresh3", Number,
        "Most neighbours in the table; beyond it packets to new ones are dropped")
        .ranges(NOT_NEGATIVE).scope(Scope::Host).hazard(Hazard::Starves).owners(&["tuned"]),
    own("net/ipv4/netfilter/ip_conntrack_max", Number,
        "The same as net.netfilter.nf_conntrack_max, by its oldest name")
        .ranges(INT).scope(Scope::Host).until(4, 9),
    own("net/ipv4/nexthop_compat_mode", Bool,
        "Shows and announces routes over nexthop objects in the old form too")
        .ranges(BOOL).since(5, 8),
    own("net/ipv4/ping_group_range", Numbers(2),
        "First and last group whose members may open ICMP echo sockets; 1 0 means none")
        .ranges(&[Range::within(0, u32::MAX as i128 - 1)]) // 5.10 takes none above 2147483647
        .owners(&["systemd (50-default.conf)"])
        .reads_back("a first group above the last reads back as 1 0"),
    own("net/ipv4/raw_l3mdev_accept", Bool,
        "Raw sockets that are bound to no VRF receive packets of all").ranges(BOOL).since(5, 0),
    own("net/ipv4/route/error_burst", Number,
        "Clock ticks of credit for ICMP unreachable messages").ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/error_cost", Number,
        "Clock ticks that one ICMP unreachable message costs").ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/flush", Number, "Forgets all cached routes").kind(Kind::Action),
    own("net/ipv4/route/gc_elasticity", Number,
        "Without effect since 3.6; once how long chains of cached routes could get")
        .ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/gc_interval", Number,
        "Without effect since 3.6; once the seconds between collections of cached routes")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/route/gc_min_interval", Number,
        "The same as gc_min_interval_ms, in seconds").unit(Unit::Seconds).scope(Scope::Host)
        .effects(&[Effect::Rescales("gc_min_interval_ms", Some((1000, 1)))]),
    own("net/ipv4/route/gc_min_interval_ms", MS_TICKS,
        "Without effect since 3.6; once the least time between collections of cached routes")
        .unit(Unit::Milliseconds).scope(Scope::Host)
        .effects(&[Effect::Rescales("gc_min_interval", Some((1, 1000)))]),
    own("net/ipv4/route/gc_thresh", Number,
        "Cached routes above which collection starts; of little effect since 3.6")
        .ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/gc_timeout", Number,
        "Seconds after which a cached route may be collected; without effect since 3.6")
        .unit(Unit::Seconds).scope(Scope::Host),
    own("net/ipv4/route/max_size", Number,
        "Most cached routes; without effect since 3.6").ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/min_adv_mss", Number,
        "Least TCP segment size that is advertised, whatever the route's MTU")
        .unit(Unit::Bytes).ranges(INT),
    own("net/ipv4/route/min_pmtu", Number,
        "Least path MTU that is believed")
        .unit(Unit::Bytes)
        .ranges(&[Range::new(68, INT_MAX), Range::before(4, 16, INT_MIN, INT_MAX)]),
    own("net/ipv4/route/mtu_expires", Number,
        "Seconds that a learnt path MTU is kept").unit(Unit::Seconds),
    own("net/ipv4/route/redirect_load", Number,
        "Clock ticks between the first ICMP redirects to one host").ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/redirect_number", Number,
        "ICMP redirects to one host before it is given up").ranges(INT).scope(Scope::Host),
    own("net/ipv4/route/redirect_silence", Number,
        "Clock ticks after which redirects to a host start again").ranges(INT).scope(Scope::Host),
    own("net/ipv4/tcp_abort_on_overflow", Bool,
        "Resets new connections that the listener is too slow to accept").ranges(U8),
    own("net/ipv4/tcp_adv_win_scale", Number,
        "Share of the receive buffer kept for overhead, as a power of two; unused since 6.6")
        .ranges(&[Range::new(-31, 31)]),
    own("net/ipv4/tcp_allowed_congestion_control", Words,
        "Congestion controls that unprivileged programs may choose")
        // The default one may load its module, and is added; this loads nothing.
        .scope(Scope::Host).order(&[Order::After("net/ipv4/tcp_congestion_control")])
        .reads_back("an unknown name is refused with ENOENT; the kernel prints its own order"),
    own("net/ipv4/tcp_app_win", Number,
        "Share of the window kept for the application, as a power of two; 0 keeps none")
        .ranges(APP_WINDOW),
    own("net/ipv4/tcp_autocorking", Bool,
        "Joins small writes while an earlier packet of the connection still waits").ranges(BOOL),
    own("net/ipv4/tcp_available_congestion_control", Words,
        "Congestion controls that are loaded").kind(Kind::Counter).scope(Scope::Host),
    own("net/ipv4/tcp_available_ulp", Words,
        "Upper-layer protocols such as tls that are loaded")
        .kind(Kind::Counter).scope(Scope::Host).since(4, 13),
    own("net/ipv4/tcp_backlog_ack_defer", Bool,
        "Sends one acknowledgement for all segments in a socket's backlog")
        .ranges(BOOL).since(6, 7),
    own("net/ipv4/tcp_base_mss", Number,
        "Segment size at which MTU probing starts").unit(Unit::Bytes).ranges(INT),
    own("net/ipv4/tcp_challenge_ack_limit", Number,
        "Challenge acknowledgements sent in a second (RFC 5961)").ranges(INT),
    own("net/ipv4/tcp_child_ehash_entries", Number,
        "Connection hash buckets of network namespaces made from here; 0 shares the first one's")
        .ranges(&[Range::new(0, 16_777_216)]).since(6, 1),
    own("net/ipv4/tcp_comp_sack_delay_ns", Number,
        "Longest delay of a compressed selective acknowledgement, besides 5 % of the round trip")
        .unit(Unit::Nanoseconds).ranges(U64).since(4, 18),
    own("net/ipv4/tcp_comp_sack_nr", Number,
        "Most selective acknowledgements that are compressed into one; 0 turns that off")
        .ranges(&[Range::new(0, 255)]).since(4, 18),
    own("net/ipv4/tcp_comp_sack_rtt_percent", Number,
        "Longest delay of a compressed selective acknowledgement, in percent of the round trip")
        .unit(Unit::Percent).ranges(&[Range::new(1, 1000)]).since(6, 19),
    own("net/ipv4/tcp_comp_sack_slack_ns", Number,
        "Slack of the timer that sends compressed selective acknowledgements")
        .unit(Unit::Nanoseconds).ranges(U64).since(5, 8),
    own("net/ipv4/tcp_congestion_control", Text(15),
        "Congestion control of new connections")
        .effects(&[Effect::AddsWordBeside("tcp_allowed_congestion_control")])
        .reads_back("an unknown name is refused with ENOENT; a write may load its module"),
    own("net/ipv4/tcp_dsack", Bool, "Sends duplicate selective acknowledgements").ranges(U8),
    own("net/ipv4/tcp_early_demux", Bool,
        "Looks a TCP packet's socket up before routing it").ranges(U8).since(4, 12),
    own("net/ipv4/tcp_early_retrans", Number,
        "Tail loss probe: 0 off, 3 or 4 on").ranges(&[Range::new(0, 4)]),
    own("net/ipv4/tcp_ecn", Number,
        "Congestion notification: 0 never, 1 ask for it and accept it, 2 only accept it")
        .ranges(ECN),
    own("net/ipv4/tcp_ecn_fallback", Bool,
        "Falls back to plain TCP where congestion notification is blocked").ranges(BOOL_SINCE_5_19),
    own("net/ipv4/tcp_ecn_option", Number,
        "When accurate ECN sends its option: 0 never, 1 where it must, 2 wherever there is room")
        .ranges(ECN_OPTION).since(6, 18),
    own("net/ipv4/tcp_ecn_option_beacon", Number,
        "How often in a round trip the accurate ECN option is sent, where tcp_ecn_option is 2")
        .ranges(&[Range::new(0, 3)]).since(6, 18),
    own("net/ipv4/tcp_ehash_entries", Number,
        "Connection hash buckets of this network namespace; negative: shared with the first one")
        .kind(Kind::Counter).since(6, 1),
    own("net/ipv4/tcp_fack", Bool,
        "Without effect since 4.15; once forward acknowledgement").ranges(U8),
    own("net/ipv4/tcp_fastopen", Number,
        "Mask of TCP Fast Open: 1 as client, 2 as server, 4, 0x200 and 0x400 without cookies")
        .ranges(INT).owners(&["tuned"]),
    own("net/ipv4/tcp_fastopen_blackhole_timeout_sec", Number,
        "Seconds that Fast Open rests after a firewall was seen to drop it; 0 means it never rests")
        .unit(Unit::Seconds).ranges(NOT_NEGATIVE).since(4, 12),
    own("net/ipv4/tcp_fastopen_key", HexGroups,
        "Keys that Fast Open cookies are made with, the primary and the backup one")
        .kind(Kind::Secret)
        .reads_back(
            "four groups of eight lower-case digits each, leading zeros filled in; zeros until set",
        ),
    own("net/ipv4/tcp_fin_timeout", Number,
        "Seconds that a connection without a program stays in FIN-WAIT-2").unit(Unit::Seconds),
    own("net/ipv4/tcp_frto", Number, "Forward RTO recovery (RFC 5682): 0 off, else on").ranges(U8),
    own("net/ipv4/tcp_fwmark_accept", Bool,
        "Accepted sockets take the firewall mark of the opening packet").ranges(U8),
    own("net/ipv4/tcp_invalid_ratelimit", MS_TICKS,
        "Least time between answers to invalid segments of one connection")
        .unit(Unit::Milliseconds),
    own("net/ipv4/tcp_keepalive_intvl", Number,
        "Seconds between keepalive probes that are not answered").unit(Unit::Seconds),
    own("net/ipv4/tcp_keepalive_probes", Number,
        "Unanswered keepalive probes after which a connection is dropped").ranges(U8),
    own("net/ipv4/tcp_keepalive_time", Number,
        "Seconds of silence before the first keepalive probe").unit(Unit::Seconds),
    own("net/ipv4/tcp_l3mdev_accept", Bool,
        "Listening sockets that are bound to no VRF accept connections of all")
        .ranges(BOOL).since(4, 5),
    own("net/ipv4/tcp_limit_output_bytes", Number,
        "Most bytes of one connection in the queues below TCP").unit(Unit::Bytes).ranges(INT),
    own("net/ipv4/tcp_low_latency", Bool,
        "Without effect since 4.14").ranges(INT).scope(Scope::Host),
    own("net/ipv4/tcp_max_orphans", Number,
        "Most connections that no program holds; beyond it they are reset")
        .ranges(INT).scope(Scope::Host).hazard(Hazard::Starves).sized_at_boot(),
    own("net/ipv4/tcp_max_reordering", Number,
        "Most reordering, in packets, that a connection adapts to").ranges(POSITIVE_BY_STABLE_FIX),
    own("net/ipv4/tcp_max_syn_backlog", Number,
        "Most half-open connections of a listener without SYN cookies")
        .ranges(INT).owners(&["tuned"]).sized_at_boot(),
    own("net/ipv4/tcp_max_tw_buckets", Number,
        "Most connections in TIME-WAIT; beyond it they are dropped at once").ranges(INT)
        .sized_at_boot(),
    own("net/ipv4/tcp_mem", Numbers(3),
        "TCP memory of the host: free use below the first, pressure above the second, third most")
        .unit(Unit::Pages).ranges(ULONG).scope(Scope::Host).hazard(Hazard::Starves),
    own("net/ipv4/tcp_migrate_req", Bool,
        "Moves waiting connections of a closed listener to another one of its SO_REUSEPORT group")
        .ranges(BOOL).since(5, 10), // 5.14, and stable 5.10
    own("net/ipv4/tcp_min_rtt_wlen", Number,
        "Seconds over which the least round-trip time is remembered")
        .unit(Unit::Seconds).ranges(&[Range::new(0, 86400), Range::before(5, 1, INT_MIN, INT_MAX)]),
    // New in 5.2, and given to every stable series from 4.4 on.
    own("net/ipv4/tcp_min_snd_mss", Number,
        "Least segment size that a peer may ask for")
        .unit(Unit::Bytes).ranges(&[Range::new(48, 65535)]),
    own("net/ipv4/tcp_min_tso_segs", Number,
        "Least segments in a packet that the card divides")
        .ranges(&[Range::new(1, 255), Range::within_before(5, 13, 1, 65535)]),
    own("net/ipv4/tcp_moderate_rcvbuf", Bool,
        "Sizes receive buffers by itself, up to the third number of tcp_rmem").ranges(U8),
    own("net/ipv4/tcp_mtu_probe_floor", Number,
        "Least segment size that MTU probing goes down to")
        .unit(Unit::Bytes).ranges(&[Range::new(48, 65535)]).since(5, 4),
    own("net/ipv4/tcp_mtu_probing", Number,
        "Path MTU probing without ICMP: 0 off, 1 once a black hole is seen, 2 always").ranges(U8),
    own("net/ipv4/tcp_no_metrics_save", Bool,
        "Keeps nothing of a closed connection for the next one to the same host").ranges(U8),
    own("net/ipv4/tcp_no_ssthresh_metrics_save", Bool,
        "Does not keep the slow start threshold of closed connections").ranges(BOOL).since(5, 6),
    own("net/ipv4/tcp_notsent_lowat", Number,
        "Unsent bytes below which a socket is writable")
        .unit(Unit::Bytes)
        .ranges(&[Range::new(0, 4_294_967_295), Range::before(4, 10, INT_MIN, INT_MAX)]),
    own("net/ipv4/tcp_orphan_retries", Number,
        "Retransmissions after which a connection that no program holds is dropped; 0 means 8")
        .ranges(U8),
    own("net/ipv4/tcp_pacing_ca_ratio", Number,
        "Pacing rate in congestion avoidance, in percent of the current rate")
        .unit(Unit::Percent).ranges(&[Range::new(0, 1000)]),
    own("net/ipv4/tcp_pacing_ss_ratio", Number,
        "Pacing rate in slow start, in percent of the current rate")
        .unit(Unit::Percent).ranges(&[Range::new(0, 1000)]),
    own("net/ipv4/tcp_pingpong_thresh", Number,
        "Replies after which a connection counts as interactive and delays acknowledgements")
        .ranges(&[Range::new(1, 255)]).since(6, 7),
    own("net/ipv4/tcp_plb_cong_thresh", Number,
        "Marked packets of a round trip, in 256ths, that make it a congested one for PLB")
        .ranges(&[Range::new(0, 256)]).since(6, 2),
    own("net/ipv4/tcp_plb_enabled", Bool,
        "Protective load balancing: moves congested connections to another path by flow label")
        .ranges(BOOL).since(6, 2),
    own("net/ipv4/tcp_plb_idle_rehash_rounds", Number,
        "Congested round trips after which PLB takes another path once nothing is in flight")
        .ranges(PLB_ROUNDS).since(6, 2),
    own("net/ipv4/tcp_plb_rehash_rounds", Number,
        "Congested round trips after which PLB takes another path in any case")
        .ranges(PLB_ROUNDS).since(6, 2),
    own("net/ipv4/tcp_plb_suspend_rto_sec", Number,
        "Seconds, up to twice as many, that PLB rests after a retransmission timeout")
        .unit(Unit::Seconds).ranges(&[Range::new(0, 255)]).since(6, 2),
    own("net/ipv4/tcp_probe_interval", Number,
        "Seconds between probes for a larger path MTU")
        // In clock ticks it has to fit 32 bits, and there are 100 a second or more.
        .unit(Unit::Seconds).ranges(&[Range::within(0, u32::MAX as i128 / 100)]),
    own("net/ipv4/tcp_probe_threshold", Number,
        "Width of the search range below which MTU probing stops").unit(Unit::Bytes).ranges(INT),
    own("net/ipv4/tcp_rcvbuf_low_rtt", Number,
        "Round trip below which a receive buffer grows more slowly")
        .unit(Unit::Microseconds).ranges(NOT_NEGATIVE).since(6, 19),
    own("net/ipv4/tcp_recovery", Number,
        "Mask of loss recovery: 1 RACK, 2 fixed reordering window, 4 no duplicate-ACK threshold")
        .ranges(U8),
    own("net/ipv4/tcp_reflect_tos", Bool,
        "Connections answer with the type of service of the opening packet")
        .ranges(BOOL).since(5, 10),
    own("net/ipv4/tcp_reordering", Number,
        "Reordering, in packets, that a connection starts with").ranges(POSITIVE_BY_STABLE_FIX)
        .order(&[Order::AtMost("net/ipv4/tcp_max_reordering", (3, 300), Checked::Lately)]),
    own("net/ipv4/tcp_retrans_collapse", Bool,
        "Joins small segments when they are sent again").ranges(U8),
    own("net/ipv4/tcp_retries1", Number,
        "Retransmissions after which the route is doubted")
        .ranges(&[Range::new(0, 255), Range::before(5, 13, INT_MIN, 255)]),
    own("net/ipv4/tcp_retries2", Number,
        "Retransmissions after which a connection is dropped").ranges(U8),
    own("net/ipv4/tcp_rfc1337", Bool, "Ignores resets in TIME-WAIT (RFC 1337)").ranges(U8),
    own("net/ipv4/tcp_rmem", Numbers(3),
        "Receive buffer of a TCP socket: least, at the start, most; new kernels take no less than a page")
        // Less than a page is refused by 6.12.117 and 7.2.
        .unit(Unit::Bytes).ranges(&[Range::within(1, INT_MAX)]).owners(&["tuned"]),
    own("net/ipv4/tcp_rto_max_ms", Number,
        "Longest retransmission timeout")
        .unit(Unit::Milliseconds).ranges(&[Range::new(1000, 120_000)]).since(6, 15),
    own("net/ipv4/tcp_rto_min_us", Number,
        "Shortest retransmission timeout").unit(Unit::Microseconds).ranges(POSITIVE).since(6, 11),
    own("net/ipv4/tcp_rx_skb_cache", Bool,
        "Kept one received packet's memory with each connection for the next one")
        .ranges(BOOL).scope(Scope::Host).since(5, 3).until(5, 16),
    own("net/ipv4/tcp_sack", Bool, "Selective acknowledgements").ranges(U8),
    own("net/ipv4/tcp_shrink_window", Bool,
        "Lets the receive window shrink when memory runs short")
        .ranges(BOOL).since(6, 1), // 6.5, and stable 6.1
    own("net/ipv4/tcp_slow_start_after_idle", Bool,
        "Starts slowly again after a pause of one retransmission timeout").ranges(U8),
    own("net/ipv4/tcp_stdurg", Bool, "Reads the urgent pointer as RFC 793 says it").ranges(U8),
    own("net/ipv4/tcp_syn_linear_timeouts", Number,
        "Retransmissions of an opening packet before the timeout starts to double")
        .ranges(&[Range::new(0, 127)]).since(6, 5),
    own("net/ipv4/tcp_syn_retries", Number,
        "Retransmissions of an outgoing opening packet").ranges(&[Range::new(1, 127)]),
    own("net/ipv4/tcp_synack_retries", Number,
        "Retransmissions of the answer to an opening packet").ranges(U8),
    own("net/ipv4/tcp_syncookies", Number,
        "SYN cookies: 0 off, 1 when the queue of half-open connections is full, 2 always")
        .ranges(U8),
    own("net/ipv4/tcp_thin_dupack", Bool,
        "Retransmits at the first duplicate acknowledgement on thin streams")
        .ranges(INT).until(4, 11),
    own("net/ipv4/tcp_thin_linear_timeouts", Bool,
        "Does not double the timeout of thin streams, six times at most").ranges(U8),
    own("net/ipv4/tcp_timestamps", Number,
        "Time stamps (RFC 1323): 0 off, 1 with a random offset per connection, 2 without")
        .ranges(U8),
    own("net/ipv4/tcp_tso_rtt_log", Number,
        "Lets near hosts get larger packets for the card: log2 of microseconds of round trip; 0 off")
        .ranges(&[Range::within(0, 255)]).since(5, 18),
    own("net/ipv4/tcp_tso_win_divisor", Number,
        "Share of the congestion window that one packet for the card may take, as 1/n").ranges(U8),
    own("net/ipv4/tcp_tw_recycle", Bool,
        "Ended TIME-WAIT early by time stamps; broke clients behind NAT")
        .ranges(INT).until(4, 12).hazard(Hazard::CutsNetwork),
    own("net/ipv4/tcp_tw_reuse", Number,
        "New outgoing connections reuse TIME-WAIT ports: 0 never, 1 always, 2 on loopback only")
        .ranges(&[Range::new(0, 2), Range::before(4, 19, INT_MIN, INT_MAX)]),
    own("net/ipv4/tcp_tw_reuse_delay", Number,
        "Time in TIME-WAIT after which a port may be reused")
        .unit(Unit::Milliseconds).ranges(&[Range::new(1, 60000)]).since(6, 14),
    own("net/ipv4/tcp_tx_skb_cache", Bool,
        "Kept one sent packet's memory with each connection for the next one")
        .ranges(BOOL).scope(Scope::Host).since(5, 3).until(5, 16),
    own("net/ipv4/tcp_window_scaling", Bool,
        "Window scaling (RFC 1323), which windows above 64 KiB need").ranges(U8),
    own("net/ipv4/tcp_wmem", Numbers(3),
        "Send buffer of a TCP socket: least, at the start, most")
        .unit(Unit::Bytes).ranges(POSITIVE).owners(&["tuned"]),
    own("net/ipv4/tcp_workaround_signed_windows", Bool,
        "Takes a peer without window scaling to read its window as a signed number").ranges(U8),
    own("net/ipv4/udp_child_hash_entries", Number,
        "UDP hash buckets of network namespaces made from here; 0 shares the first one's")
        .ranges(&[Range::new(0, 65536)]).since(6, 2),
    own("net/ipv4/udp_early_demux", Bool,
        "Looks a UDP packet's socket up before routing it").ranges(U8).since(4, 12),
    own("net/ipv4/udp_hash_entries", Number,
        "UDP hash buckets of this network namespace; negative: shared with the first one")
        .kind(Kind::Counter).since(6, 2),
    own("net/ipv4/udp_l3mdev_accept", Bool,
        "UDP sockets that are bound to no VRF receive packets of all").ranges(BOOL).since(4, 11),
    own("net/ipv4/udp_mem", Numbers(3),
        "UDP memory of the host: free use below the first, pressure above the second, third most")
        .unit(Unit::Pages).ranges(ULONG).scope(Scope::Host).hazard(Hazard::Starves)
        .owners(&["tuned"]),
    own("net/ipv4/udp_rmem_min", Number,
        "Receive buffer that a UDP socket keeps under memory pressure")
        .unit(Unit::Bytes).ranges(POSITIVE),
    own("net/ipv4/udp_wmem_min", Number,
        "Without effect; reserved for the send buffer under memory pressure")
        .unit(Unit::Bytes).ranges(POSITIVE),
    own("net/ipv4/xfrm4_gc_thresh", Number,
        "Without effect since 4.14; once when IPsec routes were collected").ranges(INT),
];
