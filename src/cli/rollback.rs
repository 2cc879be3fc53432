//! `tunectl rollback`.
#![allow(clippy::disallowed_methods, reason = "it asks, and tells who asked")]

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::apply::{self, Options};
use crate::key::{Key, Selector};
use crate::observed::Replaced;
use crate::persist::holds::{EVERYTHING, Hold, RELEASED};
use crate::plan::{Plan, Returned};
use crate::probe::Fact;
use crate::report;
use crate::report::rollback as told;

use super::args::{Cli, Format, RollbackArgs};
use super::authors::Authors;
use super::failure::Failure;
use super::host::{self, Host};
use super::ramp::Pace;
use super::ui::Ui;
use super::{Exit, recovery, trial};

/// Gives back what tunectl has written: shown first, then carried out once that is agreed to.
///
/// # Errors
/// Nobody agrees, a guard refuses, or the host cannot be looked at.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &RollbackArgs, ui: &Ui) -> Result<Exit, Failure> {
    let host = host::open(cli, &Fact::ALL)?;
    if !args.dry_run {
        super::apply::only_root(&host, "give back what there was")?;
    }
    let authors = Authors::of(cli, &host.facts.boot_id);
    let who = |key: &Key, live: &str| authors.who(key, live);
    if args.dry_run || !args.yes {
        recovery::mention(cli, ui);
        trial::mention(cli, ui);
        let plan = host::rollback(cli, &host, &args.keys, &args.allow)?;
        host.missed.refuse()?;
        let held = is_held(cli, args, &host)?;
        if ui.format() == Format::Text {
            ui.result(&told::text(&plan, held, &who, ui.layout()))?;
        }
        let nothing = told::is_nothing(&plan, held);
        if args.dry_run || nothing {
            if ui.format() == Format::Json {
                ui.json(&told::planned(&plan, held, &host.facts, &who))?;
            }
            if nothing && args.keys.is_empty() {
                hint_released(cli, ui, true);
            }
            return Ok(Exit::Done);
        }
        refuse(&plan, args)?;
        if !agree(ui)? {
            ui.hint("Nothing was changed.");
            return Ok(Exit::Refused);
        }
        return carry_out(cli, args, ui, &host, Some(&plan));
    }
    carry_out(cli, args, ui, &host, None)
}

/// Carries it out, with the lock held; `shown`: as it was agreed to.
fn carry_out(
    cli: &Cli,
    args: &RollbackArgs,
    ui: &Ui,
    host: &Host,
    shown: Option<&Plan>,
) -> Result<Exit, Failure> {
    let _lock = super::apply::lock(cli, &host.facts, args.lock_timeout)?;
    host.forget();
    recovery::settle(cli, host, ui)?;
    trial::settle(cli, host, ui)?;
    let mut plan = host::rollback(cli, host, &args.keys, &args.allow)?;
    host.missed.refuse()?;
    let authors = Authors::of(cli, &host.facts.boot_id);
    let who = |key: &Key, live: &str| authors.who(key, live);
    let held = is_held(cli, args, host)?;
    let mut wire = told::planned(&plan, held, &host.facts, &who);
    if shown.is_some_and(|shown| told::planned(shown, held, &host.facts, &who) != wire) {
        let message = "something has moved since this was shown; nothing was changed";
        return Err(Failure::refused(message).help("look at it again: tunectl rollback"));
    }
    if shown.is_none()
        && ui.format() == Format::Text
        && let Err(failure) = ui.result(&told::text(&plan, held, &who, ui.layout()))
    {
        // It was agreed to unseen.
        ui.warning(&failure.message);
    }
    refuse(&plan, args)?;
    if told::is_nothing(&plan, held) {
        if ui.format() == Format::Json {
            ui.json(&wire)?;
        }
        if args.keys.is_empty() {
            hint_released(cli, ui, true);
        }
        return Ok(Exit::Done);
    }
    let options = Options {
        keep_going: args.keep_going,
        boot_id: Some(host.facts.boot_id.clone()),
        further: released(cli, args, host, &plan)?,
        ..Options::default()
    };
    plan.ramp(host.facts.mem_total_kb);
    let mut pace = Pace::hold(cli, ui, &plan, host.facts.mem_total_kb);
    let done = apply::apply(&plan, &host.kernel, &cli.root, &options, &mut |when, step| {
        pace.step(when, step)
    });
    let ended = match ui.format() {
        Format::Text => ui.result(&told::ended_text(&plan, &done, ui.layout())),
        Format::Json => {
            told::ended(&mut wire, &plan, &done);
            ui.json(&wire)
        }
    };
    ended.map_err(
        |failure| {
            if done.succeeded() { failure.after("it was given back") } else { failure }
        },
    )?;
    super::apply::hint_prevented(cli, ui, host, &done);
    if done.succeeded() {
        hint_released(cli, ui, is_everything(args, &plan));
    }
    Ok(if done.succeeded() && told::unread(&plan).next().is_none() {
        Exit::Done
    } else if done.moved.is_empty() {
        Exit::Error
    } else {
        Exit::Refused
    })
}

