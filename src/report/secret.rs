//! Values that must not be shown: which parameters and lines have them, and what stands there.

use crate::bootview::{Problem, ProblemKind};
use crate::catalogue::{self, Kind};
use crate::key::{Key, Pattern, Selector, glob_matches};

/// What a secret's value is shown as.
pub const SECRET: &str = "(secret)";

/// Whether a parameter's value must not be shown.
pub fn is_secret(key: &Key) -> bool {
    catalogue::kind_of(key) == Some(Kind::Secret)
}

/// `text`, or what stands in its place; what is empty hides nothing.
pub fn shown<'a>(key: &Key, text: &'a str) -> &'a str {
    if !text.trim().is_empty() && is_secret(key) { SECRET } else { text }
}

/// Whether a value that belongs to that selector must not be shown.
pub fn covers_secret(selector: &Selector) -> bool {
    match selector {
        Selector::Key(key) => is_secret(key),
        Selector::Pattern(pattern) => reaches_secret(pattern),
    }
}

/// Whether a secret may be among the matches, on this host or another: `*` in a table entry stands
/// for any name.
fn reaches_secret(pattern: &Pattern) -> bool {
    let parts: Vec<&str> = pattern.as_path().split('/').collect();
    catalogue::all().filter(|p| p.kind() == Kind::Secret).any(|p| {
        let names: Vec<&str> = p.key().split('/').collect();
        let same = |(part, name): (&&str, &&str)| *name == "*" || glob_matches(part, name);
        parts.len() == names.len() && parts.iter().zip(&names).all(same)
    })
}

/// A loader's problem, without the secret that its line may have.
pub fn problem(problem: &Problem) -> String {
    if let ProblemKind::NotAnAssignment(text) = &problem.what {
        let mut words = text.trim_start_matches('-').splitn(2, [' ', '\t', ':']);
        let key = words.next().and_then(|word| Selector::parse(word).ok());
        if key.is_some_and(|s| covers_secret(&s)) && words.next().is_some() {
            let what = ProblemKind::NotAnAssignment(SECRET.into());
            return Problem { source: problem.source.clone(), what }.to_string();
        }
    }
    problem.to_string()
}
