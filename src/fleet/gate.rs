//! The gate of a rollout: `drift<=1% and contested=0`, judged.

mod parser;

use std::collections::BTreeSet;

use crate::wire::fleet::{Fleet, FleetGate, FleetTerm};

use super::hosts::Finding;
use super::selection::Version;

/// What can be asked of a fleet.
#[derive(Clone, Debug)]
enum Measure {
    Hosts,
    /// Whether all hosts, or with `!=` none, have that baseline.
    Baseline(Version),
    Unreadable,
    /// Hosts of which something is true.
    Of(Finding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    More,
}

#[derive(Clone, Debug)]
struct Term {
    text: String,
    measure: Measure,
    compare: Compare,
    /// A number of hosts, or thousandths of a percent.
    limit: u64,
    percent: bool,
}

#[derive(Clone, Debug)]
enum Node {
    /// The number of a term.
    Term(usize),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// A gate that has been read.
#[derive(Clone, Debug)]
pub struct Gate {
    text: String,
    terms: Vec<Term>,
    node: Node,
}

/// Thousandths in a percent, the finest limit.
const FINE: u64 = 1000;

impl Gate {
    /// Reads an expression: terms such as `drift<=1%`, `hosts >= 10` or `baseline=broker@1a2b3c`, put
    /// together with `and`,
    /// which binds closer, `or` and brackets.
    ///
    /// # Errors
    /// What is wrong, with the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (terms, node) = parser::parse(text)?;
        Ok(Self { text: text.to_owned(), terms, node })
    }

