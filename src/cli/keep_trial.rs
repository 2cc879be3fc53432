//! The keeper of a trial: what `apply --confirm-within` starts, and nobody else.
#![allow(clippy::disallowed_methods, reason = "it looks at the command line itself")]

use clap::Parser as _;

use crate::spawn;
use crate::trial;
use crate::watch::signals::outlive_file_limit;

use super::Exit;
use super::apply::this_boot;
use super::args::Cli;
use super::failure::Failure;
use super::ui::Ui;

/// The arguments as the keeper knows them, where this process was started as one. It is no command
/// that a help, a manual or a completion would tell of.
pub fn asked_for() -> Option<Cli> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let [flag, root, keep] = &args[..] else { return None };
    if flag != "--root" || keep != spawn::KEEP {
        return None;
    }
    let stand_in = ["tunectl".as_ref(), "--root".as_ref(), root.as_os_str(), "confirm".as_ref()];
    Cli::try_parse_from(stand_in).ok()
}

/// Keeps the trial that is about to begin until it ends.
///
/// # Errors
/// There is none, it cannot be kept, or at its end not be put back.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, ui: &Ui) -> Result<Exit, Failure> {
    outlive_file_limit();
    let boot_id = this_boot(cli)?;
    let lines = trial::keep(&cli.root, &boot_id, spawn::detach)
        .map_err(|error| Failure::new(error.to_string()))?;
    for line in lines {
        ui.hint(&line);
    }
    Ok(Exit::Done)
}
