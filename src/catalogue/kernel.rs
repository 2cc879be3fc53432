//! Parameters of the kernel proper: `kernel.*`.
#![forbid(unsafe_code)]

use super::bounds::{
    INT, INT_MAX, IPC_MNI, NATURAL, PERCENT, POSITIVE, SHORT, SWITCH, UINT, ULONG, UP_TO_TWO,
};
use super::{Checked, Effect, Entry, Hazard, Kind, Latch, Order, Range, Scope};
use crate::value::{Shape, Unit};

const DOC: &str = "Documentation/admin-guide/sysctl/kernel.rst";
const KEYS: &str = "Documentation/security/keys/core.rst";
const RANDOM: &str = "drivers/char/random.c";
const DPM: &str = "drivers/base/power/main.c";
/// What becomes of names that are mistyped.
const DROPPED: &str = "names that the kernel does not know are dropped";
const FAIR_5_12: &str = "kernel/sched/fair.c (5.12)";

/// A parameter in which the kernel reports; a write, where there can be one, does not stay.
const fn report(
    key: &'static str,
    shape: Shape,
    summary: &'static str,
    source: &'static str,
) -> Entry {
    Entry::new(key, shape, summary, source).kind(Kind::Counter)
}

/// A tunable of the scheduler that moved to debugfs in 5.13.
const fn moved(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, FAIR_5_12).until(5, 13)
}

