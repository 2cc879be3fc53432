//! The values that our drop-in has, as a baseline: what stands in where the host's own is broken.

use std::fmt::Write as _;

use crate::bootview::dropin;
use crate::catalogue::{self, Hazard};
use crate::key::Selector;

/// What the text is called where something is said of it.
pub const NAME: &str = "last good values";

/// A baseline of what a drop-in of ours sets on a host of `mem_total_kb`: numbers made from another
/// amount of RAM are left out; the kernel's own share of it differs a little between two boots.
/// `None` where it is not ours, or sets nothing.
///
/// Whatever stands in it was allowed when it was written, by the baseline that is broken now; but
/// for a reserve of memory, of which this boot may have less.
pub fn baseline(text: &[u8], mem_total_kb: u64) -> Option<String> {
    let made = dropin::at_boot(text).into_iter().filter(|(.., ram)| alike(*ram, mem_total_kb));
    let values: Vec<(Selector, String)> = dropin::values(text)
        .into_iter()
        .chain(made.map(|(key, value, _)| (Selector::Key(key), value)))
        .collect();
    if values.is_empty() {
        return None;
    }
    let mut out = format!("name: {NAME}\nparameters:\n");
    for (selector, value) in &values {
        let _ = writeln!(out, "  {}: {}", quoted(selector.as_path()), entry(selector, value));
    }
    let text = String::from_utf8_lossy(text);
    let fenced: Vec<String> = text
        .lines()
        .filter_map(|l| Selector::parse(l.strip_prefix('-')?.trim()).ok())
        .map(|selector| quoted(selector.as_path()))
        .collect();
    if !fenced.is_empty() {
        let _ = writeln!(out, "exclude: [{}]", fenced.join(", "));
    }
    Some(out)
}

/// Within one percent.
fn alike(one_kb: u64, other_kb: u64) -> bool {
    one_kb.abs_diff(other_kb) <= one_kb / 100
}

fn entry(selector: &Selector, value: &str) -> String {
    let value = quoted(value);
    let hazard = match selector {
        Selector::Key(key) => catalogue::lookup(key).and_then(catalogue::Parameter::hazard),
        Selector::Pattern(_) => None,
    };
    match hazard.filter(|h| matches!(h, Hazard::ExecutesCode | Hazard::OneWay)) {
        Some(hazard) => format!(
            "{{ value: {value}, allow: [{}], reason: allowed when it was persisted }}",
            hazard.guard()
        ),
        None => value,
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_becomes_a_parameter_and_each_fence_an_exclusion() {
        let text = "# Written by tunectl from the baseline x\n\n# it's why\nvm.swappiness = 1\n\
                    -net.ipv4.conf.docker0.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\n\
                    net.ipv4.conf.eth0/100.rp_filter = 1\nkernel.core_pattern = it's\nvm.min_free_kbytes = 9\n\
                    #@ vm.max_map_count = 655360 (8 kB RAM)\n#@ vm.nr_hugepages = 7 (9 kB RAM)\n";
        let expected = "name: last good values\nparameters:\n  'vm/swappiness': '1'\n  \
                        'net/ipv4/conf/*/rp_filter': '2'\n  \
                        'net/ipv4/conf/eth0.100/rp_filter': '1'\n  \
                        'kernel/core_pattern': { value: 'it''s', allow: [exec-key], \
                        reason: allowed when it was persisted }\n  \
                        'vm/min_free_kbytes': '9'\n  'vm/max_map_count': '655360'\n\
                        exclude: ['net/ipv4/conf/docker0/rp_filter']\n";
        assert_eq!(baseline(text.as_bytes(), 8).as_deref(), Some(expected));
    }

    #[test]
    fn ram_is_alike_within_one_percent() {
        assert!(alike(18_429_928, 18_429_936) && alike(1000, 990));
        assert!(!alike(18_429_928, 20_527_080) && !alike(1000, 989));
    }

    #[test]
    fn what_is_not_ours_or_says_nothing_is_no_baseline() {
        assert_eq!(baseline(b"vm.swappiness = 1\n", 8), None);
        assert_eq!(
            baseline(b"# Written by tunectl from the baseline x\n# vm.swappiness = 1\n", 8),
            None
        );
    }
}
