//! Parameters of files and file systems: `fs.*`.
#![forbid(unsafe_code)]

use super::bounds::{INT, INT_MAX, LONG, NATURAL, POSITIVE, SHORT, SWITCH, ULONG, UP_TO_TWO};
use super::{Effect, Entry, Hazard, Kind, Order, Range, Scope};
use crate::value::{Rounding, Shape, Unit};

const DOC: &str = "Documentation/admin-guide/sysctl/fs.rst";
const QUOTA: &str = "fs/quota/dquot.c";
const XFS: &str = "Documentation/admin-guide/xfs.rst";
const LOCKD: &str = "fs/lockd/svc.c";

const fn quota_counter(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, QUOTA).kind(Kind::Counter)
}

const fn xfs(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, XFS).module("xfs")
}

/// Sorted by canonical path.
pub(super) const TABLE: &[Entry] = &[
    Entry::new(
        "fs/aio-max-nr",
        Shape::Number,
        "How many asynchronous I/O requests all contexts together may reserve",
        DOC,
    )
    .ranges(ULONG)
    .hazard(Hazard::Starves)
    .owners(&["libvirt", "oracle-database-preinstall"]),
    Entry::new("fs/aio-nr", Shape::Number, "Asynchronous I/O requests that are reserved now", DOC)
        .kind(Kind::Counter),
    Entry::new(
        "fs/binfmt_misc/register",
        Shape::Text(2047),
        "Registers an interpreter for a kind of executable",
        "Documentation/admin-guide/binfmt-misc.rst",
    )
    .kind(Kind::Action)
    .hazard(Hazard::ExecutesCode)
    .module("binfmt_misc")
    .owners(&["systemd-binfmt"]),
    Entry::new(
        "fs/binfmt_misc/status",
        Shape::Text(8),
        "Whether registered interpreters are used: 1 on, 0 off, -1 removes them all",
        "Documentation/admin-guide/binfmt-misc.rst",
    )
    .module("binfmt_misc")
    .reads_back("reads as enabled or disabled, is written as a number")
    .owners(&["systemd-binfmt"]),
    Entry::new(
        "fs/dentry-negative",
        Shape::Bool,
        "Drops the directory entry of a file that is deleted instead of caching its \
         absence",
        DOC,
    )
    .ranges(SWITCH)
    .since(6, 13),
    Entry::new(
        "fs/dentry-state",
        Shape::Numbers(6),
        "Directory entries: cached, unused, age limit, wanted by the system, \
         negative ones",
        DOC,
    )
    .kind(Kind::Counter),
    Entry::new(
        "fs/dir-notify-enable",
        Shape::Number,
        "Non-zero permits directory notification through fcntl(2)",
        "fs/notify/dnotify/dnotify.c",
    )
    .ranges(INT),
    Entry::new(
        "fs/epoll/max_user_watches",
        Shape::Number,
        "How many file descriptors one user may watch with epoll",
        DOC,
    )
    .ranges(LONG)
    .sized_at_boot(),
    Entry::new(
        "fs/fanotify/max_queued_events",
        Shape::Number,
        "How many events a new fanotify group queues before it drops them",
        "fs/notify/fanotify/fanotify_user.c",
    )
    .ranges(NATURAL)
    .since(5, 10),
    Entry::new(
        "fs/fanotify/max_user_groups",
        Shape::Number,
        "How many fanotify groups one user may have",
        "fs/notify/fanotify/fanotify_user.c",
    )
    .ranges(NATURAL)
    .since(5, 10)
    .effects(&[Effect::Copies("user/max_fanotify_groups")]),
    Entry::new(
        "fs/fanotify/max_user_marks",
        Shape::Number,
        "How many fanotify marks one user may have",
        "fs/notify/fanotify/fanotify_user.c",
    )
    .ranges(NATURAL)
    .since(5, 10)
    .effects(&[Effect::Copies("user/max_fanotify_marks")])
    .sized_at_boot(),
    Entry::new(
        "fs/fanotify/watchdog_timeout",
        Shape::Number,
        "Time after which an unanswered permission event is logged; 0 never logs",
        "fs/notify/fanotify/fanotify_user.c",
    )
    .unit(Unit::Seconds)
    .ranges(NATURAL)
    .since(6, 18),
    Entry::new("fs/file-max", Shape::Number, "How many files the whole system may have open", DOC)
        .ranges(LONG)
        .hazard(Hazard::Starves)
        .owners(&["systemd", "tuned"])
        .sized_at_boot(),
    Entry::new(
        "fs/file-nr",
        Shape::Numbers(3),
        "Open file handles, unused ones (always 0), and file-max",
        DOC,
    )
    .kind(Kind::Counter),
    Entry::new(
        "fs/fuse/default_request_timeout",
        Shape::Number,
        "Time a FUSE server has to answer, where it chooses none; 0 waits for ever",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(SHORT)
    .module("fuse")
    .since(6, 15)
    .unlimited(0),
    Entry::new(
        "fs/fuse/max_pages_limit",
        Shape::Number,
        "How many pages one request of a new FUSE connection may carry",
        DOC,
    )
    .unit(Unit::Pages)
    .ranges(&[Range::new(1, 65_535)])
    .module("fuse")
    .since(6, 13),
    Entry::new(
        "fs/fuse/max_request_timeout",
        Shape::Number,
        "Longest time a FUSE server may choose to answer in; 0 sets no limit",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(SHORT)
    .module("fuse")
    .since(6, 15)
    .unlimited(0),
    Entry::new("fs/inode-nr", Shape::Numbers(2), "Inodes allocated and inodes free", DOC)
        .kind(Kind::Counter),
    Entry::new(
        "fs/inode-state",
        Shape::Numbers(7),
        "Inodes allocated, inodes free, and five fields that are no longer used",
        DOC,
    )
    .kind(Kind::Counter),
    Entry::new(
        "fs/inotify/max_queued_events",
        Shape::Number,
        "How many events a new inotify instance queues before it drops them",
        "fs/notify/inotify/inotify_user.c",
    )
    .ranges(NATURAL),
    Entry::new(
        "fs/inotify/max_user_instances",
        Shape::Number,
        "How many inotify instances one user may have",
        "fs/notify/inotify/inotify_user.c",
    )
    .ranges(NATURAL)
    .effects(&[Effect::Copies("user/max_inotify_instances")])
    .owners(&["tuned"]),
    Entry::new(
        "fs/inotify/max_user_watches",
        Shape::Number,
        "How many files and directories one user may watch with inotify",
        "fs/notify/inotify/inotify_user.c",
    )
    .ranges(NATURAL)
    .effects(&[Effect::Copies("user/max_inotify_watches")])
    .owners(&["tuned"])
    .sized_at_boot(),
    Entry::new(
        "fs/lease-break-time",
        Shape::Number,
        "Grace period in which the holder of a file lease must give it back",
        "fs/locks.c",
    )
    .unit(Unit::Seconds)
    .ranges(INT),
    Entry::new("fs/leases-enable", Shape::Number, "Non-zero permits leases on files", "fs/locks.c")
        .ranges(INT),
    Entry::new(
        "fs/may_detach_mounts",
        Shape::Number,
        "Non-zero lets a mount point be removed that is mounted in another namespace",
        "fs/namespace.c of Red Hat's kernel 3.10 (not in mainline)",
    )
    .owners(&["docker"]),
    Entry::new("fs/mount-max", Shape::Number, "How many mounts one mount namespace may have", DOC)
        .ranges(POSITIVE)
        .since(4, 9),
    Entry::new(
        "fs/mqueue/msg_default",
        Shape::Number,
        "How many messages a POSIX queue holds where its creator does not say",
        DOC,
    )
    .ranges(&[Range::new(1, 65_536)])
    .scope(Scope::Ipc),
    Entry::new(
        "fs/mqueue/msg_max",
        Shape::Number,
        "How many messages an unprivileged user may ask a POSIX queue to hold",
        DOC,
    )
    .ranges(&[Range::new(1, 65_536)])
    .scope(Scope::Ipc),
    Entry::new(
        "fs/mqueue/msgsize_default",
        Shape::Number,
        "Message size of a POSIX queue where its creator does not say",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::new(128, 16_777_216)])
    .scope(Scope::Ipc),
    Entry::new(
        "fs/mqueue/msgsize_max",
        Shape::Number,
        "Largest message size that an unprivileged user may ask of a POSIX queue",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::new(128, 16_777_216)])
    .scope(Scope::Ipc),
    Entry::new(
        "fs/mqueue/queues_max",
        Shape::Number,
        "How many POSIX message queues may exist",
        DOC,
    )
    .ranges(INT)
    .scope(Scope::Ipc),
    Entry::new(
        "fs/nfs/idmap_cache_timeout",
        Shape::Number,
        "Time for which the NFS client remembers a mapping of names to ids",
        "fs/nfs/nfs4sysctl.c",
    )
    .unit(Unit::Seconds)
    .module("nfsv4"),
    Entry::new(
        "fs/nfs/nfs_callback_tcpport",
        Shape::Number,
        "Port on which the NFSv4.0 client takes callbacks; 0 picks one",
        "fs/nfs/nfs4sysctl.c",
    )
    .ranges(SHORT)
    .module("nfsv4"),
    Entry::new(
        "fs/nfs/nfs_congestion_kb",
        Shape::Number,
        "Unwritten NFS data at which writers are made to wait",
        "fs/nfs/sysctl.c",
    )
    .unit(Unit::Kibibytes)
    .ranges(INT)
    .module("nfs"),
    Entry::new(
        "fs/nfs/nfs_mountpoint_timeout",
        Shape::Number,
        "Idle time after which an automatically mounted NFS submount is unmounted",
        "fs/nfs/sysctl.c",
    )
    .unit(Unit::Seconds)
    .module("nfs"),
    Entry::new(
        "fs/nfs/nlm_grace_period",
        Shape::Number,
        "Time for which a restarted lock server lets clients reclaim; 0 takes the default",
        LOCKD,
    )
    .unit(Unit::Seconds)
    .ranges(&[Range::new(0, 240)])
    .module("lockd"),
    Entry::new(
        "fs/nfs/nlm_tcpport",
        Shape::Number,
        "TCP port of the NFS lock manager; 0 picks one",
        LOCKD,
    )
    .ranges(SHORT)
    .module("lockd"),
    Entry::new(
        "fs/nfs/nlm_timeout",
        Shape::Number,
        "Time after which the NFS lock manager sends a request again",
        LOCKD,
    )
    .unit(Unit::Seconds)
    .ranges(&[Range::new(3, 20)])
    .module("lockd"),
    Entry::new(
        "fs/nfs/nlm_udpport",
        Shape::Number,
        "UDP port of the NFS lock manager; 0 picks one",
        LOCKD,
    )
    .ranges(SHORT)
    .module("lockd"),
    Entry::new(
        "fs/nfs/nsm_local_state",
        Shape::Number,
        "State number that the NFS status monitor announces",
        LOCKD,
    )
    .module("lockd")
    .owners(&["rpc.statd"]),
    Entry::new(
        "fs/nfs/nsm_use_hostnames",
        Shape::Bool,
        "Tells the NFS status monitor hosts by name instead of by address",
        LOCKD,
    )
    .module("lockd"),
    Entry::new(
        "fs/nr_open",
        Shape::Number,
        "Highest limit of open files that a process can be given",
        DOC,
    )
    .ranges(&[Range::new(64, 2_147_483_584)])
    .hazard(Hazard::Starves)
    .owners(&["systemd"]),
    Entry::new(
        "fs/ocfs2/nm/hb_ctl_path",
        Shape::Text(255),
        "Program that is run to stop the OCFS2 heartbeat",
        "fs/ocfs2/stackglue.c",
    )
    .hazard(Hazard::ExecutesCode)
    .module("ocfs2_stackglue"),
    Entry::new(
        "fs/overflowgid",
        Shape::Number,
        "Group id shown for one that a file system with 16-bit ids cannot store",
        DOC,
    )
    .ranges(SHORT),
    Entry::new(
        "fs/overflowuid",
        Shape::Number,
        "User id shown for one that a file system with 16-bit ids cannot store",
        DOC,
    )
    .ranges(SHORT),
    Entry::new(
        "fs/pipe-max-size",
        Shape::Rounded(Rounding::PowerOfTwo),
        "Largest size that an unprivileged user may give a pipe",
        "man 7 pipe; fs/pipe.c",
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::new(0, 2_147_483_648), Range::before(4, 16, 4096, INT_MAX)])
    .reads_back("rounded up to a power of two of at least one page"),
    Entry::new(
        "fs/pipe-user-pages-hard",
        Shape::Number,
        "Pipe memory at which one unprivileged user gets no more pipes; 0 sets no limit",
        DOC,
    )
    .unit(Unit::Pages)
    .ranges(ULONG)
    .since(4, 5)
    .unlimited(0),
    Entry::new(
        "fs/pipe-user-pages-soft",
        Shape::Number,
        "Pipe memory at which one unprivileged user's new pipes become small; 0 sets \
         no limit",
        DOC,
    )
    .unit(Unit::Pages)
    .ranges(ULONG)
    .since(4, 5)
    .unlimited(0),
    Entry::new(
        "fs/protected_fifos",
        Shape::Number,
        "Refuses to open another's FIFO in a world-writable (1) or also \
         group-writable (2) sticky directory",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .since(4, 19)
    .owners(&["systemd"]),
    Entry::new(
        "fs/protected_hardlinks",
        Shape::Bool,
        "Refuses hard links to files that the user neither owns nor could write",
        DOC,
    )
    .ranges(SWITCH)
    .owners(&["systemd"]),
    Entry::new(
        "fs/protected_regular",
        Shape::Number,
        "Refuses O_CREAT on another's file in a world-writable (1) or also \
         group-writable (2) sticky directory",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .since(4, 19)
    .owners(&["systemd"]),
    Entry::new(
        "fs/protected_symlinks",
        Shape::Bool,
        "Follows symbolic links in sticky directories only for the follower's or \
         directory's owner",
        DOC,
    )
    .ranges(SWITCH)
    .owners(&["systemd"]),
    quota_counter("fs/quota/allocated_dquots", "Disk quota structures allocated"),
    quota_counter("fs/quota/cache_hits", "Quota look-ups that found the structure in memory"),
    quota_counter("fs/quota/drops", "Quota structures that were released"),
    quota_counter("fs/quota/free_dquots", "Disk quota structures not in use"),
    quota_counter("fs/quota/lookups", "Quota look-ups"),
    quota_counter("fs/quota/reads", "Quota structures read from disk"),
    quota_counter("fs/quota/syncs", "Quota synchronisations"),
    Entry::new(
        "fs/quota/warnings",
        Shape::Number,
        "Non-zero prints quota warnings to the user's terminal \
         (CONFIG_PRINT_QUOTA_WARNING)",
        QUOTA,
    )
    .ranges(INT),
    quota_counter("fs/quota/writes", "Quota structures written to disk"),
    Entry::new(
        "fs/suid_dumpable",
        Shape::Number,
        "Core dumps of set-user-id programs: none (0), as any (1), root-only through \
         a pipe or path (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .order(&[Order::After("kernel/core_pattern")])
    .owners(&["apport", "systemd-coredump"]),
    Entry::new(
        "fs/verity/require_signatures",
        Shape::Bool,
        "Requires a trusted signature on every fs-verity file",
        "Documentation/filesystems/fsverity.rst",
    )
    .ranges(SWITCH)
    .since(5, 4),
    xfs("fs/xfs/error_level", "How much XFS logs about its errors: 0 none, 11 all")
        .ranges(&[Range::new(0, 11)]),
    xfs(
        "fs/xfs/filestream_centisecs",
        "Time for which XFS keeps a directory's writes in one allocation group",
    )
    .unit(Unit::Centiseconds)
    .ranges(&[Range::new(1, 360_000)]),
    xfs("fs/xfs/inherit_noatime", "New files take the noatime flag of their directory")
        .ranges(SWITCH),
    xfs("fs/xfs/inherit_nodefrag", "New files take the nodefrag flag of their directory")
        .ranges(SWITCH),
    xfs("fs/xfs/inherit_nodump", "New files take the nodump flag of their directory")
        .ranges(SWITCH),
    xfs("fs/xfs/inherit_nosymlinks", "New directories take the nosymlinks flag of their parent")
        .ranges(SWITCH),
    xfs("fs/xfs/inherit_sync", "New files take the sync flag of their directory").ranges(SWITCH),
    xfs(
        "fs/xfs/irix_sgid_inherit",
        "Clears set-group-id where the creator is not in the directory's group",
    )
    .ranges(SWITCH)
    .until(6, 18),
    xfs("fs/xfs/irix_symlink_mode", "Gives symbolic links the mode that the umask leaves")
        .ranges(SWITCH)
        .until(6, 18),
    xfs("fs/xfs/panic_mask", "Which XFS errors panic the machine, as a mask")
        .ranges(&[Range::new(0, 511), Range::before(6, 12, 0, 256)]),
    xfs(
        "fs/xfs/rotorstep",
        "How many files XFS puts in one allocation group before it takes the next",
    )
    .ranges(&[Range::new(1, 255)]),
    xfs(
        "fs/xfs/speculative_cow_prealloc_lifetime",
        "Interval at which XFS frees space reserved for copies on write; later that of the other",
    )
    .unit(Unit::Seconds)
    .ranges(&[Range::new(1, 86_400)])
    .until(6, 18),
    xfs(
        "fs/xfs/speculative_prealloc_lifetime",
        "Interval at which XFS frees space reserved beyond the end of files",
    )
    .unit(Unit::Seconds)
    .ranges(&[Range::new(1, 86_400)]),
    xfs("fs/xfs/stats_clear", "Writing 1 sets the XFS statistics to zero")
        .kind(Kind::Action)
        .ranges(SWITCH),
    xfs("fs/xfs/xfssyncd_centisecs", "Interval at which XFS flushes its log and cleans up")
        .unit(Unit::Centiseconds)
        .ranges(&[Range::new(100, 720_000)]),
];
