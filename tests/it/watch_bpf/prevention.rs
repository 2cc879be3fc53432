//! Foreign writes that get EPERM, and those that do not.

use super::*;

/// The admitted numbers in the ways that the kernel reads them, and what is not one of them.
#[test]
fn a_foreign_value_is_refused_unless_it_satisfies_the_bounds() {
    in_namespaces(
        "watch_bpf::prevention::a_foreign_value_is_refused_unless_it_satisfies_the_bounds",
        || {
            let cgroup = Cgroup::new("bounds");
            let prevent = [(key(KEY), Admitted::Between(60, 90))];
            let wanted = Wanted { keys: &[], prevent: &prevent };
            let mut bpf = Bpf::attach_with(&wanted, &cgroup.options()).unwrap();
            assert!(bpf.rung().prevent, "{:?}", bpf.rung());
            for refused in ["59", "91", "-60", "0x3b", "0133", "18446744073709551676", "x", "\\n"] {
                cgroup.assert_refused(&[], KEY, refused);
            }
            // More than one number, or too much around it, is not the number.
            for refused in ["60 61", "60,61", "60x", "                        60", "60\\n59\\n"] {
                cgroup.assert_refused(&[], KEY, refused);
            }
            assert_eq!(live(KEY), "60");
            let seen = drain(&mut bpf);
            assert_eq!(seen.len(), 13);
            assert!(seen.iter().all(|s| s.denied && s.comm == "dd" && s.old == "60"), "{seen:?}");
            for (written, value) in [
                ("61", "61"),
                ("62\\n", "62"),
                (" 63 \\n", "63"),
                ("0x40", "64"),
                ("0132\\t", "90"),
            ] {
                cgroup.assert_written(&[], KEY, written);
                assert_eq!(live(KEY), value, "{written:?}");
            }
            assert!(drain(&mut bpf).iter().all(|s| !s.denied));

            // In pieces: strictly, the kernel ignores the second; but not everywhere.
            let pieces = "exec 3> /proc/sys/net/ipv4/tcp_fin_timeout; printf 80 >&3; printf 80 >&3";
            let output = cgroup.run("bash", &["-c", pieces]);
            assert!(text(&output.stderr).contains(REFUSED), "{output:?}");
            let seen = drain(&mut bpf);
            assert_eq!((seen[0].denied, seen[1].denied, seen[1].position), (false, true, 2));
        },
    );
}

#[test]
fn negative_and_open_bounds_hold() {
    in_namespaces("watch_bpf::prevention::negative_and_open_bounds_hold", || {
        let cgroup = Cgroup::new("negative");
        let path = "net/ipv4/conf/lo/tag";
        let signed = key(path);
        let attach = |admitted| {
            let prevent = [(signed.clone(), admitted)];
            let wanted = Wanted { keys: &[], prevent: &prevent };
            Bpf::attach_with(&wanted, &cgroup.options()).unwrap()
        };
        let held = attach(Admitted::Between(-2, 1));
        for v in ["-2", "-1", "0", "1"] {
            cgroup.assert_written(&[], path, v);
        }
        for v in ["-3", "2", "-0x3"] {
            cgroup.assert_refused(&[], path, v);
        }
        drop(held);
        let held = attach(Admitted::AtMost(-1));
        for v in ["-2", "-1", "-1\\n"] {
            cgroup.assert_written(&[], path, v);
        }
        for v in ["0", "1", "+1"] {
            cgroup.assert_refused(&[], path, v);
        }
        drop(held);
        let held = attach(Admitted::AtLeast(1));
        for v in ["1", "2"] {
            cgroup.assert_written(&[], path, v);
        }
        for v in ["0", "-1"] {
            cgroup.assert_refused(&[], path, v);
        }
        drop(held);
        cgroup.assert_written(&[], path, "-1");
    });
}

