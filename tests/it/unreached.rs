//! A key beats a pattern, also one in a layer above: that is told where the two disagree.

use serde_json::Value;

use crate::operator::Host;

const NAMED: &str = "name: below\nparameters:\n  net.ipv4.conf.*.rp_filter: 1\n  \
                     net.ipv4.conf.all.rp_filter: 1\n  net.ipv4.conf.default.rp_filter: 1\n";

/// The notes of one parameter in the plan of `web.yaml`.
fn notes(host: &Host, key: &str, args: &[&str]) -> Vec<String> {
    let ran = host.run(["plan", "--format", "json"].into_iter().chain(args.iter().copied()));
    let plan: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    let all = plan["parameters"].as_array().unwrap();
    let one = all.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key}"));
    let notes = one["notes"].as_array().unwrap().iter();
    let notes = notes.map(|note| note.as_str().unwrap().to_owned());
    notes.filter(|note| note.contains("does not reach")).collect()
}

fn web(host: &Host, extends: &str, parameters: &str) {
    host.given("below.yaml", NAMED);
    host.given(
        "web.yaml",
        format!("name: web\nextends: [{extends}]\nparameters:\n  {parameters}\n"),
    );
}

const ALL: &str = "net.ipv4.conf.all.rp_filter";
const WEB: &[&str] = &["-b", "./web.yaml"];

#[test]
fn a_pattern_above_that_asks_for_something_else_is_told() {
    let host = Host::usual();
    web(&host, "./below.yaml", "net.ipv4.conf.*.rp_filter: 2");
    let note = "web.yaml:4: net.ipv4.conf.*.rp_filter: 2 does not reach this, which below.yaml:4 \
                names: name the key to override it";
    assert_eq!(notes(&host, ALL, WEB), [note]);
    assert!(notes(&host, "net.ipv4.conf.eth0.rp_filter", WEB).is_empty());
    // Also where nothing is left to do.
    host.live("net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 1\n");
    assert_eq!(host.run(["apply", "-b", "./web.yaml"]).code, 0);
    let text = host.run(["plan", "-b", "./web.yaml"]).out.replace("\n      ", " ");
    assert_eq!(text.matches("does not reach this").count(), 2, "{text}");
    // Neither of several patterns above, nor what leaves the key alone, is another thing.
    web(&host, "./below.yaml", "net.ipv4.conf.a*.rp_filter: 1\n  net.ipv4.*.*.rp_filter: null");
    let null = "web.yaml:5: net.ipv4.*.*.rp_filter: null does not reach this, which below.yaml:4 \
                names: name the key to override it";
    assert_eq!(notes(&host, ALL, WEB), [null]);
    // A further layer of the host's own lies above all of its baseline.
    host.file("etc/tunectl/baseline.yaml", NAMED);
    host.file(
        "etc/tunectl/baseline.d/50.yaml",
        "name: l\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n",
    );
    assert_eq!(notes(&host, ALL, &[]).len(), 1);
}

#[test]
fn what_agrees_or_lies_elsewhere_is_not() {
    let host = Host::usual();
    for parameters in [
        "net.ipv4.conf.*.rp_filter: 0x1",
        "net.ipv4.conf.*.rp_filter: { at_least: 1 }",
        "net.ipv4.conf.*.rp_filter: 2\n  net.ipv4.conf.all.rp_filter: 0",
        "net.ipv4.conf.eth*.rp_filter: 2",
    ] {
        web(&host, "./below.yaml", parameters);
        assert_eq!(notes(&host, ALL, WEB), [""; 0], "{parameters}");
    }
    // Of two that are extended side by side neither lies above.
    host.given("beside.yaml", "name: b\nparameters: { net.ipv4.*.*.rp_filter: 2 }\n");
    web(&host, "./below.yaml, ./beside.yaml", "vm.swappiness: 1");
    assert_eq!(notes(&host, ALL, WEB), [""; 0]);
    // Nor where the pattern lies below.
    host.given("below.yaml", "name: b\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\n");
    host.given("web.yaml", format!("{NAMED}extends: [./below.yaml]\n"));
    assert_eq!(notes(&host, ALL, WEB), [""; 0]);
}
