//! A command line as one harmless line of bounded length, without what looks like a secret.

use std::fmt::Write as _;

use crate::key::{glob_matches, has_wildcard};
use crate::observed::is_hidden;

use super::programs::Programs;

/// What stands in a secret's place.
pub const MASK: &str = "***";
/// No line is longer, in bytes.
const LONGEST: usize = 1024;
/// Stands where something was cut off.
const CUT: &str = "...";

/// A name that has one of these anywhere, separators left out, names a secret.
const ANYWHERE: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
];
/// A name that has one of these as a word of its own names a secret.
const WORDS: [&str; 8] =
    ["pass", "pwd", "pw", "psk", "bearer", "authorization", "passin", "cookie"];
/// A header with one of these in its name is a secret to its end.
const HEADERS: [&str; 2] = ["authorization", "cookie"];
/// A name that ends with one of these says where a secret is, or something about it.
const ABOUT: [&str; 13] = [
    "file", "path", "dir", "stdin", "prompt", "fd", "ttl", "type", "url", "policy", "length",
    "expiry", "name",
];
/// A name that has one of these as a word names a secret if what follows looks like a key.
const PERHAPS: [&str; 7] = ["key", "auth", "sig", "signature", "session", "salt", "hash"];
/// Beginnings of tokens that are known by them.
const TOKENS: [&str; 12] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk-",
    "AKIA",
    "hvs.",
    "eyJ",
];
/// The last parts of the names of the parameters whose value is a secret: the catalogue is out of
/// reach here, a test compares.
pub const SECRET_KEYS: [&str; 2] = ["tcp_fastopen_key", "stable_secret"];

/// What is done with the argument that follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Show,
    Mask,
    /// It is masked if it looks like a key.
    MaskKey,
}

/// The arguments of a process, each ended by NUL, as one line; `more`: there are others that are
/// not known.
pub fn command_line(arguments: &[u8], more: bool) -> Option<String> {
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    if arguments.is_empty() {
        return None;
    }
    let mut text = String::from_utf8_lossy(arguments);
    if globs_secret_key(&text) {
        text = without_values_of_secret_keys(&text).into();
    }
    let mut line = String::with_capacity(text.len());
    let mut programs = Programs::default();
    let mut next = Next::Show;
    let names_one = names_secret_key(&text).is_some();
    for (i, argument) in text.split('\0').enumerate() {
        if i > 0 {
            line.push(' ');
        }
        if names_one {
            if let Some(end) = names_secret_key(argument) {
                // What follows may be its value, as an argument of its own: procps makes the `=` a
                // NUL. In a script the value stands before the name.
                let name = &argument[..end];
                let is_more = name.contains(is_of_no_name) || has_value_of_secret_key(name);
                let name = if is_more { "" } else { name };
                let _ = write!(line, "{name}{}{MASK}", joint_of(&argument[name.len()..], name));
                return Some(bounded(&harmless(&line), LONGEST));
            }
            if has_value_of_secret_key(argument) {
                line.push_str(MASK);
                continue;
            }
        }
        match next {
            Next::Mask => line.push_str(MASK),
            Next::MaskKey if looks_like_a_key(argument) => line.push_str(MASK),
            Next::Show | Next::MaskKey => {
                programs.meet(argument.rsplit('/').next().unwrap_or(argument));
                next = push_argument(&mut line, argument, programs);
                continue;
            }
        }
        next = Next::Show;
    }
    if more {
        line.push_str(CUT);
    }
    Some(bounded(&harmless(&line), LONGEST))
}

/// Where the first name of a secret parameter ends in a text.
fn names_secret_key(text: &str) -> Option<usize> {
    SECRET_KEYS.iter().filter_map(|key| text.find(key).map(|start| start + key.len())).min()
}

fn is_of_no_name(c: char) -> bool {
    !is_word(c) && !matches!(c, '/' | '*' | '@')
}

/// What is shown between a name and what is masked after it.
fn joint_of(rest: &str, name: &str) -> &'static str {
    match rest {
        _ if name.is_empty() => "",
        _ if rest.starts_with('=') => "=",
        _ => " ",
    }
}

/// Whether a word of a text is a glob that a shell may make a secret parameter's name of: as a path,
/// or with dots.
fn globs_secret_key(text: &str) -> bool {
    let is_between = |c: char| c.is_whitespace() || c == '\0' || "\"'=;|&<>(){}".contains(c);
    let globs = text.split(is_between).filter(|word| has_wildcard(word));
    let mut last = globs.filter_map(|glob| glob.rsplit(['/', '.']).next());
    last.any(|glob| SECRET_KEYS.iter().any(|key| glob_matches(glob, key)))
}

