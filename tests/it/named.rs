//! `tunectl baselines`: what can be named, where it lies, and its text.

use crate::operator::Host;
use crate::support::{heeding_permissions, is_root};

const OWN: &str = "name: redis-server\ndescription: Ours, by hand\nextends: [linux-server, ./x.yaml]\n\
                   parameters: { vm.swappiness: 1 }\n";

#[test]
fn what_is_built_in_is_listed_and_printed_as_it_is() {
    let host = Host::usual();
    let list = host.run(["baselines"]);
    assert_eq!(list.code, 0, "{}", list.err);
    let names: Vec<&str> =
        list.out.lines().filter_map(|line| line.strip_suffix("  built in")).collect();
    assert_eq!(names.len(), tunectl::baseline::builtin::ALL.len(), "{}", list.out);
    for (name, text) in tunectl::baseline::builtin::ALL {
        assert!(names.iter().any(|listed| listed.trim_end() == *name), "{}", list.out);
        let one = host.run(["baselines", name]);
        assert_eq!((one.code, &*one.out), (0, *text), "{name}: {}", one.err);
    }
    assert!(list.out.contains("Network kernel parameters of the CIS benchmarks"), "{}", list.out);
}

/// What is printed, changed and saved under a name of its own is a baseline at once.
#[test]
fn a_printed_one_is_where_ones_own_begins() {
    let host = Host::usual();
    let text = host.run(["baselines", "rocketmq-broker"]).out;
    let own = text.replace("name: rocketmq-broker", "name: ours").replace("655360", "700000");
    host.file("etc/tunectl/baselines/ours.yaml", &own);
    assert_eq!(host.run(["baselines", "ours"]).out, own);
    let plan = host.run(["plan", "-b", "ours"]);
    assert!(plan.code == 0 && plan.out.contains("-> 700000"), "{}{}", plan.out, plan.err);
}

#[test]
fn a_file_of_that_name_stands_before_what_is_built_in() {
    let host = Host::usual();
    host.file("etc/tunectl/baselines/redis-server.yaml", OWN);
    host.file("usr/share/tunectl/baselines/redis-server.yaml", "name: redis-server\n");
    host.file("etc/tunectl/baselines/bad.yaml", "name: [\n")
        .file("etc/tunectl/baselines/note.txt", "");
    let list = host.run(["baselines"]);
    assert_eq!(list.code, 0, "{}", list.err);
    let told = "redis-server        /etc/tunectl/baselines/redis-server.yaml\n      Ours, by hand\n      \
                extends linux-server, ./x.yaml\n      \
                hides /usr/share/tunectl/baselines/redis-server.yaml\n      \
                hides built-in:redis-server\n";
    assert!(list.out.contains(told), "{}", list.out);
    assert!(
        list.out.starts_with("bad                 /etc/tunectl/baselines/bad.yaml\n"),
        "{}",
        list.out
    );
    assert!(!list.out.contains("note"), "{}", list.out);
    assert_eq!(host.run(["baselines", "redis-server"]).out, OWN);
    let list = host.run(["baselines", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(json["schema"], "tunectl/baselines/1");
    let all = json["baselines"].as_array().unwrap();
    let redis = all.iter().find(|one| one["name"] == "redis-server").unwrap();
    assert_eq!(redis["place"], "/etc/tunectl/baselines/redis-server.yaml");
    assert_eq!(redis["extends"][1], "./x.yaml");
    assert!(
        redis["hides"].as_array().unwrap().len() == 2 && redis.get("text").is_none(),
        "{redis}"
    );
}

#[test]
fn what_cannot_be_had_is_told() {
    let host = Host::usual();
    let ran = host.run(["baselines", "redis-serve"]);
    assert!(ran.code == 1 && ran.err.contains("did you mean redis-server?"), "{}", ran.err);
    let ran = host.run(["baselines", "/etc/none.yaml"]);
    assert!(ran.code == 1 && ran.err.contains("there is no file /etc/none.yaml"), "{}", ran.err);
    // Nor is what cannot be listed taken for nothing.
    host.file("etc/tunectl/baselines/a.yaml", OWN).mode("etc/tunectl/baselines", 0);
    let mut command = host.command(["baselines"]);
    if is_root() {
        command = heeding_permissions(&command);
    }
    let ran = host.told(command.output().unwrap());
    host.mode("etc/tunectl/baselines", 0o755);
    let why = "cannot read /etc/tunectl/baselines: Permission denied";
    assert!(ran.code == 1 && ran.err.contains(why), "{}{}", ran.out, ran.err);
}
