//! What a plan tells whoever is to decide on it: what an apply leaves out, what stands in the way,
//! which file wins, and each of that once.

use crate::operator::{Host, Ran};
use crate::support::{heeding_permissions, is_root, unwrapped};

fn plan(host: &Host, more: &[&str]) -> Ran {
    let ran = host.run(["plan", "-b", "./it.yaml"].into_iter().chain(more.iter().copied()));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran
}

/// What an apply does: it writes the others, makes the baseline the host's own and exits with 1.
#[test]
fn what_an_apply_leaves_out_is_said_before_it() {
    let host = Host::usual();
    let text = "name: it\nparameters: { vm.no_such_thing: 1, vm.nor_this: 1, vm.swappiness: 1 }\n";
    host.given("it.yaml", text);
    let ran = plan(&host, &[]);
    let told = "2 of these cannot be set here (absent): an apply sets the others and ends with 1; say \
                `optional: true` where a kernel may lack it.\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(ran.out.starts_with("it: 1 to write, 1 to persist, 2 absent of 3 "), "{}", ran.out);
    host.file("etc/it.yaml", text);
    let ran = host.run(["apply", "-b", "/etc/it.yaml"]);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (1, "1"), "{}", ran.err);
    assert!(host.root.join("etc/tunectl/baseline.yaml").exists());
    // Nobody can write it: no `optional` would help there.
    host.live("vm.laptop_mode = 0").mode("proc/sys/vm/laptop_mode", 0o444);
    host.given("it.yaml", "name: it\nparameters: { vm.laptop_mode: 1, vm.swappiness: 2 }\n");
    let ran = plan(&host, &[]);
    let told =
        "1 of these cannot be set here (read-only): an apply sets the others and ends with 1.\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(!plan(&host, &["-q"]).err.contains("cannot be set"));
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 2 }\n");
    assert!(!plan(&host, &[]).err.contains("cannot be set"));
}

#[test]
fn what_stands_in_the_way_is_named_where_it_is_one_thing() {
    let host = Host::usual();
    host.file("etc/sysctl.d/zz.conf", "vm.swappiness = 60\n");
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1 }\n");
    let ran = plan(&host, &[]);
    assert!(ran.out.contains(", 1 overridden at boot of 1 parameter\n"), "{}", ran.out);
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1, vm.no_such_thing: 1 }\n");
    let ran = plan(&host, &[]);
    assert!(ran.out.contains(", 1 absent, 1 overridden at boot of 2 parameters\n"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&plan(&host, &["--format", "json"]).out).unwrap();
    assert_eq!(json["summary"]["blocked"], 2);
}

#[test]
fn the_lines_that_lose_are_named_to_whoever_wants_more() {
    let host = Host::usual();
    host.file("etc/sysctl.d/10-a.conf", "# ours\nvm.swappiness = 60\nvm.dirty_ratio = 20\n");
    host.file("etc/sysctl.d/20-b.conf", "vm.swap*ss = 50\nvm.dirty_ratio = 30\n");
    host.file("etc/it.yaml", "name: it\nparameters: { vm.swappiness: 1, vm.dirty_ratio: 30 }\n");
    assert_eq!(host.run(["apply", "-b", "/etc/it.yaml"]).code, 0);
    let dropin = std::fs::read_to_string(host.root.join("etc/sysctl.d/99-tunectl.conf")).unwrap();
    let at = dropin.lines().position(|line| line.starts_with("vm.swappiness")).unwrap() + 1;
    let ran = host.run(["plan", "-v"]);
    let told = format!(
        "next boot: set by /etc/sysctl.d/99-tunectl.conf:{at} (over /etc/sysctl.d/10-a.conf:2, \
         /etc/sysctl.d/20-b.conf:1)"
    );
    assert!(unwrapped(&ran.out).contains(&told), "{}", ran.out);
    assert!(!host.run(["plan"]).out.contains("next boot: set by"));
    // JSON has what it had.
    let json = |verbose: &[&'static str]| {
        host.run(["plan", "--format", "json"].into_iter().chain(verbose.iter().copied())).out
    };
    assert_eq!(json(&["-v"]), json(&[]));
    // Before there is a drop-in as well, and none of /run, which a boot finds empty.
    let host = Host::usual();
    host.file("etc/sysctl.d/10-a.conf", "vm.swappiness = 60\n");
    host.file("etc/sysctl.d/20-b.conf", "vm.swappiness = 50\n");
    host.file("run/sysctl.d/15-c.conf", "vm.swappiness = 40\n");
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1 }\n");
    let told = "next boot: set by /etc/sysctl.d/20-b.conf:1 (over /etc/sysctl.d/10-a.conf:1)\n";
    let ran = plan(&host, &["-v"]);
    assert!(ran.out.contains(told), "{}", ran.out);
    assert!(plan(&host, &[]).out.contains("next boot: set by /etc/sysctl.d/20-b.conf:1\n"));
}

#[test]
fn what_concerns_the_whole_host_is_told_once() {
    let host = Host::usual();
    host.given("it.yaml", "name: it\nextends: [cis-network]\n");
    let of_namespace = |ran: &Ran| ran.out.matches("not in this network namespace").count();
    let (once, each) = (plan(&host, &[]), plan(&host, &["-v"]));
    assert_eq!(of_namespace(&once), 1, "{}", once.out);
    assert!(of_namespace(&each) > 10 && once.out.matches("  absent").count() > 10, "{}", each.out);
}

#[test]
fn what_root_alone_may_see_is_told_once() {
    if !is_root() {
        return crate::support::left_out("told: what root alone may see", "needs root to hide it");
    }
    let host = Host::usual();
    host.file("etc/it.yaml", "name: it\nparameters: { vm.swappiness: 1, vm.dirty_ratio: 30 }\n");
    assert_eq!(host.run(["apply", "-b", "/etc/it.yaml"]).code, 0);
    for dir in ["run/tunectl", "var/lib/tunectl"] {
        let path = host.root.join(dir).join("originals.json");
        nix::unistd::chown(&path, Some(1.into()), None).unwrap();
    }
    host.file("etc/other.yaml", "name: other\nparameters: { vm.page-cluster: 0 }\n");
    let told = |more: &[&str]| {
        let args = ["plan", "-b", "/etc/other.yaml"].into_iter().chain(more.iter().copied());
        let mut program = heeding_permissions(&host.command(args));
        let ran = host.told(program.output().unwrap());
        assert_eq!(ran.out.matches("not known").count(), 2, "{}{}", ran.out, ran.err);
        ran.out.matches("what it was before tunectl is for root to see").count()
    };
    assert_eq!((told(&[]), told(&["-v"])), (1, 2));
}