/// Whether a text may have the value of a secret parameter: hexadecimal groups, or an address.
fn has_value_of_secret_key(text: &str) -> bool {
    text.split(is_of_no_value).any(is_value_of_secret_key)
}

/// A text in which a secret parameter may be named, without what may be its value.
fn without_values_of_secret_keys(text: &str) -> String {
    let runs = text.split_inclusive(is_of_no_value).map(|run| {
        let end = run.find(is_of_no_value).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        [if is_value_of_secret_key(run) { MASK } else { run }, after].concat()
    });
    runs.collect()
}

fn is_of_no_value(c: char) -> bool {
    !c.is_ascii_hexdigit() && !matches!(c, '-' | ',' | ':')
}

fn is_value_of_secret_key(run: &str) -> bool {
    run.bytes().filter(u8::is_ascii_hexdigit).count() >= 8 || run.matches(':').count() > 1
}

/// Adds one argument, and tells what is to be done with the next one.
fn push_argument(line: &mut String, argument: &str, programs: Programs) -> Next {
    if let Some(option) = programs.option(argument) {
        line.push_str(option.shown);
        if option.shown.len() < argument.len() {
            line.push_str(MASK);
        }
        return if option.apart { Next::Mask } else { Next::Show };
    }
    let name = argument.trim_start_matches('-');
    let is_option = name.len() < argument.len() && !name.is_empty();
    if is_option && !name.contains(|c: char| c.is_whitespace() || matches!(c, '=' | ':')) {
        line.push_str(argument);
        return match name {
            _ if is_secret(name) || programs.is_user(name) => Next::Mask,
            _ if has_word(name, &PERHAPS) => Next::MaskKey,
            _ => Next::Show,
        };
    }
    // An argument that is one assignment is a secret to its end, whatever that has; quotes are
    // the shell's, so with one it is a script.
    if let Some((name, value)) = name.split_once('=')
        && !name.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '&' | ':' | '"' | '\''))
        && !value.is_empty()
        && !value.starts_with(['"', '\''])
        && (hides(name, value) || is_option && programs.is_user(name))
    {
        line.push_str(&argument[..argument.len() - value.len()]);
        line.push_str(MASK);
        return Next::Show;
    }
    scan(line, argument);
    Next::Show
}

