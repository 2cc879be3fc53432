//! Parameters of memory management: `vm.*`.
#![forbid(unsafe_code)]

use super::bounds::{INT, INT_MAX, NATURAL, PERCENT, SWITCH, ULONG, ULONG_MAX, UP_TO_TWO};
use super::{Effect, Entry, Hazard, Kind, Order, Range, Scope};
use crate::value::{Shape, Unit};

const DOC: &str = "Documentation/admin-guide/sysctl/vm.rst";
const DOC_4_4: &str = "Documentation/sysctl/vm.txt (4.4)";

/// Sorted by canonical path.
pub(super) const TABLE: &[Entry] = &[
    Entry::new(
        "vm/admin_reserve_kbytes",
        Shape::Number,
        "Memory kept free for a user with CAP_SYS_ADMIN, so that an administrator \
         can still log in and kill",
        DOC,
    )
    .unit(Unit::Kibibytes)
    .ranges(ULONG)
    .sized_at_boot(),
    Entry::new(
        "vm/allocate_pgste",
        Shape::Bool,
        "Gives every process 4 KiB page tables with room for KVM guest state (s390 only)",
        "arch/s390/mm/pgalloc.c",
    )
    .ranges(SWITCH)
    .until(6, 17),
    Entry::new(
        "vm/block_dump",
        Shape::Number,
        "Logs every block read, block write and dirtied page with its process",
        "Documentation/admin-guide/laptops/laptop-mode.rst (5.12)",
    )
    .until(5, 13),
    Entry::new(
        "vm/compact_memory",
        Shape::Number,
        "Writing 1 compacts all memory zones once, so that free memory becomes contiguous",
        DOC,
    )
    .kind(Kind::Action)
    .ranges(&[Range::new(1, 1), Range::before(6, 12, -INT_MAX - 1, INT_MAX)]),
    Entry::new(
        "vm/compact_unevictable_allowed",
        Shape::Bool,
        "Lets compaction move mlocked pages, at the price of minor faults",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new(
        "vm/compaction_proactiveness",
        Shape::Number,
        "How aggressively free memory is compacted in the background; 0 stops it",
        DOC,
    )
    .ranges(PERCENT)
    .since(5, 9),
    Entry::new(
        "vm/defrag_mode",
        Shape::Bool,
        "Makes the page allocator work harder to avoid mixing page types and \
         breaking up huge pages",
        DOC,
    )
    .ranges(SWITCH)
    .since(6, 15),
    Entry::new(
        "vm/dirty_background_bytes",
        Shape::Number,
        "Amount of dirty memory at which the background flusher threads start to write",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::new(1, ULONG_MAX)])
    .pair("dirty_background_ratio")
    .owners(&["tuned"]),
    Entry::new(
        "vm/dirty_background_ratio",
        Shape::Number,
        "Dirty share of available memory at which the background flusher threads \
         start to write",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(PERCENT)
    .pair("dirty_background_bytes")
    .owners(&["tuned"]),
    Entry::new(
        "vm/dirty_bytes",
        Shape::Number,
        "Amount of dirty memory at which a writing process must itself write back; \
         at least two pages",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::within(8192, ULONG_MAX)])
    .pair("dirty_ratio")
    .owners(&["tuned"]),
    Entry::new(
        "vm/dirty_expire_centisecs",
        Shape::Number,
        "Age at which dirty data is old enough for the flusher threads to write it",
        DOC,
    )
    .unit(Unit::Centiseconds)
    .ranges(NATURAL)
    .owners(&["laptop-mode-tools", "tlp", "tuned"]),
    Entry::new(
        "vm/dirty_ratio",
        Shape::Number,
        "Dirty share of available memory at which a writing process must itself \
         write back",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(PERCENT)
    .pair("dirty_bytes")
    .owners(&["tuned"]),
    Entry::new(
        "vm/dirty_writeback_centisecs",
        Shape::Number,
        "Interval at which the flusher threads wake up; 0 stops periodic writeback",
        DOC,
    )
    .unit(Unit::Centiseconds)
    .ranges(INT)
    .owners(&["laptop-mode-tools", "tlp", "tuned"]),
    Entry::new(
        "vm/dirtytime_expire_seconds",
        Shape::Number,
        "Age at which an inode with only a new timestamp is written (lazytime mounts)",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(NATURAL),
    Entry::new(
        "vm/drop_caches",
        Shape::Number,
        "Frees clean page cache (1), reclaimable slab objects (2) or both (3) once; \
         4 stops the log line",
        DOC,
    )
    .kind(Kind::Action)
    .ranges(&[Range::new(1, 4)]),
    Entry::new(
        "vm/enable_soft_offline",
        Shape::Bool,
        "Lets the kernel move data off pages with many corrected errors and stop \
         using them",
        DOC,
    )
    .ranges(SWITCH)
    .since(6, 11),
    Entry::new(
        "vm/extfrag_threshold",
        Shape::Number,
        "Fragmentation index above which a failing allocation compacts memory \
         instead of reclaiming",
        DOC,
    )
    .ranges(&[Range::new(0, 1000)]),
    Entry::new(
        "vm/force_cgroup_v2_swappiness",
        Shape::Number,
        "Non-zero lets vm.swappiness count in every group of the first cgroup version",
        "mm/memcontrol.c of Red Hat's kernels (not in mainline)",
    ),
    Entry::new(
        "vm/highmem_is_dirtyable",
        Shape::Bool,
        "Counts high memory in the dirty limits (32-bit kernels with high memory only)",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new(
        "vm/hugepages_treat_as_movable",
        Shape::Number,
        "Let huge pages be allocated from the movable zone",
        DOC_4_4,
    )
    .until(4, 16),
    Entry::new(
        "vm/hugetlb_optimize_vmemmap",
        Shape::Bool,
        "Frees the page structures of new hugetlb pages, which makes freeing those \
         pages costlier",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 19),
    Entry::new(
        "vm/hugetlb_shm_group",
        Shape::Number,
        "Group id whose members may create System V shared memory with huge pages",
        DOC,
    )
    .ranges(INT)
    .owners(&["tuned"]),
    Entry::new(
        "vm/laptop_mode",
        Shape::Number,
        "Seconds after a disk read in which dirty data is written too, so that disks \
         idle longer; ignored by 7.2",
        "Documentation/admin-guide/laptops/laptop-mode.rst",
    )
    .unit(Unit::Seconds)
    .owners(&["laptop-mode-tools", "tlp"]),
    Entry::new(
        "vm/legacy_va_layout",
        Shape::Number,
        "Non-zero lays out new processes as Linux 2.4 did, with mappings growing upwards",
        DOC,
    )
    .ranges(NATURAL),
    // One number a memory zone: how many zones there are depends on architecture and configuration.
    Entry::new(
        "vm/lowmem_reserve_ratio",
        Shape::Unknown,
        "For each zone, the share (1/N) of higher zones that is kept from falling \
         back into it",
        DOC,
    ),
    Entry::new(
        "vm/max_map_count",
        Shape::Number,
        "How many memory mappings one process may have",
        DOC,
    )
    .ranges(NATURAL)
    .hazard(Hazard::Starves)
    .owners(&["elasticsearch", "saptune", "tuned"]),
    Entry::new(
        "vm/mem_profiling",
        Shape::Bool,
        "Accounts memory by the code that allocated it (needs CONFIG_MEM_ALLOC_PROFILING)",
        DOC,
    )
    .since(6, 10),
    Entry::new(
        "vm/memfd_noexec",
        Shape::Number,
        "Whether memfd_create without a choice makes executable files (0), others \
         (1), or must choose (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .scope(Scope::Pid)
    .since(6, 3),
    Entry::new(
        "vm/memory_failure_early_kill",
        Shape::Bool,
        "Kills every process that maps a page with an uncorrected error at once, not \
         on its next access",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new(
        "vm/memory_failure_recovery",
        Shape::Bool,
        "Tries to survive an uncorrected memory error; 0 always panics",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new(
        "vm/min_free_kbytes",
        Shape::Number,
        "Memory the kernel keeps free over all zones; it sets the watermarks at \
         which reclaim starts",
        DOC,
    )
    .unit(Unit::Kibibytes)
    .ranges(NATURAL)
    .hazard(Hazard::MinFree)
    .reads_back(
        "khugepaged raises it when transparent huge pages are switched on; memory \
         hotplug may recompute it",
    )
    .owners(&["khugepaged", "tuned"])
    .sized_at_boot(),
    Entry::new(
        "vm/min_slab_ratio",
        Shape::Number,
        "Share of a zone's pages in reclaimable slab above which node reclaim \
         shrinks slab (NUMA only)",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(PERCENT),
    Entry::new(
        "vm/min_unmapped_ratio",
        Shape::Number,
        "Share of a zone's pages that are unmapped file pages above which node \
         reclaim acts (NUMA only)",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(PERCENT),
    Entry::new(
        "vm/mmap_min_addr",
        Shape::Number,
        "Lowest address that an unprivileged process may map, against null-pointer \
         attacks",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(ULONG),
    // Least and greatest depend on architecture and configuration.
    Entry::new(
        "vm/mmap_rnd_bits",
        Shape::Number,
        "Random bits in the base address of a process's mappings",
        DOC,
    )
    .since(4, 5),
    Entry::new(
        "vm/mmap_rnd_compat_bits",
        Shape::Number,
        "Random bits in the base address of a 32-bit process's mappings on a 64-bit \
         kernel",
        DOC,
    )
    .since(4, 5),
    Entry::new(
        "vm/movable_gigantic_pages",
        Shape::Number,
        "Non-zero lets gigantic pages come from the movable zone, which makes its removal unsure",
        DOC,
    )
    .ranges(INT)
    .since(7, 0),
    Entry::new(
        "vm/nr_hugepages",
        Shape::Number,
        "Size of the pool of persistent huge pages of the default size, taken out of \
         all other use",
        "Documentation/admin-guide/mm/hugetlbpage.rst",
    )
    .unit(Unit::HugePages)
    .ranges(ULONG)
    .hazard(Hazard::TakesMemory)
    .effects(&[Effect::Copies("vm/nr_hugepages_mempolicy")])
    .reads_back("the kernel takes as many huge pages as it finds, which may be fewer")
    .owners(&["tuned"]),
    Entry::new(
        "vm/nr_hugepages_mempolicy",
        Shape::Number,
        "The pool of nr_hugepages, resized on the nodes of the writer's memory \
         policy (NUMA only)",
        "Documentation/admin-guide/mm/hugetlbpage.rst",
    )
    .unit(Unit::HugePages)
    .ranges(ULONG)
    .hazard(Hazard::TakesMemory)
    .effects(&[Effect::Copies("vm/nr_hugepages")])
    .reads_back("the kernel takes as many huge pages as it finds, which may be fewer"),
    Entry::new(
        "vm/nr_overcommit_hugepages",
        Shape::Number,
        "How many huge pages beyond the persistent pool may be allocated on demand",
        "Documentation/admin-guide/mm/hugetlbpage.rst",
    )
    .unit(Unit::HugePages)
    .ranges(ULONG),
    Entry::new(
        "vm/nr_pdflush_threads",
        Shape::Number,
        "Number of pdflush threads; always 0 since they were replaced",
        "fs/fs-writeback.c (4.14)",
    )
    .kind(Kind::Counter)
    .until(4, 15),
    Entry::new(
        "vm/nr_trim_pages",
        Shape::Number,
        "Excess pages above which a mapping is trimmed (kernels without an MMU only)",
        DOC,
    )
    .ranges(NATURAL),
    Entry::new("vm/numa_stat", Shape::Bool, "Counts NUMA hits and misses on every allocation", DOC)
        .ranges(SWITCH)
        .since(4, 15),
    Entry::new(
        "vm/numa_zonelist_order",
        Shape::Text(15),
        "Order in which zones of other nodes are tried; fixed to node order since \
         4.14 (NUMA only)",
        DOC,
    )
    .reads_back("always reads Node since 4.14, whatever accepted spelling was written"),
    Entry::new(
        "vm/oom_dump_tasks",
        Shape::Number,
        "Non-zero logs every process with its memory when the OOM killer runs",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "vm/oom_kill_allocating_task",
        Shape::Number,
        "Non-zero kills the process that ran out of memory instead of searching for \
         the worst one",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "vm/overcommit_kbytes",
        Shape::Number,
        "Physical memory that strict overcommit adds to swap for the commit limit",
        DOC,
    )
    .unit(Unit::Kibibytes)
    .ranges(ULONG)
    .pair("overcommit_ratio"),
    Entry::new(
        "vm/overcommit_memory",
        Shape::Number,
        "Whether allocations are refused by guess (0), never (1), or beyond the \
         commit limit (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .hazard(Hazard::OvercommitStrict)
    .order(&[Order::After("vm/overcommit_kbytes"), Order::After("vm/overcommit_ratio")])
    .owners(&["kubelet"]),
    Entry::new(
        "vm/overcommit_ratio",
        Shape::Number,
        "Share of physical memory that strict overcommit adds to swap for the commit \
         limit",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(INT)
    .pair("overcommit_kbytes"),
    Entry::new(
        "vm/page-cluster",
        Shape::Number,
        "Pages read ahead from swap at once, as a power of two; 0 reads one",
        DOC,
    )
    .ranges(&[Range::new(0, 31), Range::before(6, 2, 0, INT_MAX)]),
    Entry::new(
        "vm/page_lock_unfairness",
        Shape::Number,
        "How often a page lock may be stolen from a waiter before it is handed over",
        DOC,
    )
    .ranges(NATURAL)
    .since(5, 9),
    Entry::new(
        "vm/pagecache_limit_mb",
        Shape::Number,
        "Page cache above which the kernel reclaims it first, in MB; 0 sets no limit",
        "mm/vmscan.c of SUSE's kernels (not in mainline)",
    )
    .unlimited(0),
    Entry::new(
        "vm/panic_on_oom",
        Shape::Number,
        "Panics when memory runs out: never (0), unless it is a limited group (1), \
         always (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .owners(&["kubelet"]),
    Entry::new(
        "vm/percpu_pagelist_fraction",
        Shape::Number,
        "Share (1/N) of a zone's pages that each processor may keep in its own lists",
        "Documentation/admin-guide/sysctl/vm.rst (5.13)",
    )
    .ranges(NATURAL)
    .until(5, 14),
    Entry::new(
        "vm/percpu_pagelist_high_fraction",
        Shape::Number,
        "Share (1/N) of a zone's pages in all per-processor lists; 0 for the \
         default, else at least 8",
        DOC,
    )
    .ranges(NATURAL)
    .since(5, 14),
    Entry::new(
        "vm/stat_interval",
        Shape::Number,
        "Interval at which memory statistics of each processor are added up",
        DOC,
    )
    .unit(Unit::Seconds)
    .owners(&["tuned"]),
    Entry::new(
        "vm/stat_refresh",
        Shape::Unknown,
        "A read or write brings the memory statistics of all processors up to date \
         at once",
        DOC,
    )
    .kind(Kind::Action)
    .since(4, 7),
    Entry::new(
        "vm/swappiness",
        Shape::Number,
        "Relative cost of swapping against dropping file pages; higher swaps more, 0 \
         only in need",
        DOC,
    )
    .ranges(&[Range::new(0, 200), Range::before(5, 8, 0, 100)])
    .owners(&["tuned", "zram-generator"]),
    Entry::new(
        "vm/unprivileged_userfaultfd",
        Shape::Bool,
        "Lets unprivileged users handle page faults of the kernel itself with userfaultfd",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 2),
    Entry::new(
        "vm/user_reserve_kbytes",
        Shape::Number,
        "With strict overcommit, memory that one process must leave, so that its \
         user can recover",
        DOC,
    )
    .unit(Unit::Kibibytes)
    .ranges(ULONG)
    .sized_at_boot(),
    Entry::new(
        "vm/vdso_enabled",
        Shape::Number,
        "Gives 32-bit processes a vDSO (32-bit kernels only; abi.vsyscall32 elsewhere)",
        "arch/x86/entry/vdso/vdso32-setup.c",
    ),
    Entry::new(
        "vm/vfs_cache_pressure",
        Shape::Number,
        "How readily dentries and inodes are reclaimed next to page cache; 100 is \
         fair, 0 never does",
        DOC,
    )
    .ranges(NATURAL),
    Entry::new(
        "vm/vfs_cache_pressure_denom",
        Shape::Number,
        "Divisor of vfs_cache_pressure, for steps finer than a hundredth",
        DOC,
    )
    .ranges(&[Range::new(100, INT_MAX)])
    .since(6, 16),
    Entry::new(
        "vm/watermark_boost_factor",
        Shape::Number,
        "Extra reclaim when memory fragments, in 1/10000 of the high watermark; 0 \
         switches it off",
        DOC,
    )
    .ranges(NATURAL)
    .since(5, 0),
    Entry::new(
        "vm/watermark_scale_factor",
        Shape::Number,
        "Distance between a zone's watermarks in 1/10000 of its memory, so how early \
         kswapd starts",
        DOC,
    )
    .ranges(&[Range::new(1, 3000), Range::before(5, 17, 1, 1000)])
    .since(4, 6),
    Entry::new(
        "vm/zone_reclaim_mode",
        Shape::Number,
        "Reclaims on the local node before using others: on (1), also writes (2), \
         also swaps (4) (NUMA only)",
        DOC,
    )
    .ranges(NATURAL)
    .owners(&["tuned"]),
];
