//! Globs over paths of parameters, as glob(3) reads them.

/// Whether a text has a wildcard of glob(7).
pub fn has_wildcard(text: &str) -> bool {
    text.bytes().any(is_wildcard)
}

/// Whether a byte is a wildcard of glob(7), or begins one.
#[inline]
pub fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[')
}

/// Whether a glob has a bracket that is never closed, so that it would stand for itself.
pub fn has_open_bracket(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'[' => match bracket_matches(bytes, at, 0) {
                Some((behind, _)) => behind,
                None => return true,
            },
            _ => at + 1,
        };
    }
    false
}

/// Whether `path` matches the glob `pattern`, where no wildcard crosses a `/` and a leading dot
/// of a component is matched by a dot alone, as glob(3) does by default.
pub fn glob_matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(p), Some(c)) => {
                if c.starts_with('.') && !p.starts_with('.') {
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
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if let Some(next) = single_matches(pattern, p, text[t]) {
            p = next;
            t += 1;
        } else if let Some((after_star, at)) = star {
            star = Some((after_star, at + 1));
            p = after_star;
            t = at + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// Matches one byte against the element at `p`; the index after that element if it matches.
fn single_matches(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => match bracket_matches(pattern, p, byte) {
            Some((end, true)) => Some(end),
            Some((_, false)) => None,
            // An unclosed bracket is a literal one.
            None => (byte == b'[').then_some(p + 1),
        },
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1] == byte).then_some(p + 2),
        b => (*b == byte).then_some(p + 1),
    }
}

fn bracket_matches(pattern: &[u8], open: usize, byte: u8) -> Option<(usize, bool)> {
    let mut i = open + 1;
    let negated = matches!(pattern.get(i), Some(b'!' | b'^'));
    if negated {
        i += 1;
    }
    let first = i;
    let mut hit = false;
    loop {
        let c = *pattern.get(i)?;
        if c == b']' && i > first {
            return Some((i + 1, hit != negated));
        }
        if pattern.get(i + 1) == Some(&b'-') && pattern.get(i + 2).is_some_and(|e| *e != b']') {
            hit |= (c..=pattern[i + 2]).contains(&byte);
            i += 3;
        } else {
            hit |= c == byte;
            i += 1;
        }
    }
}
