//! What an operator is told who names a baseline that there is not, or in the wrong place.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::operator::Host;
use crate::support::{is_root, left_out};

const BASELINE: &str = "name: it\nparameters: { vm.swappiness: 1 }\n";

/// What a run says that fails.
fn told(host: &Host, args: &[&str]) -> String {
    let ran = host.run(args.iter().copied());
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    ran.err
}

#[test]
fn the_hosts_own_are_suggested_and_listed() {
    let host = Host::usual();
    host.file("etc/tunectl/baselines/router.yaml", BASELINE);
    host.file("usr/share/tunectl/baselines/database.yaml", BASELINE);
    host.file("usr/share/tunectl/baselines/router.yaml", BASELINE);
    assert_data_eq!(told(&host, &["plan", "-b", "roter"]), str![[r#"
error: there is no baseline named "roter"
help: did you mean router? This host's own are: database, router; a path is written with a slash, as ./roter.yaml

"#]].raw());
    assert_data_eq!(told(&host, &["plan", "-b", "linux-servr"]), str![[r#"
error: there is no baseline named "linux-servr"
help: did you mean linux-server? This host's own are: database, router; a path is written with a slash, as ./linux-servr.yaml

"#]].raw());
    assert_data_eq!(told(&host, &["plan", "-b", "something"]), str![[r#"
error: there is no baseline named "something"
help: this host's own are: database, router; built in are: cis-network, elasticsearch-node, kafka-broker, kubernetes-node, linux-server, postgresql-server, redis-server, rocketmq-broker

"#]].raw());
    assert_data_eq!(told(&host, &["plan"]), str![[r#"
error: this host has no /etc/tunectl/baseline.yaml
help: name one with -b; this host's own are: database, router; built in are: cis-network, elasticsearch-node, kafka-broker, kubernetes-node, linux-server, postgresql-server, redis-server, rocketmq-broker

"#]].raw());
    for n in 0..30 {
        host.file(&format!("etc/tunectl/baselines/role-{n:02}.yaml"), BASELINE);
    }
    let many = told(&host, &["plan", "-b", "something"]);
    assert!(many.contains("role-17, role-18 and 12 more; built in are: "), "{many}");
}

#[test]
fn what_lies_beside_is_named_by_its_path() {
    let host = Host::usual();
    host.given("w2.yaml", BASELINE);
    host.given("roles/w3.yml", BASELINE);
    host.given("w.yaml", "name: w\nextends: [w2, w3]\n");
    host.given("roles/w.yaml", "name: w\nextends: [w3]\n");
    assert_data_eq!(told(&host, &["plan", "-b", "./w.yaml"]), str![[r#"
error: there is no baseline named "w2"
 --> w.yaml:2:11
  |
2 | extends: [w2, w3]
  |           ^^
  |
  = help: write ./w2.yaml: a name is looked for in /etc/tunectl/baselines, /usr/share/tunectl/baselines and among what is built in

error: there is no baseline named "w3"
 --> w.yaml:2:15
  |
2 | extends: [w2, w3]
  |               ^^
  |
  = help: built in are: cis-network, elasticsearch-node, kafka-broker, kubernetes-node, linux-server, postgresql-server, redis-server, rocketmq-broker

error: the baseline ./w.yaml cannot be used: 2 problems; nothing was changed

"#]].raw());
    let roles = told(&host, &["plan", "-b", "roles/w.yaml"]);
    assert!(roles.contains("help: write ./w3.yml: "), "{roles}");
    let named = told(&host, &["plan", "-b", "w2"]);
    assert!(named.contains("help: write ./w2.yaml: "), "{named}");
}

#[test]
fn a_baseline_without_its_option_is_told_of_it() {
    let host = Host::usual();
    host.given("b.yaml", BASELINE);
    host.file("etc/tunectl/baselines/router.yaml", BASELINE);
    assert_data_eq!(
        told(&host, &["apply", "linux-server"]),
        str![[r#"
error: linux-server is not a saved plan: there is no file linux-server
help: a baseline is named with -b: tunectl apply -b linux-server

"#]]
        .raw()
    );
    let own = told(&host, &["apply", "router"]);
    assert!(own.contains("help: a baseline is named with -b: tunectl apply -b router\n"), "{own}");
    let file = told(&host, &["apply", "./b.yaml"]);
    assert!(file.contains("-b: tunectl apply -b ./b.yaml\n"), "{file}");
    let neither = told(&host, &["apply", "./p.json"]);
    assert!(neither.contains("help: `tunectl plan --out FILE` saves one"), "{neither}");
    assert_data_eq!(
        told(&host, &["plan", "linux-server"]),
        str![[r#"
error: unexpected argument 'linux-server' found

  tip: a baseline is named with -b: tunectl plan -b linux-server

Usage: tunectl plan [OPTIONS]

For more information, try '--help'.

"#]]
        .raw()
    );
    let saved = told(&host, &["plan", "--detailed-exitcode", "./b.yaml"]);
    assert!(
        saved.contains("tip: a baseline is named with -b: tunectl plan -b ./b.yaml"),
        "{saved}"
    );
    let other = told(&host, &["status", "linux-server"]);
    assert!(!other.contains("-b"), "{other}");
}

/// Each match of a pattern is a parameter of its own kind.
#[test]
fn of_a_patterns_matches_the_one_at_fault_is_named() {
    let host = Host::usual();
    host.live("net.ipv4.conf.all.mc_forwarding = 0\n");
    host.given("b.yaml", "name: it\nparameters:\n  net.ipv4.conf.all.*: 1\n");
    assert_data_eq!(
        told(&host, &["plan", "-b", "./b.yaml"]),
        str![[r#"
error: net.ipv4.conf.all.mc_forwarding is read-only: the kernel reports there and holds no value
 --> b.yaml:3:3
  |
3 |   net.ipv4.conf.all.*: 1
  |   ^^^^^^^^^^^^^^^^^^^
  |
  = help: leave it out: `exclude: [net.ipv4.conf.all.mc_forwarding]`

error: the baseline ./b.yaml cannot be used: 1 problem; nothing was changed

"#]]
        .raw()
    );
    let left_out = "exclude: [net.ipv4.conf.all.mc_forwarding]\n";
    host.given("b.yaml", format!("name: it\nparameters: {{ net.ipv4.conf.all.*: 1 }}\n{left_out}"));
    let ran = host.run(["plan", "-b", "./b.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// Why a block does not count is told to who asks for more.
#[test]
fn a_block_that_does_not_hold_says_so() {
    let host = Host::usual();
    let block = |condition: &str| {
        format!("  - if: {{ {condition} }}\n    parameters: {{ vm.swappiness: 1 }}\n")
    };
    let blocks = [
        r#"hostname: "db-*", ram: ">= 1GiB", numa_nodes: ">= 4""#,
        r#"kernel: "< 5.8""#,
        r#"ram: "> 1TiB""#,
        r#"hostname: "broker-*""#,
    ];
    host.given("b.yaml", format!("name: it\nwhen:\n{}", blocks.map(block).concat()));
    let ran = host.run(["plan", "-v", "-b", "./b.yaml"]);
    assert_data_eq!(ran.err, str![[r#"
The `when` block at b.yaml:3:5 does not hold here: hostname is broker-7, not db-*; numa_nodes is 2, not >= 4.
The `when` block at b.yaml:5:5 does not hold here: kernel is 6.18.44, not < 5.8.
The `when` block at b.yaml:7:5 does not hold here: ram is 67108864 kB, not > 1TiB.

Nothing was changed. To carry it out, as root: tunectl apply -b ./b.yaml

"#]].raw());
    let ran = host.run(["plan", "-b", "./b.yaml"]);
    assert!(!ran.err.contains("does not hold"), "{}", ran.err);
}

/// A file that looks like a baseline and is none by its name is not passed over without a word.
#[test]
fn what_ends_in_yml_is_told() {
    let host = Host::usual();
    let own = |value: u32| format!("name: it\nparameters: {{ vm.swappiness: {value} }}\n");
    host.file("etc/tunectl/baseline.yml", &own(1));
    let help = "help: there is /etc/tunectl/baseline.yml: name it baseline.yaml\n";
    for args in [&["plan"][..], &["apply"]] {
        let told = told(&host, args);
        assert!(told.ends_with(help), "{told}");
    }
    let there_is = "there is /etc/tunectl/baseline.yml: name it baseline.yaml";
    for args in [&["status"][..], &["report"], &["apply", "--boot"]] {
        let ran = host.run(args.iter().copied());
        let told = format!("{}{}", ran.out, ran.err).replace('\n', " ").replace("  ", "");
        assert!(ran.code == 0 && told.contains(there_is), "{args:?}: {told}");
    }
    host.file("etc/tunectl/baseline.yaml", &own(2));
    host.file("etc/tunectl/baseline.d/70-b.yml", &own(3));
    host.file("etc/tunectl/baseline.d/70-b.yaml.bak", &own(3));
    host.file("etc/tunectl/baseline.d/.70-b.yml", &own(3));
    let warning =
        "warning: /etc/tunectl/baseline.d/70-b.yml is not read: a layer's name ends in .yaml";
    for args in [&["plan"][..], &["apply"], &["status"]] {
        let ran = host.run(args.iter().copied());
        assert!(ran.code == 0 && ran.err.contains(warning), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.matches("is not read").count(), 1, "{args:?}: {}", ran.err);
    }
    assert_eq!(host.value("vm.swappiness"), "2");

    host.file("etc/tunectl/baselines/w.yml", BASELINE);
    host.given("by-name.yaml", "name: b\nextends: [w]\n");
    assert_data_eq!(
        told(&host, &["plan", "-b", "w"]),
        str![[r#"
error: there is no baseline named "w"
help: there is /etc/tunectl/baselines/w.yml: name it w.yaml

"#]]
        .raw()
    );
    let extended = told(&host, &["plan", "-b", "./by-name.yaml"]);
    assert!(
        extended.contains("there is /etc/tunectl/baselines/w.yml: name it w.yaml"),
        "{extended}"
    );
    let list = host.run(["baselines"]);
    let warning =
        "warning: /etc/tunectl/baselines/w.yml is not read: a baseline's name ends in .yaml";
    assert!(list.code == 0 && list.err.contains(warning), "{}", list.err);
}

/// Only commands that take -b say so.
#[test]
fn without_a_baseline_watch_says_how_the_host_gets_one() {
    let host = Host::usual();
    if !is_root() {
        return left_out("misnamed: watch", "only root can watch");
    }
    let watch = told(&host, &["watch", "--check"]);
    assert!(
        watch.contains("\nhelp: give the host one: tunectl apply -b NAME; built in are: "),
        "{watch}"
    );
    assert!(!watch.contains("with -b"), "{watch}");
}

#[test]
fn what_other_tools_call_it_is_told() {
    let host = Host::usual();
    let tips = |args: &[&str]| {
        let told = told(&host, args);
        let tips = told.lines().filter_map(|line| line.strip_prefix("  tip: ").map(str::to_owned));
        tips.collect::<Vec<_>>().join("\n")
    };
    let plan = "`tunectl plan` shows what an apply would do";
    let baselines = "`tunectl baselines` lists what -b takes by name, and prints one";
    let status = "`tunectl status` shows whether this host is in sync";
    let usable = "`tunectl plan -b BASELINE` shows whether a baseline can be used";
    for args in [&["apply", "--dry-run"][..], &["apply", "-b", "linux-server", "-n"], &["diff"]] {
        assert_eq!(tips(args), plan, "{args:?}");
    }
    for yes in ["--yes", "-y"] {
        assert_eq!(tips(&["apply", yes]), "apply does not ask");
    }
    assert_eq!(tips(&["list"]), baselines);
    assert_eq!(tips(&["show"]), [plan, status, baselines].join("\n"));
    for word in ["check", "verify"] {
        assert_eq!(tips(&[word]), [status, usable].join("\n"));
    }
    assert_eq!(tips(&["statsu"]), "a similar subcommand exists: 'status'");
}
