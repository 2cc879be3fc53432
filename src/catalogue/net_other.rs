//! What is known of the rest of net.*: bridges, connection tracking, MPTCP, SCTP, Unix sockets.

use super::bounds::{FRAGMENTS, SHORT as PORTS, ULONG};
use super::entry::{Checked, Effect, Entry, Hazard, Kind, Latch, Order, Range, Scope};
use crate::value::Shape::{self, Bool, Number, Numbers, Text, Words};
use crate::value::{Rounding, Unit};

const INT_MIN: i128 = i32::MIN as i128;
const INT_MAX: i128 = i32::MAX as i128;
const INT: &[Range] = &[Range::new(INT_MIN, INT_MAX)];
const NOT_NEGATIVE: &[Range] = &[Range::new(0, INT_MAX)];
const POSITIVE: &[Range] = &[Range::new(1, INT_MAX)];
const BOOL: &[Range] = &[Range::new(0, 1)];
const BOOL_SINCE_5_2: &[Range] = &[Range::new(0, 1), Range::before(5, 2, INT_MIN, INT_MAX)];
const U8: &[Range] = &[Range::new(0, 255), Range::before(5, 13, INT_MIN, INT_MAX)];
const EVENTS: &[Range] =
    &[Range::new(0, 2), Range::before(5, 19, 0, 1), Range::before(5, 2, INT_MIN, INT_MAX)];
const U32: &[Range] = &[Range::new(0, u32::MAX as i128)];
const DAY_IN_MS: &[Range] = &[Range::new(1, 86_400_000)];
/// Checked by 6.18.44, 6.12.117 and 6.1.192; elsewhere negative numbers were taken, to no good. 7.2
/// refuses 0 as well.
const HOST_NOT_NEGATIVE: &[Range] = NOT_NEGATIVE_WITHIN;
/// 6.14 takes 0, and stable kernels before it no longer.
const EXPECTED: &[Range] = &[Range::new(1, INT_MAX), Range::within_before(6, 15, 0, INT_MAX)];

const NOT_NEGATIVE_WITHIN: &[Range] = &[Range::within(0, INT_MAX)];

/// None is refused; more pointers than 32 bits can count bytes of find no memory.
const BUCKETS: &[Range] = &[Range::within(1, u32::MAX as i128 / 4)];

const BRIDGE_OWNERS: &[&str] = &["kube-proxy", "dockerd", "CNI plugins", "libvirtd"];
const CONNTRACK_OWNERS: &[&str] = &["kube-proxy"];

/// Each network namespace's own.
const fn own(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/ip-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs)
}

/// A switch of `br_netfilter`; each network namespace has its own since 5.3.
const fn bridge(key: &'static str, summary: &'static str) -> Entry {
    own(key, Shape::Rounded(Rounding::Switch), summary)
        .ranges(INT)
        .module("br_netfilter")
        .reads_back("any number but 0 reads back as 1")
}

/// A parameter of connection tracking.
const fn conntrack(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/nf_conntrack-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs).module("nf_conntrack")
}

/// How long connection tracking keeps something, in seconds.
const fn timeout(key: &'static str, summary: &'static str) -> Entry {
    conntrack(key, Number, summary).unit(Unit::Seconds)
}

const fn mptcp(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/mptcp-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs)
}

const fn mpls(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/mpls-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs).module("mpls_router")
}

const fn sctp(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    own(key, shape, summary).module("sctp")
}

