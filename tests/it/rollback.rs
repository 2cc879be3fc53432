//! What tunectl has written comes back as it was: on the scripted kernel for what pairs, orders
//! and cascades make of it, and as an operator meets it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tunectl::apply::{Options, apply};
use tunectl::key::{Key, Selector};
use tunectl::observed::{Errno, Facts, Originals, Snapshot};
use tunectl::persist::conf::read_conf_tree;
use tunectl::persist::holds::{Hold, Holds, UNLOCKED};
use tunectl::persist::originals;
use tunectl::plan::{self, Fate, Observed, Outcome, Plan};
use tunectl::procsys::Kernel as _;

use crate::apply::{Root, desired, facts, snapshot};
use crate::operator::{Host, Ran};
use crate::scripted::ScriptedKernel;
use crate::support::{in_namespaces, left_out};

mod live;

/// A scripted kernel with the files of a host.
struct Scripted {
    kernel: ScriptedKernel,
    root: Root,
    facts: Facts,
}

impl Scripted {
    fn new(name: &str, kernel: ScriptedKernel) -> Self {
        Self { kernel, root: Root::new(&format!("rollback-{name}")), facts: facts() }
    }

    fn originals(&self) -> Originals {
        originals::read(&self.root.0, &|| self.facts.boot_id.clone()).unwrap()
    }

    fn look(&self, keys: &[Key], more: &Snapshot) -> Snapshot {
        let (also, globs) = plan::also_needed_to_return(keys);
        let matches = globs.iter().flat_map(|glob| match Selector::parse(glob) {
            Ok(Selector::Pattern(pattern)) => self.kernel.expand(&pattern),
            _ => Vec::new(),
        });
        let keys = keys.iter().cloned().chain(also).chain(matches);
        let more = more.iter().map(|(key, reading)| (key.clone(), reading.clone()));
        more.chain(keys.map(|key| (key.clone(), self.kernel.read(&key)))).collect()
    }

    /// The plan of an apply that gives back what it no longer asks for.
    fn planned(&self, parameters: &str) -> Plan {
        let set = desired(&self.kernel, parameters, &self.facts);
        let conf = read_conf_tree(&self.root.0);
        let (originals, seen) = (self.originals(), snapshot(&self.kernel, &set));
        let mut observed = Observed::new(&self.facts, &seen, &conf);
        (observed.originals, observed.gives_back) = (&originals, true);
        let keys: Vec<Key> = plan::needed_to_return(&plan::managed(&observed, &[]), &observed);
        let seen = self.look(&keys, &seen);
        observed.snapshot = &seen;
        // A plan that is only looked at says the same.
        observed.remembers = false;
        let looked_at = plan::plan(set.clone(), &observed);
        observed.remembers = true;
        let plan = plan::plan(set, &observed);
        assert_eq!(plan::check::faults(&plan), Vec::<String>::new());
        let json = |plan: &Plan| {
            serde_json::to_value(tunectl::report::plan_json(plan, &self.facts)).unwrap()
        };
        assert_eq!(json(&looked_at), json(&plan));
        plan
    }

    fn rollback(&self, selected: &[&str]) -> Plan {
        let selected: Vec<Selector> =
            selected.iter().map(|text| Selector::parse(text).unwrap()).collect();
        let conf = read_conf_tree(&self.root.0);
        let (originals, seen) = (self.originals(), Snapshot::default());
        let mut observed = Observed::new(&self.facts, &seen, &conf);
        observed.originals = &originals;
        let keys: BTreeSet<Key> = plan::managed(&observed, &[]);
        let seen = self.look(&plan::needed_to_return(&keys, &observed), &seen);
        observed.snapshot = &seen;
        let plan = plan::rollback(&selected, &[], &observed);
        assert_eq!(plan::check::faults(&plan), Vec::<String>::new());
        plan
    }

    fn carry_out(&self, plan: &Plan) -> Outcome {
        let options = Options { boot_id: Some(self.facts.boot_id.clone()), ..Options::default() };
        apply(plan, &self.kernel, &self.root.0, &options, &mut |_, _| None)
    }

    fn apply(&self, parameters: &str) {
        let outcome = self.carry_out(&self.planned(parameters));
        assert!(outcome.succeeded(), "{outcome:?}");
    }

    fn roll_back(&self) {
        let outcome = self.carry_out(&self.rollback(&[]));
        assert!(outcome.succeeded(), "{outcome:?}");
        assert_eq!(self.root.dropin(), None);
        assert_eq!(self.originals(), Originals::NONE);
        assert!(self.rollback(&[]).returned.is_empty(), "there is nothing left to give back");
    }

    fn value(&self, key: &str) -> String {
        self.kernel.value(key)
    }

    /// Everything, to be compared.
    fn values(&self) -> Vec<(Key, String)> {
        let keys = self.kernel.list().into_iter();
        keys.map(|key| (key.clone(), self.kernel.value(&key.to_string()))).collect()
    }

