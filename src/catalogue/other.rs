//! Parameters of the small families: `abi.*`, `crypto.*`, `debug.*`, `dev.*`, `sunrpc.*`.
#![forbid(unsafe_code)]

use super::bounds::{INT, NATURAL, SWITCH};
use super::{Entry, Kind, Range};
use crate::value::{Shape, Unit};

const ABI: &str = "Documentation/admin-guide/sysctl/abi.rst";
const CDROM: &str = "Documentation/cdrom/cdrom-standard.rst";
const MD: &str = "Documentation/admin-guide/md.rst";
const RDMA: &str = "net/sunrpc/xprtrdma";
const VECTOR: &str = "the greatest length not above it that the processor has";
const SUNRPC: &str = "net/sunrpc/xprtsock.c";

/// Slots of a table of RPC requests.
const SLOTS: &[Range] = &[Range::new(2, 65_536)];
/// Bytes of an inline RPC/RDMA message.
const INLINE: &[Range] = &[Range::new(1024, 65_536)];
/// Reserved ports that the RPC client may bind.
const RESERVED_PORT: &[Range] = &[Range::new(1, 65_535)];

const fn cdrom(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, CDROM).module("cdrom")
}

const fn rpc_debug(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, "net/sunrpc/sysctl.c").module("sunrpc")
}

const fn rdma(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, RDMA).module("rpcrdma")
}

const fn rpc(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, SUNRPC).module("sunrpc")
}

