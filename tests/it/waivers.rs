//! Waivers are told of before they end, and when they have, wherever somebody looks.

use serde_json::Value;

use crate::operator::Host;

/// The day so many days from now, UTC, as `date` has it.
fn day(days: i64) -> String {
    let ahead = jiff::SignedDuration::from_hours(24 * days);
    let then = jiff::Timestamp::now().checked_add(ahead).unwrap();
    then.to_string()[..10].to_owned()
}

fn host(days: i64) -> Host {
    let host = Host::usual();
    host.file(
        "etc/tunectl/baseline.yaml",
        &format!(
            "name: w\nparameters: {{ vm.swappiness: 10, vm.max_map_count: 655360 }}\nwaivers:\n  \
             - {{ key: vm.swappiness, until: {}, reason: incident 4711 }}\n",
            day(days)
        ),
    );
    host
}

/// What each command says of a waiver that ends in so many days.
fn told(days: i64) -> Vec<(&'static str, String)> {
    let host = host(days);
    let mut told = Vec::new();
    // A wide terminal has each sentence in one line; JSON has it always.
    let notes = |args: &[&str]| {
        let ran = host.run(args.iter().copied());
        let json: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out));
        json["notes"].to_string()
    };
    told.push(("plan", host.run(["plan"]).out.replace("\n  ", " ").replace('\n', " ")));
    told.push(("plan --format json", notes(&["plan", "--format", "json"])));
    told.push(("status", host.run(["status"]).out.replace("\n  ", " ").replace('\n', " ")));
    told.push(("status --format json", notes(&["status", "--format", "json"])));
    told.push(("apply", host.run(["apply"]).out.replace('\n', " ")));
    told.push(("apply --format json", notes(&["apply", "--format", "json"])));
    told.push(("boot", notes(&["apply", "--boot", "--format", "json"])));
    assert_eq!(host.value("vm.swappiness"), if days < 0 { "10" } else { "60" });
    told
}

#[test]
fn before_it_ends() {
    for (days, when) in [(10, "in 10 days, on"), (1, "tomorrow, on"), (0, "today (incident 4711)")]
    {
        for (command, text) in told(days) {
            let said = format!("the waiver of vm.swappiness ends {when}");
            assert!(text.contains(&said), "{command}: {said:?} is not in {text}");
        }
    }
}

#[test]
fn once_it_has_ended_the_parameter_counts_again() {
    for (command, text) in told(-3) {
        let said = format!("the waiver of vm.swappiness ended on {} (incident 4711)", day(-3));
        assert!(text.contains(&said), "{command}: {said:?} is not in {text}");
    }
}

#[test]
fn one_that_lasts_is_not_spoken_of() {
    for (command, text) in told(20) {
        assert!(!text.contains("the waiver of"), "{command}: {text}");
    }
}
