//! Where systemd-sysctl 252 and procps 4.0.2 are known to part, each with its reason.

/// Where the two loaders are known to part: the files, the key, what it reads after systemd-sysctl
/// and after procps, and why. The first key is reset to 7200, the second to 0.
pub type Divergence =
    (&'static [(&'static str, &'static str)], &'static str, [&'static str; 2], &'static str);

const TIME: &str = "net/ipv4/tcp_keepalive_time";
const LO: &str = "net/ipv4/conf/lo/rp_filter";
const A: &str = "/etc/sysctl.d/50-a.conf";
const CONF: &str = "/etc/sysctl.conf";

pub const DIVERGENCES: [Divergence; 15] = [
    (
        &[(CONF, "net.ipv4.tcp_keepalive_time = 111")],
        TIME,
        ["7200", "111"],
        "systemd does not read /etc/sysctl.conf (case E43)",
    ),
    (
        &[
            (CONF, "net.ipv4.tcp_keepalive_time = 111"),
            ("/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf"),
            ("/etc/sysctl.d/zz.conf", "net.ipv4.tcp_keepalive_time = 222"),
        ],
        TIME,
        ["222", "111"],
        "procps reads /etc/sysctl.conf after all others (case E43)",
    ),
    (
        &[("/etc/sysctl.d/.hidden.conf", "net.ipv4.tcp_keepalive_time = 74")],
        TIME,
        ["7200", "74"],
        "systemd skips hidden files (case E46)",
    ),
    (
        &[(A, "- net.ipv4.tcp_keepalive_time = 68")],
        TIME,
        ["68", "7200"],
        "procps keeps the blank after a dash in the key (case E47)",
    ),
    (
        &[(A, "--net.ipv4.tcp_keepalive_time = 68")],
        TIME,
        ["7200", "68"],
        "procps drops a second dash",
    ),
    (
        &[(A, "net.ipv4.tcp_keepalive_time = 68\x0b")],
        TIME,
        ["7200", "68"],
        "a vertical tab is no blank for systemd, and the kernel refuses it",
    ),
    (
        &[(A, "# old\rnet.ipv4.tcp_keepalive_time = 68")],
        TIME,
        ["68", "7200"],
        "a carriage return ends a line for systemd",
    ),
    (
        &[(A, "# old\0net.ipv4.tcp_keepalive_time = 68")],
        TIME,
        ["68", "7200"],
        "a NUL ends a line for systemd, and procps sees nothing after it",
    ),
    (
        &[(A, "net.ipv4.tcp_keepalive_time = 68\nnet.ipv4.tcp_keepalive_time = abc")],
        TIME,
        ["7200", "68"],
        "systemd forgets the first value for the second, which the kernel refuses",
    ),
    (
        &[(A, "net.ipv4.tcp_keepalive_time = 68\n-net.ipv4.tcp_keepalive_time")],
        TIME,
        ["7200", "68"],
        "in systemd an exclusion takes an assignment back",
    ),
    (
        &[(A, "net/ipv4/../ipv4/tcp_keepalive_time = 68")],
        TIME,
        ["7200", "68"],
        "systemd refuses `..`",
    ),
    (
        &[(A, "net/ipv4/tcp_keepalive_time/ = 68")],
        TIME,
        ["68", "7200"],
        "systemd drops a slash at the end",
    ),
    (
        &[(A, "net/ipv4/tcp_keepalive_tim*/ = 68")],
        TIME,
        ["68", "7200"],
        "systemd drops a slash at the end, also of a glob",
    ),
    (
        &[(A, "net.ipv4.conf.*.rp_filter = 2\n- net.ipv4.conf.lo.rp_filter")],
        LO,
        ["0", "2"],
        "procps keeps the blank after a dash in the key that it excludes",
    ),
    (
        &[(A, "net//ipv4/conf/lo/rp_filter = 1\nnet/ipv4/conf/*/rp_filter = 2")],
        LO,
        ["1", "2"],
        "procps compares what a glob finds with explicit keys as they are spelt",
    ),
];
