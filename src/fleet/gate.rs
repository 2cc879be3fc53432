//! The gate of a rollout: `drift<=1% and contested=0`, read and judged.

use crate::wire::fleet::{Fleet, FleetGate, FleetTerm};

use super::hosts::{FINDINGS, Finding};

/// What can be asked of a fleet.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Hosts,
    Unreadable,
    /// Hosts of which something is true.
    Of(Finding),
}

/// What can be asked by that name.
fn measure(name: &str) -> Option<Measure> {
    match name {
        "hosts" => Some(Measure::Hosts),
        "unreadable" => Some(Measure::Unreadable),
        _ => FINDINGS.iter().find(|(known, _)| *known == name).map(|(_, of)| Measure::Of(*of)),
    }
}

/// Every name.
fn names() -> String {
    let mut names: Vec<&str> = FINDINGS.iter().map(|(name, _)| *name).collect();
    names.extend(["hosts", "unreadable"]);
    names.sort_unstable();
    names.join(", ")
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

const COMPARES: [(&str, Compare); 7] = [
    // Longer ones first: `<=` begins with `<`.
    ("<=", Compare::AtMost),
    (">=", Compare::AtLeast),
    ("!=", Compare::Unequal),
    ("==", Compare::Equal),
    ("<", Compare::Less),
    (">", Compare::More),
    ("=", Compare::Equal),
];

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

/// Brackets in each other.
const DEEPEST: usize = 16;
/// Thousandths in a percent, the finest limit.
const FINE: u64 = 1000;

impl Gate {
    /// Reads an expression: terms such as `drift<=1%` or `hosts >= 10`, put together with `and`,
    /// which binds closer, `or` and brackets.
    ///
    /// # Errors
    /// What is wrong, with the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, terms: Vec::new(), depth: 0 };
        let node = parser.any()?;
        match parser.rest() {
            "" => Ok(Self { text: text.to_owned(), terms: parser.terms, node }),
            _ => parser.wrong("`and`, `or` or the end belongs here"),
        }
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
        let (count, of) = match self.measure {
            Measure::Hosts => (heard, hosts.total),
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
        #[allow(clippy::cast_precision_loss, reason = "a share for people")]
        let percent = if of == 0 { 0.0 } else { count as f64 * 100.0 / of as f64 };
        FleetTerm { term: self.text.clone(), holds, count, of, percent }
    }
}

/// The word that a text begins with.
fn leading_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: Vec<Term>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn wrong<T>(&self, what: &str) -> Result<T, String> {
        let column = self.text[..self.at].chars().count() + 1;
        let found = match self.text[self.at..].split_whitespace().next() {
            Some(word) => format!(", not {word:?}"),
            None => ", and the expression ends".to_owned(),
        };
        Err(format!("at character {column}: {what}{found}"))
    }

    /// Passes over a word.
    fn word(&mut self, word: &str) -> bool {
        let found = leading_word(self.rest()) == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.all()?];
        while self.word("or") {
            nodes.push(self.all()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Any(nodes) })
    }

    fn all(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.one()?];
        while self.word("and") {
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn one(&mut self) -> Result<Node, String> {
        if !self.rest().starts_with('(') {
            return self.term();
        }
        if self.depth == DEEPEST {
            return self.wrong("too many brackets in each other");
        }
        self.at += 1;
        self.depth += 1;
        let node = self.any()?;
        if !self.rest().starts_with(')') {
            return self.wrong("a closing bracket belongs here");
        }
        self.at += 1;
        self.depth -= 1;
        Ok(node)
    }

    fn term(&mut self) -> Result<Node, String> {
        let rest = self.rest();
        let start = self.at;
        let name = leading_word(rest);
        let Some(measure) = measure(name) else {
            return self.wrong(&format!("one of {} belongs here", names()));
        };
        self.at += name.len();
        let after = self.rest();
        let Some((sign, compare)) = COMPARES.iter().find(|(sign, _)| after.starts_with(sign))
        else {
            return self.wrong(&format!("a comparison of {name}, such as <= or =, belongs here"));
        };
        self.at += sign.len();
        let (limit, percent) = self.limit()?;
        if percent && matches!(measure, Measure::Hosts) {
            self.at = start;
            return self.wrong("hosts is a number, and no share of itself");
        }
        let text = rest[..self.at - start].trim_end().to_owned();
        self.terms.push(Term { text, measure, compare: *compare, limit, percent });
        Ok(Node::Term(self.terms.len() - 1))
    }

    /// A number, or a share with at most three decimals.
    fn limit(&mut self) -> Result<(u64, bool), String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (whole, decimals) = rest[..end].split_once('.').unwrap_or((&rest[..end], ""));
        let percent = rest[end..].starts_with('%');
        let Ok(whole) = whole.parse::<u32>() else {
            return self.wrong("a number, or a share such as 1%, belongs here");
        };
        if !percent {
            if end != rest[..end].trim_end_matches('.').len() || !decimals.is_empty() {
                return self
                    .wrong("a whole number of hosts, or a share such as 0.5%, belongs here");
            }
            self.at += end;
            return Ok((whole.into(), false));
        }
        let fine = format!("{decimals:0<3}");
        let fine = fine.parse::<u64>().ok().filter(|_| decimals.len() <= 3);
        let Some(fine) = fine.filter(|_| whole <= 100) else {
            return self
                .wrong("a share of at most 100%, with three decimals at most, belongs here");
        };
        self.at += end + 1;
        Ok((u64::from(whole) * FINE + fine, true))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::wire::fleet::{FleetHosts, FleetReports};
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
                "at character 1: one of ahead, blocked, boot, changed, contested, drift, failed, hosts, no_baseline, pending, pressure, silent, unreadable belongs here, and the expression ends",
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
        ] {
            let error = Gate::parse(gate).unwrap_err();
            assert!(error.starts_with(told), "{gate}: {error}");
        }
        assert!(Gate::parse(&"(".repeat(100)).unwrap_err().contains("too many brackets"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Gate::parse(&text);
        }

        #[test]
        fn words_of_the_language_do_not_panic(
            words in prop::collection::vec(prop::sample::select(vec![
                "drift", "hosts", "<=", "=", "1", "1%", "0.5%", "and", "or", "(", ")", " ", "%", ".",
            ]), 0..10)
        ) {
            if let Ok(gate) = Gate::parse(&words.concat()) {
                gate.judge(&Fleet::default());
            }
        }
    }
}
