//! `tunectl status`.

use std::path::Path;

use crate::persist::holds::{Hold, Holds, TRIAL};
use crate::persist::presence;
use crate::probe::Fact;
use crate::report::{all_released, status as report, status_text};
use crate::sources::HOST_BASELINE;
use crate::watch::{bpf, clock};
use crate::wire::{LetGo, Status};

use super::args::{Cli, Format, StatusArgs};
use super::failure::Failure;
use super::host::By;
use super::ui::Ui;
use super::{Exit, drift, host, missed, recovery, reports, trial};

/// Shows how this host stands; changes nothing.
///
/// # Errors
/// The host cannot be looked at.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &StatusArgs, ui: &Ui) -> Result<Exit, Failure> {
    if args.follow {
        return drift::follow(cli, ui, || stand(cli, args, ui).map(|_| ()));
    }
    stand(cli, args, ui)
}

fn stand(cli: &Cli, args: &StatusArgs, ui: &Ui) -> Result<Exit, Failure> {
    recovery::mention(cli, ui);
    let root = nix::unistd::geteuid().is_root();
    let host = host::open(cli, &Fact::ALL)?;
    let boot = reports::of_boot(cli, &host.facts).map(|(_, report)| report);
    if !host::has_baseline(cli) {
        let orphan = host::no_orphan(cli, &host.facts.boot_id);
        let result = if orphan.is_err() { "failed" } else { "no_baseline" };
        let mut status = report::unplanned(&host.facts, boot, result);
        if let Err(failure) = &orphan {
            status.errors = failure.problems();
        }
        show(cli, ui, &mut status)?;
        orphan?;
        let misnamed = host::misnamed(cli);
        ui.hint(match &status.trial {
            Some(trial) if trial::is_in_the_way(trial) => trial::FIRST,
            _ => misnamed.as_deref().unwrap_or("To give it one, as root: tunectl apply -b NAME"),
        });
        // Whoever asks whether it is in sync is not to take that for a yes.
        return Ok(if args.detailed_exitcode { Exit::Differs } else { Exit::Done });
    }
    let planned = host::load(cli, None, root).and_then(|loaded| {
        let set = host::resolve(loaded, &host, ui)?;
        let plan = host::plan(cli, &host, set, By::Nobody);
        missed::refuse_plan(&plan, &host)?;
        Ok(plan)
    });
    let plan = match planned {
        Ok(plan) => plan,
        Err(failure) => {
            let mut status = report::unplanned(&host.facts, boot, "failed");
            status.errors = failure.problems();
            show(cli, ui, &mut status)?;
            return Err(failure);
        }
    };
    let mut status = report::status(&plan, &host.facts, boot);
    show(cli, ui, &mut status)?;
    let differs = status.result != "in_sync";
    if status.trial.as_ref().is_some_and(trial::is_in_the_way) {
        ui.hint(trial::FIRST);
    } else if differs && !status.refusals.is_empty() {
        ui.hint("An apply would refuse this; the reasons stand above.");
    } else if differs && plan.changes() && all_released(&status).is_none() {
        ui.hint(&format!("To carry {HOST_BASELINE} out, as root: tunectl apply"));
    }
    Ok(if differs && args.detailed_exitcode { Exit::Differs } else { Exit::Done })
}

fn show(cli: &Cli, ui: &Ui, status: &mut Status) -> Result<(), Failure> {
    status.trial = trial::pending(cli, &status.host.boot_id);
    status.notes.extend(trial::last_put_back(cli, &status.host.boot_id));
    match drift::since_boot(cli, &status.host.boot_id) {
        Ok(drift) => status.drift = Some(drift),
        Err(why) => status.notes.push(why),
    }
    status.daemon = presence::find(&cli.root, &status.host.boot_id);
    // Of a pin the file system knows more than what its daemon said last.
    if let Some(watch) = status.daemon.as_mut().filter(|watch| !watch.running && watch.pinned)
        && cli.root == Path::new("/")
        && bpf::is_unpinned()
    {
        (watch.pinned, watch.prevented) = (false, Vec::new());
    }
    status.let_go = let_go(cli, &status.host.boot_id);
    match ui.format() {
        Format::Json => ui.json(status),
        Format::Text => ui.result(&status_text(status, ui.layout(), &drift::users(cli))),
    }
}

fn let_go(cli: &Cli, boot_id: &str) -> Vec<LetGo> {
    let (mut holds, since_boot) = (Holds::told(&cli.root, boot_id), clock::since_boot());
    // A trial is told by itself.
    holds.holds.retain(|_, hold| !hold.is_over(since_boot) && hold.kind != TRIAL);
    let of = |(key, hold): (String, Hold)| LetGo {
        key,
        kind: hold.kind,
        by: hold.by,
        reason: hold.reason,
        until: hold.until,
    };
    holds.all().into_iter().map(of).collect()
}