/// Whether boot unit or daemon hold a baseline that is not let go as a whole: that is something to
/// let go, although nothing of it may have been written.
fn is_held(cli: &Cli, args: &RollbackArgs, host: &Host) -> Result<bool, Failure> {
    let boot_id = &host.facts.boot_id;
    Ok(args.keys.is_empty()
        && (host::has_baseline(cli) || host::no_orphan(cli, boot_id).is_err())
        && !super::apply::holds_of(cli, boot_id)?.released().all)
}

/// Whether the whole baseline is let go: what a guard keeps as it is stays held.
fn is_everything(args: &RollbackArgs, plan: &Plan) -> bool {
    args.keys.is_empty() && plan.returned.iter().all(Returned::is_given)
}

fn hint_released(cli: &Cli, ui: &Ui, everything: bool) {
    if !host::has_baseline(cli) {
        return;
    }
    ui.hint(&if everything {
        format!("Now and after a reboot {}.", report::NOTHING_HELD)
    } else {
        "The boot unit and the daemon leave these alone, also after a reboot, until the next \
         `tunectl apply`."
            .to_owned()
    });
}

fn refuse(plan: &Plan, args: &RollbackArgs) -> Result<(), Failure> {
    let unread: Vec<String> = told::unread(plan).collect();
    if !unread.is_empty() && !args.keep_going {
        return Err(Failure::new(format!("{}\nnothing was changed", unread.join("\n")))
            .help("try it again; --keep-going gives back the others"));
    }
    let refusals = report::of_guards(plan);
    if refusals.is_empty() || args.keep_going {
        return Ok(());
    }
    let message = format!("{}\nnothing was changed", refusals.join("\n"));
    Err(Failure::refused(message).help("--keep-going gives back the others"))
}

/// Asks on the terminal.
fn agree(ui: &Ui) -> Result<bool, Failure> {
    if ui.format() == Format::Json || !io::stdin().is_terminal() {
        let message = "there is nobody to ask; nothing was changed";
        return Err(Failure::refused(message)
            .help("give --yes to carry it out, or --dry-run to only see it"));
    }
    ui.question("\nRoll back? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The files of holds with what is let go from now on.
fn released(
    cli: &Cli,
    args: &RollbackArgs,
    host: &Host,
    plan: &Plan,
) -> Result<Vec<Replaced>, Failure> {
    let mut holds = super::apply::holds_of(cli, &host.facts.boot_id)?;
    let user = std::env::var("SUDO_USER").unwrap_or_else(|_| "root".into());
    let hold = Hold {
        kind: RELEASED.into(),
        by: format!("{user}, by `tunectl rollback`"),
        reason: None,
        until: None,
        until_since_boot: None,
    };
    let stays = |key: &Key| plan.returned.iter().any(|r| r.key == *key && !r.is_given());
    let given = plan.returned.iter().filter(|r| r.is_given()).map(|r| r.key.to_string());
    let named = args.keys.iter().filter_map(|selector| match selector {
        Selector::Key(key) if stays(key) => None,
        selector => Some(selector.to_string()),
    });
    let everything = is_everything(args, plan).then(|| EVERYTHING.to_owned());
    for name in given.chain(named).chain(everything) {
        // Whatever was let go of it for a while has nothing to come back to.
        holds.holds.remove(&name);
        holds.release(name, hold.clone());
    }
    super::apply::files_of(cli, &mut holds)
}
