//! The host's own baseline: which one a named baseline becomes, and which one it already is.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::path::Path;

use crate::baseline;
use crate::below;
use crate::diagnostic::Source;
use crate::observed::Replaced;
use crate::persist::{clear_away, ledger};
use crate::report;
use crate::sources::{self, HOST_BASELINE, HOST_LAYERS, Sources};

use super::args::Cli;
use super::failure::Failure;
use super::host;

/// Where a replaced baseline is kept.
const REPLACED: &str = "/etc/tunectl/baseline.yaml.replaced";

/// What lies there is gone after a reboot, or some day.
const PASSING: [&str; 4] = ["/dev/shm/", "/run/", "/tmp/", "/var/tmp/"];
/// What lies there is another thing for each process.
const OF_A_PROCESS: [&str; 2] = ["/dev/", "/proc/"];

/// What an apply of a named baseline does to the host's own.
#[derive(Default)]
pub struct Adoption {
    /// The text that it becomes; `None`: it already is that one, or stays as it is.
    text: Option<String>,
    /// What to say of that first.
    pub warning: Option<String>,
}

/// The text of a host baseline that is another baseline and nothing else.
fn pointer(name: &str) -> String {
    format!(
        "# Written by `tunectl apply -b`: the baseline of this host.\n\
         # Give it parameters of its own here, or in layers in {HOST_LAYERS}.\n\
         # While the daemon runs it applies this file once it is saved. To try an edit, save it under\n\
         # another name: tunectl apply -b ./new.yaml --adopt --confirm-within 10m\n\
         name: this-host\n{}\n",
        extends(name)
    )
}

fn extends(name: &str) -> String {
    format!("extends: ['{}']", name.replace('\'', "''"))
}

/// The baseline that a host baseline stands for, if it is as [`Adoption`] writes it: the host
/// then is in sync with that baseline under its own name and hash.
pub fn adopted(text: &str) -> Option<String> {
    let (_, quoted) = text.split_once("extends: ['")?;
    let name = quoted.split_once("']")?.0.replace("''", "'");
    (pointer(&name) == text).then_some(name)
}

