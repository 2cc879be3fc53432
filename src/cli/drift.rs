//! What `tunectl watch` has recorded, for `tunectl status`.

use std::path::Path;
use std::time::Duration;

use crate::persist::events::{Follow, newest};
use crate::report::drift;
use crate::report::event::{When, line};
use crate::wire::Drift;

use super::Exit;
use super::args::{Cli, Format};
use super::failure::Failure;
use super::ui::Ui;

/// So many lines of the log are looked at, the newest first.
const LOOKED_AT: usize = 20_000;
/// Nothing is to be done until something happens.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What happened in this boot; or why that cannot be told.
pub fn since_boot(cli: &Cli, boot_id: &str) -> Result<Drift, String> {
    let recent = newest(&cli.root, LOOKED_AT, LOOKED_AT, &|e| e.boot_id == boot_id)
        .map_err(|error| format!("recent drift is not shown: {error}"))?;
    let partial = recent.events.len() == LOOKED_AT;
    Ok(drift::drift(recent.events, recent.damaged, partial))
}

/// Shows the status, then each event as it happens; damage of the log on standard error.
///
/// # Errors
/// The log cannot be read, or standard output not be written.
pub fn follow(
    cli: &Cli,
    ui: &Ui,
    status: impl FnOnce() -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let failed = |error: crate::persist::PersistError| {
        Failure::new(error.to_string())
            .help("it is for root and the group adm; `tunectl watch` writes it")
    };
    // From before the status on, so that nothing falls between the two.
    let mut log = Follow::begin(&cli.root).map_err(failed)?;
    if ui.format() == Format::Text {
        status()?;
    }
    let user = users(cli);
    loop {
        let added = log.next(PATIENCE).map_err(failed)?;
        if added.damaged > 0 {
            ui.warning(&drift::damaged(added.damaged));
        }
        for event in added.events {
            let goes_on = match ui.format() {
                Format::Json => ui.json_line(&event)?,
                Format::Text => ui.part(&(line(&event, When::Time, &user) + "\n"))?,
            };
            if !goes_on {
                return Ok(Exit::Done);
            }
        }
    }
}

/// The names of users, of this host only.
pub fn users(cli: &Cli) -> impl Fn(u32) -> Option<String> + use<> {
    let is_here = cli.root == Path::new("/");
    move |uid| {
        let user = is_here.then(|| nix::unistd::User::from_uid(uid.into()).ok().flatten());
        user.flatten().map(|user| user.name)
    }
}