    /// Another boot: what is in /run is gone, and the kernel has its defaults.
    fn reboot(&mut self) {
        let _ = fs::remove_dir_all(self.root.0.join("run"));
        self.facts.boot_id.push('x');
    }
}

#[test]
fn the_active_half_of_a_dirty_pair_comes_back_e22() {
    let host = Scripted::new("e22", ScriptedKernel::vm_host());
    host.kernel.drift("vm.dirty_bytes", "4294967296");
    host.kernel.drift("vm.dirty_background_bytes", "1073741824");
    let before = host.values();
    host.apply("parameters: { vm.dirty_ratio: 30, vm.dirty_background_ratio: 5 }");
    assert_eq!(host.value("vm.dirty_bytes"), "0");
    host.roll_back();
    assert_eq!(host.values(), before);
    // The half that is in force is written, never a zero to the other one.
    let writes = host.kernel.writes();
    let last: Vec<String> = writes[2..].iter().map(crate::scripted::Write::shown).collect();
    assert_eq!(last, ["vm.dirty_background_bytes=1073741824", "vm.dirty_bytes=4294967296"]);
}

#[test]
fn a_pair_whose_other_half_is_asked_for_later_still_comes_back_as_it_was_e22() {
    let host = Scripted::new("e22-turn", ScriptedKernel::vm_host());
    let before = host.values();
    host.apply("parameters: { vm.dirty_ratio: 30 }");
    host.apply("parameters: { vm.dirty_bytes: 4294967296 }");
    assert_eq!((host.value("vm.dirty_ratio"), host.value("vm.dirty_bytes")).0, "0");
    assert!(host.planned("parameters: { vm.dirty_bytes: 4294967296 }").returned.is_empty());
    host.roll_back();
    assert_eq!(host.values(), before);
}

#[test]
fn neither_half_of_the_overcommit_pair_is_lost_e23() {
    for (wanted, ratio, kbytes) in [
        ("vm.overcommit_kbytes: 104857600", "50", "0"),
        ("vm.overcommit_ratio: 80", "0", "104857600"),
        ("vm.overcommit_ratio: 80", "50", "0"),
    ] {
        let host = Scripted::new("e23", ScriptedKernel::vm_host());
        if ratio == "0" {
            host.kernel.drift("vm.overcommit_kbytes", kbytes);
        }
        host.apply(&format!("parameters: {{ {wanted} }}"));
        host.roll_back();
        let now = (host.value("vm.overcommit_ratio"), host.value("vm.overcommit_kbytes"));
        assert_eq!(now, (ratio.to_owned(), kbytes.to_owned()), "{wanted}");
    }
}

#[test]
fn what_forwarding_had_reset_comes_back_with_it_e24() {
    let kernel = ScriptedKernel::host().with_interface("eth0.100").with_interface("eth1");
    let host = Scripted::new("e24", kernel);
    host.kernel.drift("net/ipv4/conf/eth0.100/forwarding", "1");
    let before = host.values();
    host.apply("parameters: { net.ipv4.ip_forward: 1 }");
    assert_eq!(host.value("net.ipv4.conf.all.accept_redirects"), "0");
    // What somebody has changed of it since stays.
    host.kernel.drift("net.ipv4.conf.eth1.forwarding", "0");
    host.kernel.drift("net.ipv4.conf.eth1.forwarding", "1");
    host.roll_back();
    assert_eq!(host.values(), before);
    host.apply("parameters: { net.ipv4.ip_forward: 1 }");
    host.kernel.drift("net.ipv4.conf.lo.forwarding", "0");
    let plan = host.rollback(&[]);
    let lo = plan.returned.iter().find(|r| r.key.as_path() == "net/ipv4/conf/lo/forwarding");
    assert_eq!(lo.unwrap().verdict, Fate::Already);
}

#[test]
fn values_come_back_in_an_order_that_the_kernel_takes_e25() {
    for (period, runtime) in [(2_000_000, 1_500_000), (500_000, 400_000)] {
        let host = Scripted::new("e25", ScriptedKernel::host());
        let before = host.values();
        host.apply(&format!(
            "parameters: {{ kernel.sched_rt_period_us: {period}, kernel.sched_rt_runtime_us: {runtime} }}"
        ));
        host.roll_back();
        assert_eq!(host.values(), before);
    }
}

#[test]
fn a_refused_write_leaves_everything_as_it_was_at_every_position() {
    let wanted = "parameters: { kernel.msgmax: 9000, net.core.somaxconn: 8192, vm.dirty_ratio: 30, \
                  vm.max_map_count: 655360, vm.swappiness: 1 }";
    for position in 0..5 {
        let host = Scripted::new("position", ScriptedKernel::host());
        host.apply(wanted);
        let (before, dropin, kept) = (host.values(), host.root.dropin(), host.originals());
        host.kernel.fail_write(position + 1, Errno::EINVAL);
        let outcome = host.carry_out(&host.rollback(&[]));
        assert!(!outcome.succeeded() && outcome.restored.len() == position);
        assert_eq!((host.values(), host.root.dropin()), (before, dropin), "position {position}");
        assert_eq!(host.originals(), kept);
    }
}

