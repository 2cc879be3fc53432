//! Bracket expressions of globs, as fnmatch(3) of the GNU C library reads them in the locale C.
//!
//! What ends one, and whether it is one at all, depends there on the byte that is matched: of that
//! every step is followed, for a loader does the same.

/// Longer names make no class.
const CLASS_BYTES: usize = 2048;

/// What spoils a bracket expression, so that it never means what its writer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is never closed: the bracket stands for itself, or for nothing.
    Unclosed,
    /// A class, a collating symbol or an equivalence class that is none.
    Class,
}

/// A byte of the pattern; behind its end there is the NUL of a C string.
#[inline]
fn at(pattern: &[u8], index: usize) -> u8 {
    pattern.get(index).copied().unwrap_or(0)
}

/// Matches one byte against the expression that opens at `open`; the index after it if it matches.
pub(super) fn matches(pattern: &[u8], open: usize, byte: u8) -> Option<usize> {
    let at = |index| at(pattern, index);
    let negated = matches!(at(open + 1), b'!' | b'^');
    let mut p = open + 1 + usize::from(negated);
    // Never closed: the bracket stands for itself.
    let itself = || (byte == b'[').then_some(open + 1);
    let found = |p| match rest_of_matched(pattern, p) {
        Ok(end) => (!negated).then_some(end),
        Err(Fault::Unclosed) => itself(),
        Err(Fault::Class) => None,
    };
    let mut c = at(p);
    p += 1;
    loop {
        // The first or only byte of a member; `None` where that was a class that does not match.
        let low = match (c, at(p)) {
            (b'\\', 0) => return None,
            (b'\\', escaped) => {
                p += 1;
                Some((escaped, is_range(pattern, p)))
            }
            (b'[', b':') => match class(pattern, p) {
                Class::Of(holds, end) if holds(&byte) => return found(end),
                Class::Of(_, end) => {
                    p = end;
                    None
                }
                Class::NoName => Some((c, is_range(pattern, p))),
                Class::Unknown => return None,
            },
            (b'[', b'=') if at(p + 1) != 0 && at(p + 2) == b'=' && at(p + 3) == b']' => {
                if at(p + 1) == byte {
                    return found(p + 4);
                }
                p += 4;
                None
            }
            (b'[', b'.') => {
                let (symbol, end) = symbol(pattern, p)?;
                p = end;
                Some((symbol, at(p) == b'-' && at(p + 1) != 0))
            }
            (0, _) => return itself(),
            _ => Some((c, is_range(pattern, p))),
        };
        if let Some((low, false)) = low
            && low == byte
        {
            return found(p);
        }
        c = at(p);
        p += 1;
        if let Some((low, _)) = low
            && c == b'-'
            && at(p) != b']'
        {
            let mut high = at(p);
            p += 1;
            if high == b'[' && at(p) == b'.' {
                (high, p) = symbol(pattern, p)?;
            } else if high == b'\\' {
                high = at(p);
                p += 1;
            }
            if high == 0 {
                return None;
            }
            if (low..=high).contains(&byte) {
                return found(p);
            }
            c = at(p);
            p += 1;
        }
        if c == b']' {
            return negated.then_some(p);
        }
    }
}

/// Whether a dash and the end of a range follow.
fn is_range(pattern: &[u8], p: usize) -> bool {
    at(pattern, p) == b'-' && !matches!(at(pattern, p + 1), 0 | b']')
}

/// The index after the expression where a member before `p` has matched already.
fn rest_of_matched(pattern: &[u8], mut p: usize) -> Result<usize, Fault> {
    let at = |index| at(pattern, index);
    loop {
        let c = at(p);
        p += 1;
        p = match (c, at(p)) {
            (b']', _) => return Ok(p),
            (0, _) => return Err(Fault::Unclosed),
            (b'\\', 0) => return Err(Fault::Class),
            (b'\\', _) => p + 1,
            (b'[', b':') => passed_class(pattern, p).ok_or(Fault::Class)?,
            (b'[', b'=') if at(p + 1) != 0 && at(p + 2) == b'=' && at(p + 3) == b']' => p + 4,
            (b'[', b'=') => return Err(Fault::Class),
            (b'[', b'.') => {
                let rest = pattern.get(p + 1..).unwrap_or_default();
                p + 3 + rest.windows(2).position(|two| two == b".]").ok_or(Fault::Class)?
            }
            _ => p,
        };
    }
}

/// What follows a class that need not be known, or its colon where that is none.
fn passed_class(pattern: &[u8], colon: usize) -> Option<usize> {
    for p in colon + 1..colon + CLASS_BYTES {
        match at(pattern, p) {
            b':' if at(pattern, p + 1) == b']' => return Some(p + 2),
            b'a'..=b'y' => {}
            _ => return Some(colon),
        }
    }
    None
}

/// The byte of `[.x.]`, whose first dot is at `dot`, and the index after it: in the locale C no
/// symbol has a name.
fn symbol(pattern: &[u8], dot: usize) -> Option<(u8, usize)> {
    match pattern.get(dot + 1..)? {
        [byte, b'.', b']', ..] => Some((*byte, dot + 4)),
        _ => None,
    }
}

/// What stands between `[:` and `:]`: as in glibc, no name with a `z` can.
enum Class {
    /// What it holds, and the index after it.
    Of(fn(&u8) -> bool, usize),
    /// No name can be meant.
    NoName,
    /// A name that is none.
    Unknown,
}

/// The class whose colon is at `colon`.
fn class(pattern: &[u8], colon: usize) -> Class {
    let name = pattern.get(colon + 1..).unwrap_or_default();
    let length = name.iter().take(CLASS_BYTES).take_while(|b| matches!(b, b'a'..=b'y')).count();
    if length == CLASS_BYTES {
        return Class::Unknown;
    }
    if !name[length..].starts_with(b":]") {
        return Class::NoName;
    }
    let holds = match &name[..length] {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |b: &u8| matches!(b, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |b: &u8| matches!(b, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |b: &u8| matches!(b, b' ' | 9..=13),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return Class::Unknown,
    };
    Class::Of(holds, colon + length + 3)
}

/// The index after an expression that means what it says, whatever is matched against it.
pub(super) fn checked(pattern: &[u8], open: usize) -> Result<usize, Fault> {
    let at = |index| at(pattern, index);
    let first = open + 1 + usize::from(matches!(at(open + 1), b'!' | b'^'));
    let mut p = first;
    loop {
        let ends_range = p > first + 1 && at(p - 1) == b'-';
        p += match (at(p), at(p + 1)) {
            (0, _) | (b'\\', 0) => return Err(Fault::Unclosed),
            (b']', _) if p > first => return Ok(p + 1),
            (b'[', b':') => match class(pattern, p + 1) {
                // As the end of a range a class is no class.
                Class::Of(_, end) if !ends_range => end - p,
                _ => return Err(Fault::Class),
            },
            (b'[', b'.') => symbol(pattern, p + 1).ok_or(Fault::Class)?.1 - p,
            (b'[', b'=') => match (at(p + 2), at(p + 3), at(p + 4)) {
                (1.., b'=', b']') if !ends_range => 5,
                _ => return Err(Fault::Class),
            },
            (b'\\', _) => 2,
            _ => 1,
        };
    }
}
