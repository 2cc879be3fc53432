//! `tunectl plan`.

use std::borrow::Cow;
use std::path::Path;

use crate::persist::conf::wrong_rights;
use crate::plan::{Plan, has_secret};
use crate::probe::Fact;
use crate::report;

use super::adoption::Adoption;
use super::args::{Cli, Format, PlanArgs};
use super::failure::Failure;
use super::host::{By, Host};
use super::ui::Ui;
use super::{Exit, host, missed, recovery, saved, trial};

/// Shows what would be done; changes nothing.
///
/// # Errors
/// The baseline or the host cannot be read.
pub fn run(cli: &Cli, args: &PlanArgs, ui: &Ui) -> Result<Exit, Failure> {
    let name = args.baseline.baseline.as_deref();
    recovery::mention(cli, ui);
    let loaded = host::load(cli, name, false)?;
    let host = match &args.facts {
        // A file may name any fact, and what it does not name is this host's.
        Some(path) => host::play(host::open(cli, &Fact::ALL)?, path, &loaded.layers, ui)?,
        // What is saved is saved whole.
        None if args.out.is_some() => host::open(cli, &Fact::ALL)?,
        None => host::open(cli, &host::wanted_facts(cli, &loaded))?,
    };
    if args.facts.is_some() {
        ui.hint("The facts are played; live values and the next boot are this machine's.\n");
    }
    let set = host::resolve(loaded, &host, ui)?;
    let mut plan = host::plan(cli, &host, set, By::Nobody);
    missed::refuse_plan(&plan, &host)?;
    plan.ramp(host.facts.mem_total_kb);
    let ours = plan.files().filter(|file| file.foreign.is_none());
    let wrong = |path, text: &[u8]| {
        wrong_rights(&cli.root, path, has_secret(&String::from_utf8_lossy(text)))
    };
    for wrong in ours.filter_map(|file| wrong(file.path, file.before.as_deref()?)) {
        ui.warning(&format!("{wrong}: an apply writes it anew"));
    }
    show(ui, &plan, &host)?;
    let refused = plan.refusals().next().is_some() || plan.foreign().is_some();
    if refused {
        ui.hint("\nAn apply would refuse this plan; the reasons stand above.");
        return Ok(Exit::Refused);
    }
    if let Some(path) = &args.out {
        saved::save(cli, path, &plan, &host, name)?;
    }
    if args.out.is_some() || plan.changes() && args.facts.is_none() {
        hint(cli, args, &plan, ui);
    }
    let differs = args.detailed_exitcode && (plan.changes() || !plan.in_sync());
    // The process ends here, and its memory with it: nothing is gained by taking it apart first.
    std::mem::forget((plan, host));
    Ok(if differs { Exit::Differs } else { Exit::Done })
}

/// Says how the plan is carried out.
fn hint(cli: &Cli, args: &PlanArgs, plan: &Plan, ui: &Ui) {
    let done = if args.out.is_some() { "Saved." } else { "Nothing was changed." };
    if trial::bars(cli) {
        return ui.hint(&format!("\n{done} {}", trial::FIRST));
    }
    if let Some(left_out) = report::left_out(plan) {
        ui.hint(&format!("\n{left_out}."));
    }
    let name = args.baseline.baseline.as_deref();
    // Where the host has another baseline of its own, that is to be said.
    let named = name.filter(|_| cli.root == Path::new("/"));
    let judge = |adopt| {
        named.map_or(Ok(Adoption::default()), |name| {
            Adoption::judge(cli, name, adopt, &plan.baseline.sources)
        })
    };
    let (adoption, adopts) = match judge(false) {
        Ok(adoption) => (Ok(adoption), ""),
        Err(_) => (judge(true), " --adopt, which replaces this host's own baseline"),
    };
    if let Some(warning) = adoption.as_ref().ok().and_then(|adoption| adoption.warning.as_ref()) {
        ui.warning(warning);
    }
    let Some(path) = &args.out else {
        let besides = match (&adoption, adopts) {
            (Ok(_), "") => String::new(),
            (Ok(_), adopts) => format!("{adopts}, or --live-only"),
            (Err(_), _) => " --live-only, because this host has layers of its own".to_owned(),
        };
        let name = name.map(|n| format!(" -b {}", word(n))).unwrap_or_default();
        return ui
            .hint(&format!("\n{done} To carry it out, as root: tunectl apply{name}{besides}"));
    };
    let path = path.display().to_string();
    let path = word(&path);
    ui.hint(&match adoption {
        Ok(_) => format!("\n{done} To do exactly this, as root: tunectl apply {path}{adopts}"),
        // A saved plan is persisted or not carried out at all.
        Err(refused) => format!("\n{done} An apply of it would be refused: {}", refused.message),
    });
}

/// A word of a command as a shell reads it back.
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''")).into()
}

/// Prints a plan.
///
/// # Errors
/// Nobody takes it.
pub fn show(ui: &Ui, plan: &Plan, host: &Host) -> Result<(), Failure> {
    match ui.format() {
        Format::Json => ui.json(&report::plan_json(plan, &host.facts)),
        Format::Text => ui.result(&report::plan_text(plan, &host.facts, ui.layout())),
    }
}
