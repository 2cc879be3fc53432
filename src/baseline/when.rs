//! Conditions of `when` blocks: how they are written, and whether a host meets them.

use std::str::FromStr;

use crate::diagnostic::Span;
use crate::key::{glob_matches, has_sound_brackets, has_wildcard, nearest};
use crate::observed::{Facts, Release, Virtualization};
use crate::value::Size;

use super::schema::{Condition, FactName, When};

#[derive(Clone, Copy)]
enum Comparison {
    AtLeast,
    AtMost,
    More,
    Less,
    Equal,
}

impl Comparison {
    fn holds<T: PartialOrd>(self, have: &T, want: &T) -> bool {
        match self {
            Self::AtLeast => have >= want,
            Self::AtMost => have <= want,
            Self::More => have > want,
            Self::Less => have < want,
            Self::Equal => have == want,
        }
    }
}

fn split(test: &str) -> (Comparison, &str) {
    let test = test.trim();
    for (symbol, comparison) in [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        ("==", Comparison::Equal),
        (">", Comparison::More),
        ("<", Comparison::Less),
    ] {
        if let Some(rest) = test.strip_prefix(symbol) {
            return (comparison, rest.trim_start());
        }
    }
    (Comparison::Equal, test)
}

fn surroundings_help(test: &str) -> String {
    match nearest(test, SURROUNDINGS.into_iter()) {
        Some(near) => format!("did you mean {near}?"),
        None => "write none, vm, container, or the name of one such as kvm".to_owned(),
    }
}

/// Whether a condition is well written. What is there may be doubtful all the same: a surrounding
/// of which nobody has heard, with what to write instead. It is no error, as the manager of a
/// container may have any name.
///
/// # Errors
/// How to write it.
pub fn check(fact: FactName, test: &str) -> Result<Option<String>, String> {
    let (comparison, operand) = split(test);
    match fact {
        FactName::Ram if Size::parse(operand).ok().flatten().is_none() => {
            Err("write an operator and a size, as \">= 64GiB\"".into())
        }
        FactName::Ram if matches!(comparison, Comparison::Equal) => {
            Err("write >=, <=, > or <, as \">= 64GiB\": MemTotal is never just a round size".into())
        }
        FactName::Ram => Ok(None),
        FactName::NumaNodes if whole::<usize>(operand).is_some() => Ok(None),
        FactName::NumaNodes => Err("write an operator and a number, as \">= 2\"".into()),
        FactName::Kernel => match release(operand) {
            Some(_) => Ok(None),
            None => Err("write an operator and a release, as \">= 5.8\"".into()),
        },
        FactName::Virtualization | FactName::Hostname if !has_sound_brackets(test) => {
            Err("close the bracket, as in \"broker-[0-9]\"".into())
        }
        FactName::Virtualization | FactName::Hostname => {
            let word = |c: char| c.is_ascii_alphanumeric() || "-_.*?[]!".contains(c);
            let known =
                fact == FactName::Hostname || has_wildcard(test) || SURROUNDINGS.contains(&test);
            match fact {
                _ if test.chars().all(word) => Ok((!known).then(|| surroundings_help(test))),
                FactName::Hostname => Err("write a name or a glob, as \"broker-*\"".into()),
                _ => Err(surroundings_help(test)),
            }
        }
    }
}

/// A number without a sign, which YAML would take and a typist not mean.
fn whole<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A release as a condition names it, and how many of its numbers: one to three.
fn release(text: &str) -> Option<(Release, usize)> {
    let numbers: Vec<u16> = text.split('.').map(whole).collect::<Option<_>>()?;
    let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
    let release = Release { major: at(0), minor: at(1), patch: at(2) };
    (numbers.len() <= 3).then_some((release, numbers.len()))
}

/// Names that systemd-detect-virt has for what a host can run in, and ours for the rest.
const SURROUNDINGS: [&str; 34] = [
    "none",
    "vm",
    "container",
    "other",
    "acrn",
    "amazon",
    "apple",
    "bhyve",
    "bochs",
    "google",
    "kvm",
    "microsoft",
    "oracle",
    "parallels",
    "powervm",
    "qemu",
    "qnx",
    "sre",
    "uml",
    "vmware",
    "xen",
    "zvm",
    "containerd",
    "docker",
    "lxc",
    "lxc-libvirt",
    "openvz",
    "podman",
    "pouch",
    "proot",
    "rkt",
    "systemd-nspawn",
    "vm-other",
    "wsl",
];

/// Whether a block's parameters count on a host.
pub fn counts(block: &When, facts: &Facts) -> bool {
    !block.faulty && block.conditions.iter().all(|condition| holds(condition, facts))
}

/// The blocks that do not count on a host, each with the conditions that it does not meet and what
/// it has instead.
pub fn left_out<'a>(blocks: impl Iterator<Item = &'a When>, facts: &Facts) -> Vec<(Span, String)> {
    let out = blocks.filter(|block| !block.faulty && !counts(block, facts));
    out.map(|block| (block.span, unmet(block, facts))).collect()
}

fn unmet(block: &When, facts: &Facts) -> String {
    let unmet = block.conditions.iter().filter(|condition| !holds(condition, facts));
    let told = |Condition { fact, test, .. }: &Condition| match fact {
        FactName::Ram => format!("ram is {} kB, not {test}", facts.mem_total_kb),
        FactName::NumaNodes => format!("numa_nodes is {}, not {test}", nodes(facts)),
        FactName::Kernel => format!("kernel is {}, not {test}", facts.kernel),
        FactName::Virtualization => {
            format!("virtualization is {}, not {test}", facts.virtualization.name())
        }
        FactName::Hostname => format!("hostname is {}, not {test}", facts.hostname),
    };
    unmet.map(told).collect::<Vec<_>>().join("; ")
}

fn nodes(facts: &Facts) -> usize {
    facts.numa_nodes.len().max(1)
}

/// Whether a host meets a condition; none meets one that [`check`] refuses.
fn holds(condition: &Condition, facts: &Facts) -> bool {
    if check(condition.fact, &condition.test).is_err() {
        return false;
    }
    let (comparison, operand) = split(&condition.test);
    match condition.fact {
        FactName::Ram => Size::parse(operand).ok().flatten().is_some_and(|size| {
            comparison.holds(&facts.mem_total_kb.saturating_mul(1024), &size.bytes)
        }),
        FactName::NumaNodes => {
            whole(operand).is_some_and(|n: usize| comparison.holds(&nodes(facts), &n))
        }
        FactName::Kernel => release(operand).is_some_and(|(release, numbers)| {
            // `== 5.14` means any 5.14.x, and `== 5` any 5.x, as people read it.
            let Release { major, minor, patch } = facts.kernel;
            let minor = if numbers > 1 { minor } else { 0 };
            let patch = if numbers > 2 { patch } else { 0 };
            comparison.holds(&Release { major, minor, patch }, &release)
        }),
        FactName::Virtualization => match &facts.virtualization {
            Virtualization::Unknown => false,
            Virtualization::None => operand == "none",
            other => operand == other.kind() || glob_matches(operand, other.name()),
        },
        FactName::Hostname => glob_matches(operand, &facts.hostname),
    }
}