#[rustfmt::skip] // one entry, as few lines as it takes
pub(super) const TABLE: &[Entry] = &[
    bridge("net/bridge/bridge-nf-call-arptables", "Passes bridged ARP through arptables"),
    bridge("net/bridge/bridge-nf-call-ip6tables",
        "Passes bridged IPv6 packets through ip6tables").owners(BRIDGE_OWNERS),
    bridge("net/bridge/bridge-nf-call-iptables",
        "Passes bridged IPv4 packets through iptables").owners(BRIDGE_OWNERS),
    bridge("net/bridge/bridge-nf-filter-pppoe-tagged",
        "Passes bridged PPPoE traffic through the packet filters too"),
    bridge("net/bridge/bridge-nf-filter-vlan-tagged",
        "Passes bridged VLAN traffic through the packet filters too"),
    bridge("net/bridge/bridge-nf-pass-vlan-input-dev",
        "Shows the filters the VLAN device on the bridge, where there is one, as the input device"),
    mpls("net/mpls/conf/*/input", Bool,
        "Takes MPLS packets that come in by the interface").ranges(INT),
    mpls("net/mpls/default_ttl", Number,
        "Time to live of MPLS packets that take none from an IP header")
        .ranges(&[Range::new(1, 255)]).since(4, 12),
    mpls("net/mpls/ip_ttl_propagate", Bool,
        "Copies the time to live between IP and MPLS headers; off, the network looks like one hop")
        .ranges(BOOL).since(4, 12),
    mpls("net/mpls/platform_labels", Number,
        "Size of the label table; 0 turns MPLS off, a smaller one drops the routes beyond")
        .ranges(&[Range::new(0, (1 << 20) - 1)]),
    mptcp("net/mptcp/add_addr_timeout", Number,
        "Seconds before an address announcement that was not answered is sent again; 0 means never")
        .unit(Unit::Seconds).since(5, 11),
    mptcp("net/mptcp/add_addr_v6_port_drop_ts", Bool,
        "Leaves the time stamps out of an announcement that has no room for them otherwise")
        .ranges(BOOL).since(7, 0), // seen in 7.2, not in 6.19
    mptcp("net/mptcp/allow_join_initial_addr_port", Bool,
        "Lets peers join subflows to the first address and port").ranges(BOOL).since(5, 14),
    mptcp("net/mptcp/available_path_managers", Words,
        "Path managers that are loaded").kind(Kind::Counter).since(6, 15),
    mptcp("net/mptcp/available_schedulers", Words,
        "Packet schedulers that are loaded").kind(Kind::Counter).since(6, 10),
    mptcp("net/mptcp/blackhole_timeout", Number,
        "Seconds that MPTCP rests after a firewall was seen to drop it; 0 means it never rests")
        .unit(Unit::Seconds).ranges(NOT_NEGATIVE).since(6, 12),
    mptcp("net/mptcp/checksum_enabled", Bool,
        "Checksums over the data of MPTCP connections").ranges(BOOL).since(5, 14),
    mptcp("net/mptcp/close_timeout", Number,
        "Seconds that a connection without subflows is kept for one to come back")
        .unit(Unit::Seconds).since(6, 7),
    mptcp("net/mptcp/enabled", Bool,
        "Lets programs open MPTCP sockets")
        .ranges(&[Range::new(0, 1), Range::before(5, 13, INT_MIN, INT_MAX)]).since(5, 6),
    mptcp("net/mptcp/path_manager", Text(15),
        "Path manager of new connections")
        .since(6, 15).reads_back("an unknown name is refused with ENOENT; pm_type follows it"),
    mptcp("net/mptcp/pm_type", Number,
        "Path manager of new connections: 0 the kernel's, 1 a daemon's; now path_manager")
        .ranges(&[Range::new(0, 1)]).since(5, 19)
        .reads_back("path_manager follows it from 6.15 on"),
    mptcp("net/mptcp/scheduler", Text(15), "Packet scheduler of new connections").since(6, 6),
    mptcp("net/mptcp/stale_loss_cnt", Number,
        "Retransmission intervals without progress after which a subflow counts as stale")
        .ranges(U32).since(5, 15),
    mptcp("net/mptcp/syn_retrans_before_tcp_fallback", Number,
        "Unanswered MPTCP openings before the connection falls back to TCP")
        .ranges(&[Range::new(0, 255)]).since(6, 14),
    conntrack("net/netfilter/nf_conntrack_acct", Bool,
        "Counts packets and bytes of each tracked connection").ranges(BOOL_SINCE_5_2),
    conntrack("net/netfilter/nf_conntrack_buckets", Shape::Rounded(Rounding::WholePages),
        "Size of the connection tracking hash table; the host's alone can be set")
        .ranges(BUCKETS).scope(Scope::Host).owners(CONNTRACK_OWNERS)
        .reads_back("rounded up to what fills whole pages; a write rehashes every connection")
        .sized_at_boot(),
    conntrack("net/netfilter/nf_conntrack_checksum", Bool,
        "Does not track packets with a wrong checksum").ranges(BOOL_SINCE_5_2),
    conntrack("net/netfilter/nf_conntrack_count", Number,
        "Connections tracked now").kind(Kind::Counter),
    conntrack("net/netfilter/nf_conntrack_dccp_loose", Bool,
        "Picks up DCCP connections that were open before tracking started")
        .ranges(BOOL_SINCE_5_2).until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_closereq",
        "Seconds that a DCCP connection waits in CLOSEREQ").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_closing",
        "Seconds that a DCCP connection waits in CLOSING").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_open",
        "Seconds that a DCCP connection is open and idle").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_partopen",
        "Seconds that a DCCP connection waits in PARTOPEN").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_request",
        "Seconds that a DCCP connection waits for an answer to its request").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_respond",
        "Seconds that a DCCP connection waits in RESPOND").until(6, 17),
    timeout("net/netfilter/nf_conntrack_dccp_timeout_timewait",
        "Seconds that a DCCP connection is kept in TIME-WAIT").until(6, 17),
    conntrack("net/netfilter/nf_conntrack_events", Number,
        "Connection events for listeners: 0 never, 1 always, 2 once somebody listens")
        .ranges(EVENTS),
    conntrack("net/netfilter/nf_conntrack_expect_max", Number,
        "Most expected connections, as of FTP data").scope(Scope::Host).ranges(EXPECTED)
        .sized_at_boot(),
    conntrack("net/netfilter/nf_conntrack_frag6_high_thresh", Number,
        "Most memory for incomplete IPv6 packets that are tracked").unit(Unit::Bytes).ranges(FRAGMENTS),
    conntrack("net/netfilter/nf_conntrack_frag6_low_thresh", Number,
        "Without effect since 4.17; once where dropping of incomplete packets stopped")
        .unit(Unit::Bytes).ranges(FRAGMENTS)
        .order(&[Order::AtMost("net/netfilter/nf_conntrack_frag6_high_thresh", (3 << 20, 4 << 20), Checked::Always)]),
    timeout("net/netfilter/nf_conntrack_frag6_timeout",
        "Seconds that an incomplete tracked IPv6 packet is kept"),
    timeout("net/netfilter/nf_conntrack_generic_timeout",
        "Seconds that an idle connection of an unknown protocol is kept"),
    timeout("net/netfilter/nf_conntrack_gre_timeout",
        "Seconds that a GRE connection seen in one direction is kept").since(5, 0),
    timeout("net/netfilter/nf_conntrack_gre_timeout_stream",
        "Seconds that an idle GRE connection in both directions is kept").since(5, 0),
    conntrack("net/netfilter/nf_conntrack_helper", Bool,
        "Assigned helpers to connections by port; only rules do so since 6.0")
        .ranges(BOOL_SINCE_5_2).until(6, 0),
    timeout("net/netfilter/nf_conntrack_icmp_timeout", "Seconds that an ICMP exchange is kept"),
    timeout("net/netfilter/nf_conntrack_icmpv6_timeout", "Seconds that an ICMPv6 exchange is kept"),
    conntrack("net/netfilter/nf_conntrack_log_invalid", Number,
        "Logs invalid packets: 0 none, 255 all, else those of the protocol with that number")
        .ranges(&[Range::new(0, 255)]),
    conntrack("net/netfilter/nf_conntrack_max", Number,
        "Most tracked connections; beyond it packets of new ones are dropped")
        .scope(Scope::Host).ranges(HOST_NOT_NEGATIVE)
        .effects(&[Effect::Copies("net/nf_conntrack_max")]).hazard(Hazard::Starves)
        .owners(CONNTRACK_OWNERS).unlimited(0).sized_at_boot(),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_closed",
        "Seconds that a closed SCTP association is kept"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_cookie_echoed",
        "Seconds that an SCTP association waits in COOKIE-ECHOED"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_cookie_wait",
        "Seconds that an SCTP association waits in COOKIE-WAIT"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_established",
        "Seconds that an idle established SCTP association is kept"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_heartbeat_sent",
        "Seconds that an SCTP association seen only by its heartbeat is kept"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_shutdown_ack_sent",
        "Seconds that an SCTP association waits in SHUTDOWN-ACK-SENT"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_shutdown_recd",
        "Seconds that an SCTP association waits in SHUTDOWN-RECEIVED"),
    timeout("net/netfilter/nf_conntrack_sctp_timeout_shutdown_sent",
        "Seconds that an SCTP association waits in SHUTDOWN-SENT"),
    conntrack("net/netfilter/nf_conntrack_tcp_be_liberal", Bool,
        "Takes only resets outside the window as invalid, not all segments")
        .ranges(BOOL_SINCE_5_2).owners(CONNTRACK_OWNERS),
    conntrack("net/netfilter/nf_conntrack_tcp_ignore_invalid_rst", Bool,
        "Does not mark resets outside the window as invalid").ranges(BOOL).since(5, 14),
    conntrack("net/netfilter/nf_conntrack_tcp_loose", Bool,
        "Picks up TCP connections that were open before tracking started").ranges(BOOL_SINCE_5_2),
    conntrack("net/netfilter/nf_conntrack_tcp_max_retrans", Number,
        "Retransmissions without an answer after which the short timeout counts").ranges(U8),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_close",
        "Seconds that a reset TCP connection is kept"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_close_wait",
        "Seconds that a TCP connection is kept in CLOSE-WAIT").owners(CONNTRACK_OWNERS),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_established",
        "Seconds that an idle established TCP connection is kept").owners(CONNTRACK_OWNERS),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_fin_wait",
        "Seconds that a TCP connection is kept in FIN-WAIT"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_last_ack",
        "Seconds that a TCP connection is kept in LAST-ACK"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_max_retrans",
        "Seconds that a TCP connection is kept after too many retransmissions"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_syn_recv",
        "Seconds that a TCP connection is kept in SYN-RECEIVED"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_syn_sent",
        "Seconds that a TCP connection is kept in SYN-SENT"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_time_wait",
        "Seconds that a TCP connection is kept in TIME-WAIT"),
    timeout("net/netfilter/nf_conntrack_tcp_timeout_unacknowledged",
        "Seconds that a TCP connection with unacknowledged data is kept"),
    conntrack("net/netfilter/nf_conntrack_timestamp", Bool,
        "Keeps the start and end time of each tracked connection").ranges(BOOL_SINCE_5_2),
    timeout("net/netfilter/nf_conntrack_udp_timeout",
        "Seconds that a UDP exchange in one direction is kept").owners(CONNTRACK_OWNERS),
    timeout("net/netfilter/nf_conntrack_udp_timeout_stream",
        "Seconds that an idle UDP stream in both directions is kept").owners(CONNTRACK_OWNERS),
    timeout("net/netfilter/nf_flowtable_tcp_timeout",
        "Seconds that an idle TCP connection stays in a flow table").since(5, 14),
    timeout("net/netfilter/nf_flowtable_udp_timeout",
        "Seconds that an idle UDP stream stays in a flow table").since(5, 14),
    conntrack("net/netfilter/nf_hooks_lwtunnel", Bool,
        "Filters what lightweight tunnels carry (SRv6); any network namespace can turn it on, for all, for good")
        .scope(Scope::Host).ranges(BOOL).since(5, 15).latch(Latch::At(1)).hazard(Hazard::OneWay),
    Entry::new("net/netfilter/nf_log/*", Text(63),
        "What logs packets of that protocol family (2 IPv4, 10 IPv6), such as nf_log_ipv4, or NONE",
        "net/netfilter/nf_log.c")
        .scope(Scope::NetNs)
        .reads_back("an unknown name is refused with ENOENT until its module is loaded"),
    own("net/netfilter/nf_log_all_netns", Bool,
        "Lets network namespaces other than the host's log packets to the kernel log")
        .scope(Scope::Host).ranges(INT).since(4, 11),
    conntrack("net/nf_conntrack_max", Number,
        "The same as net.netfilter.nf_conntrack_max, by its older name")
        .scope(Scope::Host).ranges(HOST_NOT_NEGATIVE)
        .effects(&[Effect::Copies("net/netfilter/nf_conntrack_max")]).hazard(Hazard::Starves)
        .owners(CONNTRACK_OWNERS).unlimited(0).sized_at_boot(),
    sctp("net/sctp/addip_enable", Bool,
        "Lets addresses be added to and taken from associations (RFC 5061)").ranges(INT),
    sctp("net/sctp/addip_noauth_enable", Bool,
        "Takes such changes without authentication, too").ranges(INT),
    sctp("net/sctp/addr_scope_policy", Number,
        "Addresses told to peers: 0 all, 1 by scope, 2 private ones too, 3 link-local ones too")
        .ranges(&[Range::new(0, 3)]),
    sctp("net/sctp/association_max_retrans", Number,
        "Retransmissions after which an association is given up").ranges(POSITIVE),
    sctp("net/sctp/auth_enable", Bool,
        "Authenticated chunks (RFC 4895), which addip_enable needs").ranges(INT),
    sctp("net/sctp/cookie_hmac_alg", Text(7),
        "Hash that signs the cookies of new associations, or none")
        .reads_back("an unknown name is refused: kernels know md5 and sha1, new ones sha256"),
    sctp("net/sctp/cookie_preserve_enable", Bool,
        "Lets peers ask for a longer life of their cookie").ranges(INT),
    sctp("net/sctp/default_auto_asconf", Bool,
        "Sockets tell peers by themselves of addresses that come and go").ranges(INT),
    sctp("net/sctp/ecn_enable", Bool, "Congestion notification (RFC 9260)").ranges(INT).since(5, 8),
    sctp("net/sctp/encap_port", Number,
        "Port of the peer that SCTP in UDP goes to; 0 turns that off")
        .ranges(PORTS).since(5, 11),
    sctp("net/sctp/hb_interval", Number,
        "Time between heartbeats to an idle path").unit(Unit::Milliseconds).ranges(DAY_IN_MS),
    sctp("net/sctp/intl_enable", Bool,
        "Interleaves large messages with others (RFC 8260), where the socket asks for it")
        .ranges(INT).since(4, 16),
    sctp("net/sctp/l3mdev_accept", Bool,
        "Listening sockets that are bound to no VRF accept associations of all")
        .ranges(BOOL).since(6, 2),
    sctp("net/sctp/max_autoclose", Number,
        "Most seconds of silence after which a socket may have associations closed")
        .unit(Unit::Seconds).ranges(U32),
    sctp("net/sctp/max_burst", Number, "Most packets sent at once").ranges(NOT_NEGATIVE),
    sctp("net/sctp/max_init_retransmits", Number,
        "Retransmissions of the opening chunk").ranges(POSITIVE),
    sctp("net/sctp/path_max_retrans", Number,
        "Retransmissions after which a path is given up").ranges(POSITIVE),
    sctp("net/sctp/pf_enable", Bool,
        "Avoids a path after pf_retrans retransmissions (RFC 7829)").ranges(INT).since(4, 6),
    sctp("net/sctp/pf_expose", Number,
        "Tells programs of avoided paths: 0 without events, 1 not at all, 2 by events, too")
        .ranges(&[Range::new(0, 2)]).since(5, 5),
    sctp("net/sctp/pf_retrans", Number,
        "Retransmissions after which a path is avoided; above path_max_retrans none is")
        .ranges(NOT_NEGATIVE)
        .order(&[Order::AtMost("net/sctp/ps_retrans", (0, 0xffff), Checked::Always)]),
    sctp("net/sctp/plpmtud_probe_interval", Number,
        "Time between probes for a larger path MTU, 5000 or more; 0 turns them off")
        .unit(Unit::Milliseconds).ranges(NOT_NEGATIVE_WITHIN).since(5, 14),
    sctp("net/sctp/prsctp_enable", Bool,
        "Messages may be given up after a time (RFC 3758)").ranges(INT),
    sctp("net/sctp/ps_retrans", Number,
        "Retransmissions after which another path becomes the primary one")
        .ranges(&[Range::new(0, 65535)]).since(5, 5),
    sctp("net/sctp/rcvbuf_policy", Bool,
        "1 counts received data for each association, 0 for the whole socket").ranges(INT),
    sctp("net/sctp/reconf_enable", Bool,
        "Lets streams of an association be added and reset (RFC 6525)").ranges(INT).since(4, 11),
    sctp("net/sctp/rto_alpha_exp_divisor", Number,
        "Weight of a new round trip in the average, as a power of two to divide by")
        .ranges(&[Range::new(0, 1000)]),
    sctp("net/sctp/rto_beta_exp_divisor", Number,
        "Weight of a new round trip in the deviation, as a power of two to divide by")
        .ranges(&[Range::new(0, 1000)]),
    sctp("net/sctp/rto_initial", Number,
        "Retransmission timeout before any measurement").unit(Unit::Milliseconds).ranges(DAY_IN_MS),
    sctp("net/sctp/rto_max", Number,
        "Longest retransmission timeout").unit(Unit::Milliseconds).ranges(DAY_IN_MS),
    sctp("net/sctp/rto_min", Number,
        "Shortest retransmission timeout")
        .unit(Unit::Milliseconds).ranges(DAY_IN_MS)
        .order(&[Order::AtMost("net/sctp/rto_max", (1000, 60_000), Checked::Always)]),
    sctp("net/sctp/rwnd_update_shift", Number,
        "Free part of the receive buffer, as a power of two to divide by, that peers are told of")
        .ranges(&[Range::new(1, 16)]),
    sctp("net/sctp/sack_timeout", Number,
        "Delay of selective acknowledgements")
        .unit(Unit::Milliseconds).ranges(&[Range::new(1, 500)]),
    sctp("net/sctp/sctp_mem", Numbers(3),
        "SCTP memory of the host: free use below the first, pressure above the second, third most")
        .unit(Unit::Pages).ranges(ULONG).scope(Scope::Host).hazard(Hazard::Starves),
    sctp("net/sctp/sctp_rmem", Numbers(3),
        "Receive buffer of an SCTP socket: least, at the start, most")
        .unit(Unit::Bytes).scope(Scope::Host).ranges(INT),
    sctp("net/sctp/sctp_wmem", Numbers(3),
        "Send buffer of an SCTP socket: least, at the start, most")
        .unit(Unit::Bytes).scope(Scope::Host).ranges(INT),
    sctp("net/sctp/sndbuf_policy", Bool,
        "1 counts data to be sent for each association, 0 for the whole socket").ranges(INT),
    sctp("net/sctp/udp_port", Number,
        "Port that SCTP in UDP is taken at, commonly 9899; 0 turns that off")
        .ranges(PORTS).since(5, 11),
    sctp("net/sctp/valid_cookie_life", Number,
        "How long the cookie of a new association is good for")
        .unit(Unit::Milliseconds).ranges(DAY_IN_MS),
    own("net/unix/max_dgram_qlen", Number,
        "Most datagrams that wait at a Unix socket; new sockets take the value")
        .ranges(&[Range::within(INT_MIN, INT_MAX)]), // 6.12.117 takes no negative ones
];
