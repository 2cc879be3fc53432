//! A gate's expression, read.

use super::super::hosts::FINDINGS;
use super::super::selection::Version;
use super::{Compare, FINE, Measure, Node, Term};

/// Brackets in each other.
const DEEPEST: usize = 16;
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
    names.extend(["baseline", "hosts", "unreadable"]);
    names.sort_unstable();
    names.join(", ")
}

/// The terms of an expression, and how they are put together.
///
/// # Errors
/// What is wrong, with the place.
pub(super) fn parse(text: &str) -> Result<(Vec<Term>, Node), String> {
    let mut parser = Parser { text, at: 0, terms: Vec::new(), depth: 0 };
    let node = parser.any()?;
    match parser.rest() {
        "" => Ok((parser.terms, node)),
        _ => parser.wrong("`and`, `or` or the end belongs here"),
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
        if name == "baseline" {
            return self.baseline(rest);
        }
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

    /// A baseline that all have, or none.
    fn baseline(&mut self, from: &'a str) -> Result<Node, String> {
        let start = self.at;
        self.at += "baseline".len();
        let after = self.rest();
        let signs = [("==", Compare::Equal), ("!=", Compare::Unequal), ("=", Compare::Equal)];
        let Some((sign, compare)) = signs.into_iter().find(|(sign, _)| after.starts_with(sign))
        else {
            return self.wrong("= or != belongs here: of a baseline there is no more and no less");
        };
        self.at += sign.len();
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "()".contains(c)).unwrap_or(rest.len());
        let version = match Version::parse(&rest[..end]) {
            Ok(version) => version,
            Err(why) => return self.wrong(&why),
        };
        self.at += end;
        let text = from[..self.at - start].to_owned();
        let measure = Measure::Baseline(version);
        self.terms.push(Term { text, measure, compare, limit: 0, percent: false });
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