#[test]
fn what_leaves_the_baseline_is_given_back_by_the_next_apply() {
    let host = Scripted::new("leaves", ScriptedKernel::vm_host());
    host.apply("parameters: { vm.swappiness: 1, vm.dirty_ratio: 30, vm.max_map_count: 655360 }");
    host.kernel.drift("vm.max_map_count", "70000");
    let less = "parameters: { vm.dirty_ratio: 30 }";
    let plan = host.planned(less);
    let verdicts: Vec<_> =
        plan.returned.iter().map(|r| (r.key.to_string(), r.verdict.clone())).collect();
    let changed = Fate::Changed { left: "655360".into(), by_file: false };
    assert_eq!(
        verdicts,
        [("vm.max_map_count".into(), changed), ("vm.swappiness".into(), Fate::Restore)]
    );
    assert!(host.carry_out(&plan).succeeded());
    assert_eq!((host.value("vm.swappiness"), host.value("vm.dirty_ratio")).0, "60");
    assert_eq!(host.value("vm.max_map_count"), "70000");
    let again = host.planned(less);
    assert!(again.in_sync() && again.returned.is_empty(), "fixpoint");
    assert_eq!(host.originals().of_boot.len(), 1);
}

#[test]
fn after_a_reboot_the_other_files_say_what_it_was_else_the_first_original() {
    let mut host = Scripted::new("reboot", ScriptedKernel::vm_host());
    host.apply("parameters: { vm.swappiness: 1, vm.dirty_ratio: 30, vm.max_map_count: 655360 }");
    fs::write(host.root.0.join("etc/sysctl.d/10-vendor.conf"), "vm.dirty_ratio = 15\n").unwrap();
    host.reboot();
    let plan = host.rollback(&[]);
    let was = |key: &str| {
        let one = plan.returned.iter().find(|r| r.key.to_string() == key).unwrap();
        let was = one.was.clone().unwrap();
        (was.value, format!("{:?}", was.origin))
    };
    let (value, origin) = was("vm.dirty_ratio");
    assert!(value == "15" && origin.contains("10-vendor.conf"), "{value} {origin}");
    let (value, origin) = was("vm.swappiness");
    assert!(value == "60" && origin.contains("2026-11-24"), "{value} {origin}");
    // A value that our own drop-in has put there is none of before.
    host.apply("parameters: { vm.swappiness: 1, vm.dirty_ratio: 30, vm.max_map_count: 700000 }");
    let kept = host.originals();
    let count = &kept.of_boot[&Key::parse("vm.max_map_count").unwrap()];
    assert_eq!((&count.value, count.left.as_str()), (&None, "700000"));
    assert_eq!(kept.first[&Key::parse("vm.max_map_count").unwrap()].value, Some("65530".into()));
    host.roll_back();
    assert_eq!(host.value("vm.max_map_count"), "65530");
    assert_eq!((host.value("vm.swappiness"), host.value("vm.dirty_ratio")).1, "15");
}

/// As an operator: a host with a baseline that is applied.
fn applied() -> Host {
    let host = Host::usual();
    host.live("net.ipv4.conf.eth0.rp_filter = 0\nnet.ipv4.conf.eth1.rp_filter = 0\n");
    host.file(
        "etc/tunectl/baseline.yaml",
        "name: it\nparameters:\n  vm.swappiness: 10\n  vm.page-cluster: 3\n  \
         vm.dirty_ratio: { value: 30, reason: burst }\n  net.ipv4.conf.*.rp_filter: 2\n",
    );
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    host
}

const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";

#[test]
fn nothing_is_done_before_somebody_agrees() {
    let host = applied();
    let before = host.tree();
    for (args, code) in [(&["rollback", "--dry-run"][..], 0), (&["rollback"], 3)] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(
            ran.out.starts_with("rollback: 9 to come back, 1 as before already of 10 parameters\n"),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("< vm.swappiness                     10  -> 60\n"), "{}", ran.out);
        assert!(ran.out.ends_with("/etc/sysctl.d/99-tunectl.conf is taken away\n"), "{}", ran.out);
    }
    assert!(host.tree() == before, "a look leaves no trace");
    let ran = host.run(["rollback", "vm.swapiness", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("has written nothing to vm.swapiness"), "{}", ran.err);
    assert!(ran.err.contains("did you mean vm.swappiness?"), "{}", ran.err);
    assert_eq!(host.value("vm.swappiness"), "10");
}

#[test]
fn it_asks_on_a_terminal() {
    let found = Command::new("sh").args(["-c", "command -v script"]).output().unwrap();
    if !found.status.success() {
        return left_out("rollback::it_asks_on_a_terminal", "no script(1)");
    }
    for (answer, value) in [("n\n", "10"), ("\n", "10"), ("y\n", "60")] {
        let host = applied();
        let line =
            format!("{} --root {} rollback", env!("CARGO_BIN_EXE_tunectl"), host.root.display());
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("Roll back? [y/N]"), "{text}");
        assert_eq!(host.value("vm.swappiness"), value, "{answer:?}: {text}");
    }
}

