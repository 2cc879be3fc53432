//! `apply --confirm-within --wait`: stays until the trial has ended, and tells how.

use std::time::Duration;

use crate::below;
use crate::persist::trial::{self as record, State, Trial};
use crate::persist::{LOCK, Lock};
use crate::report;
use crate::trial;
use crate::watch::clock;

use super::Exit;
use super::args::{Cli, Format};
use super::confirm;
use super::failure::Failure;
use super::signals::Signals;
use super::trial::settle_orphan;
use super::ui::Ui;

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(200);

/// How long whoever ends it is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the end of the trial that this process has begun, whoever ends it.
///
/// # Errors
/// How it ended is not known, or it cannot be put back.
pub fn wait(cli: &Cli, ui: &Ui, begun: &Trial) -> Result<Exit, Failure> {
    // Still held back from when the values were written.
    let signals = Signals::hold();
    loop {
        if let Some(name) = signals.asked_to_end() {
            let left = begun.left(clock::since_boot()).as_secs();
            return Err(Failure::new(format!("no longer waited for, because of {name}"))
                .help(format!("the trial runs all the same, for {left} s")));
        }
        let trial = record::read(&cli.root, &begun.boot_id).map_err(|why| unknown(begun, &why))?;
        let Some(trial) = trial.filter(|trial| trial.pid == begun.pid) else {
            return Err(unknown(begun, &"its record is gone"));
        };
        if !trial.is_open() {
            // Whoever ends it has the lock until its parameters are given back, too.
            if let Ok(place) = below::resolve_parent(&cli.root, LOCK) {
                drop(Lock::take(&place, PATIENCE));
            }
            return tell(ui, &trial);
        }
        if trial::is_kept(&cli.root) == Some(false) {
            settle_orphan(cli, ui)?;
        }
        clock::pause(LOOK);
    }
}

fn unknown(trial: &Trial, why: &dyn std::fmt::Display) -> Failure {
    let name = report::harmless(&trial.baseline);
    Failure::new(format!("how the trial of {name} ended is not known: {why}"))
        .help("`tunectl status` shows how this host stands")
}

fn tell(ui: &Ui, trial: &Trial) -> Result<Exit, Failure> {
    let ended = trial.ended.clone().unwrap_or_default();
    let is_kept = trial.state == State::Confirmed;
    let lines = if is_kept { Vec::new() } else { ended.lines };
    match ui.format() {
        Format::Json => ui.json(&confirm::ended(trial, &[], lines))?,
        Format::Text => {
            let text = report::trial_ended(&trial.baseline, is_kept, &ended.why, &lines);
            ui.result(&text)?;
        }
    }
    Ok(if is_kept { Exit::Done } else { Exit::Error })
}