/// Sorted by canonical path.
pub(super) const TABLE: &[Entry] = &[
    Entry::new(
        "kernel/acct",
        Shape::Numbers(3),
        "Free space in percent at which process accounting resumes and stops, and \
         seconds between checks",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/apparmor_display_secid_mode",
        Shape::Number,
        "Non-zero adds the mode to the AppArmor labels that stand for security ids",
        "security/apparmor/lsm.c",
    ),
    Entry::new(
        "kernel/apparmor_restrict_unprivileged_io_uring",
        Shape::Number,
        "Non-zero keeps unprivileged unconfined processes from io_uring",
        "security/apparmor/lsm.c of Ubuntu's kernel (not in mainline)",
    ),
    Entry::new(
        "kernel/apparmor_restrict_unprivileged_unconfined",
        Shape::Number,
        "Keeps unprivileged unconfined processes from changing their AppArmor profile",
        "security/apparmor/lsm.c",
    )
    .since(6, 7),
    Entry::new(
        "kernel/apparmor_restrict_unprivileged_userns",
        Shape::Number,
        "Confines processes that create a user namespace without an AppArmor profile \
         that allows it",
        "security/apparmor/lsm.c of Ubuntu's kernel (not in mainline)",
    ),
    Entry::new(
        "kernel/apparmor_restrict_unprivileged_userns_complain",
        Shape::Number,
        "Non-zero lets what apparmor_restrict_unprivileged_userns would refuse pass, and logs it",
        "security/apparmor/lsm.c of Ubuntu's kernel (not in mainline)",
    ),
    Entry::new(
        "kernel/apparmor_restrict_unprivileged_userns_force",
        Shape::Number,
        "Non-zero applies apparmor_restrict_unprivileged_userns to confined processes as well",
        "security/apparmor/lsm.c of Ubuntu's kernel (not in mainline)",
    ),
    report("kernel/arch", Shape::Text(64), "Machine architecture, as uname -m", DOC)
        .scope(Scope::Uts)
        .since(6, 1),
    report("kernel/auto_msgmni", Shape::Number, "Has no effect, and always reads 0", DOC)
        .scope(Scope::Ipc)
        .ranges(SWITCH),
    report(
        "kernel/bootloader_type",
        Shape::Number,
        "Which boot loader started the kernel (x86 only)",
        DOC,
    ),
    report(
        "kernel/bootloader_version",
        Shape::Number,
        "Version of the boot loader (x86 only)",
        DOC,
    ),
    Entry::new(
        "kernel/bpf_stats_enabled",
        Shape::Bool,
        "Counts the runs and run time of every BPF program, at some cost for each run",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 1),
    Entry::new("kernel/cad_pid", Shape::Number, "Process that is told of Ctrl-Alt-Del", DOC)
        .ranges(NATURAL),
    report("kernel/cap_last_cap", Shape::Number, "Highest capability that the kernel knows", DOC),
    Entry::new(
        "kernel/compat-log",
        Shape::Number,
        "Logs failed calls of 32-bit processes",
        "kernel/sysctl.c (4.8)",
    )
    .until(4, 9),
    Entry::new(
        "kernel/core_file_note_size_limit",
        Shape::Number,
        "Largest size of the notes in a core dump",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(&[Range::new(4_194_304, 16_777_216)])
    .since(6, 10),
    report(
        "kernel/core_modes",
        Shape::Words,
        "Ways of writing a core dump that the kernel knows",
        "fs/coredump.c",
    )
    .since(6, 17),
    Entry::new(
        "kernel/core_pattern",
        Shape::Text(127),
        "File name of core dumps, or, after a |, the program that is run as root to \
         take them",
        DOC,
    )
    .hazard(Hazard::ExecutesCode)
    .reads_back("cut at 127 bytes")
    .owners(&["abrt", "apport", "systemd", "systemd-coredump"]),
    Entry::new(
        "kernel/core_pipe_limit",
        Shape::Number,
        "How many core dumps may be piped to programs at once, waiting for them; 0 \
         neither limits nor waits",
        DOC,
    )
    .ranges(&[Range::new(0, INT_MAX), Range::before(6, 16, -INT_MAX - 1, INT_MAX)])
    .owners(&["apport", "systemd-coredump"])
    .unlimited(0),
    Entry::new(
        "kernel/core_sort_vma",
        Shape::Bool,
        "Writes the memory areas of a core dump from small to large",
        DOC,
    )
    .ranges(SWITCH)
    .since(6, 12),
    Entry::new(
        "kernel/core_uses_pid",
        Shape::Number,
        "Non-zero appends the process id to the name of a core dump that does not \
         contain it",
        DOC,
    )
    .ranges(INT)
    .owners(&["systemd"]),
    Entry::new(
        "kernel/ctrl-alt-del",
        Shape::Number,
        "Non-zero reboots at once on Ctrl-Alt-Del, without telling init",
        DOC,
    )
    .ranges(INT)
    .owners(&["systemd"]),
    Entry::new(
        "kernel/dmesg_restrict",
        Shape::Bool,
        "Keeps users without CAP_SYSLOG from reading the kernel log",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new("kernel/domainname", Shape::Text(64), "The NIS domain name", DOC)
        .scope(Scope::Uts)
        .reads_back("cut at 64 bytes"),
    Entry::new(
        "kernel/dpm_watchdog_timeout_secs",
        Shape::Number,
        "Time a device may take to suspend or resume before the kernel panics; at most as built",
        DPM,
    )
    .unit(Unit::Seconds)
    .ranges(POSITIVE)
    .since(7, 0),
    Entry::new(
        "kernel/dpm_watchdog_warning_timeout_secs",
        Shape::Number,
        "Time a device may take to suspend or resume before the kernel warns",
        DPM,
    )
    .unit(Unit::Seconds)
    .ranges(POSITIVE)
    .order(&[Order::After("kernel/dpm_watchdog_timeout_secs")])
    .since(7, 0),
    Entry::new(
        "kernel/firmware_config/force_sysfs_fallback",
        Shape::Bool,
        "Makes every firmware request that finds no file ask user space",
        "Documentation/driver-api/firmware/fallback-mechanisms.rst",
    )
    .ranges(SWITCH)
    .since(4, 17),
    Entry::new(
        "kernel/firmware_config/ignore_sysfs_fallback",
        Shape::Bool,
        "Keeps firmware requests from asking user space",
        "Documentation/driver-api/firmware/fallback-mechanisms.rst",
    )
    .ranges(SWITCH)
    .since(4, 17),
    // One number before 6.9, a list of trace instances since.
    Entry::new(
        "kernel/ftrace_dump_on_oops",
        Shape::Unknown,
        "Prints the trace buffers when the kernel oopses: 0 no, 1 all processors, 2 \
         the one that oopsed",
        DOC,
    ),
    Entry::new(
        "kernel/ftrace_enabled",
        Shape::Number,
        "Non-zero lets function tracing (and live patching) work",
        DOC,
    ),
    Entry::new(
        "kernel/hardlockup_all_cpu_backtrace",
        Shape::Bool,
        "Prints the stacks of all processors on a hard lockup",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new("kernel/hardlockup_panic", Shape::Bool, "Panics on a hard lockup", DOC)
        .ranges(SWITCH),
    Entry::new(
        "kernel/hardlockup_sys_info",
        Shape::Names,
        "What a hard lockup prints besides, as names divided by commas",
        DOC,
    )
    .reads_back(DROPPED)
    .since(6, 19),
    Entry::new("kernel/hostname", Shape::Text(64), "The host's name", DOC)
        .scope(Scope::Uts)
        .reads_back("cut at 64 bytes")
        .owners(&["NetworkManager", "cloud-init", "systemd-hostnamed"]),
    Entry::new(
        "kernel/hotplug",
        Shape::Text(255),
        "Program that is run as root on every device event; empty runs none",
        DOC,
    )
    .hazard(Hazard::ExecutesCode),
    Entry::new(
        "kernel/hung_task_all_cpu_backtrace",
        Shape::Bool,
        "Prints the stacks of all processors when a hung task is found",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 8),
    Entry::new(
        "kernel/hung_task_check_count",
        Shape::Number,
        "How many tasks are looked at in one check for hung ones",
        DOC,
    )
    .ranges(NATURAL),
    Entry::new(
        "kernel/hung_task_check_interval_secs",
        Shape::Number,
        "Interval of checks for hung tasks; 0 takes the timeout",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(HUNG_TASK_SECS)
    .since(4, 19),
    report("kernel/hung_task_detect_count", Shape::Number, "Hung tasks found since boot", DOC)
        .since(6, 13),
    Entry::new(
        "kernel/hung_task_panic",
        Shape::Number,
        "Panics when one check finds that many hung tasks; 0 never does; before 6.19 a switch",
        DOC,
    )
    .ranges(&[Range::new(0, INT_MAX), Range::before(6, 19, 0, 1)]),
    Entry::new(
        "kernel/hung_task_sys_info",
        Shape::Names,
        "What a hung task prints besides, as names divided by commas",
        DOC,
    )
    .reads_back(DROPPED)
    .since(6, 19),
    Entry::new(
        "kernel/hung_task_timeout_secs",
        Shape::Number,
        "Time in uninterruptible sleep after which a task counts as hung; 0 stops \
         the check",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(HUNG_TASK_SECS)
    .owners(&["tuned"])
    .unlimited(0),
    Entry::new(
        "kernel/hung_task_warnings",
        Shape::Number,
        "How many more hung tasks are reported; -1 sets no limit",
        DOC,
    )
    .ranges(&[Range::new(-1, INT_MAX)])
    .reads_back("the kernel counts it down with each report")
    .unlimited(-1),
    Entry::new(
        "kernel/hyperv_record_panic_msg",
        Shape::Bool,
        "Sends the kernel log to the host after a panic (Hyper-V guests)",
        DOC,
    )
    .ranges(SWITCH)
    .since(4, 20),
    Entry::new(
        "kernel/io_delay_type",
        Shape::Number,
        "How the kernel waits after slow port I/O: port 0x80 (0), 0xed (1), delay \
         (2), none (3) (x86 only)",
        "arch/x86/kernel/setup.c",
    ),
    Entry::new(
        "kernel/io_uring_disabled",
        Shape::Number,
        "Who may create io_uring instances: all (0), io_uring_group and \
         CAP_SYS_ADMIN (1), nobody (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .since(6, 6),
    Entry::new(
        "kernel/io_uring_group",
        Shape::Number,
        "Group id whose members may use io_uring where io_uring_disabled is 1; -1 is \
         no group",
        DOC,
    )
    .ranges(INT)
    .since(6, 6),
    Entry::new(
        "kernel/kernel_sys_info",
        Shape::Names,
        "What is printed besides where nothing else is chosen, as names divided by commas",
        DOC,
    )
    .reads_back(DROPPED)
    .since(6, 19),
    Entry::new(
        "kernel/kexec_load_disabled",
        Shape::Bool,
        "Forbids loading another kernel with kexec until the next boot",
        DOC,
    )
    .ranges(SWITCH)
    .latch(Latch::Only(1)),
    Entry::new(
        "kernel/kexec_load_limit_panic",
        Shape::Number,
        "How often a crash kernel may still be loaded; it can only be lowered; -1 \
         sets no limit",
        DOC,
    )
    .ranges(&[Range::new(-1, INT_MAX)])
    .latch(Latch::Falls)
    .reads_back("each load counts it down")
    .since(6, 3)
    .unlimited(-1),
    Entry::new(
        "kernel/kexec_load_limit_reboot",
        Shape::Number,
        "How often a kernel to reboot into may still be loaded; it can only be \
         lowered; -1 sets no limit",
        DOC,
    )
    .ranges(&[Range::new(-1, INT_MAX)])
    .latch(Latch::Falls)
    .reads_back("each load counts it down")
    .since(6, 3)
    .unlimited(-1),
    Entry::new(
        "kernel/keys/gc_delay",
        Shape::Number,
        "Time after which expired and revoked keys are removed",
        KEYS,
    )
    .unit(Unit::Seconds)
    .ranges(NATURAL),
    Entry::new(
        "kernel/keys/maxbytes",
        Shape::Number,
        "Memory that the keys of one user other than root may take",
        KEYS,
    )
    .unit(Unit::Bytes)
    .ranges(POSITIVE),
    Entry::new(
        "kernel/keys/maxkeys",
        Shape::Number,
        "How many keys one user other than root may have",
        KEYS,
    )
    .ranges(POSITIVE),
    Entry::new(
        "kernel/keys/persistent_keyring_expiry",
        Shape::Number,
        "Time after its last use at which a persistent keyring expires",
        KEYS,
    )
    .unit(Unit::Seconds)
    .ranges(NATURAL),
    Entry::new(
        "kernel/keys/root_maxbytes",
        Shape::Number,
        "Memory that the keys of root may take",
        KEYS,
    )
    .unit(Unit::Bytes)
    .ranges(POSITIVE)
    .owners(&["kubelet"]),
    Entry::new("kernel/keys/root_maxkeys", Shape::Number, "How many keys root may have", KEYS)
        .ranges(POSITIVE)
        .owners(&["kubelet"]),
    Entry::new(
        "kernel/kptr_restrict",
        Shape::Number,
        "Hides kernel addresses in /proc: hashed (0), zero without CAP_SYSLOG (1), \
         always zero (2)",
        DOC,
    )
    .ranges(UP_TO_TWO),
    Entry::new(
        "kernel/kstack_depth_to_print",
        Shape::Number,
        "How many words of a kernel stack an oops prints (x86 only)",
        "arch/x86/kernel/dumpstack.c (4.9)",
    )
    .until(4, 10),
    Entry::new(
        "kernel/latencytop",
        Shape::Number,
        "Non-zero records where tasks wait (needs CONFIG_LATENCYTOP)",
        "kernel/latencytop.c",
    ),
    Entry::new(
        "kernel/loadpin/enabled",
        Shape::Number,
        "Non-zero lets modules and firmware come from one file system only",
        "security/loadpin/loadpin.c",
    )
    .since(4, 7)
    .until(4, 20),
    Entry::new(
        "kernel/loadpin/enforce",
        Shape::Bool,
        "Lets modules and firmware come from one file system only",
        "Documentation/admin-guide/LSM/LoadPin.rst",
    )
    .ranges(SWITCH)
    // The kernel lets it go where the root device is writable.
    .latch(Latch::Perhaps(1))
    .since(4, 20),
    Entry::new(
        "kernel/lock_stat",
        Shape::Number,
        "Non-zero collects lock statistics (needs CONFIG_LOCK_STAT)",
        "Documentation/locking/lockstat.rst",
    ),
    Entry::new(
        "kernel/max_lock_depth",
        Shape::Number,
        "How long a chain of priority-inherited locks is followed before it counts \
         as a deadlock",
        "kernel/locking/rtmutex_api.c",
    ),
    // Starts at 0, which it holds but does not take back (EINVAL).
    Entry::new(
        "kernel/max_rcu_stall_to_panic",
        Shape::Number,
        "After how many RCU stalls panic_on_rcu_stall panics",
        DOC,
    )
    .ranges(NATURAL)
    .since(5, 11),
    Entry::new(
        "kernel/modprobe",
        Shape::Text(255),
        "Program that is run as root to load a module; empty stops loading on demand",
        DOC,
    )
    .hazard(Hazard::ExecutesCode),
    Entry::new(
        "kernel/modules_disabled",
        Shape::Bool,
        "Forbids loading and unloading modules until the next boot",
        DOC,
    )
    .ranges(SWITCH)
    .latch(Latch::Only(1)),
    report(
        "kernel/msg_next_id",
        Shape::Number,
        "Id that the next message queue gets, for checkpoint and restore; -1 is any",
        DOC,
    )
    .scope(Scope::Ipc),
    Entry::new("kernel/msgmax", Shape::Number, "Largest System V message", DOC)
        .unit(Unit::Bytes)
        .ranges(NATURAL)
        .scope(Scope::Ipc),
    Entry::new(
        "kernel/msgmnb",
        Shape::Number,
        "Bytes that a new System V message queue may hold",
        DOC,
    )
    .unit(Unit::Bytes)
    .ranges(NATURAL)
    .scope(Scope::Ipc),
    Entry::new("kernel/msgmni", Shape::Number, "How many System V message queues may exist", DOC)
        .ranges(&[Range::within(0, IPC_MNI), Range::before(4, 20, 0, INT_MAX)])
        .scope(Scope::Ipc),
    report(
        "kernel/ngroups_max",
        Shape::Number,
        "How many supplementary groups a process may have",
        DOC,
    ),
    Entry::new(
        "kernel/nmi_watchdog",
        Shape::Bool,
        "Watches for processors that are stuck with interrupts off; read-only where \
         none can",
        DOC,
    )
    .ranges(SWITCH)
    .order(&[Order::ZeroWhileZero("kernel/watchdog")])
    .owners(&["tlp", "tuned"]),
    report(
        "kernel/ns_last_pid",
        Shape::Number,
        "Last process id given out in this PID namespace",
        DOC,
    )
    .scope(Scope::Pid)
    .owners(&["criu"]),
    Entry::new(
        "kernel/numa_balancing",
        Shape::Number,
        "Moves memory to the node that uses it: 1 between nodes, 2 between memory \
         tiers, as a mask",
        DOC,
    )
    .ranges(&[Range::new(0, 4), Range::before(5, 18, 0, 1)])
    .owners(&["numad", "tuned"]),
    Entry::new(
        "kernel/numa_balancing_promote_rate_limit_MBps",
        Shape::Number,
        "Most data per second, in MB, that memory tiering moves from slow to fast memory",
        DOC,
    )
    .ranges(NATURAL)
    .since(6, 1),
    moved(
        "kernel/numa_balancing_scan_delay_ms",
        "How long a new task runs before NUMA balancing looks at its memory",
    )
    .unit(Unit::Milliseconds),
    moved(
        "kernel/numa_balancing_scan_period_max_ms",
        "Longest time NUMA balancing takes to look at a task's memory",
    )
    .unit(Unit::Milliseconds),
    moved(
        "kernel/numa_balancing_scan_period_min_ms",
        "Shortest time NUMA balancing takes to look at a task's memory",
    )
    .unit(Unit::Milliseconds),
    moved(
        "kernel/numa_balancing_scan_size_mb",
        "Megabytes of a task's memory that NUMA balancing looks at in one go",
    ),
    Entry::new(
        "kernel/oops_all_cpu_backtrace",
        Shape::Bool,
        "Prints the stacks of all processors on an oops",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 8),
    Entry::new(
        "kernel/oops_limit",
        Shape::Number,
        "Oopses after which the kernel panics; 0 sets no limit",
        DOC,
    )
    .ranges(UINT)
    .since(5, 10)
    .unlimited(0),
    report("kernel/osrelease", Shape::Text(64), "Kernel release, as uname -r", DOC)
        .scope(Scope::Uts),
    report("kernel/ostype", Shape::Text(64), "Kernel name, as uname -s", DOC).scope(Scope::Uts),
    Entry::new(
        "kernel/overflowgid",
        Shape::Number,
        "Group id shown for one that has no place in a 16-bit id or a user namespace",
        DOC,
    )
    .ranges(SHORT),
    Entry::new(
        "kernel/overflowuid",
        Shape::Number,
        "User id shown for one that has no place in a 16-bit id or a user namespace",
        DOC,
    )
    .ranges(SHORT),
    Entry::new(
        "kernel/panic",
        Shape::Number,
        "Seconds after a panic at which the machine reboots; 0 waits for ever, a \
         negative number not at all",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(INT)
    .owners(&["kubelet"]),
    Entry::new(
        "kernel/panic_on_io_nmi",
        Shape::Number,
        "Non-zero panics on an NMI from an I/O error (x86 only)",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/panic_on_oops",
        Shape::Number,
        "Non-zero panics on an oops instead of going on",
        DOC,
    )
    .ranges(INT)
    .owners(&["kubelet"]),
    Entry::new("kernel/panic_on_rcu_stall", Shape::Bool, "Panics after an RCU stall", DOC)
        .ranges(SWITCH)
        .since(4, 8),
    Entry::new(
        "kernel/panic_on_stackoverflow",
        Shape::Number,
        "Non-zero panics when a kernel, interrupt or exception stack overflows",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/panic_on_unrecovered_nmi",
        Shape::Number,
        "Non-zero panics on an NMI that nothing explains (x86 only)",
        DOC,
    )
    .ranges(INT),
    Entry::new("kernel/panic_on_warn", Shape::Bool, "Panics at every kernel warning", DOC)
        .ranges(SWITCH),
    Entry::new(
        "kernel/panic_print",
        Shape::Number,
        "What a panic prints besides: tasks, memory, timers, locks, traces, stacks, \
         as a mask",
        DOC,
    )
    .ranges(ULONG)
    .effects(&[Effect::Rescales("panic_sys_info", None)])
    .since(5, 0),
    Entry::new(
        "kernel/panic_sys_info",
        Shape::Names,
        "What a panic prints besides, as names divided by commas",
        DOC,
    )
    .effects(&[Effect::Rescales("panic_print", None)])
    .reads_back(DROPPED)
    .since(6, 17),
    Entry::new(
        "kernel/perf_cpu_time_max_percent",
        Shape::Number,
        "Processor time that sampling may take before it is throttled; 0 and 100 \
         switch throttling off",
        DOC,
    )
    .unit(Unit::Percent)
    .ranges(PERCENT)
    .unlimited(0),
    Entry::new(
        "kernel/perf_event_max_contexts_per_stack",
        Shape::Number,
        "How many context marks a sampled call chain may hold; refused while perf is \
         sampling them",
        DOC,
    )
    .ranges(&[Range::new(0, 1000)])
    .since(4, 7),
    Entry::new(
        "kernel/perf_event_max_sample_rate",
        Shape::Number,
        "Samples a second that perf may take; not writable while \
         perf_cpu_time_max_percent is 0 or 100",
        DOC,
    )
    .ranges(POSITIVE)
    .order(&[Order::RefusedWhile("kernel/perf_cpu_time_max_percent", &[0, 100])])
    .reads_back("the kernel lowers it when sampling takes too long"),
    Entry::new(
        "kernel/perf_event_max_stack",
        Shape::Number,
        "How many frames a sampled call chain may have; refused while perf is \
         sampling them",
        DOC,
    )
    .ranges(&[Range::new(0, 655_360)])
    .since(4, 7),
    Entry::new(
        "kernel/perf_event_mlock_kb",
        Shape::Number,
        "Perf buffer for each processor that does not count against a user's locked \
         memory",
        DOC,
    )
    .unit(Unit::Kibibytes)
    .ranges(INT),
    Entry::new(
        "kernel/perf_event_paranoid",
        Shape::Number,
        "What perf keeps from unprivileged users: nothing (-1), raw (0), \
         processor-wide (1), kernel (2)",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/perf_user_access",
        Shape::Bool,
        "Lets processes read performance counters without a system call (arm64 and riscv)",
        DOC,
    )
    .since(5, 17),
    Entry::new(
        "kernel/pid_max",
        Shape::Number,
        "First process id that is not given out, since 6.14 in a PID namespace; many \
         processors raise the least",
        DOC,
    )
    .ranges(&[Range::within(301, 4_194_304)])
    .hazard(Hazard::Starves)
    .owners(&["saptune", "systemd"])
    .sized_at_boot(),
    Entry::new(
        "kernel/poweroff_cmd",
        Shape::Text(255),
        "Program that is run as root for an orderly power-off",
        "kernel/reboot.c",
    )
    .hazard(Hazard::ExecutesCode),
    Entry::new(
        "kernel/print-fatal-signals",
        Shape::Number,
        "Non-zero logs every process that a signal kills",
        "kernel/signal.c",
    )
    .ranges(INT),
    Entry::new(
        "kernel/printk",
        Shape::Numbers(4),
        "Log levels of the console: current, of messages without one, least allowed, \
         and at boot",
        DOC,
    )
    .ranges(INT)
    .owners(&["systemd"]),
    Entry::new("kernel/printk_delay", Shape::Number, "Pause after each kernel message", DOC)
        .unit(Unit::Milliseconds)
        .ranges(&[Range::new(0, 10_000)]),
    Entry::new(
        "kernel/printk_devkmsg",
        Shape::Text(9),
        "Whether writes to /dev/kmsg are logged: on, off or ratelimit; fixed if set \
         on the command line",
        DOC,
    )
    .since(4, 8),
    Entry::new(
        "kernel/printk_ratelimit",
        Shape::Number,
        "Interval in which printk_ratelimit_burst messages may pass",
        DOC,
    )
    .unit(Unit::Seconds),
    Entry::new(
        "kernel/printk_ratelimit_burst",
        Shape::Number,
        "How many rate-limited kernel messages may pass in one interval",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/prove_locking",
        Shape::Number,
        "Non-zero checks the order of locks (needs CONFIG_PROVE_LOCKING)",
        "kernel/locking/lockdep.c",
    ),
    Entry::new(
        "kernel/pty/max",
        Shape::Number,
        "How many pseudo-terminals may exist",
        "fs/devpts/inode.c",
    )
    .ranges(NATURAL)
    .hazard(Hazard::Starves),
    report("kernel/pty/nr", Shape::Number, "Pseudo-terminals that exist now", "fs/devpts/inode.c"),
    Entry::new(
        "kernel/pty/reserve",
        Shape::Number,
        "How many pseudo-terminals are kept for the initial mount of devpts",
        "fs/devpts/inode.c",
    )
    .ranges(NATURAL),
    report("kernel/random/boot_id", Shape::Text(36), "Identity of this boot, a UUID", DOC),
    report(
        "kernel/random/entropy_avail",
        Shape::Number,
        "Bits of entropy that the pool is credited with",
        DOC,
    ),
    report("kernel/random/poolsize", Shape::Number, "Size of the entropy pool in bits", DOC),
    Entry::new(
        "kernel/random/read_wakeup_threshold",
        Shape::Number,
        "Bits of entropy at which sleeping readers of /dev/random woke up",
        "drivers/char/random.c (5.4)",
    )
    .until(5, 6),
    Entry::new(
        "kernel/random/urandom_min_reseed_secs",
        Shape::Number,
        "Least time between reseedings of /dev/urandom; without effect since 5.18",
        RANDOM,
    )
    .unit(Unit::Seconds)
    .ranges(INT)
    .reads_back("since 5.18 a write is accepted and ignored"),
    report("kernel/random/uuid", Shape::Text(36), "A random UUID, new with every read", DOC),
    Entry::new(
        "kernel/random/write_wakeup_threshold",
        Shape::Number,
        "Bits of entropy below which writers of /dev/random wake up; without effect \
         since 5.18",
        DOC,
    )
    .reads_back("since 5.18 a write is accepted and ignored"),
    Entry::new(
        "kernel/randomize_va_space",
        Shape::Number,
        "Randomises addresses of new processes: off (0), all but the heap (1), all (2)",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/real-root-dev",
        Shape::Number,
        "Root device that an old initrd asks for, as a device number",
        "Documentation/admin-guide/initrd.rst",
    )
    .until(7, 2),
    Entry::new(
        "kernel/sched_autogroup_enabled",
        Shape::Bool,
        "Groups the tasks of each session, so that sessions share the processor evenly",
        "kernel/sched/autogroup.c",
    )
    .ranges(SWITCH)
    .owners(&["tuned"]),
    Entry::new(
        "kernel/sched_cfs_bandwidth_slice_us",
        Shape::Number,
        "Quota that a processor takes at once from a throttled group's pool",
        "Documentation/scheduler/sched-bwc.rst",
    )
    .unit(Unit::Microseconds)
    .ranges(POSITIVE),
    Entry::new(
        "kernel/sched_child_runs_first",
        Shape::Number,
        "Non-zero runs a forked child before its parent",
        "kernel/sched/fair.c (6.6)",
    )
    .until(6, 7),
    Entry::new(
        "kernel/sched_deadline_period_max_us",
        Shape::Number,
        "Longest period of a deadline task",
        DOC,
    )
    .unit(Unit::Microseconds)
    .since(5, 9),
    Entry::new(
        "kernel/sched_deadline_period_min_us",
        Shape::Number,
        "Shortest period of a deadline task",
        DOC,
    )
    .unit(Unit::Microseconds)
    .order(&[Order::AtMost("kernel/sched_deadline_period_max_us", (100, 1 << 22), Checked::Lately)])
    .since(5, 9),
    Entry::new(
        "kernel/sched_energy_aware",
        Shape::Bool,
        "Places tasks by energy on asymmetric processors; refused where the platform \
         cannot",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 1),
    Entry::new(
        "kernel/sched_itmt_enabled",
        Shape::Bool,
        "Prefers the processors that can clock highest (Intel Turbo Boost Max 3.0)",
        "arch/x86/kernel/itmt.c (6.12)",
    )
    .ranges(SWITCH)
    .since(4, 10)
    .until(6, 17),
    moved("kernel/sched_latency_ns", "Period in which every runnable task runs once")
        .unit(Unit::Nanoseconds)
        .owners(&["tuned"]),
    moved(
        "kernel/sched_migration_cost_ns",
        "Time after running in which a task's caches count as hot",
    )
    .unit(Unit::Nanoseconds)
    .owners(&["tuned"]),
    moved("kernel/sched_min_granularity_ns", "Least time that a task runs before another may")
        .unit(Unit::Nanoseconds)
        .owners(&["tuned"]),
    moved("kernel/sched_nr_migrate", "How many tasks one load balance may move"),
    Entry::new(
        "kernel/sched_rr_timeslice_ms",
        Shape::Number,
        "Time that a SCHED_RR task runs before the next of its priority",
        "kernel/sched/rt.c",
    )
    .unit(Unit::Milliseconds)
    .ranges(INT)
    .reads_back("0 and less read as the kernel's default"),
    Entry::new(
        "kernel/sched_rt_period_us",
        Shape::Number,
        "Period in which real-time tasks may run for sched_rt_runtime_us",
        "Documentation/scheduler/sched-rt-group.rst",
    )
    .unit(Unit::Microseconds)
    .ranges(POSITIVE),
    Entry::new(
        "kernel/sched_rt_runtime_us",
        Shape::Number,
        "Time that real-time tasks may run in each sched_rt_period_us; -1 sets no limit",
        "Documentation/scheduler/sched-rt-group.rst",
    )
    .unit(Unit::Microseconds)
    .ranges(&[Range::new(-1, INT_MAX)])
    .order(&[Order::AtMost("kernel/sched_rt_period_us", (950_000, 1_000_000), Checked::Always)])
    .owners(&["tuned"])
    .unlimited(-1),
    Entry::new(
        "kernel/sched_schedstats",
        Shape::Bool,
        "Collects scheduler statistics, at some cost for each switch",
        DOC,
    )
    .ranges(SWITCH)
    .since(4, 6),
    moved(
        "kernel/sched_tunable_scaling",
        "How scheduler periods grow with processors: not (0), by logarithm (1), \
         linearly (2)",
    ),
    Entry::new(
        "kernel/sched_util_clamp_max",
        Shape::Number,
        "Highest utilisation that a task may ask to be clamped to, in 1/1024",
        DOC,
    )
    .ranges(UTILISATION)
    .since(5, 3),
    Entry::new(
        "kernel/sched_util_clamp_min",
        Shape::Number,
        "Highest least utilisation that a task may ask for, in 1/1024",
        DOC,
    )
    .ranges(UTILISATION)
    .order(&[Order::AtMost("kernel/sched_util_clamp_max", (1024, 1024), Checked::Always)])
    .since(5, 3),
    Entry::new(
        "kernel/sched_util_clamp_min_rt_default",
        Shape::Number,
        "Least utilisation that real-time tasks are given, in 1/1024",
        DOC,
    )
    .ranges(UTILISATION)
    .since(5, 9),
    moved("kernel/sched_wakeup_granularity_ns", "How far ahead a waking task must be to preempt")
        .unit(Unit::Nanoseconds)
        .owners(&["tuned"]),
    report(
        "kernel/seccomp/actions_avail",
        Shape::Words,
        "Seccomp actions that the kernel knows",
        DOC,
    )
    .since(4, 14),
    Entry::new(
        "kernel/seccomp/actions_logged",
        Shape::Words,
        "Seccomp actions that are logged",
        DOC,
    )
    .since(4, 14),
    // The fourth number is limited (ERANGE), the others are not: no one range holds for each.
    Entry::new(
        "kernel/sem",
        Shape::Numbers(4),
        "System V semaphores: in one set, in the system, operations in one call, and sets",
        DOC,
    )
    .ranges(INT)
    .scope(Scope::Ipc),
    report(
        "kernel/sem_next_id",
        Shape::Number,
        "Id that the next semaphore set gets, for checkpoint and restore; -1 is any",
        DOC,
    )
    .scope(Scope::Ipc),
    Entry::new(
        "kernel/sg-big-buff",
        Shape::Number,
        "Size of the buffer of the generic SCSI driver",
        DOC,
    )
    .unit(Unit::Bytes)
    .kind(Kind::Counter)
    .module("sg")
    .until(7, 2),
    report(
        "kernel/shm_next_id",
        Shape::Number,
        "Id that the next shared memory segment gets, for checkpoint and restore; -1 \
         is any",
        DOC,
    )
    .scope(Scope::Ipc),
    Entry::new(
        "kernel/shm_rmid_forced",
        Shape::Bool,
        "Destroys shared memory segments that no process is attached to, at once",
        DOC,
    )
    .ranges(SWITCH)
    .scope(Scope::Ipc),
    Entry::new("kernel/shmall", Shape::Number, "System V shared memory in all, in pages", DOC)
        .unit(Unit::Pages)
        .ranges(ULONG)
        .scope(Scope::Ipc)
        .owners(&["oracle-database-preinstall", "saptune", "tuned"]),
    Entry::new("kernel/shmmax", Shape::Number, "Largest System V shared memory segment", DOC)
        .unit(Unit::Bytes)
        .ranges(ULONG)
        .scope(Scope::Ipc)
        .owners(&["oracle-database-preinstall", "saptune", "tuned"]),
    Entry::new(
        "kernel/shmmni",
        Shape::Number,
        "How many System V shared memory segments may exist",
        DOC,
    )
    .ranges(&[Range::within(0, IPC_MNI), Range::before(4, 20, -INT_MAX - 1, INT_MAX)])
    .scope(Scope::Ipc),
    Entry::new(
        "kernel/soft_watchdog",
        Shape::Bool,
        "Watches for processors on which nothing else gets to run",
        DOC,
    )
    .ranges(SWITCH)
    .order(&[Order::ZeroWhileZero("kernel/watchdog")]),
    Entry::new(
        "kernel/softlockup_all_cpu_backtrace",
        Shape::Bool,
        "Prints the stacks of all processors on a soft lockup",
        DOC,
    )
    .ranges(SWITCH),
    Entry::new(
        "kernel/softlockup_panic",
        Shape::Number,
        "Panics on a soft lockup of that many thresholds; 0 never does; before 7.0 a switch",
        DOC,
    )
    .ranges(&[Range::new(0, INT_MAX), Range::before(7, 0, 0, 1)]),
    Entry::new(
        "kernel/softlockup_sys_info",
        Shape::Names,
        "What a soft lockup prints besides, as names divided by commas",
        DOC,
    )
    .reads_back(DROPPED)
    .since(6, 19),
    Entry::new(
        "kernel/split_lock_mitigate",
        Shape::Bool,
        "Slows processes down that take split locks, instead of only warning (x86 only)",
        DOC,
    )
    .ranges(SWITCH)
    .since(6, 1),
    Entry::new(
        "kernel/stack_erasing",
        Shape::Bool,
        "Erases the kernel stack at the end of every system call (needs \
         CONFIG_KSTACK_ERASE)",
        DOC,
    )
    .ranges(SWITCH)
    .since(4, 20),
    Entry::new(
        "kernel/stack_tracer_enabled",
        Shape::Number,
        "Non-zero records the deepest kernel stack",
        "Documentation/trace/ftrace.rst",
    ),
    Entry::new(
        "kernel/sysctl_writes_strict",
        Shape::Number,
        "Position in writes to /proc/sys: ignored (-1), ignored with a warning (0), \
         respected (1)",
        DOC,
    )
    .ranges(&[Range::new(-1, 1)]),
    Entry::new(
        "kernel/sysrq",
        Shape::Number,
        "Which SysRq functions the keyboard may call: none (0), all (1), else a mask",
        "Documentation/admin-guide/sysrq.rst",
    )
    .owners(&["systemd"]),
    report(
        "kernel/tainted",
        Shape::Number,
        "Why the kernel is not what its makers support, as a mask; a write adds bits",
        DOC,
    ),
    Entry::new(
        "kernel/task_delayacct",
        Shape::Bool,
        "Accounts the time that tasks wait for processor, disk and memory",
        DOC,
    )
    .ranges(SWITCH)
    .since(5, 14),
    Entry::new(
        "kernel/threads-max",
        Shape::Number,
        "How many threads the whole system may have",
        DOC,
    )
    .ranges(&[Range::new(1, 0x3fff_ffff)])
    .reads_back("old kernels (4.15) lower it to what an eighth of the memory has room for")
    .hazard(Hazard::Starves)
    .sized_at_boot(),
    Entry::new(
        "kernel/timer_migration",
        Shape::Bool,
        "Moves timers from idle processors to busy ones",
        DOC,
    )
    .ranges(SWITCH)
    .owners(&["tuned"]),
    Entry::new(
        "kernel/traceoff_on_warning",
        Shape::Number,
        "Non-zero stops tracing at the first kernel warning",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/tracepoint_printk",
        Shape::Number,
        "Non-zero sends trace points to the kernel log, if the command line asked for it",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/unknown_nmi_panic",
        Shape::Number,
        "Non-zero panics on an unknown NMI, such as one from a service processor \
         (x86 only)",
        DOC,
    )
    .ranges(INT),
    Entry::new(
        "kernel/unprivileged_bpf_disabled",
        Shape::Number,
        "Keeps bpf() from unprivileged users: no (0), until the next boot (1), until \
         it is set again (2)",
        DOC,
    )
    .ranges(UP_TO_TWO)
    .latch(Latch::At(1)),
    Entry::new(
        "kernel/unprivileged_userns_apparmor_policy",
        Shape::Number,
        "Non-zero lets unprivileged users load AppArmor policy in a user namespace",
        "security/apparmor/lsm.c",
    )
    .since(4, 11),
    Entry::new(
        "kernel/unprivileged_userns_clone",
        Shape::Number,
        "Lets unprivileged users create user namespaces",
        "kernel/fork.c of Debian's and Ubuntu's kernels (not in mainline)",
    ),
    Entry::new(
        "kernel/user_events_max",
        Shape::Number,
        "How many user events may be registered in all",
        "Documentation/trace/user_events.rst",
    )
    .since(6, 4),
    Entry::new(
        "kernel/usermodehelper/bset",
        Shape::Numbers(2),
        "Capabilities that programs started by the kernel may ever have, as two \
         words; they can only be taken away",
        DOC,
    )
    .latch(Latch::Clears)
    .reads_back("only what was there before stays"),
    Entry::new(
        "kernel/usermodehelper/inheritable",
        Shape::Numbers(2),
        "Capabilities that programs started by the kernel inherit, as two words; \
         they can only be taken away",
        DOC,
    )
    .latch(Latch::Clears)
    .reads_back("only what was there before stays"),
    report("kernel/version", Shape::Text(64), "Kernel build, as uname -v", DOC).scope(Scope::Uts),
    Entry::new(
        "kernel/warn_limit",
        Shape::Number,
        "Kernel warnings after which the kernel panics; 0 sets no limit",
        DOC,
    )
    .ranges(UINT)
    .since(5, 10)
    .unlimited(0),
    Entry::new(
        "kernel/watchdog",
        Shape::Bool,
        "Switches the watchdogs for soft and hard lockups on or off together",
        DOC,
    )
    .ranges(SWITCH)
    .effects(&[Effect::Gates("kernel/nmi_watchdog"), Effect::Gates("kernel/soft_watchdog")])
    .owners(&["tuned"]),
    Entry::new(
        "kernel/watchdog_cpumask",
        Shape::Bitmap,
        "Processors that the lockup watchdogs run on",
        DOC,
    )
    .reads_back("only possible processors stay, with ranges merged"),
    Entry::new(
        "kernel/watchdog_thresh",
        Shape::Number,
        "Time without progress that counts as a hard lockup, twice that as a soft \
         one; 0 switches both off",
        DOC,
    )
    .unit(Unit::Seconds)
    .ranges(&[Range::new(0, 60)]),
    Entry::new(
        "kernel/yama/ptrace_scope",
        Shape::Number,
        "Whom a process may trace: its user's (0), its children (1), with \
         CAP_SYS_PTRACE (2), none until boot (3)",
        "Documentation/admin-guide/LSM/Yama.rst",
    )
    .ranges(&[Range::new(0, 3)])
    .latch(Latch::At(3)),
];

/// Seconds that fit into a signed machine word of clock ticks at any tick rate.
const HUNG_TASK_SECS: &[Range] = &[Range::new(0, 9_223_372_036_854_775)];
/// A share of one processor's capacity.
const UTILISATION: &[Range] = &[Range::new(0, 1024)];
