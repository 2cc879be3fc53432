//! Tells of an apply that was killed, and has it put right.

use crate::apply::{Recovered, recover};
use crate::persist::{ledger, trial as record};
use crate::plan::Recovery;
use crate::{report, trial};

use super::args::Cli;
use super::failure::Failure;
use super::host::Host;
use super::ui::Ui;

/// Puts right what an apply has left behind that was killed, with the lock held, and says so.
///
/// # Errors
/// It cannot be read, or something could not be put back: whoever wants to change more must not.
pub fn settle(cli: &Cli, host: &Host, ui: &Ui) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!(
            "what an interrupted apply has left behind cannot be put right: {error}"
        ))
        .help(format!("look at {} and remove it once all is well", ledger::PATH))
    };
    let boot_id = &host.facts.boot_id;
    if let Ok(Some(mut trial)) = record::read(&cli.root, boot_id)
        && trial.is_open()
    {
        trial::was_kept(&cli.root, &mut trial).map_err(|e| failed(&e))?;
    }
    match recover(&host.kernel, &cli.root, boot_id).map_err(|e| failed(&e))? {
        None => Ok(()),
        Some(recovered) => {
            host.forget();
            for line in told(&recovered) {
                ui.warning(&line);
            }
            if recovered.is_whole() { Ok(()) } else { Err(failed(&"see above")) }
        }
    }
}

/// Says that there is something to put right, to whoever only looks.
pub fn mention(cli: &Cli, ui: &Ui) {
    if !ledger::exists(&cli.root) {
        return;
    }
    ui.warning(match super::apply::is_running(cli) {
        Some(true) => "an apply is running at this moment: what is shown is moving",
        Some(false) => {
            "an apply was interrupted on this host: the next one first takes back what it had begun"
        }
        None => "an apply is running, or was interrupted, on this host: root can see which",
    });
}

fn told(recovered: &Recovered) -> Vec<String> {
    let of = &recovered.unfinished;
    let name = report::harmless(&of.baseline);
    let who = format!("an apply of {name} (pid {}) was interrupted", of.pid);
    if recovered.recovery == Recovery::Finished {
        return vec![format!("{who}; it had carried everything out")];
    }
    let good = recovered.restored.iter().filter(|(_, result)| result.is_ok()).count();
    let what = if recovered.is_whole() {
        format!("what it had written was taken back ({good})")
    } else {
        format!("not all that it had written could be taken back ({good} was)")
    };
    let mut lines = vec![format!("{who}; {what}")];
    lines.extend(trial::not_put_back(recovered));
    lines
}