#[test]
fn everything_comes_back_and_stays_so_until_the_next_apply() {
    let host = applied();
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("rolled back: 9 written"), "{}", ran.out);
    assert_eq!(
        (host.value("vm.swappiness").as_str(), host.value("vm.dirty_ratio").as_str()),
        ("60", "20")
    );
    assert!(!host.root.join(DROPIN).exists());
    // The boot unit leaves it alone, in this boot and after a reboot.
    for _ in 0..2 {
        let ran = host.run(["apply", "--boot"]);
        assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "60"), "{}", ran.out);
        assert!(!host.root.join(DROPIN).exists());
        // What was never otherwise in this boot has not been changed since.
        let status = host.run(["status"]).out;
        assert!(!status.contains("since boot ("), "{status}");
        let first = "rolled back by root: nothing is held; `tunectl apply` takes it back, removing\n\
                     /etc/tunectl/baseline.yaml ends it\n";
        assert!(status.starts_with(first) && !status.contains("vm.swappiness"), "{status}");
        fs::remove_dir_all(host.root.join("run")).unwrap();
    }
    let ran = host.run(["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("9 to write") && ran.out.contains("10 of these are let go by a rollback"),
        "{}",
        ran.out
    );
    let ran = host.run(["status", "--detailed-exitcode"]);
    assert_eq!((ran.code, ran.out.lines().count()), (2, 3), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&host.run(["plan", "--format", "json"]).out).unwrap();
    assert_eq!(json["parameters"][0]["marks"][0], "released");
    // An explicit apply takes it all back.
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "10");
    host.live("vm.swappiness = 77");
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "10");
    assert!(!host.root.join("var/lib/tunectl/released.json").exists());
}

#[test]
fn what_somebody_else_has_changed_since_is_left_alone_and_told() {
    let host = applied();
    host.live("vm.swappiness = 33");
    host.file(
        "var/lib/tunectl/events.jsonl",
        concat!(
            r#"{"schema":"tunectl/event/1","time":"2026-11-26T10:00:00.000000Z","#,
            r#""boot_id":"6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c","key":"vm.swappiness","#,
            r#""desired":"10","from":"10","to":"33","action":"reported","cause":"process","#,
            r#""writer":{"pid":4711,"comm":"tuned","exe":null,"cmdline":"tuned -P","uid":0,"#,
            r#""login_uid":null,"cgroup":null,"unit":null,"container":null,"parent":null,"#,
            r#""via":"bpf","namespace":"host"},"latency_us":null,"count":1,"detail":null}"#,
            "\n"
        ),
    );
    host.live("vm.swappiness = 34");
    let ran = host.run(["rollback", "--dry-run"]);
    assert!(ran.out.contains("from 10 to 34\n"), "nobody saw who: {}", ran.out);
    host.live("vm.swappiness = 33");
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = "left alone: changed since from 10 to 33, by tuned -P (pid 4711)";
    assert!(ran.out.contains(told), "{}", ran.out);
    assert_eq!(
        (host.value("vm.swappiness").as_str(), host.value("vm.dirty_ratio").as_str()),
        ("33", "20")
    );
    // It is theirs now: what comes back the next time is this.
    assert_eq!(host.run(["apply"]).code, 0);
    let ran = host.run(["rollback", "--yes", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&json["schema"], &json["result"]),
        (&"tunectl/rollback/1".into(), &"rolled_back".into())
    );
    let one = &json["parameters"][9];
    assert_eq!(
        (&one["key"], &one["was"]["value"], &one["result"]),
        (&"vm.swappiness".into(), &"33".into(), &"written".into())
    );
    assert_eq!(
        (&json["dropin"]["do"], &json["dropin"]["result"]),
        (&"remove".into(), &"written".into())
    );
}

#[test]
fn the_leading_numbers_of_several_come_back_and_others_numbers_stay() {
    let wanted = "parameters: { net.ipv4.tcp_rmem: [8192] }";
    for rebooted in [false, true] {
        let mut host = Scripted::new("leading", ScriptedKernel::host());
        let before = host.values();
        host.apply(wanted);
        if rebooted {
            host.reboot();
            host.apply(wanted);
        }
        host.roll_back();
        assert_eq!(host.values(), before, "rebooted: {rebooted}");
    }
    let host = Scripted::new("leading-theirs", ScriptedKernel::host());
    host.apply(wanted);
    host.kernel.drift("net.ipv4.tcp_rmem", "8192 140000 7000000");
    host.apply(wanted);
    host.roll_back();
    assert_eq!(host.value("net.ipv4.tcp_rmem"), "8192\t140000\t7000000");
}