/// Sorted by canonical path.
pub(super) const TABLE: &[Entry] = &[
    Entry::new(
        "abi/sme_default_vector_length",
        Shape::Number,
        "Vector length in bytes that new programs get for SME; -1 is the greatest (arm64)",
        "Documentation/arch/arm64/sme.rst",
    )
    .reads_back(VECTOR)
    .since(5, 19),
    Entry::new(
        "abi/sve_default_vector_length",
        Shape::Number,
        "Vector length in bytes that new programs get for SVE; -1 is the greatest (arm64)",
        "Documentation/arch/arm64/sve.rst",
    )
    .reads_back(VECTOR)
    .since(4, 15),
    Entry::new(
        "abi/tagged_addr_disabled",
        Shape::Bool,
        "Keeps processes from passing tagged addresses to the kernel from now on (arm64, riscv)",
        "Documentation/arch/arm64/tagged-address-abi.rst",
    )
    .ranges(SWITCH)
    .since(5, 4),
    Entry::new(
        "abi/vsyscall32",
        Shape::Bool,
        "Gives 32-bit processes a vDSO (64-bit x86 kernels)",
        ABI,
    )
    .ranges(SWITCH),
    Entry::new(
        "crypto/fips_enabled",
        Shape::Number,
        "Whether the kernel was started in FIPS mode",
        "crypto/fips.c",
    )
    .kind(Kind::Counter),
    Entry::new("crypto/fips_name", Shape::Text(63), "Name of the FIPS module", "crypto/fips.c")
        .kind(Kind::Counter)
        .since(6, 0),
    Entry::new(
        "crypto/fips_version",
        Shape::Text(63),
        "Version of the FIPS module",
        "crypto/fips.c",
    )
    .kind(Kind::Counter)
    .since(6, 0),
    Entry::new(
        "debug/exception-trace",
        Shape::Number,
        "Non-zero logs processes that die of an unhandled fault",
        "kernel/signal.c",
    )
    .ranges(INT),
    Entry::new(
        "debug/kprobes-optimization",
        Shape::Bool,
        "Replaces probes by jumps where that is possible",
        "Documentation/trace/kprobes.rst",
    )
    .ranges(SWITCH),
    cdrom("dev/cdrom/autoclose", "Non-zero closes the tray when a CD-ROM device is opened"),
    cdrom("dev/cdrom/autoeject", "Non-zero opens the tray when a CD-ROM device is closed"),
    cdrom(
        "dev/cdrom/check_media",
        "Non-zero checks on opening that the medium is of the kind asked for",
    ),
    cdrom("dev/cdrom/debug", "Non-zero logs what the CD-ROM driver does"),
    Entry::new("dev/cdrom/info", Shape::Unknown, "What the CD-ROM drives can do", CDROM)
        .kind(Kind::Counter)
        .module("cdrom"),
    cdrom("dev/cdrom/lock", "Non-zero locks the tray while a CD-ROM device is open"),
    Entry::new(
        "dev/hpet/max-user-freq",
        Shape::Number,
        "Highest interrupt rate a second that unprivileged users may set on the HPET",
        "Documentation/timers/hpet.rst",
    )
    .ranges(INT),
    Entry::new(
        "dev/i915/oa_max_sample_rate",
        Shape::Number,
        "Highest sampling rate a second of Intel GPU metrics without privilege",
        "drivers/gpu/drm/i915/i915_perf.c",
    )
    .module("i915")
    .since(4, 11),
    Entry::new(
        "dev/i915/perf_stream_paranoid",
        Shape::Bool,
        "Keeps system-wide Intel GPU metrics from unprivileged users",
        "drivers/gpu/drm/i915/i915_perf.c",
    )
    .ranges(SWITCH)
    .module("i915")
    .since(4, 11),
    Entry::new(
        "dev/ipmi/poweroff_powercycle",
        Shape::Number,
        "Non-zero makes an IPMI power-off switch the machine on again",
        "Documentation/driver-api/ipmi.rst",
    )
    .ranges(INT)
    .module("ipmi_poweroff"),
    Entry::new(
        "dev/raid/speed_limit_max",
        Shape::Number,
        "Rate a second for each device above which an MD array never resynchronises",
        MD,
    )
    .unit(Unit::Kibibytes)
    .ranges(INT)
    .module("md_mod"),
    Entry::new(
        "dev/raid/speed_limit_min",
        Shape::Number,
        "Rate a second for each device that an MD resynchronisation keeps under other load",
        MD,
    )
    .unit(Unit::Kibibytes)
    .ranges(INT)
    .module("md_mod"),
    Entry::new(
        "dev/raid/sync_io_depth",
        Shape::Number,
        "Requests in flight of an MD resynchronisation",
        "drivers/md/md.c",
    )
    .ranges(INT)
    .module("md_mod")
    .since(6, 16),
    Entry::new(
        "dev/rtc/max-user-freq",
        Shape::Number,
        "Highest interrupt rate a second that unprivileged users may set on the old clock driver",
        "drivers/char/rtc.c (5.6)",
    )
    .until(5, 8),
    Entry::new(
        "dev/scsi/logging_level",
        Shape::Number,
        "What the SCSI layer logs: three bits for each of ten subjects",
        "drivers/scsi/scsi_sysctl.c",
    )
    .ranges(NATURAL)
    .module("scsi_mod"),
    Entry::new(
        "dev/tty/ldisc_autoload",
        Shape::Bool,
        "Lets unprivileged users have line discipline modules loaded",
        "drivers/tty/Kconfig",
    )
    .since(5, 1),
    Entry::new(
        "dev/tty/legacy_tiocsti",
        Shape::Bool,
        "Lets processes without CAP_SYS_ADMIN put input into a terminal with TIOCSTI",
        "drivers/tty/Kconfig",
    )
    .since(6, 2),
    Entry::new(
        "sunrpc/max_resvport",
        Shape::Number,
        "Highest reserved port that an RPC client binds",
        SUNRPC,
    )
    .ranges(RESERVED_PORT)
    .module("sunrpc"),
    Entry::new(
        "sunrpc/min_resvport",
        Shape::Number,
        "Lowest reserved port that an RPC client binds",
        SUNRPC,
    )
    .ranges(RESERVED_PORT)
    .module("sunrpc"),
    rpc_debug("sunrpc/nfs_debug", "What the NFS client logs, as a mask"),
    rpc_debug("sunrpc/nfsd_debug", "What the NFS server logs, as a mask"),
    rpc_debug("sunrpc/nlm_debug", "What the NFS lock manager logs, as a mask"),
    rdma("sunrpc/rdma_inline_write_padding", "Padding of inline writes; without effect")
        .ranges(&[Range::within(0, 65_536)]),
    rdma("sunrpc/rdma_max_inline_read", "Largest reply that an RPC/RDMA client takes inline")
        .unit(Unit::Bytes)
        .ranges(INLINE),
    rdma("sunrpc/rdma_max_inline_write", "Largest call that an RPC/RDMA client sends inline")
        .unit(Unit::Bytes)
        .ranges(INLINE),
    rdma("sunrpc/rdma_memreg_strategy", "How an RPC/RDMA client registers memory")
        .ranges(&[Range::new(0, 6)]),
    rdma("sunrpc/rdma_pad_optimize", "Non-zero leaves out the padding of RPC/RDMA chunks")
        .ranges(INT),
    rdma("sunrpc/rdma_slot_table_entries", "Requests in flight on one RPC/RDMA transport")
        .ranges(&[Range::within(2, 16_384)]),
    rpc_debug(
        "sunrpc/rpc_debug",
        "What the RPC layer logs, as a mask; a write also logs the RPC tasks",
    ),
    rdma(
        "sunrpc/svc_rdma/max_outbound_read_requests",
        "Reads that an RPC/RDMA server has in flight on one connection",
    )
    .ranges(&[Range::within(1, 4096)]),
    rdma("sunrpc/svc_rdma/max_req_size", "Largest inline message of an RPC/RDMA server")
        .unit(Unit::Bytes)
        .ranges(&[Range::new(4096, 65_536)]),
    rdma("sunrpc/svc_rdma/max_requests", "Requests in flight on one RPC/RDMA server connection")
        .ranges(&[Range::new(4, 16_384)]),
    rpc("sunrpc/tcp_fin_timeout", "Time an RPC client waits for a TCP connection to close")
        .unit(Unit::Seconds),
    rpc(
        "sunrpc/tcp_max_slot_table_entries",
        "Most requests in flight on one TCP connection of an RPC client",
    )
    .ranges(SLOTS),
    rpc(
        "sunrpc/tcp_slot_table_entries",
        "Requests in flight on a new TCP connection of an RPC client, to begin with",
    )
    .ranges(SLOTS),
    Entry::new(
        "sunrpc/transports",
        Shape::Unknown,
        "Transports that the RPC client knows, with the largest size of each",
        "net/sunrpc/sysctl.c",
    )
    .kind(Kind::Counter)
    .module("sunrpc"),
    rpc(
        "sunrpc/udp_slot_table_entries",
        "Requests in flight on one UDP transport of an RPC client",
    )
    .ranges(SLOTS),
];
