//! Values that must not be shown: which parameters and lines have them, and what stands there.

use crate::bootview::{Problem, ProblemKind};
use crate::catalogue::{self, Kind, is_secret};
use crate::key::{Key, Pattern, Selector, glob_matches};

/// What a secret's value is shown as.
pub const SECRET: &str = "(secret)";

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

/// A loader's problem, without the secret that its line may have: of what is no assignment nobody
/// knows where a value begins.
pub fn problem(problem: &Problem) -> String {
    let hidden = |what| Problem { source: problem.source.clone(), what }.to_string();
    let secret = || SECRET.to_owned();
    match &problem.what {
        ProblemKind::NotAnAssignment(text) if may_tell(text) => {
            hidden(ProblemKind::NotAnAssignment(secret()))
        }
        ProblemKind::BlankAfterDash(text) if may_tell(text) => {
            hidden(ProblemKind::BlankAfterDash(secret()))
        }
        ProblemKind::GlobExclusion(text) if may_tell(text) => {
            hidden(ProblemKind::GlobExclusion(secret()))
        }
        // What is wrong with it quotes it.
        ProblemKind::NotAKey { path, .. } if may_tell(path) => {
            format!("{}: {SECRET} names no parameter", problem.source)
        }
        _ => problem.to_string(),
    }
}

/// Whether a text that a loader makes nothing of may have a secret: it has more than the name of a
/// secret parameter, or than a pattern for one, however that is written.
fn may_tell(text: &str) -> bool {
    let text = text.trim_start_matches('-');
    let is_secret = |text: &str| Selector::parse(text).is_ok_and(|s| covers_secret(&s));
    if is_secret(text) {
        return false;
    }
    let mut words = text.splitn(2, [' ', '\t', ':']);
    let begins = words.next().is_some_and(is_secret) && words.next().is_some();
    begins || catalogue::names_secret(&text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_assignment_tells_no_secret() {
        for text in [
            "net.ipv4.tcp_fastopen_key 1-2-3-4",
            "net.ipv4.tcp_fastopen_key: 1-2-3-4",
            "net/ipv4/tcp_fastopen_key\t1-2-3-4",
            "net.ipv4.tcp_fast* 1-2-3-4",
            "\"net.ipv4.tcp_fastopen_key\" 1-2-3-4",
            "- net.ipv4.tcp_fastopen_key 1-2-3-4",
            "net.ipv4.tcp_fastopen_key1-2-3-4",
            "1-2-3-4 net.ipv4.tcp_fastopen_key",
            "NET.IPV4.TCP_FASTOPEN_KEY 1-2-3-4",
            "sysctl -w net.ipv6.conf.eth0.stable_secret 1-2-3-4",
        ] {
            for what in [
                ProblemKind::NotAnAssignment(text.into()),
                ProblemKind::BlankAfterDash(text.into()),
                ProblemKind::GlobExclusion(text.into()),
                ProblemKind::NotAKey { path: text.into(), error: crate::key::KeyError::Empty },
            ] {
                let source =
                    crate::diagnostic::Position { file: "/a.conf".into(), line: 1, column: 0 };
                let told = problem(&Problem { source, what });
                assert!(!told.contains("2-3-4") && told.contains(SECRET), "{told}");
            }
        }
        for text in ["vm.swappiness 60", "-net.ipv6.conf.*.stable_secret", "net.ipv4.tcp_* x"] {
            assert_eq!(may_tell(text), text.ends_with('x'), "{text}");
        }
    }
}