#[test]
fn an_exact_text_is_admitted_in_its_spellings_alone() {
    in_namespaces(
        "watch_bpf::prevention::an_exact_text_is_admitted_in_its_spellings_alone",
        || {
            let cgroup = Cgroup::new("texts");
            let (vector, word) =
                ("net/ipv4/ip_local_port_range", "net/ipv4/tcp_congestion_control");
            let reno = || Admitted::Exact("reno".into());
            let prevent = [
                (key(vector), Admitted::Exact("20000\t60000".into())),
                (key(vector), Admitted::Exact("30000 60000".into())),
                (key(word), reno()),
            ];
            let wanted = Wanted { keys: &[], prevent: &prevent };
            let _bpf = Bpf::attach_with(&wanted, &cgroup.options()).unwrap();
            let before = live(word);
            for (path, admitted, refused) in [
                (vector, "20000 60000", "20000 60001"),
                (vector, "20000\\t60000\\n", "20000"),
                (vector, "30000 60000\\n", "30000 60000 1"),
                (word, "reno\\n", "renoo"),
                (word, "reno", "cubic"),
                (word, "reno", "ren"),
            ] {
                cgroup.assert_refused(&[], path, refused);
                cgroup.assert_written(&[], path, admitted);
            }
            assert_eq!((live(vector), live(word)), ("30000\t60000".into(), "reno".into()));
            cgroup.assert_refused(&[], word, &before.replace("reno", "cubic"));
        },
    );
}

#[test]
fn what_is_prevented_changes_at_run_time() {
    in_namespaces("watch_bpf::prevention::what_is_prevented_changes_at_run_time", || {
        let cgroup = Cgroup::new("unlock");
        let exact = |value: &str| [(key(KEY), Admitted::Exact(value.into()))];
        let (first, second) = (exact("60"), exact("62"));
        let mut bpf =
            Bpf::attach_with(&Wanted { keys: &[], prevent: &first }, &cgroup.options()).unwrap();
        cgroup.assert_refused(&[], KEY, "61");
        // Unlocked, it is still reported.
        bpf.rewatch(&Wanted { keys: &[key(KEY)], prevent: &[] }).unwrap();
        cgroup.assert_written(&[], KEY, "61");
        let denied: Vec<_> = drain(&mut bpf).iter().map(|s| s.denied).collect();
        assert_eq!(denied, [true, false]);
        // Locked again, with another value: the one from before is not admitted any more.
        bpf.rewatch(&Wanted { keys: &[], prevent: &second }).unwrap();
        for v in ["61", "60"] {
            cgroup.assert_refused(&[], KEY, v);
        }
        cgroup.assert_written(&[], KEY, "62");
        // What cannot be changes nothing.
        let long = [(key("net/core/somaxconn"), Admitted::Exact("9".repeat(200)))];
        let error = bpf.rewatch(&Wanted { keys: &[], prevent: &long }).unwrap_err().to_string();
        assert!(error.contains("net.core.somaxconn"), "{error}");
        let many: Vec<_> = (0..3000).map(|n| (key(KEY), Admitted::Exact(n.to_string()))).collect();
        let error = bpf.rewatch(&Wanted { keys: &[], prevent: &many }).unwrap_err().to_string();
        assert!(error.contains("more than 4096 spellings"), "{error}");
        cgroup.assert_refused(&[], KEY, "61");
        drop(bpf);
        cgroup.assert_written(&[], KEY, "61");
    });
}

#[test]
fn its_own_writes_are_neither_refused_nor_recorded() {
    in_namespaces("watch_bpf::prevention::its_own_writes_are_neither_refused_nor_recorded", || {
        let cgroup = Cgroup::new("own");
        let prevent = [(key(KEY), Admitted::Exact("60".into()))];
        let wanted = Wanted { keys: &[], prevent: &prevent };
        let mut bpf = Bpf::attach_with(&wanted, &cgroup.options()).unwrap();
        let outside = cgroup.0.parent().unwrap().join("cgroup.procs");
        fs::write(cgroup.0.join("cgroup.procs"), "0").unwrap();
        // A thread of it, too.
        let write = || fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "61");
        let written = std::thread::spawn(write).join().unwrap();
        let mut child = Command::new("bash");
        let output = run(child.args(["-c", "echo 62 > /proc/sys/net/ipv4/tcp_fin_timeout"]));
        fs::write(outside, "0").unwrap();
        written.unwrap();
        assert_eq!(live(KEY), "61");
        assert!(text(&output.stderr).contains(REFUSED), "{output:?}");
        let seen = drain(&mut bpf);
        assert_eq!(seen.len(), 1, "only the child's: {seen:?}");
        assert!(seen[0].denied && seen[0].new == "62");
    });
}

