//! Trials as text: one that is pending, one that was kept.

use std::fmt::Write as _;

use crate::observed::Replaced;
use crate::wire::Trial;

use super::style::{BAD, CHANGE, GOOD, HEAD, harmless, styled_line};
use super::words::{counted, moment};

/// What was kept of a trial, as text.
pub fn confirmed(baseline: &str, keys: &[String], files: &[Replaced]) -> String {
    let mut out = String::new();
    let values = counted(keys.len(), "value");
    let kept = if files.is_empty() {
        "nothing was to be persisted".to_owned()
    } else {
        let paths: Vec<String> = files.iter().map(|file| harmless(&file.path)).collect();
        format!("persisted to {}", paths.join(", "))
    };
    let text = format!("{}: confirmed, {values} kept, {kept}", harmless(baseline));
    styled_line(&mut out, HEAD.fg_color(GOOD.get_fg_color()), &text);
    for key in keys {
        styled_line(&mut out, CHANGE, &format!("+ {}", harmless(key)));
    }
    out
}

/// A trial that was put back on request, with what came of it, a line each.
pub fn cancelled(baseline: &str, lines: &[String]) -> String {
    let text = format!("{}: cancelled, as before the trial", harmless(baseline));
    let mut out = String::new();
    styled_line(&mut out, HEAD.fg_color(GOOD.get_fg_color()), &text);
    for line in lines {
        let _ = writeln!(out, "  {}", harmless(line));
    }
    out
}

/// How a trial ended that was waited for, and what came of it, a line each.
pub fn ended(baseline: &str, kept: bool, why: &str, lines: &[String]) -> String {
    let (how, style) = if kept { ("kept", GOOD) } else { ("put back", BAD) };
    let mut out = String::new();
    let text = format!("{}: {how}: {}", harmless(baseline), harmless(why));
    styled_line(&mut out, HEAD.fg_color(style.get_fg_color()), &text);
    for line in lines {
        let _ = writeln!(out, "  {}", harmless(line));
    }
    out
}

/// A trial that is pending, in a sentence.
pub fn pending(trial: &Trial) -> String {
    let values = counted(trial.keys.len(), "value");
    let mut text = format!("a trial of {} is pending: ", harmless(&trial.baseline));
    let _ = write!(text, "{values} live, nothing persisted; ");
    let end = match (trial.left_s, &trial.ends) {
        (Some(left), Some(ends)) => format!("in {left} s, at {}", moment(ends)),
        _ => "at its end".into(),
    };
    let _ = match (trial.kept, &trial.check) {
        (Some(false), _) => write!(
            text,
            "its keeper was killed, so root's next apply, confirm or rollback puts everything back"
        ),
        (_, Some(check)) => write!(
            text,
            "kept {end} where `{}` keeps passing, else put back; `tunectl confirm` keeps it",
            harmless(check)
        ),
        _ => write!(text, "put back {end} unless `tunectl confirm` comes first"),
    };
    text
}