/// An apply that has nothing to write makes nobody's value tunectl's own.
#[test]
fn what_satisfies_a_bound_and_was_set_by_others_stays_theirs() {
    let bounds = "parameters: { vm.max_map_count: { at_least: 655360 }, \
                  vm.swappiness: { at_most: 10 } }";
    let theirs = [("vm.max_map_count", "700000"), ("vm.swappiness", "5")];
    for rebooted in [false, true] {
        let mut host = Scripted::new("bounds", ScriptedKernel::host());
        host.apply(bounds);
        if rebooted {
            host.reboot();
        }
        for (key, value) in theirs {
            host.kernel.drift(key, value);
        }
        let writes = host.kernel.writes().len();
        host.apply(bounds);
        assert_eq!(host.kernel.writes().len(), writes, "there is nothing to write");
        host.roll_back();
        for (key, value) in theirs {
            assert_eq!(host.value(key), value, "{key}, rebooted: {rebooted}");
        }
    }
}

#[test]
fn a_pairs_half_that_others_have_put_in_force_stays_theirs() {
    let host = Scripted::new("half", ScriptedKernel::vm_host());
    host.apply("parameters: { vm.dirty_ratio: 30 }");
    host.kernel.drift("vm.dirty_bytes", "4294967296");
    host.kernel.drift("vm.dirty_ratio", "0");
    host.apply("parameters: { vm.dirty_bytes: 4294967296 }");
    assert_eq!(host.kernel.writes().len(), 1, "there was nothing to write");
    host.roll_back();
    assert_eq!(host.value("vm.dirty_bytes"), "4294967296");
}

/// What was never written is let go where it is held; asked or not, it is the same.
#[test]
fn with_nothing_to_give_back_only_what_is_held_is_let_go() {
    const NOTHING: &str = "rollback: nothing to give back";
    let released = |host: &Host| host.root.join("var/lib/tunectl/released.json").exists();
    let json = |ran: &Ran| {
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        json["result"].as_str().unwrap().to_owned()
    };
    // Nothing is held, so that nothing changes.
    let host = Host::usual();
    for args in [&["rollback"][..], &["rollback", "--yes"]] {
        let ran = host.run(args.iter().copied());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(ran.out.starts_with(NOTHING) && !released(&host), "{args:?}: {}", ran.out);
        let ran = host.run(args.iter().copied().chain(["--format", "json"]));
        assert_eq!((ran.code, json(&ran).as_str()), (0, "nothing"), "{args:?}");
    }
    // A bound that is satisfied is held although nothing was written.
    host.file(
        "etc/tunectl/baseline.yaml",
        "name: it\nparameters: { vm.max_map_count: { at_least: 1024 } }\n",
    );
    host.file("etc/sysctl.d/10-it.conf", "vm.max_map_count = 65530\n");
    assert_eq!(host.run(["apply"]).code, 0);
    assert!(!host.root.join(DROPIN).exists());
    for (args, code) in [(&["rollback", "--dry-run"][..], 0), (&["rollback"], 3)] {
        let ran = host.run(args.iter().copied());
        assert_eq!((ran.code, released(&host)), (code, false), "{args:?}: {}", ran.err);
        assert!(ran.out.starts_with(NOTHING), "{args:?}: {}", ran.out);
        assert!(ran.out.ends_with("this host's own baseline is let go\n"), "{}", ran.out);
    }
    let ran = host.run(["rollback", "--yes", "--format", "json"]);
    assert_eq!((json(&ran).as_str(), released(&host)), ("rolled_back", true), "{}", ran.err);
    host.live("vm.max_map_count = 1000");
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(host.value("vm.max_map_count"), "1000");
    assert!(host.run(["status"]).out.starts_with("rolled back by root: nothing is held"));
    // It is let go already.
    let before = without_lock(host.tree());
    for args in [&["rollback"][..], &["rollback", "--yes"]] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert!(ran.out.starts_with(NOTHING) && !ran.out.contains("is let go"), "{}", ran.out);
        assert!(
            ran.err.contains("Now and after a reboot nothing is held; `tunectl apply`"),
            "{}",
            ran.err
        );
    }
    assert!(without_lock(host.tree()) == before);
}

/// Whoever says no has made no mistake.
#[test]
fn a_no_is_no_error() {
    let host = applied();
    let rollback = host.command(["rollback"]);
    let command: Vec<_> = std::iter::once(rollback.get_program())
        .chain(rollback.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &command.join(" "), "/dev/null"]).current_dir(&host.work);
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut terminal) = terminal.spawn() else {
        left_out("rollback::a_no_is_no_error", "no script(1)");
        return;
    };
    let before = host.tree();
    terminal.stdin.take().unwrap().write_all(b"n\n").unwrap();
    let ran = host.told(terminal.wait_with_output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("Roll back? [y/N]") && ran.out.contains("Nothing was changed."));
    assert!(!ran.out.contains("error"), "{}", ran.out);
    assert!(host.tree() == before);
}

/// All but the file that says who held the lock last.
fn without_lock(tree: Vec<(PathBuf, Vec<u8>)>) -> Vec<(PathBuf, Vec<u8>)> {
    tree.into_iter().filter(|(path, _)| !path.ends_with("lock")).collect()
}

