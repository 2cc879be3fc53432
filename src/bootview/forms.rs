//! What a loader's glob stands for where that is more than one glob, or one in other words.

use std::sync::Arc;

use super::Changes;
use crate::key::{glob_matches, has_wildcard};

/// One glob of those that a line stands for.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    /// As the loader compares what it finds with explicit keys.
    pub literal: Arc<str>,
    /// The path that is written, or the glob over such paths.
    pub path: Arc<str>,
    /// What its writes change besides.
    pub changes: Changes,
}

impl Form {
    /// The form of a glob, though nothing in it may be a wildcard any more.
    pub fn of_glob(literal: Arc<str>, path: Arc<str>) -> Self {
        Self { changes: Changes::of_glob(&path), literal, path }
    }
}

/// More forms of one line are not looked into: braces in a row multiply.
const MOST: usize = 64;
/// Nor are more steps taken towards them.
const MOST_STEPS: usize = 256;

/// The globs that glob(3) makes of one with braces; `None` where they are too many.
pub(super) fn braces(glob: &str) -> Option<Vec<String>> {
    let (mut pending, mut found) = (vec![glob.to_owned()], Vec::new());
    for _ in 0..MOST_STEPS {
        let Some(glob) = pending.pop() else { return Some(found) };
        match alternatives(&glob) {
            None => found.push(glob),
            // The first one is next.
            Some(all) => pending.extend(all.into_iter().rev()),
        }
        if found.len() + pending.len() > MOST {
            return None;
        }
    }
    None
}

/// The texts with each part of the first braces in their place. `None` where there are no braces,
/// or the first one is never closed: then all others stand for themselves, too.
fn alternatives(glob: &str) -> Option<Vec<String>> {
    let bytes = glob.as_bytes();
    let mut open = 0;
    while *bytes.get(open)? != b'{' {
        open += if bytes[open] == b'\\' { 2 } else { 1 };
    }
    let mut ends = Vec::new();
    let (mut at, mut depth) = (open + 1, 0_usize);
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'}' if depth == 0 => break,
            b',' if depth == 0 => ends.push(at),
            b'}' => depth -= 1,
            b'{' => depth += 1,
            _ => {}
        }
        if ends.len() > MOST {
            break;
        }
        at += 1;
    }
    ends.push(at);
    let rest = &glob[at + 1..];
    let mut from = open + 1;
    let parts = ends.into_iter().map(|end| {
        let part = &glob[from..end];
        from = end + 1;
        [&glob[..open], part, rest].concat()
    });
    Some(parts.collect())
}

/// The glob without the backslashes that quote a slash: glob(3) drops them.
pub(super) fn without_idle_backslashes(glob: &str) -> String {
    let mut path = String::with_capacity(glob.len());
    for (at, part) in glob.split('/').enumerate() {
        if at > 0 {
            let quoting = path.bytes().rev().take_while(|b| *b == b'\\').count() % 2;
            path.truncate(path.len() - quoting);
            path.push('/');
        }
        path.push_str(part);
    }
    path
}

/// A slash at the end asks for a directory, but glob(3) ignores it after a plain component.
pub(super) fn without_idle_end(glob: &str) -> &str {
    let trimmed = glob.trim_end_matches('/');
    let last = trimmed.rsplit('/').next();
    if last.is_some_and(|last| has_wildcard(last) || last.contains('\\')) { glob } else { trimmed }
}

/// The same glob with `.` and `..` in place of components with wildcards that match those, too,
/// as they do where a directory is listed with them; `None` where such globs are too many.
pub(super) fn dotted(glob: &str) -> Option<Vec<String>> {
    let mut forms = vec![String::new()];
    for (at, part) in glob.split('/').enumerate() {
        let dots = [".", ".."].into_iter();
        let dots = dots.filter(|dots| has_wildcard(part) && glob_matches(part, dots));
        let parts: Vec<&str> = std::iter::once(part).chain(dots).collect();
        let slash = if at > 0 { "/" } else { "" };
        let longer = |form: &String| {
            let form = form.clone();
            parts.iter().map(move |part| [&form, slash, part].concat()).collect::<Vec<_>>()
        };
        forms = forms.iter().flat_map(longer).collect();
        if forms.len() > MOST {
            return None;
        }
    }
    Some(forms)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_expanded_from_the_first_one_on() {
        let cases: [(&str, &[&str]); 15] = [
            ("a*", &["a*"]),
            ("{a,b}*", &["a*", "b*"]),
            ("x{a,{b,c}d}y", &["xay", "xbdy", "xcdy"]),
            ("{a,b}{c,d}", &["ac", "ad", "bc", "bd"]),
            ("{}a", &["a"]),
            ("{,a}b", &["b", "ab"]),
            ("{a}", &["a"]),
            ("{a", &["{a"]),
            ("{a{b,c}", &["{a{b,c}"]),
            ("{b,c}{a", &["b{a", "c{a"]),
            ("a}", &["a}"]),
            ("\\{a,b}", &["\\{a,b}"]),
            ("{a\\,b,c\\}}", &["a\\,b", "c\\}"]),
            ("{a\\", &["{a\\"]),
            ("[{]a,b}]", &["[]a]", "[b]"]),
        ];
        for (glob, expected) in cases {
            assert_eq!(braces(glob).unwrap(), expected, "{glob}");
        }
    }

    #[test]
    fn too_many_braces_are_not_expanded() {
        assert_eq!(braces(&"{a,b}".repeat(6)).unwrap().len(), 64);
        let nested = format!("{}{}", "{".repeat(100_000), "}".repeat(100_000));
        for glob in ["{a,b}".repeat(7), "{}".repeat(300), nested, format!("{{{}}}", ",".repeat(64))]
        {
            assert_eq!(braces(&glob), None);
        }
    }

    #[test]
    fn a_backslash_before_a_slash_goes() {
        for (glob, expected) in [
            ("a\\/b*", "a/b*"),
            ("a\\\\/b", "a\\\\/b"),
            ("a\\\\\\/b\\/", "a\\\\/b/"),
            ("a\\b/c\\", "a\\b/c\\"),
        ] {
            assert_eq!(without_idle_backslashes(glob), expected);
        }
    }

    #[test]
    fn a_hidden_glob_stands_for_the_directory_and_its_parent_too() {
        assert_eq!(dotted("a/*/b").unwrap(), ["a/*/b"]);
        assert_eq!(dotted("a/.*/b").unwrap(), ["a/.*/b", "a/./b", "a/../b"]);
        assert_eq!(dotted("\\.?/b").unwrap(), ["\\.?/b", "../b"]);
        assert_eq!(dotted(&".*/".repeat(9)), None);
    }
}
