//! Conditions of `when` blocks: how they are written, and whether a host meets them.

use crate::key::glob_matches;
use crate::observed::{Facts, Release, Virtualization};
use crate::value::Size;

use super::schema::{Condition, FactName};

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

/// Whether a condition is well written; the error says how to write it.
///
/// # Errors
/// A help text.
pub fn check(fact: FactName, test: &str) -> Result<(), String> {
    let (_, operand) = split(test);
    match fact {
        FactName::Ram if Size::parse(operand).ok().flatten().is_some() => Ok(()),
        FactName::Ram => Err("write an operator and a size, as \">= 64GiB\"".into()),
        FactName::NumaNodes if operand.parse::<usize>().is_ok() => Ok(()),
        FactName::NumaNodes => Err("write an operator and a number, as \">= 2\"".into()),
        FactName::Kernel => match operand.parse::<Release>() {
            Ok(_) if operand.bytes().all(|b| b.is_ascii_digit() || b == b'.') => Ok(()),
            _ => Err("write an operator and a release, as \">= 5.8\"".into()),
        },
        FactName::Virtualization | FactName::Hostname => {
            let word = |c: char| c.is_ascii_alphanumeric() || "-_.*?[]!".contains(c);
            if test.chars().all(word) {
                return Ok(());
            }
            Err(match fact {
                FactName::Hostname => "write a name or a glob, as \"broker-*\"".into(),
                _ => "write none, vm, container, or the name of one such as kvm".into(),
            })
        }
    }
}

/// Whether a host meets a condition that [`check`] has accepted.
pub fn holds(condition: &Condition, facts: &Facts) -> bool {
    let (comparison, operand) = split(&condition.test);
    match condition.fact {
        FactName::Ram => Size::parse(operand).ok().flatten().is_some_and(|size| {
            comparison.holds(&facts.mem_total_kb.saturating_mul(1024), &size.bytes)
        }),
        FactName::NumaNodes => {
            let nodes = facts.numa_nodes.len().max(1);
            operand.parse().is_ok_and(|n: usize| comparison.holds(&nodes, &n))
        }
        FactName::Kernel => operand.parse().is_ok_and(|release: Release| {
            // `== 5.14` means any 5.14.x, as people read it.
            let mut have = facts.kernel;
            if operand.matches('.').count() < 2 {
                have.patch = 0;
            }
            comparison.holds(&have, &release)
        }),
        FactName::Virtualization => match &facts.virtualization {
            Virtualization::Unknown => false,
            Virtualization::None => operand == "none",
            other => operand == other.kind() || glob_matches(operand, other.name()),
        },
        FactName::Hostname => glob_matches(operand, &facts.hostname),
    }
}