#[test]
fn single_keys_leave_the_drop_in_and_the_rest_stays() {
    let host = applied();
    let text = || fs::read_to_string(host.root.join(DROPIN)).unwrap();
    let before = text();
    let ran = host.run(["rollback", "vm.dirty_ratio", "net.ipv4.conf.eth0.rp_filter", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(host.value("net.ipv4.conf.eth0.rp_filter"), "0");
    assert_eq!(host.value("net.ipv4.conf.eth1.rp_filter"), "2");
    let after = text();
    assert!(before.contains("# burst\nvm.dirty_ratio = 30\n") && !after.contains("dirty_ratio"));
    assert!(!after.contains("burst") && after.contains("vm.swappiness = 10\n"), "{after}");
    // The pattern that stays is kept off what was given back.
    assert!(after.contains("net.ipv4.conf.*.rp_filter = 2\n"), "{after}");
    assert!(after.contains("-net.ipv4.conf.eth0.rp_filter\n"), "{after}");
    // Boot unit and rollback agree on the text, and on what is let go.
    host.live("vm.swappiness = 77\n");
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(
        (host.value("vm.swappiness").as_str(), host.value("vm.dirty_ratio").as_str()),
        ("10", "20")
    );
    assert_eq!(text(), after);
    let ran = host.run(["rollback", "net.ipv4.conf.*.rp_filter", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(host.value("net.ipv4.conf.eth1.rp_filter"), "0");
    assert!(!text().contains("rp_filter"), "{}", text());
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert!(!text().contains("rp_filter"), "{}", text());
}

#[test]
fn what_only_a_reboot_undoes_is_named_e41() {
    let host = Host::usual();
    host.live(
        "kernel.kexec_load_disabled = 0\nkernel.unprivileged_bpf_disabled = 0\n\
         kernel.yama.ptrace_scope = 1\nkernel.modules_disabled = 0\n",
    );
    let latch = |value: u8| format!("{{ value: {value}, allow: [one-way], reason: so }}");
    host.file(
        "etc/tunectl/baseline.yaml",
        &format!(
            "name: it\nparameters:\n  kernel.kexec_load_disabled: {0}\n  \
             kernel.modules_disabled: {0}\n  kernel.unprivileged_bpf_disabled: {1}\n  \
             kernel.yama.ptrace_scope: {1}\n",
            latch(1),
            latch(2)
        ),
    );
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("2 only a reboot undoes of 4 parameters"), "{}", ran.out);
    assert_eq!(
        ran.out.matches("only a reboot undoes it; the drop-in no longer sets it").count(),
        2
    );
    assert_eq!(host.value("kernel.kexec_load_disabled"), "1");
    // Below its last value a latch is a setting like any other.
    assert_eq!(host.value("kernel.unprivileged_bpf_disabled"), "0");
    assert_eq!(host.value("kernel.yama.ptrace_scope"), "1");
    assert!(!host.root.join(DROPIN).exists());
}

/// Reading zeros it is not set; written, they would be a key that everybody knows.
#[test]
fn a_fastopen_key_that_was_not_set_is_neither_zeroed_nor_tried() {
    const KEY: &str = "net.ipv4.tcp_fastopen_key";
    let (unset, ours, theirs) = <(String, String, String)>::from(
        ["00000000", "0badcafe", "5ec2e75a"].map(|g| [g; 4].join("-")),
    );
    let wanted = format!("parameters: {{ {KEY}: {ours}, vm.swappiness: 10 }}\n");
    let host = Host::usual();
    host.live(&format!("{KEY} = {unset}\n"));
    host.file("etc/tunectl/baseline.yaml", &format!("name: it\n{wanted}"));
    let ran = host.run(["plan"]);
    assert!(ran.out.contains("nothing but a reboot unsets it"), "{}", ran.out);
    let ran = host.run(["apply", "--confirm-within", "60s"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let told = format!("{KEY} cannot be taken back without a reboot");
    assert!(ran.err.contains(&told), "{}", ran.err);
    assert_eq!(host.run(["apply"]).code, 0);
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "60"), "{}", ran.err);
    assert_eq!(host.value(KEY), ours, "{}", ran.out);
    assert!(ran.out.contains("1 only a reboot undoes of 2 parameters"), "{}", ran.out);
    assert!(ran.out.contains("(secret)    not set\n"), "{}", ran.out);
    assert!(!host.root.join(DROPIN).exists());
    // Also after a reboot, when it is only known from before.
    assert_eq!(host.run(["apply"]).code, 0);
    fs::remove_dir_all(host.root.join("run")).unwrap();
    let ran = host.run(["rollback", "--yes"]);
    assert!(ran.code == 0 && host.value(KEY) == ours, "{}{}", ran.out, ran.err);
    // One that was set comes back, and can be tried.
    let host = Host::usual();
    host.live(&format!("{KEY} = {theirs}\n"));
    host.file("etc/tunectl/baseline.yaml", &format!("name: it\n{wanted}"));
    assert_eq!(host.run(["apply", "--confirm-within", "60s"]).code, 0);
    assert_eq!(host.run(["confirm", "--cancel"]).code, 0);
    assert_eq!(host.run(["apply"]).code, 0);
    let ran = host.run(["rollback", "--yes"]);
    assert!(ran.code == 0 && host.value(KEY) == theirs, "{}{}", ran.out, ran.err);
    // An apply that fails puts no zeros back either.
    let kernel = ScriptedKernel::vm_host();
    kernel.add(KEY, crate::scripted::Param::text(&unset, 80));
    let host = Scripted::new("fastopen", kernel);
    host.kernel.fail_write(2, Errno::EINVAL);
    let outcome = host.carry_out(&host.planned(&wanted));
    assert!(!outcome.succeeded(), "{outcome:?}");
    let written: Vec<String> =
        host.kernel.writes().iter().map(crate::scripted::Write::shown).collect();
    assert!(!written.iter().any(|write| write.contains(&unset)), "{written:?}");
}

#[test]
fn guards_judge_what_is_written_back() {
    let host = Host::usual();
    let memory = |available: u64| {
        host.file(
            "proc/meminfo",
            &format!(
                "MemTotal: 67108864 kB\nMemFree: {available} kB\nMemAvailable: {available} kB\n\
                 Committed_AS: 900000 kB\nSwapTotal: 0 kB\nHugetlb: 0 kB\nHugepagesize: 2048 kB\n"
            ),
        );
    };
    memory(60_000_000);
    host.live("vm.nr_hugepages = 2000\n");
    host.file(
        "etc/tunectl/baseline.yaml",
        "name: it\nparameters: { vm.nr_hugepages: 10, vm.swappiness: 10 }\n",
    );
    assert_eq!(host.run(["apply"]).code, 0);
    memory(500_000);
    let before = host.tree();
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for word in
        ["vm.nr_hugepages", "4075520 kB", "500000 kB", "takes-memory", "nothing was changed"]
    {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    assert!(without_lock(host.tree()) == without_lock(before));
    // The others alone, and the refused one stays as it is, persisted and held.
    let ran = host.run(["rollback", "--yes", "--keep-going"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        (host.value("vm.swappiness").as_str(), host.value("vm.nr_hugepages").as_str()),
        ("60", "10")
    );
    let text = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    assert!(text.contains("vm.nr_hugepages = 10") && !text.contains("swappiness"), "{text}");
    host.live("vm.swappiness = 77\nvm.nr_hugepages = 5\n");
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(
        (host.value("vm.swappiness").as_str(), host.value("vm.nr_hugepages").as_str()),
        ("77", "10")
    );
    let ran = host.run(["rollback", "--yes", "--allow", "takes-memory"]);
    assert_eq!((ran.code, host.value("vm.nr_hugepages").as_str()), (0, "2000"), "{}", ran.err);
}

#[test]
fn a_plan_shows_what_leaves_the_baseline_and_apply_gives_it_back() {
    let host = applied();
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.dirty_ratio: 30 }\n");
    let ran = host.run(["plan"]);
    assert!(ran.out.starts_with("it: 1 in sync of 1 parameter; 8 to give back;"), "{}", ran.out);
    assert!(!ran.out.contains("leaves the drop-in"), "{}", ran.out);
    assert!(
        ran.out.contains("\nnot in the baseline: given back as they were before tunectl\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("< vm.swappiness                     10  -> 60\n"), "{}", ran.out);
    // Nobody but an explicit apply decides that.
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!(host.run(["apply", "--live-only"]).code, 0);
    assert_eq!(host.value("vm.swappiness"), "10");
    let json: serde_json::Value =
        serde_json::from_str(&host.run(["plan", "--format", "json"]).out).unwrap();
    let returned = json["returned"].as_array().unwrap();
    let swappiness = returned.iter().find(|r| r["key"] == "vm.swappiness").unwrap();
    assert_eq!(
        (&swappiness["verdict"], &swappiness["was"]["value"]),
        (&"restore".into(), &"60".into())
    );
    assert_eq!(host.run(["status", "--detailed-exitcode"]).code, 2);
    let ran = host.run(["apply"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "60"), "{}", ran.err);
    assert!(ran.out.starts_with("it: 8 given back, "), "{}", ran.out);
    assert!(ran.out.contains("10 -> 60  given back\n"), "{}", ran.out);
    assert_eq!(host.value("net.ipv4.conf.eth0.rp_filter"), "0");
    let ran = host.run(["plan"]);
    assert!(ran.out.starts_with("it: in sync") && !ran.out.contains("no longer"), "{}", ran.out);
}

#[test]
fn what_leaves_the_baseline_and_was_changed_by_others_is_told_by_apply() {
    let host = applied();
    host.live("vm.swappiness = 5\n");
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.dirty_ratio: 30 }\n");
    let ran = host.run(["apply"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "5"), "{}", ran.err);
    assert!(ran.out.starts_with("it: 7 given back, 1 not given back, persisted"), "{}", ran.out);
    let told = "  not given back\n      left alone: changed since from 10 to 5\n";
    assert!(ran.out.contains("\n- vm.swappiness") && ran.out.contains(told), "{}", ran.out);
    assert!(!host.run(["apply"]).out.contains("not given back"));
}

#[test]
fn a_trial_is_remembered_once_it_is_confirmed() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.swappiness: 10 }\n");
    let originals = host.root.join("run/tunectl/originals.json");
    let ran = host.run(["apply", "--confirm-within", "1s"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while host.value("vm.swappiness") != "60" {
        assert!(std::time::Instant::now() < deadline, "it is put back");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!originals.exists(), "nothing was written that stays");
    // Until its keeper is done the lock is held; then the trial is over.
    let ran = host.run(["apply", "--confirm-within", "60s"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!originals.exists());
    let ran = host.run(["confirm"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "10"), "{}", ran.err);
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "60"), "{}", ran.err);
    // A trial of what was rolled back takes it back once it is confirmed.
    assert_eq!(host.run(["apply", "--confirm-within", "60s"]).code, 0);
    assert!(host.root.join("var/lib/tunectl/released.json").exists());
    assert_eq!(host.run(["confirm"]).code, 0);
    assert!(!host.root.join("var/lib/tunectl/released.json").exists());
}

#[test]
fn what_was_rolled_back_outlasts_what_is_let_go_for_a_while() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.swappiness: 10 }\n");
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.run(["rollback", "--yes", "vm.swappiness"]).code, 0);
    let kept = || fs::read_to_string(host.root.join("var/lib/tunectl/released.json")).unwrap();
    let before = kept();
    // A reboot in the middle of a trial finds it so.
    assert_eq!(host.run(["apply", "--confirm-within", "60s"]).code, 0);
    assert_eq!((host.value("vm.swappiness").as_str(), kept()), ("10", before.clone()));
    assert_eq!(host.run(["confirm", "--cancel"]).code, 0);
    assert_eq!((host.value("vm.swappiness").as_str(), kept()), ("60", before.clone()));
    // As `unlock` does it.
    let (root, key) = (&host.root, Key::parse("vm.swappiness").unwrap());
    let boot_id = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")).unwrap();
    let mut holds = Holds::read(root, boot_id.trim()).unwrap();
    let released = holds.released[&key.to_string()].clone();
    let end = Duration::from_secs(1000);
    let unlocked =
        Hold { kind: UNLOCKED.into(), until_since_boot: Some(end.as_secs()), ..released.clone() };
    holds.holds.insert(key.to_string(), unlocked.clone());
    holds.write(root, Duration::ZERO).unwrap();
    let holds = Holds::read(root, boot_id.trim()).unwrap();
    assert_eq!((holds.of(&key, Duration::ZERO), kept()), (Some(&unlocked), before.clone()));
    assert_eq!(holds.of(&key, end), Some(&released), "once that is over");
    // In whichever boot it is the same, and need not be written again.
    let [lasting, _] = Holds::read(root, "another").unwrap().files(root, Duration::ZERO).unwrap();
    assert_eq!(lasting.before, lasting.after);
    fs::remove_dir_all(root.join("run")).unwrap();
    assert_eq!(host.run(["apply", "--boot"]).code, 0);
    assert_eq!((host.value("vm.swappiness").as_str(), kept()), ("60", before));
}

#[test]
fn a_drop_in_that_is_not_ours_is_left_alone() {
    let host = applied();
    let ours = host.root.join(DROPIN);
    fs::remove_file(&ours).unwrap();
    host.file(
        "etc/elsewhere.conf",
        "# Written by tunectl from the baseline x\nvm.swappiness = 1\n",
    );
    std::os::unix::fs::symlink("/etc/elsewhere.conf", &ours).unwrap();
    let ran = host.run(["rollback", "--yes"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "60"), "{}", ran.err);
    assert!(ours.is_symlink() && host.root.join("etc/elsewhere.conf").exists());
}

#[test]
fn what_goes_with_its_interface_is_not_given_back() {
    let host = applied();
    let eth1 = host.root.join("proc/sys/net/ipv4/conf/eth1");
    fs::remove_dir_all(&eth1).unwrap();
    let ran = host.run(["plan"]);
    assert!(!ran.out.contains("not in the baseline"), "{}", ran.out);
    assert_eq!(host.run(["apply"]).code, 0);
    let text = fs::read_to_string(host.root.join("run/tunectl/originals.json")).unwrap();
    assert!(text.contains("eth0") && !text.contains("eth1"), "{text}");
    // It comes back, is set, and goes back to what it was then.
    host.live("net.ipv4.conf.eth1.rp_filter = 1\n");
    assert_eq!(host.run(["apply"]).code, 0);
    assert_eq!(host.value("net.ipv4.conf.eth1.rp_filter"), "2");
    assert_eq!(host.run(["rollback", "--yes"]).code, 0);
    assert_eq!(host.value("net.ipv4.conf.eth1.rp_filter"), "1");
}
