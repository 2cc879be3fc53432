//! What a write changes besides: at boot through globs, live, and when it is taken back.

use std::fs;
use std::process::Command;

use super::{expect, fresh_host, live};
use crate::support::{in_namespaces, left_out, run, unwrapped};

const PLAN: [&str; 4] = ["plan", "-b", "/etc/it.yaml", "--detailed-exitcode"];

fn baseline(entries: &str) {
    fs::write("/etc/it.yaml", format!("name: it\nparameters: {{ {entries} }}\n")).unwrap();
}

fn file(name: &str, text: &str) {
    fs::create_dir_all("/etc/sysctl.d").unwrap();
    fs::write(format!("/etc/sysctl.d/{name}"), text).unwrap();
}

/// The values of a parameter of every interface.
fn each(family: &str, leaf: &str) -> String {
    let list = format!("grep -H . /proc/sys/net/{family}/conf/*/{leaf}");
    String::from_utf8(run(Command::new("sh").args(["-c", &list])).stdout).unwrap()
}

/// What needs no write of its own is changed by another one, and comes back with it.
#[test]
fn a_rollback_gives_back_what_a_pattern_had_set_through_all() {
    let test = "e2e::cascades::a_rollback_gives_back_what_a_pattern_had_set_through_all";
    in_namespaces(test, || {
        fresh_host();
        for (family, leaf) in
            [("ipv4", "forwarding"), ("ipv6", "forwarding"), ("ipv6", "disable_ipv6")]
        {
            if !fs::exists(format!("/proc/sys/net/{family}")).unwrap() {
                left_out(test, family);
                continue;
            }
            fs::write(format!("/proc/sys/net/{family}/conf/lo/{leaf}"), "1").unwrap();
            let before = each(family, leaf);
            baseline(&format!("net.{family}.conf.*.{leaf}: 1"));
            expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt"]);
            assert_ne!(each(family, leaf), before);
            let text = expect(0, &["rollback", "--yes"]);
            assert!(!text.contains("changed since"), "{text}");
            assert_eq!(each(family, leaf), before, "{text}");
        }
    });
}

/// A glob writes to the switches among what it stands for, and each takes others along.
#[test]
fn what_a_glob_changes_through_another_parameter_is_told() {
    let test = "e2e::cascades::what_a_glob_changes_through_another_parameter_is_told";
    in_namespaces(test, || {
        fresh_host();
        let cases = [
            ("net.ipv4.ip_forward: 0", "net.ipv4.conf.*.forwarding = 1\n", "net/ipv4/ip_forward"),
            (
                "net.ipv4.conf.lo.forwarding: 0",
                "net.ipv4.ip_forwar? = 1\n",
                "net/ipv4/conf/lo/forwarding",
            ),
            (
                "net.ipv4.conf.all.accept_redirects: 1",
                "net.ipv4.ip_forwar? = 1\n",
                "net/ipv4/conf/all/accept_redirects",
            ),
        ];
        for (entries, line, path) in cases {
            file("zz.conf", "");
            baseline(entries);
            expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt"]);
            expect(0, &PLAN);
            let before = live(path);
            file("zz.conf", line);
            let text = expect(2, &PLAN);
            assert!(text.contains("/etc/sysctl.d/zz.conf:1"), "{text}");
            run(Command::new("sysctl").arg("--system"));
            assert_ne!(live(path), before, "{line} does what was told");
            fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
        }
        // The switch itself is kept off the glob: nothing changes.
        file("zz.conf", "net.ipv4.conf.*.forwarding = 1\n-net.ipv4.conf.all.forwarding\n");
        baseline("net.ipv4.ip_forward: 0");
        expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt"]);
        expect(0, &PLAN);
        // The switch has the value already: a write of it takes nothing along.
        file("40-own.conf", "net.ipv4.conf.lo.forwarding = 1\n");
        file("zz.conf", "net.ipv4.conf.all.forwarding = 0\n");
        baseline("net.ipv4.conf.lo.forwarding: 1");
        expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt"]);
        expect(0, &PLAN);
        fs::write("/proc/sys/net/ipv4/conf/lo/forwarding", "0").unwrap();
        run(Command::new("sysctl").arg("--system"));
        assert_eq!(live("net/ipv4/conf/lo/forwarding"), "1");
    });
}

