//! What is known of net.ipv4.vs.*: the load balancer IPVS.

use super::bounds::{INT, NATURAL, SWITCH, ULONG};
use super::entry::{Entry, Range, Scope};
use crate::value::Shape::{self, Bitmap, Bool, Number, Numbers};
use crate::value::Unit;

/// Off, by itself as memory is short and now not, likewise and now on, always.
const DEFENCE: &[Range] = &[Range::new(0, 3)];
/// New after 6.19, and seen in 7.2.
const LOAD: &[Range] = &[Range::new(-8, 8)];
const NATURAL_WITHIN: &[Range] = &[Range::within(0, 1 << 30)];
const OF_KUBERNETES: &[&str] = &["kube-proxy"];

/// Each network namespace's own.
const fn vs(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    let doc = "Documentation/networking/ipvs-sysctl.rst";
    Entry::new(key, shape, summary, doc).scope(Scope::NetNs).module("ip_vs")
}

const fn switch(key: &'static str, summary: &'static str) -> Entry {
    vs(key, Bool, summary).ranges(INT)
}

/// What the kernel turns on and off by itself.
const fn defence(key: &'static str, summary: &'static str) -> Entry {
    vs(key, Number, summary)
        .ranges(DEFENCE)
        .reads_back("the kernel turns 1 into 2 while memory is short, and back again")
}

#[rustfmt::skip] // one entry, as few lines as it takes
pub(super) const TABLE: &[Entry] = &[
    vs("net/ipv4/vs/am_droprate", Number,
        "Of how many packets one is dropped where drop_packet is 3").ranges(INT),
    vs("net/ipv4/vs/amemthresh", Number,
        "Available memory below which the defences drop_entry, drop_packet and secure_tcp start")
        .unit(Unit::Pages).ranges(INT),
    switch("net/ipv4/vs/backup_only",
        "Balances nothing while the host is a backup, so that packets do not go in circles"),
    switch("net/ipv4/vs/cache_bypass",
        "Sends packets to where they were bound for when no cache server is available"),
    vs("net/ipv4/vs/conn_lfactor", Number,
        "Load of the connection table, as a power of two of entries in a bucket; less is faster")
        .ranges(LOAD).since(7, 0),
    vs("net/ipv4/vs/conn_max", Number,
        "Most connections, at most as many as the host may have").ranges(NATURAL_WITHIN).since(7, 0),
    vs("net/ipv4/vs/conn_reuse_mode", Number,
        "Mask for a client's port used again: 0 the same server, 1 in TIME-WAIT, 2 in FIN-WAIT")
        .ranges(INT).owners(OF_KUBERNETES),
    switch("net/ipv4/vs/conntrack",
        "Keeps connection tracking entries of balanced connections, which firewall rules need")
        .owners(OF_KUBERNETES),
    vs("net/ipv4/vs/debug_level", Number,
        "How much is logged, from 0, transmission errors, to 12, the way of each packet")
        .scope(Scope::Host).ranges(INT),
    defence("net/ipv4/vs/drop_entry",
        "Drops half-open connections at random: 0 never, 1 and 2 as memory is short, 3 always"),
    defence("net/ipv4/vs/drop_packet",
        "Drops some packets before balancing: 0 never, 1 and 2 as memory is short, 3 always"),
    vs("net/ipv4/vs/est_cpulist", Bitmap,
        "Processors that the threads of rate estimation run on").since(6, 2)
        .reads_back("without processors that the writer may not run on"),
    vs("net/ipv4/vs/est_nice", Number,
        "Niceness of the threads of rate estimation").ranges(&[Range::new(-20, 19)]).since(6, 2),
    switch("net/ipv4/vs/expire_nodest_conn",
        "Ends a connection when a packet comes for a server that is gone, not just the packet")
        .owners(OF_KUBERNETES),
    switch("net/ipv4/vs/expire_quiescent_template",
        "Ends persistence to a server of weight 0, so that new connections go to another")
        .owners(OF_KUBERNETES),
    switch("net/ipv4/vs/ignore_tunneled",
        "Leaves packets of unknown protocols, such as tunnels, alone"),
    switch("net/ipv4/vs/nat_icmp_send",
        "Answers packets of servers behind NAT without a connection by ICMP unreachable"),
    switch("net/ipv4/vs/pmtu_disc",
        "Refuses packets beyond the path MTU that must not be fragmented"),
    switch("net/ipv4/vs/run_estimation",
        "Estimates rates of services and servers").since(5, 16),
    switch("net/ipv4/vs/schedule_icmp",
        "Balances ICMP that belongs to no known connection"),
    defence("net/ipv4/vs/secure_tcp",
        "Stricter TCP states: 0 never, 1 and 2 as memory is short, 3 always"),
    switch("net/ipv4/vs/sloppy_sctp",
        "Takes up SCTP associations in their middle, too"),
    switch("net/ipv4/vs/sloppy_tcp",
        "Takes up TCP connections in their middle, too"),
    switch("net/ipv4/vs/snat_reroute",
        "Routes answers of servers anew, as if the balancer had sent them"),
    vs("net/ipv4/vs/svc_lfactor", Number,
        "Load of the service table, as a power of two of entries in a bucket; less is faster")
        .ranges(LOAD).since(7, 0),
    vs("net/ipv4/vs/sync_persist_mode", Number,
        "1 tells backups of persistent services only the templates, 0 all connections")
        .ranges(INT),
    vs("net/ipv4/vs/sync_ports", Number,
        "Threads, each with a port of its own, that tell backups of connections; powers of two")
        .ranges(&[Range::within(1, 1 << 30)]),
    vs("net/ipv4/vs/sync_qlen_max", Number,
        "Most messages to backups that wait to be sent").ranges(ULONG),
    vs("net/ipv4/vs/sync_refresh_period", Number,
        "Seconds that a connection's timer may change before backups are told of it again")
        .unit(Unit::Seconds),
    vs("net/ipv4/vs/sync_retries", Number,
        "How often a message to backups is sent again").ranges(&[Range::new(0, 3)]),
    vs("net/ipv4/vs/sync_sock_size", Number,
        "Buffer of the sockets that backups are told by; 0 keeps the default")
        .unit(Unit::Bytes).ranges(INT),
    vs("net/ipv4/vs/sync_threshold", Numbers(2),
        "At which packet, of every how many, backups are told of a connection; the first is the less")
        .ranges(NATURAL),
    vs("net/ipv4/vs/sync_version", Number,
        "Protocol that backups are told by: 0 the oldest, 1 the present").ranges(SWITCH),
];
