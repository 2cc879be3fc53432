//! What can cost a host is refused with the figures, unless the baseline allows it for that key.

use crate::operator::{Host, Ran};

/// A host of 1 GiB that is in use.
fn host() -> Host {
    let host = Host::usual();
    host.file(
        "proc/meminfo",
        "MemTotal:        1048576 kB\nMemFree:          300000 kB\nMemAvailable:     500000 kB\n\
         Committed_AS:     900000 kB\nSwapTotal:        100000 kB\nHugetlb:               0 kB\n\
         Hugepagesize:       2048 kB\n",
    );
    for (node, free) in [(0, 290_000), (1, 10_000)] {
        host.file(
            &format!("sys/devices/system/node/node{node}/meminfo"),
            &format!(
                "Node {node} MemTotal:       524288 kB\nNode {node} MemFree:        {free} kB\n\
                 Node {node} FilePages:        0 kB\n"
            ),
        );
    }
    host.file("proc/loadavg", "0.20 0.18 0.12 1/800 11206\n");
    host.live(
        "vm.overcommit_memory = 0\nvm.overcommit_ratio = 50\nvm.overcommit_kbytes = 0\n\
         vm.min_free_kbytes = 4000\nvm.nr_hugepages = 0\nkernel.pid_max = 4194304\n\
         kernel.threads-max = 16000\nfs.file-max = 100000\nfs.file-nr = 5000 0 100000\n\
         net.netfilter.nf_conntrack_max = 65536\nnet.netfilter.nf_conntrack_count = 700\n\
         net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.default.rp_filter = 0\nnet.ipv4.conf.all.forwarding = 1\nnet.ipv4.ip_forward = 0\nnet.ipv4.conf.all.accept_redirects = 0\n\
         net.ipv6.conf.all.disable_ipv6 = 0\n",
    );
    host
}

fn apply(host: &Host, parameters: &str) -> Ran {
    host.given("b.yaml", format!("name: b\nparameters:\n{parameters}"));
    host.run(["apply", "-b", "./b.yaml", "--live-only"])
}

/// Refused, with these words in the message, and with nothing changed; let through once allowed.
fn refused(line: &str, key: &str, value: &str, guard: &str, words: &[&str]) {
    let host = host();
    let before = host.value(key);
    let ran = apply(&host, &format!("  {line}\n  {key}: {value}\n"));
    assert_eq!(ran.code, 3, "{key}: {}{}", ran.out, ran.err);
    for word in words.iter().chain(&[guard, "nothing was changed"]) {
        assert!(ran.err.contains(word), "{key}: {word:?} is not in\n{}", ran.err);
    }
    assert_eq!(host.value(key), before);
    let allowed = format!(
        "  {line}\n  {key}: {{ value: {value}, allow: [{guard}, min-free-above-5-percent], reason: so }}\n"
    );
    let ran = apply(&host, &allowed);
    assert_eq!((ran.code, host.value(key).as_str()), (0, value), "{key}: {}", ran.err);
}

const NOTHING: &str = "vm.swappiness: 10";

#[test]
fn strict_overcommit_with_more_promised_than_it_lets_be() {
    // Half of 1048576 kB, and the swap.
    let words = ["624250 kB", "900000 kB"];
    refused(NOTHING, "vm.overcommit_memory", "2", "overcommit-strict", &words);
    // A limit that is written with it counts.
    let near = "vm.overcommit_ratio: 80";
    let words = ["938800 kB", "900000 kB"];
    refused(near, "vm.overcommit_memory", "2", "overcommit-strict", &words);
    let host = host();
    // However it is asked for.
    let ran = apply(&host, "  vm.overcommit_memory: { at_least: 2 }\n");
    assert_eq!((ran.code, host.value("vm.overcommit_memory").as_str()), (3, "0"), "{}", ran.err);
    let ran = apply(&host, "  vm.overcommit_memory: 2\n  vm.overcommit_kbytes: 2000000\n");
    assert_eq!((ran.code, host.value("vm.overcommit_memory").as_str()), (0, "2"), "{}", ran.err);
    let most = u64::MAX;
    let ran = apply(&host, &format!("  vm.overcommit_memory: 2\n  vm.overcommit_kbytes: {most}\n"));
    assert_eq!(
        (ran.code, host.value("vm.overcommit_kbytes")),
        (0, most.to_string()),
        "{}",
        ran.err
    );
}

#[test]
fn a_ratio_that_falls_below_what_is_promised_while_overcommit_is_strict() {
    let host = host();
    host.live("vm.overcommit_memory = 2\nvm.overcommit_ratio = 95\n");
    let ran = apply(&host, "  vm.overcommit_memory: 2\n  vm.overcommit_ratio: 50\n");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("vm.overcommit_ratio: refused"), "{}", ran.err);
}