/// Adds a text with what looks like a secret in it masked: a script, a header, a URL, JSON.
fn scan(line: &mut String, text: &str) {
    let mut rest = text;
    let mut programs = Programs::default();
    let mut before = None;
    let mut masks = false;
    while let Some(first) = rest.chars().next() {
        if masks && !first.is_whitespace() {
            masks = false;
            line.push_str(MASK);
            rest = &rest[value_end(rest, "")..];
            continue;
        }
        if let Some(after) = rest.strip_prefix("://") {
            let (user, after) = userinfo(after);
            line.push_str("://");
            line.push_str(&user);
            rest = after;
            continue;
        }
        if !is_word(first) {
            line.push(first);
            rest = &rest[first.len_utf8()..];
            programs.pass(before, first, rest.chars().next());
            before = Some(first);
            continue;
        }
        let quote = before.take().filter(|c| matches!(c, '"' | '\''));
        let (word, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        if let Some(option) = programs.option(word) {
            line.push_str(option.shown);
            rest = &rest[option.shown.len()..];
            masks = option.apart;
            let closed = closed(rest, quote);
            // `-pX`, `-p'X'`, `-p$X`.
            if closed == 0 && !rest.starts_with(is_end_of_word) && !rest.is_empty() {
                masks = false;
                line.push_str(MASK);
                rest = &rest[value_end(rest, "")..];
            }
            let (close, after) = rest.split_at(closed);
            line.push_str(close);
            rest = after;
            continue;
        }
        // In `/proc/sys/net/ipv4` no program is named.
        if !after.starts_with('/') {
            programs.meet(word);
        }
        rest = after;
        if is_token(word) {
            line.push_str(MASK);
            continue;
        }
        line.push_str(word);
        let name = word.trim_start_matches('-');
        let (joint, value) = joint(after);
        let is_option = name.len() < word.len();
        if joint.is_empty() {
            masks = is_option && (is_secret(name) || programs.is_user(name))
                || name.eq_ignore_ascii_case("bearer");
            let (close, after) = rest.split_at(if masks { closed(rest, quote) } else { 0 });
            line.push_str(close);
            rest = after;
            continue;
        }
        let end = if has_word(name, &HEADERS) {
            value.find(['"', '\'']).filter(|&end| end > 0).unwrap_or(value.len())
        } else {
            value_end(value, text)
        };
        let bare = value[..end].trim_matches(['"', '\'']);
        if !bare.is_empty()
            && !joint.starts_with("://")
            && (hides(name, bare) || is_option && programs.is_user(name))
        {
            line.push_str(joint);
            line.push_str(MASK);
            rest = &value[end..];
        }
    }
}

/// Where a value ends: at its quote; without one at a blank or a quote, before the `;` that ends a
/// command there, and in the query of a URL that `text` has at the next name, too.
fn value_end(value: &str, text: &str) -> usize {
    if value.starts_with(['"', '\'']) {
        return quoted_end(value);
    }
    let is_query = text.contains("://");
    let end = value.find(|c| is_end(c) || is_query && c == '&').unwrap_or(value.len());
    value[..end].trim_end_matches(';').len()
}

/// What stands between a name and its value: `=`, `: `, `": "`.
fn joint(after: &str) -> (&str, &str) {
    let quote = usize::from(after.starts_with(['"', '\'']));
    let sign = after[quote..].trim_start_matches(' ');
    let Some(value) = sign.strip_prefix(['=', ':']) else { return ("", after) };
    // `a = b` is no assignment in a shell, and one in a configuration: both are masked.
    let value = value.trim_start_matches(' ');
    after.split_at(after.len() - value.len())
}

/// How much belongs to the end of a word that began behind `quote`, as in a list: `'-p', 'X'`.
fn closed(rest: &str, quote: Option<char>) -> usize {
    let after = quote.and_then(|quote| rest.strip_prefix(quote));
    after.map_or(0, |after| 1 + usize::from(after.starts_with(',')))
}

fn quoted_end(value: &str) -> usize {
    let quote = value.as_bytes()[0];
    let mut escaped = false;
    for (i, byte) in value.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b if b == quote => return i + 1,
            _ => {}
        }
    }
    value.len()
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'')
}

fn is_end_of_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')' | '<' | '>')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// `user:password@` at the beginning of what follows a URL's scheme, masked; and what follows it.
fn userinfo(text: &str) -> (String, &str) {
    let end = text.find(|c: char| is_end(c) || matches!(c, '/' | '?' | '#')).unwrap_or(text.len());
    // A password may itself have an @, and, though it must not, a slash.
    let Some(at) = text[..end].rfind('@') else { return (String::new(), text) };
    let (user, after) = (&text[..at], &text[at..]);
    let shown = match user.split_once(':') {
        Some((user, secret)) if !secret.is_empty() => format!("{user}:{MASK}"),
        // A token in the user's place.
        _ if user.len() >= 16 => MASK.to_owned(),
        _ => user.to_owned(),
    };
    (shown, after)
}

/// Whether a value must not be shown, by its name or by both.
fn hides(name: &str, value: &str) -> bool {
    // The shell's directory is no password.
    if matches!(name, "PWD" | "OLDPWD") {
        return false;
    }
    is_secret(name) || is_token(value) || (has_word(name, &PERHAPS) && looks_like_a_key(value))
}

fn is_secret(name: &str) -> bool {
    if has_last_word(name, &ABOUT) {
        return false;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    ANYWHERE.iter().any(|word| plain.contains(word)) || has_word(name, &WORDS)
}

fn words(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

fn has_word(name: &str, list: &[&str]) -> bool {
    words(name).any(|word| list.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

fn has_last_word(name: &str, list: &[&str]) -> bool {
    words(name).next_back().is_some_and(|word| list.iter().any(|k| word.eq_ignore_ascii_case(k)))
}

fn is_token(word: &str) -> bool {
    word.len() >= 16 && TOKENS.iter().any(|token| word.starts_with(token))
}

/// Whether a value is long, and of the alphabet that keys are written in.
fn looks_like_a_key(value: &str) -> bool {
    let of_a_key =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-');
    value.len() >= 16
        && !value.starts_with('/')
        && value.bytes().all(of_a_key)
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A foreign text for one line: what would end the line or act on a terminal is spelt out.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => out.push(' '),
            c if is_hidden(c) => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// A text cut to at most `bytes`.
pub(super) fn bounded(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub(CUT.len());
    let end = (0..=room).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}{CUT}", &text[..end])
}
