//! Conditions of `when` blocks: how they are written, and where they hold.
use super::*;

#[test]
fn when_blocks_count_where_every_condition_holds() {
    let text = |condition: &str| {
        format!(
            "name: a\nparameters: {{ vm.swappiness: 60 }}\nwhen:\n  - if: {{ {condition} }}\n    parameters: {{ vm.swappiness: 1 }}\n"
        )
    };
    let holds = |condition: &str| {
        let text = text(condition);
        value(&good(&[("a", &text)]), "vm.swappiness") == "1"
    };
    for yes in [
        "ram: '>= 64GiB'",
        "numa_nodes: '>= 2'",
        "numa_nodes: 2",
        "kernel: '>= 5.8'",
        "kernel: '== 6.1'",
        "kernel: '>= 6.1.20'",
        "virtualization: kvm",
        "virtualization: vm",
        "kernel: '6'",
        "kernel: '== 6'",
        "kernel: '<= 6'",
        "kernel: '>= 6'",
        "kernel: '== 6.1.20'",
        "hostname: 'broker-*'",
        "hostname: 'broker-[0-9]'",
        "ram: '> 32GiB', hostname: 'broker-?'",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in [
        "ram: '> 64GiB'",
        "numa_nodes: '< 2'",
        "kernel: '>= 6.1.21'",
        "kernel: '< 6.1'",
        "kernel: '< 6'",
        "kernel: '> 6'",
        "kernel: '5'",
        "virtualization: none",
        "hostname: 'db-*'",
        "ram: '>= 64GiB', hostname: 'db-*'",
    ] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn when_blocks_that_both_hold_may_not_disagree() {
    let text = "name: a
when:
  - { if: { ram: '>= 1GiB' }, parameters: { vm.swappiness: 1 } }
  - { if: { numa_nodes: '>= 2' }, parameters: { vm.swappiness: 2 } }
";
    let messages = bad(&[("a", text)]);
    assert_eq!(
        messages,
        ["two `when` blocks that both hold on this host disagree on vm.swappiness"]
    );
}

#[test]
fn conditions_that_nothing_could_be_meant_by_are_refused() {
    for condition in [
        "kernel: '5..8.'",
        "kernel: '== 6.18.'",
        "kernel: '6.18.1.5'",
        "kernel: '>= +6'",
        "kernel: ''",
        "numa_nodes: '+1'",
        "numa_nodes: '>= +1'",
        "hostname: 'broker-[0-9'",
        "hostname: 'broker-[]'",
        "virtualization: 'kv[m'",
    ] {
        let text = format!(
            "name: a\nwhen:\n  - {{ if: {{ {condition} }}, parameters: {{ vm.swappiness: 1 }} }}\n"
        );
        assert_eq!(bad(&[("a", &text)]).len(), 1, "{condition}");
    }
}
