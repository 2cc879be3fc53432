//! The host's own baseline: which one a named baseline becomes, and which one it already is.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::path::Path;

use crate::baseline;
use crate::below;
use crate::observed::Replaced;
use crate::persist::{Staged, ledger};
use crate::sources::{self, HOST_BASELINE, HOST_LAYERS, Sources};

use super::args::Cli;
use super::failure::Failure;

/// Where a replaced baseline is kept.
const REPLACED: &str = "/etc/tunectl/baseline.yaml.replaced";

/// What lies there is gone after a reboot, or some day.
const PASSING: [&str; 4] = ["/dev/shm/", "/run/", "/tmp/", "/var/tmp/"];

/// What an apply of a named baseline does to the host's own.
pub enum Adoption {
    /// Nothing: it already is that one.
    None,
    /// It becomes this text.
    Write(String),
}

/// The text of a host baseline that is another baseline and nothing else.
fn pointer(name: &str) -> String {
    format!(
        "# Written by `tunectl apply -b`: the baseline of this host.\n\
         # Give it parameters of its own here, or in layers in {HOST_LAYERS}.\n\
         name: this-host\nextends: ['{}']\n",
        name.replace('\'', "''")
    )
}

/// The baseline that a host baseline stands for, if it is as [`Adoption`] writes it: the host
/// then is in sync with that baseline under its own name and hash.
pub fn adopted(text: &str) -> Option<String> {
    let (_, quoted) = text.split_once("extends: ['")?;
    let name = quoted.split_once("']")?.0.replace("''", "'");
    (pointer(&name) == text).then_some(name)
}

impl Adoption {
    /// Judges a named baseline against the host's own.
    ///
    /// # Errors
    /// The host has another one, and `adopt` was not asked for.
    pub fn judge(cli: &Cli, name: &str, adopt: bool) -> Result<Self, Failure> {
        let named = if sources::is_path(name) { absolute(name) } else { name.to_owned() };
        if named == HOST_BASELINE || same_file(cli, &named) {
            return Ok(Self::None);
        }
        // A path from where the operator stands would not be found again below another root.
        if sources::is_path(name) && cli.root != Path::new("/") && !name.starts_with('/') {
            log::warn!("{name} is not below {}: applied, but not made its own", cli.root.display());
            return Ok(Self::None);
        }
        let reader =
            Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner: false };
        let layers = reader.list_yaml(HOST_LAYERS).map_err(|e| Failure::new(e.to_string()))?;
        if let Some(layer) = layers.first() {
            return Err(Failure::refused(format!("this host has further layers, such as {layer}"))
                .help("apply without -b, which takes them in; or give --live-only"));
        }
        if let Some(place) = PASSING.iter().find(|place| named.starts_with(**place)) {
            log::warn!(
                "{named} becomes this host's own baseline, and what lies below {place} does not \
                 stay: keep it in /etc/tunectl"
            );
        }
        let text = pointer(&named);
        if !reader.exists(HOST_BASELINE) {
            return Ok(Self::Write(text));
        }
        if reader.read(HOST_BASELINE).is_ok_and(|own| own.text == text) {
            return Ok(Self::None);
        }
        if adopt {
            return Ok(Self::Write(text));
        }
        let message = format!(
            "this host has a baseline of its own, {HOST_BASELINE}, and it is not {name} alone"
        );
        Err(Failure::refused(message).help(
            "apply that one (without -b), or give --adopt to replace it, or --live-only to try this one",
        ))
    }

    /// The files that it replaces, in order: what an operator wrote by hand is kept beside.
    pub fn files(&self, cli: &Cli) -> Vec<Replaced> {
        let Self::Write(text) = self else { return Vec::new() };
        let before = ledger::text_of(&cli.root, HOST_BASELINE);
        let kept = before.clone().filter(|old| adopted(old).is_none()).map(|old| Replaced {
            path: REPLACED.to_owned(),
            before: ledger::text_of(&cli.root, REPLACED),
            after: Some(old),
        });
        let own = Replaced { path: HOST_BASELINE.to_owned(), before, after: Some(text.clone()) };
        kept.into_iter().filter(|k| k.before != k.after).chain([own]).collect()
    }

    /// Lays the host's new baseline beside its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn stage(&self, cli: &Cli) -> Result<Option<Staged>, Failure> {
        let Self::Write(text) = self else { return Ok(None) };
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("this host's baseline cannot be written, so nothing was: {error}"))
                .help("give --live-only to change live values alone")
        };
        let place = below::resolve_parent(&cli.root, HOST_BASELINE).map_err(|e| failed(&e))?;
        Staged::write(&place, text.as_bytes()).map(Some).map_err(|e| failed(&e))
    }

    /// Puts the host's new baseline in place; whether there was one.
    ///
    /// # Errors
    /// It cannot be put in place.
    pub fn carry_out(cli: &Cli, staged: Option<Staged>) -> Result<bool, Failure> {
        let Some(staged) = staged else { return Ok(false) };
        Self::keep_replaced(cli)?;
        staged
            .commit()
            .map_err(|error| Failure::new(format!("applied, but not adopted: {error}")))?;
        Ok(true)
    }

    /// What an operator wrote by hand is kept beside the new one.
    fn keep_replaced(cli: &Cli) -> Result<(), Failure> {
        let reader =
            Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner: false };
        let Ok(old) = reader.read(HOST_BASELINE) else { return Ok(()) };
        if adopted(&old.text).is_some() {
            return Ok(());
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("applied, but not adopted: {error}"))
        };
        let place = below::resolve_parent(&cli.root, REPLACED).map_err(|e| failed(&e))?;
        Staged::write(&place, old.text.as_bytes()).and_then(Staged::commit).map_err(|e| failed(&e))
    }
}

/// Whether a path leads to the host's own baseline, by whatever links.
fn same_file(cli: &Cli, named: &str) -> bool {
    let real = |path: &str| below::resolve(&cli.root, path).and_then(std::fs::canonicalize).ok();
    named.starts_with('/') && real(named).is_some_and(|path| Some(path) == real(HOST_BASELINE))
}

fn absolute(name: &str) -> String {
    std::path::absolute(name).map_or_else(|_| name.to_owned(), |path| path.display().to_string())
}
