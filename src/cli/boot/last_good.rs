//! The values that our drop-in has, as a baseline: what stands in where the host's own is broken.

use std::fmt::Write as _;

use crate::bootview::dropin;
use crate::catalogue;
use crate::key::Selector;

/// What the text is called where something is said of it.
pub const NAME: &str = "last good values";

/// A baseline of what a drop-in of ours sets; `None` where it is not ours, or sets nothing.
///
/// Whatever stands in it was allowed when it was written, by the baseline that is broken now.
pub fn baseline(text: &[u8]) -> Option<String> {
    if !dropin::is_ours(text) {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut out = format!("name: {NAME}\nparameters:\n");
    let mut any = false;
    for line in lines().filter(|l| !l.starts_with('-')) {
        let Some((selector, value)) = line.split_once('=') else { continue };
        let Ok(selector) = Selector::parse(selector.trim()) else { continue };
        let _ = writeln!(out, "  {}: {}", quoted(selector.as_path()), entry(&selector, value));
        any = true;
    }
    let fenced: Vec<String> = lines()
        .filter_map(|l| Selector::parse(l.strip_prefix('-')?.trim()).ok())
        .map(|selector| quoted(selector.as_path()))
        .collect();
    if !fenced.is_empty() {
        let _ = writeln!(out, "exclude: [{}]", fenced.join(", "));
    }
    any.then_some(out)
}

fn entry(selector: &Selector, value: &str) -> String {
    let value = quoted(value.trim());
    let hazard = match selector {
        Selector::Key(key) => catalogue::lookup(key).and_then(|p| p.hazard),
        Selector::Pattern(_) => None,
    };
    match hazard.map(catalogue::Hazard::guard) {
        Some(guard) if catalogue::Hazard::GUARDS.contains(&guard) => {
            format!("{{ value: {value}, allow: [{guard}], reason: allowed when it was persisted }}")
        }
        _ => value,
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
                    net.ipv4.conf.eth0/100.rp_filter = 1\nkernel.core_pattern = it's\n";
        let expected = "name: last good values\nparameters:\n  'vm/swappiness': '1'\n  \
                        'net/ipv4/conf/*/rp_filter': '2'\n  \
                        'net/ipv4/conf/eth0.100/rp_filter': '1'\n  \
                        'kernel/core_pattern': { value: 'it''s', allow: [exec-key], \
                        reason: allowed when it was persisted }\n\
                        exclude: ['net/ipv4/conf/docker0/rp_filter']\n";
        assert_eq!(baseline(text.as_bytes()).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_not_ours_or_says_nothing_is_no_baseline() {
        assert_eq!(baseline(b"vm.swappiness = 1\n"), None);
        assert_eq!(
            baseline(b"# Written by tunectl from the baseline x\n# vm.swappiness = 1\n"),
            None
        );
    }
}