#[test]
fn memory_that_cannot_be_had_on_the_host_or_on_one_node() {
    // 40 % of 1 GiB, and half as much again for the watermarks.
    let words = ["419430 kB is above 5 %", "it takes 623145 kB, more than 80 % of the 500000 kB"];
    let host = host();
    let ran = apply(&host, "  vm.min_free_kbytes: 419430\n");
    assert_eq!(ran.code, 3);
    assert!(words.iter().all(|w| ran.err.contains(w)), "{}", ran.err);
    // Less than the host has, and more than its second node.
    let words = ["18750 kB on memory node 1", "10000 kB"];
    refused(NOTHING, "vm.min_free_kbytes", "29000", "takes-memory", &words);
    refused(NOTHING, "vm.nr_hugepages", "300", "takes-memory", &["614400 kB", "500000 kB"]);
}

#[test]
fn a_limit_below_what_is_in_use() {
    for (key, value, words) in [
        ("kernel.pid_max", "700", ["800 processes and threads", "700 is not more"]),
        ("kernel.threads-max", "800", ["800 processes and threads", "800 is not more"]),
        ("fs.file-max", "4000", ["5000 open files", "4000 is not more"]),
        ("net.netfilter.nf_conntrack_max", "512", ["700 tracked connections", "512 is not more"]),
    ] {
        refused(NOTHING, key, value, "starves", &words);
    }
}

#[test]
fn what_can_cut_off_the_session_that_runs_it() {
    let host = host();
    let over = |peer: &str, line: &str| {
        host.given("b.yaml", format!("name: b\nparameters:\n  {line}\n"));
        let mut command = host.command(["plan", "-b", "./b.yaml"]);
        command.env("SSH_CONNECTION", format!("{peer} 50022 192.0.2.1 22"));
        host.told(command.output().unwrap())
    };
    let (v4, v6) = ("192.0.2.7", "2001:db8::7");
    for (peer, line, code) in [
        (v4, "net.ipv4.conf.all.rp_filter: 1", 3),
        (v4, "net.ipv4.conf.all.rp_filter: 2", 0),
        (v6, "net.ipv4.conf.all.rp_filter: 1", 0),
        (v4, "net.ipv4.ip_forward: 1", 0),
        (v4, "net.ipv4.conf.all.forwarding: 0", 3),
        (v4, "net.ipv4.conf.default.rp_filter: 1", 0),
        (v6, "net.ipv6.conf.all.disable_ipv6: 1", 3),
        (v4, "net.ipv6.conf.all.disable_ipv6: 1", 0),
    ] {
        let ran = over(peer, line);
        assert_eq!(ran.code, code, "{peer} {line}: {}{}", ran.out, ran.err);
        assert_eq!(ran.out.contains(&format!("the session from {peer}")), code == 3, "{}", ran.out);
    }
}

/// sudo takes what sshd said out of the environment; the login shell still has it.
#[test]
fn a_session_is_seen_through_whatever_cleans_the_environment() {
    let host = host();
    host.given("b.yaml", "name: b\nparameters: { net.ipv4.conf.all.rp_filter: 1 }\n");
    let program = host.command(["plan", "-b", "./b.yaml"]);
    let mut shell = std::process::Command::new("sh");
    // The shell stays, because it has something to do after the program.
    shell.args(["-c", "env -i \"$0\" \"$@\"; exit $?"]).arg(program.get_program());
    shell.args(program.get_args()).current_dir(&host.work);
    shell.env("SSH_CONNECTION", "192.0.2.7 50022 192.0.2.1 22");
    let ran = host.told(shell.output().unwrap());
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the session from 192.0.2.7"), "{}", ran.out);
}

#[test]
fn of_a_played_host_nothing_is_judged_by_what_is_in_use_here() {
    let host = host();
    host.given("b.yaml", "name: b\nparameters: { vm.overcommit_memory: 2, kernel.pid_max: 700 }\n");
    host.given("facts.yaml", "mem_total: 64GiB\n");
    let ran = host.run(["plan", "-b", "./b.yaml", "--facts", "./facts.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn what_is_no_worse_than_before_is_let_through() {
    let host = host();
    host.live("net.netfilter.nf_conntrack_max = 400\nvm.overcommit_memory = 2\n");
    let lines = "  net.netfilter.nf_conntrack_max: 550\n  vm.overcommit_ratio: 60\n";
    let ran = apply(&host, lines);
    assert_eq!((ran.code, host.value("vm.overcommit_ratio").as_str()), (0, "60"), "{}", ran.err);
    let ran = apply(&host, "  net.netfilter.nf_conntrack_max: 0\n");
    assert_eq!(ran.code, 0, "no limit at all: {}", ran.err);
}

/// What the next boot sets is not forgotten because this moment is a bad one to set it.
#[test]
fn what_is_persisted_stays_while_it_is_refused_now() {
    let host = host();
    host.file("etc/tunectl/baseline.yaml", "name: b\nparameters: { fs.file-max: 60000 }\n");
    assert_eq!(host.run(["apply"]).code, 0);
    host.live("fs.file-max = 100000\nfs.file-nr = 70000 0 100000\n");
    let dropin = host.root.join("etc/sysctl.d/99-tunectl.conf");
    let before = std::fs::read_to_string(&dropin).unwrap();
    let ran = host.run(["apply", "--boot"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read_to_string(&dropin).unwrap(), before);
    assert_eq!(host.value("fs.file-max"), "100000");
}