/// Each namespace has its own value; only that of tunectl's own is guarded, whoever writes it.
#[test]
fn another_namespaces_own_value_is_told_apart_and_never_refused() {
    in_namespaces(
        "watch_bpf::prevention::another_namespaces_own_value_is_told_apart_and_never_refused",
        || {
            let cgroup = Cgroup::new("namespaces");
            let shm = "kernel/shm_rmid_forced";
            let queues = "fs/mqueue/queues_max";
            let host = "kernel/hostname";
            let now = |path: &str| (key(path), Admitted::Exact(live(path)));
            let prevent = [now(KEY), now(shm), now(queues), now(host)];
            let keys = [key("user/max_net_namespaces"), key("kernel/pid_max")];
            let wanted = Wanted { keys: &keys, prevent: &prevent };
            let options = Options { others: true, ..cgroup.options() };
            let mut bpf = Bpf::attach_with(&wanted, &options).unwrap();

            for (path, value) in [(KEY, "61"), (shm, "1"), (queues, "100"), (host, "elsewhere")] {
                cgroup.assert_refused(&[], path, value);
                // The host's other mounts and processes are no way around it.
                cgroup.assert_refused(&["unshare", "-mpf", "--mount-proc"], path, value);
                let seen = drain(&mut bpf);
                assert_eq!(seen.len(), 2, "{path}: {seen:?}");
                for one in seen {
                    assert_eq!((&*one.name, one.denied), (path, true));
                    assert_eq!(one.namespace, Some(Namespace::Host), "{path}");
                }
            }
            for (option, path, value) in [
                ("-n", KEY, "61"),
                ("-i", shm, "1"),
                ("-u", host, "elsewhere"),
                ("-Ur", "user/max_net_namespaces", "10"),
                ("-mpf", "kernel/pid_max", "40000"),
            ] {
                let proc = if option == "-mpf" { "--mount-proc" } else { option };
                let output = cgroup.write(&["unshare", option, proc], path, value);
                let seen = drain(&mut bpf);
                assert_eq!(seen.len(), 1, "{option} {path}: {seen:?}: {output}");
                assert_eq!((&*seen[0].name, seen[0].denied), (path, false));
                assert_eq!(seen[0].namespace, Some(Namespace::Other), "{option} {path}");
            }

            // A file stays that of the network namespace that it was opened in.
            let write = |script: &str| {
                let output = cgroup.run("bash", &["-c", script]);
                (output.status.success(), text(&output.stderr))
            };
            let opened_here = "exec 3> /proc/sys/net/ipv4/tcp_fin_timeout
            unshare -n bash -c 'printf 61 >&3'";
            let (written, why) = write(opened_here);
            assert!(!written && why.contains(REFUSED), "{why}");
            let opened_there = "exec 4< /proc/self/ns/net
            unshare -n bash -c 'exec 3> /proc/sys/net/ipv4/tcp_fin_timeout
                nsenter --net=/proc/self/fd/4 bash -c \"printf 61 >&3\"'";
            let (written, why) = write(opened_there);
            assert!(written, "{why}");
            assert_eq!(live(KEY), "60");

            // As a rule they are not even recorded.
            drop(bpf);
            let mut bpf = Bpf::attach_with(&wanted, &cgroup.options()).unwrap();
            cgroup.assert_written(&["unshare", "-n"], KEY, "61");
            assert!(drain(&mut bpf).is_empty());
        },
    );
}
