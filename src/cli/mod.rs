//! The program's commands: arguments in, streams and an exit code out.

mod adoption;
mod apply;
mod args;
mod authors;
mod baselines;
mod boot;
mod completions;
mod confirm;
mod drift;
mod failure;
mod fleet;
mod host;
mod keep_trial;
mod loaded;
mod missed;
mod named;
mod outfile;
mod plan;
mod ramp;
mod recovery;
mod report;
mod reports;
mod rollback;
mod saved;
mod schema;
mod signals;
mod status;
mod tips;
mod trial;
mod trial_end;
mod ui;
mod unlock;
mod usual;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::watch::signals::outlive_file_limit;

pub use args::Cli;
use ui::Ui;

/// Parses the arguments, runs the command, and tells how it ended.
pub fn main() -> ExitCode {
    let keeper = keep_trial::asked_for();
    let keeps = keeper.is_some();
    let cli = match keeper.or_else(usual::arguments).map_or_else(Cli::try_parse, Ok) {
        Ok(cli) => cli,
        Err(error) => return ui::usage(error),
    };
    let ui = Ui::new(&cli);
    let result = if keeps {
        keep_trial::run(&cli, &ui)
    } else {
        before(&cli, &ui).and_then(|()| run(&cli, &ui))
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.code().into()
        }
    }
}

fn run(cli: &Cli, ui: &Ui) -> Result<Exit, failure::Failure> {
    match &cli.command {
        args::Command::Report(command) => report::run(cli, command, ui),
        _ if !matches!(cli.format, args::Asked::Text | args::Asked::Json) => {
            Err(failure::Failure::new("only `tunectl report` has that --format")
                .help("the others have text and json"))
        }
        args::Command::Plan(command) => plan::run(cli, command, ui),
        args::Command::Apply(command) => apply::run(cli, command, ui),
        args::Command::Confirm(command) => confirm::run(cli, command, ui),
        args::Command::Rollback(command) => rollback::run(cli, command, ui),
        args::Command::Watch(command) => watch::run(cli, command, ui),
        args::Command::Unlock(command) => unlock::run(cli, command, ui),
        args::Command::Status(command) => status::run(cli, command, ui),
        args::Command::Fleet(command) => fleet::run(command, ui),
        args::Command::Baselines(command) => baselines::run(cli, command, ui),
        args::Command::Completions(command) => completions::run(command, ui),
        args::Command::Schema(command) => schema::run(command, ui),
    }
}

/// Whatever comes after a trial whose keeper was killed puts it back first: on this host.
fn before(cli: &Cli, ui: &Ui) -> Result<(), failure::Failure> {
    // This is all that a plan spends on it where there never was one.
    let has_been = trial::has_been(cli);
    if has_been || writes(&cli.command) {
        outlive_file_limit();
    }
    match &cli.command {
        _ if !has_been => Ok(()),
        // What lies below another root may be anybody's: who only looks changes nothing there.
        args::Command::Plan(_)
        | args::Command::Watch(_)
        | args::Command::Unlock(_)
        | args::Command::Report(_)
            if cli.root != std::path::Path::new("/") =>
        {
            trial::mention(cli, ui);
            Ok(())
        }
        // It shows the trial itself.
        args::Command::Status(_) if cli.root != std::path::Path::new("/") => Ok(()),
        args::Command::Plan(_) => {
            trial::settle_orphan(cli, ui)?;
            trial::mention(cli, ui);
            Ok(())
        }
        args::Command::Watch(_)
        | args::Command::Unlock(_)
        | args::Command::Status(_)
        | args::Command::Report(_) => trial::settle_orphan(cli, ui),
        // Those that take the lock look at it then.
        _ => Ok(()),
    }
}

/// Whether a command writes files, whatever it finds.
fn writes(command: &args::Command) -> bool {
    match command {
        args::Command::Plan(plan) => plan.out.is_some(),
        args::Command::Fleet(fleet) => fleet.html.is_some(),
        args::Command::Status(_)
        | args::Command::Baselines(_)
        | args::Command::Completions(_)
        | args::Command::Schema(_) => false,
        _ => true,
    }
}

/// The commands and arguments as clap knows them, for man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// How a command ended, as scripts know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or in sync.
    Done = 0,
    /// Something went wrong.
    Error = 1,
    /// With `--detailed-exitcode`: something would change, or is not in sync. Of a fleet: the gate
    /// stops the rollout.
    Differs = 2,
    /// A guard, a stale plan or a busy lock stands in the way.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
