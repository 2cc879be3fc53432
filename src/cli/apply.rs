//! `tunectl apply`.

use std::time::Duration;

use crate::apply::{self, Options};
use crate::below;
use crate::observed::{Facts, Replaced};
use crate::persist::holds::Holds;
use crate::persist::{LOCK, Lock, LockError, damaged, presence};
use crate::plan::{Outcome, Plan};
use crate::probe::{self, Fact};
use crate::report;
use crate::sources::HOST_BASELINE;
use crate::watch::clock;
use crate::wire;

use super::Exit;
use super::adoption::Adoption;
use super::args::{ApplyArgs, Cli, Format};
use super::boot;
use super::failure::Failure;
use super::host::{self, By, Host};
use super::missed;
use super::plan;
use super::ramp::Pace;
use super::recovery;
use super::saved;
use super::trial;
use super::ui::Ui;

/// Carries a baseline out.
///
/// # Errors
/// The baseline or the host cannot be read, a guard refuses, or the lock is held.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &ApplyArgs, ui: &Ui) -> Result<Exit, Failure> {
    if args.boot {
        return boot::run(cli, args, ui);
    }
    let root = nix::unistd::geteuid().is_root();
    let saved = args.plan.as_deref().map(|path| saved::read(cli, path, root)).transpose()?;
    let name = match &saved {
        Some(saved) => saved.saved_baseline.as_deref(),
        None => args.baseline.baseline.as_deref(),
    };
    let loaded = host::load(cli, name, root)?;
    let mut wanted = host::wanted_facts(cli, &loaded);
    // The day is remembered with what there was before.
    wanted.extend([Fact::BootId, Fact::Today]);
    // A saved plan is compared whole.
    let host = host::open(cli, if saved.is_some() { &Fact::ALL } else { &wanted })?;
    only_root(&host, "apply a baseline")
        .map_err(|failure| failure.help("`tunectl plan` shows the same without root"))?;
    let lock = lock(cli, &host.facts, args.lock_timeout)?;
    recovery::settle(cli, &host, ui)?;
    trial::settle(cli, &host, ui)?;
    let set = host::resolve(loaded, &host, ui)?;
    let by = if args.live_only { By::LiveOnly } else { By::Apply };
    let mut plan = host::plan(cli, &host, set, by);
    missed::refuse_plan(&plan, &host)?;
    plan.ramp(host.facts.mem_total_kb);
    if args.rebase {
        return plan::show(ui, &plan, &host).map(|()| Exit::Done);
    }
    if let Some(saved) = &saved {
        let now = report::plan_json(&plan, &host.facts);
        if !plan.changes() && !args.run_actions && saved::is_so(&saved.plan, &now) {
            // A job that is tried again has reached what was reviewed.
            ui.hint("All that the saved plan was to do is so already.");
        } else {
            compare(cli, &saved.plan, &now)?;
        }
        // Whoever has not saved it learns what it is.
        let own = saved.saved_baseline.as_deref().unwrap_or(HOST_BASELINE);
        ui.hint(&format!("The saved plan is of {own}, {}.", saved.saved_at));
    }
    if let Err(refused) = refuse(&plan, args) {
        if ui.format() == Format::Json {
            ui.json(&report::outcome_json(&plan, &host.facts, &Outcome::default(), "refused"))?;
        }
        return Err(refused);
    }
    let adoption = match name {
        Some(name) if !args.live_only => {
            Adoption::judge(cli, name, args.adopt, &plan.baseline.sources)?
        }
        _ => Adoption::default(),
    };
    if let Some(warning) = &adoption.warning {
        ui.warning(warning);
    }
    Adoption::clear_away(cli);
    if let Some(time) = args.confirm_within {
        return trial::begin(cli, args, ui, (&host, &plan), &adoption, (time, lock));
    }
    let options = Options {
        live_only: args.live_only,
        keep_going: args.keep_going,
        run_actions: args.run_actions,
        boot_id: Some(host.facts.boot_id.clone()),
        further: taken_back(cli, &host, &plan, !args.live_only)?,
        adopted: adoption.files(cli)?,
        ..Options::default()
    };
    let mut pace = Pace::hold(cli, ui, &plan, host.facts.mem_total_kb);
    let outcome = apply::apply(&plan, &host.kernel, &cli.root, &options, &mut |when, step| {
        pace.step(when, step)
    });
    let carried_out = outcome.succeeded() || (args.keep_going && outcome.is_persisted());
    // Last, because nobody may take it.
    show(ui, &plan, &host, &outcome).map_err(|failure| {
        let help = "the baseline was carried out all the same: `tunectl plan` shows it";
        if carried_out { failure.help(help) } else { failure }
    })?;
    hint_prevented(cli, ui, &host, &outcome);
    if outcome.not_kept.is_some() && !options.adopted.is_empty() {
        ui.hint("--live-only changes live values alone.");
    } else if carried_out && !options.adopted.is_empty() {
        ui.hint(&format!(
            "{HOST_BASELINE} now names this baseline: `tunectl plan` needs no -b here."
        ));
    }
    Ok(exit(&plan, &outcome))
}

/// Refuses a saved plan where anything is no longer as it was reviewed.
fn compare(cli: &Cli, saved: &wire::Plan, now: &wire::Plan) -> Result<(), Failure> {
    let moved = saved::moved(cli, saved, now);
    if moved.is_empty() {
        return Ok(());
    }
    let message = format!("the saved plan is stale; nothing was changed\n{}", moved.join("\n"));
    Err(Failure::refused(message)
        .help("`tunectl apply --rebase PLAN` shows what it would be now; save and review it anew"))
}

