//! The plainest command lines of `plan`, read without clap: building its tree of all commands
//! takes longer than the plan does.
//!
//! The tree stays the one declaration. What is read here is read as clap reads it, which a test
//! compares; whatever else there is, a mistake above all, is left to clap.
#![allow(clippy::disallowed_methods, reason = "the command line")]

use std::ffi::OsString;

use super::args::{Asked, BaselineArgs, Cli, Color, Command, PlanArgs};

/// The process's own arguments, where they are of the plainest kind.
pub fn arguments() -> Option<Cli> {
    read(std::env::args_os().skip(1))
}

/// `plan`, then options of its own, each at most once.
fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<Cli> {
    if arguments.next()? != "plan" {
        return None;
    }
    let (mut baseline, mut format, mut quiet, mut detailed_exitcode) = (None, None, false, false);
    while let Some(argument) = arguments.next() {
        let new = match argument.to_str()? {
            "-b" | "--baseline" => baseline.replace(value(arguments.next()?)?).is_none(),
            "--format" => {
                let wanted = match arguments.next()?.to_str()? {
                    "text" => Asked::Text,
                    "json" => Asked::Json,
                    _ => return None,
                };
                format.replace(wanted).is_none()
            }
            "-q" | "--quiet" => !std::mem::replace(&mut quiet, true),
            "--detailed-exitcode" => !std::mem::replace(&mut detailed_exitcode, true),
            _ => return None,
        };
        if !new {
            return None;
        }
    }
    let baseline = BaselineArgs { baseline };
    Some(Cli {
        command: Command::Plan(PlanArgs { baseline, facts: None, out: None, detailed_exitcode }),
        root: "/".into(),
        format: format.unwrap_or(Asked::Text),
        color: Color::Auto,
        verbose: 0,
        quiet,
    })
}

/// A value that can be taken for nothing else.
fn value(argument: OsString) -> Option<String> {
    argument.into_string().ok().filter(|text| !text.is_empty() && !text.starts_with('-'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;
    use proptest::prelude::*;

    use super::*;

    fn read_here(words: &[&str]) -> Option<Cli> {
        read(words.iter().map(OsString::from))
    }

    /// What clap makes of the same words, if they are no mistake.
    fn read_by_clap(words: &[&str]) -> Option<Cli> {
        Cli::try_parse_from(["tunectl"].iter().chain(words)).ok()
    }

    #[test]
    fn the_usual_ones_are_read_here() {
        for line in [
            "plan",
            "plan -b rocketmq-broker",
            "plan -q -b rocketmq-broker",
            "plan --baseline ./a.yaml --quiet",
            "plan --format json -b a --detailed-exitcode",
            "plan --format text",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let here = read_here(&words).map(|cli| format!("{cli:?}"));
            assert_eq!(here, read_by_clap(&words).map(|cli| format!("{cli:?}")), "{line}");
            assert!(here.is_some(), "{line}");
        }
    }

    const WORDS: [&str; 22] = [
        "plan",
        "apply",
        "status",
        "help",
        "-b",
        "--baseline",
        "-bx",
        "--baseline=x",
        "x",
        "",
        "-",
        "--",
        "-q",
        "--quiet",
        "-v",
        "-qv",
        "--format",
        "json",
        "text",
        "--detailed-exitcode",
        "--root",
        "--help",
    ];

    proptest! {
        #[test]
        fn what_is_read_here_is_what_clap_reads(
            first in prop_oneof![4 => Just("plan"), 1 => prop::sample::select(&WORDS[..])],
            rest in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..7),
        ) {
            let words: Vec<&str> = std::iter::once(first).chain(rest).collect();
            if let Some(here) = read_here(&words) {
                let clap = read_by_clap(&words);
                prop_assert!(clap.is_some(), "clap refuses {words:?}");
                prop_assert_eq!(format!("{here:?}"), format!("{:?}", clap.unwrap()));
            }
        }
    }
}
