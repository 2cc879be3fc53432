//! What other kernels and fewer capabilities leave of the program, and how it ends.

use super::*;

#[test]
fn poorer_kernels_get_poorer_forms_that_say_what_they_lack() {
    in_namespaces(
        "watch_bpf::forms::poorer_kernels_get_poorer_forms_that_say_what_they_lack",
        || {
            let cgroup = Cgroup::new("rungs");
            let seen = |without_helpers, without_btf| {
                let options = Options { without_helpers, without_btf, ..cgroup.options() };
                let keys = [key(KEY)];
                let wanted = Wanted { keys: &keys, prevent: &[] };
                let mut bpf = Bpf::attach_with(&wanted, &options).unwrap();
                cgroup.assert_written(&[], KEY, "61");
                let [one] = &mut drain(&mut bpf)[..] else { panic!("not one") };
                assert_eq!((&*one.name, &*one.new, one.uid), (KEY, "61", 0));
                let rung = bpf.rung().clone();
                assert_eq!((rung.pid, rung.comm), (one.pid != 0, one.comm == "dd"));
                assert_eq!(rung.command_line, one.command_line.is_some());
                assert_eq!(rung.command_line, one.parent.is_some() && one.grandparent.is_some());
                assert_eq!(rung.namespaces, one.namespace.is_some());
                (rung, one.pid == one.tid)
            };
            // Linux 5.13: the task itself is read.
            let (rung, _) = seen(true, false);
            assert!(rung.pid && rung.comm && rung.command_line && rung.namespaces && rung.prevent);
            assert_eq!(rung.why_not, None);

            let (rung, same) = seen(false, true);
            assert!(rung.pid && rung.comm && rung.prevent && same);
            assert!(!rung.command_line && !rung.namespaces);
            assert!(rung.why_not.is_some());

            let (rung, _) = seen(true, true);
            assert!(!rung.pid && !rung.comm && !rung.prevent && rung.why_not.is_some());
        },
    );
}

#[test]
fn prevention_is_refused_where_namespaces_cannot_be_told_apart() {
    in_namespaces(
        "watch_bpf::forms::prevention_is_refused_where_namespaces_cannot_be_told_apart",
        || {
            let cgroup = Cgroup::new("apart");
            let options = Options { without_btf: true, ..cgroup.options() };
            for path in
                [KEY, "kernel/shm_rmid_forced", "kernel/hostname", "user/max_net_namespaces"]
            {
                let prevent = [(key(path), Admitted::AtLeast(1))];
                let wanted = Wanted { keys: &[], prevent: &prevent };
                let error = Bpf::attach_with(&wanted, &options).unwrap_err().to_string();
                assert!(error.contains(&key(path).to_string()), "{error}");
                assert!(error.contains("namespace") && error.contains("BTF"), "{error}");
            }
            // The machine's own can be, which is shown on one that does not exist: nobody's.
            let prevent = [(key("vm/tunectl_has_no_such_key"), Admitted::AtLeast(1))];
            Bpf::attach_with(&Wanted { keys: &[], prevent: &prevent }, &options).unwrap();
        },
    );
}

#[test]
fn three_capabilities_are_enough_and_what_follows_without_is_told() {
    let test = "watch_bpf::forms::three_capabilities_are_enough_and_what_follows_without_is_told";
    let variable = "TUNECTL_TEST_ATTACH_IN";
    if let Some(path) = std::env::var_os(variable) {
        let options = Options { cgroup: Some(path.into()), ..Options::default() };
        match Bpf::attach_with(&Wanted::default(), &options) {
            Ok(bpf) => println!("{:?}", bpf.rung()),
            Err(e) => println!("{e}"),
        }
        return;
    }
    if !is_root() || cgroup_root().is_none() {
        return left_out(test, "needs cgroup v2, and root to give capabilities away");
    }
    let cgroup = Cgroup::new("capabilities");
    let told = |set: &str| {
        let mut command = Command::new("setpriv");
        command.arg(format!("--bounding-set=-all{set}")).arg("--inh-caps=-all");
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
        text(&run(command.env(variable, &cgroup.0)).stdout)
    };
    let all = told(",+bpf,+perfmon,+net_admin");
    assert!(all.contains("namespaces: true, prevent: true, why_not: None"), "{all}");
    let blind = told(",+bpf,+net_admin");
    assert!(blind.contains("pid: true, comm: false, command_line: false"), "{blind}");
    assert!(blind.contains("CAP_PERFMON"), "{blind}");
    for set in [",+perfmon,+net_admin", ",+bpf,+perfmon", ""] {
        let refused = told(set);
        assert!(refused.contains("needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"), "{refused}");
    }
}

#[test]
fn it_goes_with_its_process_however_that_ends() {
    let test = "watch_bpf::forms::it_goes_with_its_process_however_that_ends";
    let variable = "TUNECTL_TEST_ATTACH_IN";
    if let Some(path) = std::env::var_os(variable) {
        let prevent = [(key(KEY), Admitted::Exact("60".into()))];
        let options = Options { cgroup: Some(path.into()), ..Options::default() };
        let _bpf = Bpf::attach_with(&Wanted { keys: &[], prevent: &prevent }, &options).unwrap();
        println!("attached");
        std::thread::sleep(std::time::Duration::from_secs(60));
        return;
    }
    in_namespaces(test, || {
        let cgroup = Cgroup::new("killed");
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(variable, &cgroup.0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(holder.stdout.take().unwrap());
        let attached = output.lines().any(|l| l.unwrap().contains("attached"));
        assert!(attached);
        cgroup.assert_refused(&[], KEY, "61");
        // SIGKILL: nothing of it can tidy up.
        holder.kill().unwrap();
        holder.wait().unwrap();
        // The kernel detaches it a moment later.
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            cgroup.write(&[], KEY, "61").contains(WRITTEN)
        });
        assert!(gone);
    });
}

/// The kernel's programs know a process by its id in the first pid namespace, which one in
/// another does not know of itself.
#[test]
fn in_a_pid_namespace_nothing_is_prevented_and_why_is_told() {
    let test = "watch_bpf::forms::in_a_pid_namespace_nothing_is_prevented_and_why_is_told";
    let variable = "TUNECTL_TEST_ATTACH_IN";
    if let Some(path) = std::env::var_os(variable) {
        let options = Options { cgroup: Some(path.into()), ..Options::default() };
        let prevent = [(key(KEY), Admitted::Exact("60".into()))];
        let bpf = Bpf::attach_with(&Wanted::default(), &options).unwrap();
        println!("{:?}", bpf.rung());
        let wanted = Wanted { keys: &[], prevent: &prevent };
        println!("{}", Bpf::attach_with(&wanted, &options).unwrap_err());
        return;
    }
    in_namespaces(test, || {
        let cgroup = Cgroup::new("nested");
        let mut command = Command::new("unshare");
        command.args(["-mpf", "--mount-proc"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(variable, &cgroup.0);
        let told = text(&run(&mut command).stdout);
        assert!(told.contains("pid: true") && told.contains("prevent: false"), "{told}");
        assert!(told.contains("net.ipv4.tcp_fin_timeout cannot be prevented here"), "{told}");
        assert!(told.contains("tunectl runs in a pid namespace"), "{told}");
    });
}
