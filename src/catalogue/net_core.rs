//! What is known of net.core.*: sockets, queues and devices of every protocol.

use super::bounds::{MS_TICKS, UINT};
use super::entry::{Entry, Kind, Range, Scope};
use crate::value::Shape::{self, Bool, CpuMask, Number, Text};
use crate::value::{Rounding, Unit};

const DOC: &str = "Documentation/admin-guide/sysctl/net.rst";

const INT_MIN: i128 = i32::MIN as i128;
const INT_MAX: i128 = i32::MAX as i128;
const LONG_MAX: i128 = i64::MAX as i128;
const INT: &[Range] = &[Range::new(INT_MIN, INT_MAX)];
const NOT_NEGATIVE: &[Range] = &[Range::new(0, INT_MAX)];
const BUSY_POLL: &[Range] = &[Range::new(0, INT_MAX), Range::before(4, 11, INT_MIN, INT_MAX)];
const BOOL: &[Range] = &[Range::new(0, 1)];
/// The least buffers hold one packet and its bookkeeping, 2304 bytes on every 64-bit machine.
const RECEIVE_BUFFER: &[Range] = &[Range::new(2304, INT_MAX)];
const SEND_BUFFER: &[Range] = &[Range::new(4608, INT_MAX)];
/// 0 and less are refused since 6.14 and by its stable fixes, and do no good elsewhere.
const WEIGHT: &[Range] = &[Range::new(1, INT_MAX)];

/// The host's alone: another network namespace has it read-only or not at all.
const fn host(key: &'static str, shape: Shape, summary: &'static str) -> Entry {
    Entry::new(key, shape, summary, DOC)
}

/// When the counters of a security association are told, so that another host can go on with it.
const fn aevent(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Number, summary, "Documentation/networking/xfrm_sync.rst")
        .ranges(UINT)
        .scope(Scope::NetNs)
}