/// The daemon admits nobody but itself where it prevents: it says EPERM as the kernel would.
pub fn hint_prevented(cli: &Cli, ui: &Ui, host: &Host, outcome: &Outcome) {
    let failed: Vec<String> = outcome.failed_keys().iter().map(ToString::to_string).collect();
    let prevented = presence::find(&cli.root, &host.facts.boot_id)
        .filter(|watch| watch.running || watch.pinned)
        .and_then(|watch| watch.prevented.into_iter().find(|key| failed.contains(key)));
    if let Some(key) = prevented {
        ui.hint(&format!(
            "{key} is prevented by the daemon, which follows edits of {HOST_BASELINE} by itself; \
             to write it from here, first: tunectl unlock {key} --for 10m --reason …"
        ));
    }
}

/// The files of what is let go, where that changes: what the daemon has left to others is the
/// baseline's again, and `wholly` what was rolled back.
fn taken_back(cli: &Cli, host: &Host, plan: &Plan, wholly: bool) -> Result<Vec<Replaced>, Failure> {
    let mut holds = holds_of(cli, &host.facts.boot_id)?;
    if !holds.take_back(plan.items.iter().map(|item| &item.desired.key), wholly) {
        return Ok(Vec::new());
    }
    files_of(cli, &mut holds)
}

/// What is let go, for whoever is to change it.
///
/// # Errors
/// It cannot be read: nothing was changed.
pub fn holds_of(cli: &Cli, boot_id: &str) -> Result<Holds, Failure> {
    Holds::read(&cli.root, boot_id).map_err(|error| {
        Failure::new(format!("what is let go is not known: {error}; nothing was changed"))
    })
}

/// The files of what is let go, as they are and as they are to be.
///
/// # Errors
/// They have no JSON: nothing was changed.
pub fn files_of(cli: &Cli, holds: &mut Holds) -> Result<Vec<Replaced>, Failure> {
    holds
        .files(&cli.root, clock::since_boot())
        .map(Vec::from)
        .map_err(|error| Failure::new(format!("nothing was changed: {error}")))
}

/// Refuses what only root can do, before anything is tried.
///
/// # Errors
/// This is not root, and these are a kernel's parameters.
pub fn only_root(host: &Host, what: &str) -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() || !host.kernel.is_procfs() {
        return Ok(());
    }
    Err(Failure::new(format!("only root can {what}")))
}

/// How an apply ends that has come to this.
pub fn exit(plan: &Plan, outcome: &Outcome) -> Exit {
    if !outcome.moved.is_empty() {
        Exit::Refused
    } else if !outcome.succeeded()
        || plan.left_out().next().is_some()
        || plan.returned.iter().any(|r| r.unread().is_some())
    {
        Exit::Error
    } else {
        Exit::Done
    }
}

/// This boot. Whoever takes the lock must know it: what another boot has left behind is past, and
/// what this one has is to be put right first.
///
/// # Errors
/// It cannot be told.
pub fn this_boot(cli: &Cli) -> Result<String, Failure> {
    probe::boot_id(&cli.root).map_err(unknown_boot)
}

fn unknown_boot(why: impl std::fmt::Display) -> Failure {
    Failure::new(format!("this boot cannot be told from others: {why}; nothing was changed"))
        .help("try it again once the boot id can be read")
}

/// Takes the lock that lets one apply run at a time, where it is known which boot this is.
///
/// # Errors
/// Another one holds it, or it cannot be used.
pub fn lock(cli: &Cli, facts: &Facts, timeout: u32) -> Result<Lock, Failure> {
    if facts.boot_id.is_empty() {
        return Err(this_boot(cli)
            .err()
            .unwrap_or_else(|| unknown_boot("it was not read at first")));
    }
    let path = below::resolve_parent(&cli.root, LOCK)
        .map_err(|error| Failure::new(format!("cannot find {LOCK}: {error}")))?;
    let patience = Duration::from_secs(u64::from(timeout));
    let lock = Lock::take(&path, patience).map_err(|error| match error {
        LockError::Busy(_) => Failure::refused(error.to_string())
            .help("wait for it, or give --lock-timeout more seconds"),
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })?;
    damaged::set_aside(&cli.root);
    Ok(lock)
}

/// Whether an apply holds the lock; `None` where this user cannot see it.
pub fn is_running(cli: &Cli) -> Option<bool> {
    Lock::is_held(&below::resolve_parent(&cli.root, LOCK).ok()?)
}

fn refuse(plan: &Plan, args: &ApplyArgs) -> Result<(), Failure> {
    let refusals = report::of_guards(plan);
    if !refusals.is_empty() {
        return Err(Failure::refused(format!("{}\nnothing was changed", refusals.join("\n"))));
    }
    match plan.in_place().next() {
        Some((foreign, path)) if !args.live_only => {
            Err(Failure::refused(report::foreign(foreign, path)))
        }
        _ => Ok(()),
    }
}

fn show(ui: &Ui, plan: &Plan, host: &Host, outcome: &Outcome) -> Result<(), Failure> {
    match ui.format() {
        Format::Json => {
            let result = match (outcome.succeeded(), outcome.moved.is_empty(), plan.changes()) {
                (_, false, _) => "refused",
                (false, ..) => "failed",
                (true, _, true) => "applied",
                (true, _, false) => "in_sync",
            };
            ui.json(&report::outcome_json(plan, &host.facts, outcome, result))
        }
        Format::Text => ui.result(&report::outcome_text(plan, outcome, ui.layout())),
    }
}
