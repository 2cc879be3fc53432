//! One pass over a host's parameters that stops at nothing: live values first, then the drop-in.

use std::collections::BTreeMap;

use crate::apply::{self, Options};
use crate::baseline::DesiredSet;
use crate::bootview::dropin;
use crate::key::Key;
use crate::plan::{DropinOutcome, Outcome, Plan};
use crate::report::{self, boot};
use crate::wire::Found;

use super::super::args::Cli;
use super::super::host::{self, Host};

/// So often a plan is made anew because a parameter has moved since; then it is carried out
/// without that one.
const TRIES: usize = 4;

/// How a pass ended.
pub struct Pass {
    /// How everything stands now.
    pub plan: Plan,
    /// What was not as required.
    pub found: Vec<Found>,
    /// How many parameters were.
    pub right: usize,
    /// What became of the drop-in.
    pub dropin: DropinOutcome,
    /// What went wrong, a line each.
    pub errors: Vec<String>,
    /// What a guard refuses, a line each.
    pub refused: Vec<String>,
}

/// Makes `set` so on the host as far as it goes.
pub fn run(cli: &Cli, host: &Host, set: &DesiredSet, live_only: bool) -> Pass {
    let mut live =
        Live { cli, host, found: Vec::new(), failed: BTreeMap::new(), errors: Vec::new() };
    let first = live.values(set);
    let right = first.items.iter().filter(|i| !i.waived()).count();
    let right = right - first.items.iter().filter(|i| i.pending()).count();
    // Nothing is written in between where nothing was to be written.
    let mut plan = if first.steps.is_empty() { first } else { live.look(set) };
    let dropin = if live_only { DropinOutcome::NotAsked } else { live.files(set, &mut plan) };
    if let DropinOutcome::Failed(why) = &dropin {
        live.errors.push(format!("{} could not be refreshed: {why}", dropin::PATH));
    }
    let Live { mut found, failed, mut errors, .. } = live;
    boot::conclude(&mut found, &plan, &failed);
    errors.extend(failed.iter().map(|(key, why)| format!("{key}: {why}")));
    let refused = plan
        .refusals()
        .map(|(item, refusal)| format!("{}: {}", item.desired.key, report::refusal(refusal)))
        .collect();
    Pass { right: right.saturating_sub(found.len()), plan, found, dropin, errors, refused }
}

/// What a pass gathers on its way.
struct Live<'a> {
    cli: &'a Cli,
    host: &'a Host,
    found: Vec<Found>,
    /// Parameters whose write failed last, with why.
    failed: BTreeMap<Key, String>,
    errors: Vec<String>,
}

impl Live<'_> {
    /// A plan from a new look.
    fn look(&mut self, set: &DesiredSet) -> Plan {
        self.host.forget();
        let plan = host::plan(self.cli, self.host, set.clone());
        boot::add_found(&mut self.found, &plan);
        plan
    }

    fn carry_out(&mut self, plan: &Plan, live_only: bool) -> Outcome {
        let options = Options { live_only, keep_going: true, run_actions: false };
        let outcome =
            apply::apply(plan, &self.host.kernel, &self.cli.root, &options, &mut |_, step| {
                log::debug!("writing {}", step.key);
            });
        if outcome.moved.is_empty() {
            self.failed = boot::step_errors(&outcome);
        }
        outcome
    }

    /// Writes the live values; the plan that was carried out.
    fn values(&mut self, set: &DesiredSet) -> Plan {
        let mut set = set.clone();
        let mut tries = 1;
        loop {
            let plan = self.look(&set);
            let outcome = self.carry_out(&plan, true);
            if outcome.moved.is_empty() {
                return plan;
            }
            if tries >= TRIES {
                for (key, then, now) in &outcome.moved {
                    self.errors.push(format!(
                        "{key} moves by itself or is being written by another program \
                         (from {then} to {now}): left alone"
                    ));
                }
                set.parameters.retain(|d| !outcome.moved.iter().any(|(key, ..)| *key == d.key));
            }
            tries += 1;
        }
    }

    /// Refreshes the drop-in, where `plan`, the last look, would change it.
    fn files(&mut self, set: &DesiredSet, plan: &mut Plan) -> DropinOutcome {
        if let Some(foreign) = plan.dropin.foreign {
            return if plan.dropin.changes() {
                DropinOutcome::Failed(report::foreign(foreign, dropin::PATH))
            } else {
                DropinOutcome::Unchanged
            };
        }
        for _ in 0..TRIES {
            // What the kernel refuses is tried once more, and then not persisted; what has moved
            // has had its chance.
            plan.steps.retain(|step| self.failed.contains_key(&step.key));
            if !plan.dropin.changes() {
                return DropinOutcome::Unchanged;
            }
            let outcome = self.carry_out(plan, false);
            if outcome.moved.is_empty() {
                let written = !outcome.steps.is_empty();
                if written {
                    *plan = self.look(set);
                }
                return outcome.dropin;
            }
            *plan = self.look(set);
        }
        DropinOutcome::Failed("parameters keep moving while it is written".into())
    }
}
