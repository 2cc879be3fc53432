//! A plan that was saved and reviewed is done as it stands, or not at all.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use crate::operator::{Host, Ran};

fn host() -> Host {
    let host = Host::usual();
    host.given("b.yaml", "name: b\nparameters:\n  vm.swappiness: 10\n  vm.max_map_count: 655360\n");
    let ran = host.run(["plan", "-b", "./b.yaml", "--out", "reviewed.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("tunectl apply reviewed.json"), "{}", ran.err);
    host
}

fn apply(host: &Host) -> Ran {
    host.run(["apply", "reviewed.json"])
}

#[test]
fn it_is_done_as_it_was_reviewed() {
    let host = host();
    let before = host.tree();
    let saved = std::fs::read_to_string(host.work.join("reviewed.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(saved["schema"], "tunectl/plan/1");
    assert!(saved["saved_baseline"].as_str().unwrap().ends_with("b.yaml"), "{saved}");
    assert_eq!(saved["steps"].as_array().unwrap().len(), 2);
    assert!(host.tree() == before, "a plan changes nothing");
    let ran = apply(&host);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "10"), "{}", ran.err);
    assert!(host.root.join("etc/sysctl.d/99-tunectl.conf").exists());
    // A job that is tried again finds it done.
    let tree = host.tree();
    let again = apply(&host);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.err.contains("All that the saved plan was to do is so already."),
        "{}",
        again.err
    );
    assert!(again.out.starts_with("b: 0 written") && host.tree() == tree, "{}", again.out);
    // What has moved since has moved, and what runs again is told.
    assert_eq!(host.run(["apply", "--run-actions", "reviewed.json"]).code, 3);
    host.live("vm.swappiness = 60\n");
    let again = apply(&host);
    assert_eq!((again.code, &*host.value("vm.swappiness")), (3, "60"), "{}", again.err);
    host.live("vm.swappiness = 10\n");
    host.given("b.yaml", "name: b\nparameters:\n  vm.swappiness: 10\n");
    assert_eq!(apply(&host).code, 3);
    // Not that another file did.
    let host = Host::usual();
    host.given("b.yaml", "name: b\nparameters:\n  vm.swappiness: 10\n  vm.dirty_ratio: 20\n");
    host.live("vm.dirty_ratio = 20\n");
    assert_eq!(host.run(["plan", "-b", "./b.yaml", "--out", "reviewed.json"]).code, 0);
    assert_eq!(apply(&host).code, 0);
    host.live("vm.swappiness = 11\n");
    let again = apply(&host);
    assert_eq!(again.code, 3, "{}", again.err);
    let told = "vm.dirty_ratio: tunectl has persisted it since";
    assert!(again.err.contains(told) && !again.err.contains("another file"), "{}", again.err);
}

/// A plan names the baseline that root carries out: whoever can write it would choose that.
#[test]
fn root_acts_on_no_plan_that_others_can_write() {
    if !crate::support::is_root() {
        return crate::support::left_out("saved::root_acts_on_no_plan", "needs root's files");
    }
    let host = host();
    let (plan, before) = (host.work.join("reviewed.json"), host.tree());
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let refused = |why: &str| {
        for args in [&["apply", "reviewed.json"][..], &["apply", "--rebase", "reviewed.json"]] {
            let ran = host.run(args.iter().copied());
            assert_eq!(ran.code, 1, "{why}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains(why) && ran.err.contains("save it as root"), "{}", ran.err);
            assert!(host.tree() == before);
        }
    };
    mode(&plan, 0o664).unwrap();
    refused("reviewed.json can be written by others");
    mode(&plan, 0o644).unwrap();
    mode(&host.work, 0o777).unwrap();
    refused("error: WORK can be written by others");
    mode(&host.work, 0o755).unwrap();
    chown(&plan, Some(65534), None).unwrap();
    refused("reviewed.json does not belong to root");
    chown(&plan, Some(0), None).unwrap();
    let ran = apply(&host);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let of = ran.err.lines().find(|line| line.starts_with("The saved plan is of "));
    assert!(of.is_some_and(|line| line.contains("/b.yaml, ")), "{}", ran.err);
    // What is no file keeps nobody waiting.
    fs::remove_file(&plan).unwrap();
    nix::unistd::mkfifo(&plan, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let ran = apply(&host);
    assert!(ran.code == 1 && ran.err.contains("is not a regular file"), "{}", ran.err);
}

#[test]
fn where_anything_has_moved_it_names_what_and_does_nothing() {
    let stale = |words: &[&str], change: &dyn Fn(&Host)| {
        let host = host();
        change(&host);
        let (swappiness, tree) = (host.value("vm.swappiness"), host.tree());
        let ran = apply(&host);
        assert_eq!(ran.code, 3, "{words:?}: {}{}", ran.out, ran.err);
        for word in
            words.iter().chain(&["the saved plan is stale; nothing was changed", "--rebase"])
        {
            assert!(ran.err.contains(word), "{word:?} is not in\n{}", ran.err);
        }
        assert_eq!(host.value("vm.swappiness"), swappiness);
        let lock = host.root.join("run/tunectl/lock");
        assert!(host.tree().into_iter().filter(|(path, _)| *path != lock).eq(tree));
    };
    stale(&["vm.swappiness: 60 -> 45"], &|host| {
        host.live("vm.swappiness = 45\n");
    });
    let event = concat!(
        r#"{"schema":"tunectl/event/1","time":"2026-11-24T12:00:00Z","#,
        r#""boot_id":"6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c","#,
        r#""key":"vm.swappiness","desired":"10","from":"60","to":"45","action":"reported","#,
        r#""cause":"process","writer":{"pid":4711,"comm":"sysctl","exe":null,"#,
        r#""cmdline":"sysctl -w vm.swappiness=45","uid":0,"login_uid":null,"cgroup":null,"#,
        r#""unit":null,"container":null,"parent":null,"via":"bpf","namespace":"host"},"#,
        r#""latency_us":null,"count":1,"detail":null}"#,
        "\n"
    );
    stale(&["vm.swappiness: 60 -> 45, by sysctl -w vm.swappiness=45 (pid 4711)"], &|host| {
        host.live("vm.swappiness = 45\n");
        host.file("var/lib/tunectl/events.jsonl", event);
    });
    // Whose value is gone, or is of another boot, has not made it what it is.
    for (said, instead) in [
        (r#""to":"45""#, r#""to":"46""#),
        ("reported", "prevented"),
        ("reported", "restored"),
        ("6a4c2b1e", "5a4c2b1e"),
    ] {
        stale(&["vm.swappiness: 60 -> 45\n"], &|host| {
            host.live("vm.swappiness = 45\n");
            host.file("var/lib/tunectl/events.jsonl", &event.replace(said, instead));
        });
    }
    stale(&["the boot is another"], &|host| {
        host.live("kernel.random.boot_id = 00000000-0f57-4f0e-9d3c-2b1a7f6e5d4c\n");
    });
    stale(&["the host is another: broker-7 then, broker-8 now"], &|host| {
        host.live("kernel.hostname = broker-8\n");
    });
    stale(&["the baseline is another"], &|host| {
        host.given(
            "b.yaml",
            "name: b\nparameters: { vm.swappiness: 11, vm.max_map_count: 655360 }\n",
        );
    });
    stale(&["vm.max_map_count: another file sets it at the next boot"], &|host| {
        host.file("etc/sysctl.d/zz.conf", "vm.max_map_count = 1\n");
    });
    stale(&["/etc/sysctl.d/99-tunectl.conf was changed"], &|host| {
        let text = "# Written by tunectl from the baseline x\nvm.page-cluster = 3\n";
        host.file("etc/sysctl.d/99-tunectl.conf", text);
    });
}

#[test]
fn rebased_it_shows_what_it_would_be_now() {
    let host = host();
    host.live("vm.swappiness = 45\n");
    let ran = host.run(["apply", "--rebase", "reviewed.json"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "45"), "{}", ran.err);
    assert!(ran.out.contains("45    -> 10"), "{}", ran.out);
}

#[test]
fn what_is_no_plan_is_refused_with_its_reason() {
    let host = host();
    for (text, word) in [
        ("", "is not a saved plan"),
        ("{}", "is not a saved plan: missing field"),
        ("vm.swappiness = 1\n", "is not a saved plan"),
    ] {
        host.given("reviewed.json", text);
        let ran = apply(&host);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(word), "{}", ran.err);
    }
    let ran = host.run(["apply", "reviewed.json", "-b", "b.yaml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
}

#[test]
fn a_secret_is_not_saved() {
    let host = host();
    host.live("net.ipv4.tcp_fastopen_key = 1-2-3-4\n");
    let key = "00000000-00000000-00000000-00000001";
    host.given("s.yaml", format!("name: s\nparameters: {{ net.ipv4.tcp_fastopen_key: {key} }}\n"));
    let ran = host.run(["plan", "-b", "./s.yaml", "--out", "secret.json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("net.ipv4.tcp_fastopen_key, whose value is secret"), "{}", ran.err);
    assert!(!host.work.join("secret.json").exists());
}

#[test]
fn what_is_not_a_file_is_not_replaced_by_a_plan() {
    let host = host();
    std::os::unix::fs::symlink("b.yaml", host.work.join("link")).unwrap();
    for path in ["link", "."] {
        let ran = host.run(["plan", "-b", "./b.yaml", "--out", path]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains("something that is not a file"), "{}", ran.err);
    }
    assert!(host.work.join("link").is_symlink());
    let baseline = std::fs::read_to_string(host.work.join("b.yaml")).unwrap();
    for (path, told) in [("b.yaml", "it is read from there"), ("absent/p.json", "is no directory")]
    {
        let ran = host.run(["plan", "-b", "./b.yaml", "--out", path]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    assert_eq!(std::fs::read_to_string(host.work.join("b.yaml")).unwrap(), baseline);
    assert!(!host.work.join("absent").exists());
}

/// The same file with another value is no other file.
#[test]
fn what_has_moved_in_a_file_is_told_of_that_file() {
    let host = host();
    assert_eq!(host.run(["apply", "-b", "./b.yaml"]).code, 0);
    let place = "etc/sysctl.d/99-tunectl.conf";
    let ours = std::fs::read_to_string(host.root.join(place)).unwrap();
    let save = ["plan", "-b", "./b.yaml", "--out", "reviewed.json"];
    assert_eq!(host.run(save).code, 0);
    for (text, told) in [
        (ours.replace(" = 10\n", " = 11\n"), "sets another value at the next boot"),
        (ours.replace("vm.swappiness", "# a line\nvm.swappiness"), "sets it on another line"),
        (String::from("# Written by tunectl from the baseline b\n"), "no file sets it"),
    ] {
        host.file(place, &text);
        let ran = apply(&host);
        assert_eq!(ran.code, 3, "{}", ran.err);
        let line = ran.err.lines().find(|line| line.contains("vm.swappiness")).unwrap_or_default();
        assert!(line.contains(told), "{told}: {}", ran.err);
        assert_eq!(line.contains("99-tunectl.conf sets"), !told.starts_with("no"), "{line}");
    }
}
