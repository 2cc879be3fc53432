//! `tunectl apply`.

use std::time::Duration;

use crate::apply::{self, Options, Outcome};
use crate::bootview::dropin;
use crate::persist::{Lock, LockError, Staged};
use crate::plan::Plan;
use crate::report;
use crate::sources::HOST_BASELINE;

use super::Exit;
use super::args::{ApplyArgs, Cli, Format};
use super::failure::Failure;
use super::host::{self, Host};
use super::ui::Ui;

/// The lock's path.
const LOCK: &str = "/run/tunectl/lock";

/// Carries a baseline out.
///
/// # Errors
/// The baseline or the host cannot be read, a guard refuses, or the lock is held.
pub fn run(cli: &Cli, args: &ApplyArgs, ui: &Ui) -> Result<Exit, Failure> {
    let name = args.baseline.baseline.as_deref();
    let root = nix::unistd::geteuid().is_root();
    let loaded = host::load(cli, name, root)?;
    let host = host::open(cli, &host::wanted_facts(cli, &loaded))?;
    if !root && host.kernel.is_procfs() {
        let help = "`tunectl plan` shows the same without root";
        return Err(Failure::new("only root can apply a baseline").help(help));
    }
    let _lock = lock(cli, args)?;
    let set = host::resolve(loaded, &host, ui)?;
    let plan = host::plan(cli, &host, set);
    refuse(&plan, args)?;
    let adoption = match name {
        Some(name) if !args.live_only => Adoption::judge(cli, name, args.adopt)?,
        _ => Adoption::None,
    };
    let options = Options {
        live_only: args.live_only,
        keep_going: args.keep_going,
        run_actions: args.run_actions,
    };
    let outcome = apply::apply(&plan, &host.kernel, &cli.root, &options, &mut |_, step| {
        log::debug!("writing {} = {}", step.key, step.value);
    });
    // The baseline is the host's own once it is carried out, not before.
    let adopted = if outcome.succeeded() { adoption.carry_out(cli)? } else { false };
    show(ui, &plan, &host, &outcome)?;
    if adopted {
        ui.hint(&format!(
            "{HOST_BASELINE} now names this baseline: `tunectl plan` needs no -b here."
        ));
    }
    Ok(exit(&plan, &outcome))
}

fn exit(plan: &Plan, outcome: &Outcome) -> Exit {
    use crate::diff::LiveStatus;
    let impossible = plan.items.iter().any(|i| {
        !i.waived()
            && matches!(
                i.live_status,
                LiveStatus::Absent
                    | LiveStatus::ReadOnly
                    | LiveStatus::Unreadable
                    | LiveStatus::KernelKeeps
            )
    });
    if !outcome.moved.is_empty() {
        Exit::Refused
    } else if !outcome.succeeded() || impossible {
        Exit::Error
    } else {
        Exit::Done
    }
}

fn lock(cli: &Cli, args: &ApplyArgs) -> Result<Lock, Failure> {
    let path = cli.root.join(LOCK.trim_start_matches('/'));
    let patience = Duration::from_secs(u64::from(args.lock_timeout));
    Lock::take(&path, patience).map_err(|error| match error {
        LockError::Busy(_) => Failure::refused(error.to_string())
            .help("wait for it, or give --lock-timeout more seconds"),
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })
}

fn refuse(plan: &Plan, args: &ApplyArgs) -> Result<(), Failure> {
    let refusals: Vec<String> = plan
        .refusals()
        .map(|(item, refusal)| format!("{}: {}", item.desired.key, report::refusal(refusal)))
        .collect();
    if !refusals.is_empty() {
        return Err(Failure::refused(format!("nothing was changed\n{}", refusals.join("\n"))));
    }
    match plan.dropin.foreign {
        Some(foreign) if !args.live_only => {
            Err(Failure::refused(report::foreign(foreign, dropin::PATH)))
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

/// Whether an apply makes a baseline the host's own.
enum Adoption {
    /// It already is, or none was named.
    None,
    /// The text of the new host baseline.
    Write(String),
}

impl Adoption {
    /// Judges a named baseline against the host's own.
    fn judge(cli: &Cli, name: &str, adopt: bool) -> Result<Self, Failure> {
        let path = cli.root.join(HOST_BASELINE.trim_start_matches('/'));
        let named = if crate::sources::is_path(name) { absolute(name) } else { name.to_owned() };
        let text = format!(
            "# Written by `tunectl apply -b`: the baseline of this host.\n\
             # Add parameters of its own below, or layers in /etc/tunectl/baseline.d.\n\
             name: this-host\nextends: [{}]\n",
            quoted(&named)
        );
        if named == HOST_BASELINE {
            return Ok(Self::None);
        }
        let reader = crate::sources::Sources {
            root: cli.root.clone(),
            max_bytes: crate::baseline::MAX_BYTES,
            strict_owner: false,
        };
        if !reader.exists(HOST_BASELINE) {
            return Ok(Self::Write(text));
        }
        let same = reader.read(HOST_BASELINE).is_ok_and(|own| own.text == text);
        if same {
            return Ok(Self::None);
        }
        if adopt {
            return Ok(Self::Write(text));
        }
        Err(Failure::refused(format!(
            "this host has a baseline of its own, {}, and it is not {name} alone",
            path.display()
        ))
        .help("apply that one (without -b), or give --adopt to replace it, or --live-only to try this one out"))
    }

    /// Writes the host's baseline; whether there was something to write.
    fn carry_out(self, cli: &Cli) -> Result<bool, Failure> {
        let Self::Write(text) = self else { return Ok(false) };
        let path = cli.root.join(HOST_BASELINE.trim_start_matches('/'));
        Staged::write(&path, text.as_bytes())
            .and_then(Staged::commit)
            .map_err(|e| Failure::new(format!("applied, but not adopted: {e}")))?;
        Ok(true)
    }
}

fn absolute(name: &str) -> String {
    std::path::absolute(name).map_or_else(|_| name.to_owned(), |p| p.display().to_string())
}

/// A name as a YAML scalar that cannot be anything else than text.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}
