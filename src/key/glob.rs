//! Globs over paths of parameters, as glob(3) reads them.

use super::bracket::{self, Fault};

/// Whether a text has a wildcard of glob(7).
pub fn has_wildcard(text: &str) -> bool {
    text.bytes().any(is_wildcard)
}

/// Whether a byte is a wildcard of glob(7), or begins one.
#[inline]
pub fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[')
}

/// What is wrong with the first bracket expression of a glob that has something wrong with it.
pub(super) fn fault(text: &str) -> Option<Fault> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'[' => match bracket::checked(bytes, at) {
                Ok(behind) => behind,
                Err(fault) => return Some(fault),
            },
            _ => at + 1,
        };
    }
    None
}

/// Whether every bracket expression of a glob means what it says.
pub fn has_sound_brackets(text: &str) -> bool {
    fault(text).is_none()
}

/// Whether `path` matches the glob `pattern`, where no wildcard crosses a `/` and a leading dot
/// of a component is matched by a dot alone, as glob(3) does by default.
pub fn glob_matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(p), Some(c)) => {
                if c.starts_with('.') && !p.starts_with('.') && !p.starts_with("\\.") {
                    return false;
                }
                if !component_matches(p.as_bytes(), c.as_bytes()) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// One component against one glob; iterative with a single backtrack point, so that a hostile
/// pattern costs at most pattern x text steps.
pub(super) fn component_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if t == text.len() {
            if pattern[p..].iter().all(|b| *b == b'*') {
                return true;
            }
            // Where a bracket ends depends on its byte: of less text less of the pattern may be left.
            if !pattern.contains(&b'[') {
                return false;
            }
        } else if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        } else if let Some(next) = single_matches(pattern, p, text, t) {
            p = next;
            t += 1;
            continue;
        }
        match star {
            Some((after_star, at)) if at < text.len() => {
                star = Some((after_star, at + 1));
                p = after_star;
                t = at + 1;
            }
            _ => return false,
        }
    }
}

/// Matches the byte at `t` against the element at `p`; the index after that element if it matches.
fn single_matches(pattern: &[u8], p: usize, text: &[u8], t: usize) -> Option<usize> {
    let byte = text[t];
    match pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' if byte == b'.' && counts_as_leading(&pattern[..p], t) => None,
        b'[' => bracket::matches(pattern, p, byte),
        // At the end of a component it stands for nothing.
        b'\\' => (*pattern.get(p + 1)? == byte).then_some(p + 2),
        b => (*b == byte).then_some(p + 1),
    }
}

/// Whether fnmatch(3) takes a dot at `t` for a leading one, as it does where nothing but `*` and
/// then as many `?` as that come before.
fn counts_as_leading(before: &[u8], t: usize) -> bool {
    before.first() == Some(&b'*')
        && before.iter().all(|b| matches!(b, b'*' | b'?'))
        && before.iter().map(|b| usize::from(*b == b'?')).sum::<usize>() == t
}
