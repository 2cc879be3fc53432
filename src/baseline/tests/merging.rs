//! What remains where several layers, roles or blocks speak of one parameter, or of one pair.
use super::*;

/// What is desired, as `key=value`.
fn remains(files: &[(&str, &str)]) -> Vec<String> {
    let set = good(files);
    set.parameters.iter().map(|d| format!("{}={}", d.key, d.requirement)).collect()
}

#[test]
fn null_leaves_one_half_of_a_pair_alone_and_the_other_stands() {
    for pair in
        ["vm.dirty_ratio: 5, vm.dirty_bytes: null", "vm.dirty_bytes: null, vm.dirty_ratio: 5"]
    {
        let file = format!("name: a\nparameters: {{ {pair} }}\n");
        assert_eq!(remains(&[("a", &file)]), ["vm.dirty_ratio=5"], "{pair}");
    }
    let file = "name: a\nparameters: { vm.dirty_bytes: 64MiB, vm.dirty_ratio: null }\n";
    assert_eq!(remains(&[("a", file)]), ["vm.dirty_bytes=67108864"]);
    for (held, value) in [("vm.dirty_ratio", "5"), ("vm.dirty_bytes", "67108864")] {
        let (half, other) = match held {
            "vm.dirty_ratio" => ("vm.dirty_bytes", "65536"),
            _ => ("vm.dirty_ratio", "7"),
        };
        let expected = [format!("{held}={value}")];
        // Of layers, the upper one leaves what the lower one does not speak of, or both do.
        let low = format!("name: low\nparameters: {{ {held}: {value} }}\n");
        let top = format!("name: top\nextends: [low]\nparameters: {{ {half}: null }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} left alone above");
        let low = format!("name: low\nparameters: {{ {half}: null }}\n");
        let top = format!("name: top\nextends: [low]\nparameters: {{ {held}: {value} }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} left alone below");
        let low = format!("name: low\nparameters: {{ {half}: {other} }}\n");
        let top =
            format!("name: top\nextends: [low]\nparameters: {{ {half}: null, {held}: {value} }}\n");
        assert_eq!(remains(&[("top", &top), ("low", &low)]), expected, "{half} let go above");
        let when = format!(
            "name: a\nparameters: {{ {held}: {value} }}\nwhen:\n  - if: {{ numa_nodes: 2 }}\n    parameters: {{ {half}: null }}\n"
        );
        assert_eq!(remains(&[("a", &when)]), expected, "{half} left alone by a block");
    }
}

#[test]
fn null_settles_which_half_of_two_roles_counts() {
    let one = "name: one\nparameters: { vm.dirty_ratio: 20 }\n";
    let two = "name: two\nparameters: { vm.dirty_bytes: 1GiB }\n";
    let roles = |order: &str, half: &str| {
        let host = format!("name: host\nextends: {order}\nparameters: {{ {half}: null }}\n");
        remains(&[("host", &host), ("one", one), ("two", two)])
    };
    for order in ["[one, two]", "[two, one]"] {
        assert_eq!(roles(order, "vm.dirty_bytes"), ["vm.dirty_ratio=20"], "{order}");
        assert_eq!(roles(order, "vm.dirty_ratio"), ["vm.dirty_bytes=1073741824"], "{order}");
    }
    // The other half says nothing about which of two values counts.
    let other = "name: two\nparameters: { vm.dirty_ratio: 30 }\n";
    let host = "name: host\nextends: [one, two]\nparameters: { vm.dirty_bytes: null }\n";
    let messages = bad(&[("host", host), ("one", one), ("two", other)]);
    assert_eq!(messages, ["two extended baselines disagree on vm.dirty_ratio"]);
}
