//! What was meant by arguments that there are not, where other tools have them.

use clap::error::{ContextKind, ErrorKind};

use crate::report::harmless;

const PLAN: &str = "`tunectl plan` shows what an apply would do";
const BASELINES: &str = "`tunectl baselines` lists what -b takes by name, and prints one";
const STATUS: &str = "`tunectl status` shows whether this host is in sync";
const USABLE: &str = "`tunectl plan -b BASELINE` shows whether a baseline can be used";

/// Commands of other tools, with what does the same here.
const COMMANDS: [(&str, &[&str]); 5] = [
    ("show", &[PLAN, STATUS, BASELINES]),
    ("list", &[BASELINES]),
    ("diff", &[PLAN]),
    ("check", &[STATUS, USABLE]),
    ("verify", &[STATUS, USABLE]),
];

/// What to tell of a usage error beyond what clap does.
pub fn of(error: &clap::Error) -> Vec<String> {
    let text = |kind| error.get(kind).map(ToString::to_string);
    let is_of = |command: &str| {
        text(ContextKind::Usage).is_some_and(|usage| usage.contains(&format!("tunectl {command} ")))
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let meant = COMMANDS.iter().find(|(other, _)| *other == word);
            meant.map_or_else(Vec::new, |(_, tips)| tips.iter().map(ToString::to_string).collect())
        }
        ErrorKind::UnknownArgument => {
            let argument = text(ContextKind::InvalidArg).unwrap_or_default();
            match argument.as_str() {
                "--dry-run" | "-n" if is_of("apply") => vec![PLAN.to_owned()],
                "--yes" | "-y" if is_of("apply") => vec!["apply does not ask".to_owned()],
                // What it is to plan, most likely.
                word if !word.starts_with('-') && is_of("plan") => {
                    let word = harmless(word);
                    vec![format!("a baseline is named with -b: tunectl plan -b {word}")]
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