/// Copied to every interface, and not to `default`.
#[test]
fn forced_forwarding_reaches_the_interfaces() {
    let test = "e2e::cascades::forced_forwarding_reaches_the_interfaces";
    in_namespaces(test, || {
        fresh_host();
        if !fs::exists("/proc/sys/net/ipv6/conf/all/force_forwarding").unwrap() {
            return left_out(test, "this kernel has no force_forwarding");
        }
        baseline("net.ipv6.conf.all.force_forwarding: 1, net.ipv6.conf.lo.force_forwarding: 0");
        expect(0, &["apply", "-b", "/etc/it.yaml"]);
        expect(0, &PLAN);
        assert_eq!(live("net/ipv6/conf/lo/force_forwarding"), "0");
        assert_eq!(live("net/ipv6/conf/default/force_forwarding"), "0");
        expect(0, &["rollback", "--yes"]);
        fs::write("/proc/sys/net/ipv6/conf/lo/force_forwarding", "1").unwrap();
        let before = each("ipv6", "force_forwarding");
        baseline("net.ipv6.conf.all.force_forwarding: 1");
        expect(0, &["apply", "-b", "/etc/it.yaml"]);
        expect(0, &["rollback", "--yes"]);
        assert_eq!(each("ipv6", "force_forwarding"), before);
    });
}

/// A write to `conf/default` reaches interfaces that are left out, where nobody has set them.
#[test]
fn what_default_reaches_of_what_is_left_out_is_told() {
    in_namespaces("e2e::cascades::what_default_reaches_of_what_is_left_out_is_told", || {
        fresh_host();
        run(Command::new("ip").args(["link", "add", "v0", "type", "veth", "peer", "name", "v1"]));
        let text = "name: it\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n\
                    exclude: [net.ipv4.conf.v0.rp_filter]\n";
        fs::write("/etc/it.yaml", text).unwrap();
        let text = expect(0, &["plan", "-b", "/etc/it.yaml"]);
        let words = unwrapped(&text);
        let told = "a write also reaches net.ipv4.conf.v0.rp_filter, while it has no address";
        assert!(words.contains(told), "{text}");
        expect(0, &["apply", "-b", "/etc/it.yaml"]);
        assert_eq!(live("net/ipv4/conf/v0/rp_filter"), "2", "as was told");
    });
}

/// What only the write that gives something back would change stays.
#[test]
fn a_rollback_clears_nothing_that_it_does_not_restore() {
    let test = "e2e::cascades::a_rollback_clears_nothing_that_it_does_not_restore";
    in_namespaces(test, || {
        fresh_host();
        run(Command::new("ip").args(["link", "add", "v0", "type", "veth", "peer", "name", "v1"]));
        let forced = |name: &str| format!("/proc/sys/net/ipv6/conf/{name}/force_forwarding");
        if !fs::exists(forced("v0")).unwrap() {
            return left_out(test, "this kernel has no force_forwarding");
        }
        fs::write(forced("v0"), "1").unwrap();
        let before = each("ipv6", "force_forwarding");
        let forwarding = each("ipv6", "forwarding");
        for entries in ["net.ipv6.conf.all.forwarding: 1", "net.ipv6.conf.*.forwarding: 1"] {
            baseline(entries);
            let apply = ["apply", "-b", "/etc/it.yaml", "--adopt"];
            expect(0, &apply);
            assert_eq!(each("ipv6", "force_forwarding"), before);
            let text = expect(0, &["rollback", "--yes"]);
            assert_eq!(each("ipv6", "force_forwarding"), before, "{text}");
            assert_eq!(each("ipv6", "forwarding"), forwarding, "{text}");
            // What leaves the baseline is given back likewise, and what was set since stays too.
            expect(0, &apply);
            fs::write(forced("lo"), "1").unwrap();
            baseline("net.ipv6.conf.lo.hop_limit: 60");
            let text = expect(0, &apply);
            assert_eq!(each("ipv6", "forwarding"), forwarding, "{text}");
            assert!(text.contains("1  kept: another write changes it\n"), "{text}");
            assert!(text.contains("1 -> 0  given back\n") && !text.contains("1 -> 1"), "{text}");
            assert_eq!(
                (live(&forced("lo")[10..]), live(&forced("v0")[10..])),
                ("1".into(), "1".into())
            );
            fs::write(forced("lo"), "0").unwrap();
            baseline(entries);
            expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt", "--confirm-within", "600s"]);
            expect(0, &["confirm", "--cancel"]);
            assert_eq!(each("ipv6", "force_forwarding"), before);
        }
    });
}