    /// What the gate says of a fleet. Where no host has reported, or all are silent, nothing is
    /// known: that stops a rollout.
    pub fn judge(&self, fleet: &Fleet) -> FleetGate {
        let terms: Vec<FleetTerm> = self.terms.iter().map(|term| term.judge(fleet)).collect();
        let holds = holds(&self.node, &terms);
        let reason = match (fleet.hosts.total, fleet.stale.total) {
            (0, _) => Some("no host has reported".to_owned()),
            (all, silent) if all == silent => Some("every host is silent".to_owned()),
            _ => None,
        };
        FleetGate {
            expression: self.text.clone(),
            passed: holds && reason.is_none(),
            reason,
            terms,
        }
    }
}

fn holds(node: &Node, terms: &[FleetTerm]) -> bool {
    match node {
        Node::Term(n) => terms.get(*n).is_some_and(|term| term.holds),
        Node::All(nodes) => nodes.iter().all(|node| holds(node, terms)),
        Node::Any(nodes) => nodes.iter().any(|node| holds(node, terms)),
    }
}

impl Term {
    fn judge(&self, fleet: &Fleet) -> FleetTerm {
        let (hosts, stale, reports) = (&fleet.hosts, &fleet.stale, &fleet.reports);
        let heard = hosts.total - stale.total.min(hosts.total);
        let (count, of) = match &self.measure {
            Measure::Hosts => (heard, hosts.total),
            // What a silent host had last it has until it says otherwise.
            Measure::Baseline(version) => return self.of_baseline(version, fleet),
            Measure::Unreadable => {
                (reports.unreadable, reports.read.saturating_add(reports.unreadable))
            }
            // What a silent host had wrong counts; what it had right must not dilute the share.
            Measure::Of(count) => (count(hosts), heard + count(stale)),
        };
        // Exactly: count / of against limit / 100 000, without a division.
        let (left, right) = if self.percent {
            let scale = u128::from(100 * FINE);
            (u128::from(count) * scale, u128::from(self.limit) * u128::from(of))
        } else {
            (u128::from(count), u128::from(self.limit))
        };
        let holds = match self.compare {
            Compare::Less => left < right,
            Compare::AtMost => left <= right,
            Compare::Equal => left == right,
            Compare::Unequal => left != right,
            Compare::AtLeast => left >= right,
            Compare::More => left > right,
        };
        FleetTerm { term: self.text.clone(), holds, count, of, percent: share(count, of) }
    }
}

impl Term {
    /// Whether all have that baseline, and have it applied: one, and not two whose hashes begin
    /// alike.
    fn of_baseline(&self, version: &Version, fleet: &Fleet) -> FleetTerm {
        let those = || fleet.baselines.iter().filter(|b| version.is(&b.name, &b.sha256));
        let hashes: BTreeSet<&str> = those().map(|b| b.sha256.as_str()).collect();
        let of = fleet.hosts.total;
        let have: u64 = those().map(|b| b.hosts).sum();
        let applied: u64 = those().map(|b| b.hosts - b.unapplied.min(b.hosts)).sum();
        let (count, holds) = match self.compare {
            Compare::Unequal => (have, have == 0),
            _ => (applied, applied == of && (hashes.len() <= 1 || !version.has_hash())),
        };
        FleetTerm { term: self.text.clone(), holds, count, of, percent: share(count, of) }
    }
}

fn share(count: u64, of: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
    let percent = if of == 0 { 0.0 } else { count as f64 * 100.0 / of as f64 };
    percent
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::wire::fleet::{FleetBaseline, FleetHosts, FleetReports};
    use proptest::prelude::*;

    fn fleet(hosts: FleetHosts, stale: FleetHosts) -> Fleet {
        let reports = FleetReports { read: hosts.total, unreadable: 3, ..FleetReports::default() };
        Fleet { reports, hosts, stale, ..Fleet::default() }
    }

    fn passes(gate: &str, fleet: &Fleet) -> bool {
        Gate::parse(gate).unwrap().judge(fleet).passed
    }

    #[test]
    fn shares_and_numbers_are_exact() {
        let hosts =
            FleetHosts { total: 100_000, drift: 1000, pressure: 1, ..FleetHosts::default() };
        let fleet = fleet(hosts, FleetHosts::default());
        for (gate, passed) in [
            ("drift<=1%", true),
            ("drift<1%", false),
            ("drift<=0.999%", false),
            ("drift<1.001%", true),
            ("drift=1%", true),
            ("drift<=1000", true),
            ("drift<1000", false),
            ("drift>=1000 and contested=0", true),
            ("contested==0", true),
            ("contested=0%", true),
            ("pressure=0 or drift<=1%", true),
            ("pressure=0 and drift<=1% or hosts>=100000", true),
            ("pressure=0 and (drift<=1% or hosts>=100000)", false),
            ("(((hosts>99999)))", true),
            ("unreadable<=3", true),
            ("unreadable<0.003%", true),
            ("unreadable<0.002%", false),
        ] {
            assert_eq!(passes(gate, &fleet), passed, "{gate}");
        }
    }

    #[test]
    fn of_no_host_nothing_passes() {
        let judged = Gate::parse("drift<=1%").unwrap().judge(&Fleet::default());
        assert!(!judged.passed && judged.terms[0].holds);
        assert_eq!(judged.reason.as_deref(), Some("no host has reported"));
    }

    #[test]
    fn silence_dilutes_no_share() {
        let hosts =
            FleetHosts { total: 100, silent: 90, drift: 2, boot: 1, ..FleetHosts::default() };
        let stale = FleetHosts { total: 90, silent: 90, drift: 1, ..FleetHosts::default() };
        let fleet = fleet(hosts, stale);
        for (gate, passed) in [
            // Two of eleven: ten that are heard of, and a silent one that had drifted.
            ("drift<=18.181%", false),
            ("drift<=18.182%", true),
            ("drift=2", true),
            ("boot=10%", true),
            ("silent=90%", true),
            ("hosts>=11", false),
            ("hosts=10", true),
        ] {
            assert_eq!(passes(gate, &fleet), passed, "{gate}");
        }
        let all = super::tests::fleet(stale, stale);
        let judged = Gate::parse("drift<=10 and silent<=100%").unwrap().judge(&all);
        assert!(!judged.passed && judged.terms.iter().all(|term| term.holds));
        assert_eq!(judged.reason.as_deref(), Some("every host is silent"));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (gate, told) in [
            (
                "",
                "at character 1: one of ahead, baseline, blocked, boot, changed, contested, drift, failed, hosts, let_go, no_baseline, pending, pressure, silent, unapplied, unreadable belongs here, and the expression ends",
            ),
            ("drfit<=1%", "at character 1: one of "),
            (
                "drift",
                "at character 6: a comparison of drift, such as <= or =, belongs here, and the expression ends",
            ),
            (
                "drift<=",
                "at character 8: a number, or a share such as 1%, belongs here, and the expression ends",
            ),
            (
                "drift<=x",
                "at character 8: a number, or a share such as 1%, belongs here, not \"x\"",
            ),
            ("drift<=-1", "at character 8: a number"),
            ("drift != 1 %", "at character 12: `and`, `or` or the end belongs here, not \"%\""),
            ("drift<=1.5", "at character 8: a whole number of hosts"),
            ("drift<=1.", "at character 8: a whole number of hosts"),
            ("drift<=0.0001%", "at character 8: a share of at most 100%"),
            ("drift<=101%", "at character 8: a share of at most 100%"),
            (
                "drift<=1% contested=0",
                "at character 11: `and`, `or` or the end belongs here, not \"contested=0\"",
            ),
            ("drift<=1% und contested=0", "at character 11: `and`, `or` or the end"),
            (
                "(drift<=1%",
                "at character 11: a closing bracket belongs here, and the expression ends",
            ),
            ("hosts>=5%", "at character 1: hosts is a number"),
            ("ü", "at character 1: one of"),
            ("baseline>=a@1a2b", "at character 9: = or != belongs here"),
            ("drift=0 and baseline=", "at character 22: a baseline belongs here, as NAME@HASH"),
            ("(baseline=a@1a2)", "at character 11: a baseline belongs here"),
        ] {
            let error = Gate::parse(gate).unwrap_err();
            assert!(error.starts_with(told), "{gate}: {error}");
        }
        assert!(Gate::parse(&"(".repeat(100)).unwrap_err().contains("too many brackets"));
    }

    #[test]
    fn a_baseline_is_that_of_every_host_or_of_none() {
        let hosts = FleetHosts { total: 10, ..FleetHosts::default() };
        let with = |baselines: &[(&str, &str, u64)]| Fleet {
            baselines: baselines
                .iter()
                .map(|(name, sha256, hosts)| FleetBaseline {
                    name: (*name).into(),
                    sha256: (*sha256).into(),
                    hosts: *hosts,
                    ..FleetBaseline::default()
                })
                .collect(),
            ..fleet(hosts, FleetHosts::default())
        };
        let all = with(&[("a", "1a2b3c", 10)]);
        let half = with(&[("a", "1a2b3c", 5), ("a", "1a2b4d", 5)]);
        let some = with(&[("a", "1a2b3c", 9)]);
        let mut edited = with(&[("a", "1a2b3c", 10)]);
        edited.baselines[0].unapplied = 1;
        assert!(!passes("baseline=a@1a2b3c", &edited), "on one it is not applied");
        assert!(!passes("baseline!=a@1a2b3c", &edited));
        for (gate, of_all, of_half, of_some) in [
            ("baseline=a@1a2b3c", true, false, false),
            // Two that begin alike are not one.
            ("baseline == @1A2B", true, false, false),
            ("baseline=a", true, true, false),
            ("(baseline!=a@1a2b4d)", true, false, true),
            ("baseline=b@1a2b or drift=0", true, true, true),
            ("baseline=b@1a2b", false, false, false),
            ("baseline!=b", true, true, true),
        ] {
            let passed = [&all, &half, &some].map(|fleet| passes(gate, fleet));
            assert_eq!(passed, [of_all, of_half, of_some], "{gate}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Gate::parse(&text);
        }

        #[test]
        fn words_of_the_language_do_not_panic(
            words in prop::collection::vec(prop::sample::select(vec![
                "drift", "hosts", "baseline", "a@1a2b", "<=", "=", "1", "1%", "0.5%", "and", "or", "(", ")", " ", "%", ".",
            ]), 0..10)
        ) {
            if let Ok(gate) = Gate::parse(&words.concat()) {
                gate.judge(&Fleet::default());
            }
        }
    }
}