#[rustfmt::skip] // one entry, as few lines as it takes
pub(super) const TABLE: &[Entry] = &[
    host("net/core/bpf_jit_enable", Number,
        "BPF JIT compiler: 0 off, 1 on, 2 on with the code in the kernel log; some kernels take 1 alone")
        // Those built without the interpreter (CONFIG_BPF_JIT_ALWAYS_ON).
        .ranges(&[Range::within(0, 2), Range::before(4, 16, INT_MIN, INT_MAX)]),
    host("net/core/bpf_jit_harden", Number,
        "Constant blinding against JIT spraying: 0 off, 1 for unprivileged programs, 2 for all")
        .ranges(&[Range::new(0, 2), Range::before(4, 16, INT_MIN, INT_MAX)]).since(4, 7),
    host("net/core/bpf_jit_kallsyms", Bool,
        "Lists the addresses of compiled BPF programs in /proc/kallsyms, where bpf_jit_harden is 0")
        .ranges(&[Range::new(0, 1), Range::before(4, 16, INT_MIN, INT_MAX)]).since(4, 11),
    host("net/core/bpf_jit_limit", Number,
        "Most memory for the compiled BPF programs of unprivileged users")
        .unit(Unit::Bytes).ranges(&[Range::within(1, LONG_MAX)])
        .since(4, 14), // 4.20, and stable 4.14 and 4.19
    host("net/core/busy_poll", Number,
        "How long poll and select spin on the device queue for packets; 0 turns busy polling off")
        .unit(Unit::Microseconds).ranges(BUSY_POLL).owners(&["tuned"]),
    host("net/core/busy_read", Number,
        "How long a blocking read spins on the device queue for packets; 0 turns it off")
        .unit(Unit::Microseconds).ranges(BUSY_POLL).owners(&["tuned"]),
    host("net/core/bypass_prot_mem", Bool,
        "Sockets do not count for the memory of their protocol, such as tcp_mem, if for a cgroup's")
        .ranges(BOOL).scope(Scope::NetNs).since(6, 19),
    host("net/core/default_qdisc", Text(15),
        "Queueing discipline that new network devices start with")
        .owners(&["systemd (50-default.conf)"])
        .reads_back("an unknown name is refused with ENOENT; devices that exist keep theirs"),
    host("net/core/dev_weight", Number,
        "Packets that NAPI handles from one device per interrupt, times dev_weight_rx_bias")
        .ranges(WEIGHT),
    host("net/core/dev_weight_rx_bias", Number,
        "Factor on dev_weight for the backlog queue of received packets")
        .ranges(WEIGHT).since(4, 11),
    host("net/core/dev_weight_tx_bias", Number,
        "Factor on dev_weight for the number of packets that a qdisc sends in one run")
        .ranges(WEIGHT).since(4, 11),
    host("net/core/devconf_inherit_init_net", Number,
        "Where a new network namespace takes its conf/all and conf/default from")
        .ranges(&[Range::new(0, 3), Range::before(5, 8, 0, 2)]).since(5, 1),
    host("net/core/fb_tunnels_only_for_init_net", Number,
        "Network namespaces that get fallback tunnel devices: 0 all, 1 the first, 2 none")
        .ranges(&[Range::new(0, 2), Range::before(5, 10, 0, 1)]).since(4, 17),
    host("net/core/flow_limit_cpu_bitmap", CpuMask,
        "Processors whose backlog drops packets of the largest flows first when it is half full"),
    host("net/core/flow_limit_table_len", Number,
        "Size of the flow limit's hash table, for processors enabled later; only powers of two")
        .ranges(&[Range::within(1, 1 << 30)]),
    host("net/core/gro_normal_batch", Number,
        "Packets that GRO hands to the stack in one batch")
        .ranges(&[Range::new(1, INT_MAX)]).since(5, 4),
    host("net/core/high_order_alloc_disable", Bool,
        "Takes socket page fragments as single pages only").ranges(BOOL).since(5, 2),
    host("net/core/max_skb_frags", Number,
        "Most page fragments of one packet; the kernel's build sets its upper bound, 17 to 45")
        .ranges(&[Range::within(1, 45)]),
    host("net/core/mem_pcpu_rsv", Number,
        "Pages of socket memory that a processor reserves before it updates the common count")
        // At least a mebibyte, in pages of at most 256 KiB.
        .unit(Unit::Pages).ranges(&[Range::within(4, INT_MAX)])
        .since(6, 1), // 6.9, and stable 6.1
    host("net/core/message_burst", Number,
        "Network warnings that may be logged in a burst").ranges(INT),
    host("net/core/message_cost", Number,
        "Seconds that one network warning costs of the burst").unit(Unit::Seconds),
    host("net/core/netdev_budget", Number,
        "Most packets taken from all devices in one NAPI polling cycle")
        .ranges(INT).owners(&["tuned"]),
    host("net/core/netdev_budget_usecs", Number,
        "Longest time of one NAPI polling cycle; new kernels refuse less than two clock ticks")
        // Since 6.14, and its stable fixes; elsewhere 0 and more.
        .unit(Unit::Microseconds).ranges(&[Range::within(0, INT_MAX)]).since(4, 12),
    host("net/core/netdev_max_backlog", Number,
        "Most packets queued on a processor's input when they come faster than they are handled")
        .ranges(INT).owners(&["tuned"]),
    host("net/core/netdev_rss_key", Text(256),
        "Key that drivers use to spread received packets over queues").kind(Kind::Counter),
    host("net/core/netdev_tstamp_prequeue", Bool,
        "Stamps received packets before (1) or after (0) they are queued to another processor")
        .ranges(INT),
    host("net/core/netdev_unregister_timeout_secs", Number,
        "Seconds between warnings that a network device is still in use while it is removed")
        .unit(Unit::Seconds).ranges(&[Range::new(1, 3600)]).since(5, 13),
    host("net/core/optmem_max", Number,
        "Most ancillary memory (control messages, filters, zerocopy notices) of one socket")
        .unit(Unit::Bytes).ranges(&[Range::new(0, INT_MAX), Range::before(6, 8, INT_MIN, INT_MAX)])
        .scope(Scope::NetNs),
    host("net/core/qdisc_max_burst", Number,
        "Most packets that wait to be taken into a queueing discipline").ranges(INT).since(6, 19),
    host("net/core/rmem_default", Number,
        "Receive buffer that a socket starts with; TCP takes its own from tcp_rmem")
        .unit(Unit::Bytes).ranges(RECEIVE_BUFFER).owners(&["tuned"]),
    host("net/core/rmem_max", Number,
        "Largest receive buffer that SO_RCVBUF can set")
        .unit(Unit::Bytes).ranges(RECEIVE_BUFFER).owners(&["tuned"]),
    host("net/core/rps_default_mask", CpuMask,
        "Processors that new devices spread received packets over in software")
        .scope(Scope::NetNs).since(6, 3),
    host("net/core/rps_sock_flow_entries", Shape::Rounded(Rounding::PowerOfTwo),
        "Size of the table that steers flows to the processor of their application; 0 turns it off")
        .ranges(&[Range::new(0, 1 << 29)])
        .reads_back("rounded up to a power of two"),
    host("net/core/skb_defer_max", Number,
        "Packets that wait for the processor that allocated them to free them; 0 turns that off")
        .ranges(NOT_NEGATIVE).since(5, 19),
    host("net/core/somaxconn", Number,
        "Longest queue of connections that a listening socket may ask for")
        .ranges(NOT_NEGATIVE).scope(Scope::NetNs).owners(&["tuned"]),
    host("net/core/tstamp_allow_data", Bool,
        "Lets unprivileged users read sent packets back with their time stamps")
        .ranges(BOOL).scope(Scope::NetNs),
    host("net/core/txq_reselection_ms", MS_TICKS,
        "Time after which a busy connection may take another transmit queue; 0 means never")
        .unit(Unit::Milliseconds).scope(Scope::NetNs).since(6, 19),
    host("net/core/txrehash", Bool,
        "Sockets choose another transmit hash, and so another path, when a path seems broken")
        .ranges(BOOL).scope(Scope::NetNs).since(5, 18),
    host("net/core/warnings", Number, "Without effect; once allowed network warnings").ranges(INT),
    host("net/core/wmem_default", Number,
        "Send buffer that a socket starts with; TCP takes its own from tcp_wmem")
        .unit(Unit::Bytes).ranges(SEND_BUFFER).owners(&["tuned"]),
    host("net/core/wmem_max", Number,
        "Largest send buffer that SO_SNDBUF can set")
        .unit(Unit::Bytes).ranges(SEND_BUFFER).owners(&["tuned"]),
    host("net/core/xfrm_acq_expires", Number,
        "Seconds that an IPsec policy waits for its security association")
        .unit(Unit::Seconds).ranges(INT).scope(Scope::NetNs),
    aevent("net/core/xfrm_aevent_etime",
        "Tenths of a second before listeners are told of a security association's counters"),
    aevent("net/core/xfrm_aevent_rseqth",
        "Packets of a security association before listeners are told of its counters"),
    host("net/core/xfrm_larval_drop", Bool,
        "Drops packets, instead of blocking the sender, while a security association is made")
        .ranges(INT).scope(Scope::NetNs),
];