impl Adoption {
    /// Judges a named baseline, made of these texts, against the host's own.
    ///
    /// # Errors
    /// The host has another one, and `adopt` was not asked for; or it cannot be the host's own.
    pub fn judge(cli: &Cli, name: &str, adopt: bool, texts: &[Source]) -> Result<Self, Failure> {
        let named = if sources::is_path(name) { absolute(name) } else { name.to_owned() };
        let own = named == HOST_BASELINE || same_file(cli, &named);
        // A path from where the operator stands would not be found again below another root.
        if !own && sources::is_path(name) && cli.root != Path::new("/") && !name.starts_with('/') {
            let root = cli.root.display();
            let warning = format!("{name} is not below {root}: applied, but not made its own");
            return Ok(Self { text: None, warning: Some(warning) });
        }
        let reader =
            Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner: false };
        let layers = reader.list_yaml(HOST_LAYERS).map_err(|e| Failure::new(e.to_string()))?;
        let has_own = reader.exists(HOST_BASELINE);
        if let Some(layer) = layers.first() {
            let first = format!(
                "give it a baseline that they lie on: write {HOST_BASELINE} with the lines \
                 `name: this-host` and `{}`, then apply without -b",
                extends(&named)
            );
            let without = "apply without -b, which takes them in; or give --live-only";
            return Err(Failure::refused(format!("this host has further layers, such as {layer}"))
                .help(if has_own { without.to_owned() } else { first }));
        }
        if own {
            return Ok(Self::default());
        }
        if texts.iter().any(|text| text.name == HOST_BASELINE || same_file(cli, &text.name)) {
            let message = format!("{name} extends {HOST_BASELINE} and cannot take its place");
            return Err(Failure::refused(message).help(format!(
                "make it a layer, in {HOST_LAYERS}, and apply without -b; or give --live-only"
            )));
        }
        let passes = PASSING.iter().any(|place| named.starts_with(place));
        if !passes && OF_A_PROCESS.iter().any(|place| named.starts_with(place)) {
            let message = format!("no boot could read {named} again, as the host's own baseline");
            return Err(Failure::refused(message)
                .help("save it as a file, in /etc/tunectl; or give --live-only"));
        }
        let warning = PASSING.iter().find(|place| named.starts_with(**place)).map(|place| {
            format!(
                "{named} becomes this host's own baseline, and what lies below {place} does not \
                 stay: keep it in /etc/tunectl"
            )
        });
        let text = pointer(&named);
        let is_so = || reader.read(HOST_BASELINE).is_ok_and(|own| own.text == text);
        if has_own && is_so() {
            return Ok(Self { text: None, warning });
        }
        if !has_own || adopt {
            return Ok(Self { text: Some(text), warning });
        }
        let message = format!(
            "this host has a baseline of its own, {HOST_BASELINE}, and it is not {name} alone"
        );
        Err(Failure::refused(message).help(
            "give --adopt to replace it; `tunectl apply` by itself applies that one, and -b with \
             --live-only tries this one",
        ))
    }

    /// The files that it replaces, in order: what an operator wrote by hand is kept beside.
    ///
    /// # Errors
    /// The host's own is a link, which could not be put back, or cannot be read.
    pub fn files(&self, cli: &Cli) -> Result<Vec<Replaced>, Failure> {
        let Some(text) = &self.text else { return Ok(Vec::new()) };
        let read = |path: &str| {
            ledger::text_of(&cli.root, path).map_err(|error| {
                Failure::new(format!("{error}: it could not be kept, and nothing was changed"))
                    .help("move it away; or give --live-only")
            })
        };
        let before = read(HOST_BASELINE)?;
        if before.is_none() && host::has_baseline(cli) {
            let message = format!("{HOST_BASELINE} cannot be read, and so not be kept");
            return Err(Failure::new(message).help("move it away; or give --live-only"));
        }
        let kept = match before.clone().filter(|old| adopted(old).is_none()) {
            Some(old) => {
                let before = read(REPLACED)?;
                Some(Replaced { path: REPLACED.to_owned(), before, after: Some(old) })
            }
            None => None,
        };
        let own = Replaced { path: HOST_BASELINE.to_owned(), before, after: Some(text.clone()) };
        let files: Vec<Replaced> =
            kept.into_iter().filter(|k| k.before != k.after).chain([own]).collect();
        match files.iter().find_map(|file| Some((&file.path, link(cli, &file.path)?))) {
            None => Ok(files),
            Some((path, to)) => {
                let message = format!("{path} is a symbolic link to {to}; nothing was changed");
                Err(Failure::refused(message).help(
                    "tunectl puts no file in a link's place: remove it, or let it lead to the \
                     other baseline and apply without -b; or give --live-only",
                ))
            }
        }
    }

    /// Removes what runs that were killed have begun to write of it. The lock is held.
    pub fn clear_away(cli: &Cli) {
        clear_away(&cli.root, [HOST_BASELINE, REPLACED].into_iter());
    }
}

/// Where a path leads, where a link lies there.
fn link(cli: &Cli, path: &str) -> Option<String> {
    let to = below::resolve_parent(&cli.root, path).and_then(std::fs::read_link).ok()?;
    Some(report::harmless(&to.to_string_lossy()))
}

/// Whether a path leads to the host's own baseline, by whatever links.
fn same_file(cli: &Cli, named: &str) -> bool {
    let real = |path: &str| below::resolve(&cli.root, path).and_then(std::fs::canonicalize).ok();
    named.starts_with('/') && real(named).is_some_and(|path| Some(path) == real(HOST_BASELINE))
}

fn absolute(name: &str) -> String {
    std::path::absolute(name).map_or_else(|_| name.to_owned(), |path| path.display().to_string())
}