/// What a variable holds can be more than its name in a coarser unit tells.
#[test]
fn what_a_coarser_unit_cannot_tell_comes_back() {
    let test = "e2e::cascades::what_a_coarser_unit_cannot_tell_comes_back";
    in_namespaces(test, || {
        fresh_host();
        let cases = [
            ("net/ipv6/route/gc_min_interval", "1", "gc_min_interval_ms", "500"),
            ("net/ipv4/neigh/lo/base_reachable_time", "40", "base_reachable_time_ms", "25500"),
            ("net/ipv4/neigh/lo/retrans_time", "300", "retrans_time_ms", "1230"),
            ("net/ipv4/neigh/lo/unres_qlen", "7", "unres_qlen_bytes", "5000"),
        ];
        for (path, wanted, leaf, before) in cases {
            if !fs::exists(format!("/proc/sys/{path}")).unwrap() {
                left_out(test, path);
                continue;
            }
            let name = path.replace('/', ".");
            let (parent, _) = path.rsplit_once('/').unwrap();
            let finer = format!("{parent}/{leaf}");
            fs::write(format!("/proc/sys/{finer}"), before).unwrap();
            // Rounded to the kernel's ticks.
            let before = live(&finer);
            baseline(&format!("{name}: {wanted}"));
            let apply = ["apply", "-b", "/etc/it.yaml", "--adopt"];
            expect(0, &apply);
            assert_ne!(live(&finer), before);
            expect(0, &["rollback", "--yes"]);
            assert_eq!(live(&finer), before);
            // By the other name in between.
            expect(0, &apply);
            baseline(&format!("{}: 3000", finer.replace('/', ".")));
            expect(0, &apply);
            expect(0, &["rollback", "--yes"]);
            assert_eq!(live(&finer), before);
            baseline(&format!("{}: 3000", finer.replace('/', ".")));
            expect(0, &apply);
            baseline(&format!("{name}: {wanted}"));
            expect(0, &apply);
            expect(0, &["rollback", "--yes"]);
            assert_eq!(live(&finer), before);
            expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt", "--confirm-within", "600s"]);
            assert_eq!(live(path), wanted);
            expect(0, &["confirm", "--cancel"]);
            assert_eq!(live(&finer), before);
            baseline(&format!("{name}: {wanted}, net.mptcp.scheduler: no-such-name"));
            expect(1, &apply);
            assert_eq!(live(&finer), before);
        }
        // Asked for by both.
        let finer = "net/ipv6/route/gc_min_interval_ms";
        if fs::exists(format!("/proc/sys/{finer}")).unwrap() {
            baseline("net.ipv6.route.gc_min_interval: 2, net.ipv6.route.gc_min_interval_ms: 2000");
            expect(0, &["apply", "-b", "/etc/it.yaml", "--adopt"]);
            expect(0, &["rollback", "--yes"]);
            assert_eq!(live(finer), "500");
        }
    });
}
