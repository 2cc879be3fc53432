//! One pass over a host's parameters that stops at nothing: live values first, then the drop-in.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::{self, Options, Remember};
use crate::baseline::DesiredSet;
use crate::bootview::dropin;
use crate::key::Key;
use crate::persist::holds::Holds;
use crate::plan::{Dropin, DropinOutcome, Outcome, Plan};
use crate::report::{self, boot};
use crate::watch::clock;
use crate::wire::Found;

use super::super::args::Cli;
use super::super::host::{self, By, Host};

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
    /// What became of the numbers made from RAM.
    pub host_file: DropinOutcome,
    /// What went wrong, a line each.
    pub errors: Vec<String>,
    /// What a guard refuses, a line each.
    pub refused: Vec<String>,
}

/// Makes `set` so on the host as far as it goes.
pub fn run(cli: &Cli, host: &Host, set: &DesiredSet, live_only: bool, remember: Remember) -> Pass {
    let holds = Holds::read(&cli.root, &host.facts.boot_id);
    let since_boot = clock::since_boot();
    // Where it is not known what is let go, everything is.
    let let_go =
        |key: &&Key| holds.as_ref().map_or(true, |holds| holds.of(key, since_boot).is_some());
    let mut live = Live {
        cli,
        host,
        remember,
        let_go: set.parameters.iter().map(|d| &d.key).filter(let_go).cloned().collect(),
        found: BTreeMap::new(),
        failed: BTreeMap::new(),
        errors: Vec::new(),
        missed: holds.as_ref().err().map(ToString::to_string).into_iter().collect(),
        all_let_go: holds.is_err(),
    };
    let first = live.values(set);
    let right = first.items.iter().filter(|i| !i.waived()).count();
    let right = right - first.items.iter().filter(|i| i.pending()).count();
    // Nothing is written in between where nothing was to be written.
    let mut plan = if first.steps.is_empty() { first } else { live.look(set) };
    let [dropin, host_file] = if live_only || live.all_let_go {
        [DropinOutcome::NotAsked, DropinOutcome::NotAsked]
    } else {
        live.files(set, &mut plan)
    };
    for (outcome, path) in [(&dropin, dropin::PATH), (&host_file, dropin::HOST_PATH)] {
        if let DropinOutcome::Failed(why) = outcome {
            live.errors.push(format!("{path} could not be refreshed: {why}"));
        }
    }
    let Live { mut found, failed, mut errors, missed, .. } = live;
    errors.extend(missed);
    let right = right.saturating_sub(found.len());
    boot::conclude(&mut found, &plan, &failed);
    errors.extend(failed.iter().map(|(key, why)| format!("{key}: {why}")));
    let found = found.into_values().collect();
    let refused = plan
        .refusals()
        .map(|(item, refusal)| format!("{}: {}", item.desired.key, report::refusal(refusal)))
        .collect();
    Pass { plan, found, right, dropin, host_file, errors, refused }
}

/// What a pass gathers on its way.
struct Live<'a> {
    cli: &'a Cli,
    host: &'a Host,
    remember: Remember,
    /// Parameters that somebody has let go for a while: their live values are left alone.
    let_go: Vec<Key>,
    found: BTreeMap<Key, Found>,
    /// Parameters whose write failed last, with why.
    failed: BTreeMap<Key, String>,
    errors: Vec<String>,
    /// What could not be looked at.
    missed: BTreeSet<String>,
    /// It is not known what is let go.
    all_let_go: bool,
}

impl Live<'_> {
    /// A plan from a new look.
    fn look(&mut self, set: &DesiredSet) -> Plan {
        self.host.forget();
        let plan = host::plan(self.cli, self.host, set.clone(), By::Unit);
        self.missed.extend(self.host.missed.lines());
        self.all_let_go |= self.host.missed.has_holds();
        boot::add_found(&mut self.found, &plan);
        self.found.retain(|key, _| !self.let_go.contains(key));
        plan
    }

    fn carry_out(&mut self, plan: &Plan, live_only: bool) -> Outcome {
        let options =
            Options { live_only, keep_going: true, remember: self.remember, ..Options::default() };
        let outcome =
            apply::apply(plan, &self.host.kernel, &self.cli.root, &options, &mut |_, step| {
                log::debug!("writing {}", step.key);
                None
            });
        if outcome.moved.is_empty() {
            self.failed = boot::step_errors(&outcome);
        }
        outcome
    }

    /// Writes the live values; the plan that was carried out.
    fn values(&mut self, set: &DesiredSet) -> Plan {
        let mut set = set.clone();
        set.parameters.retain(|desired| !self.let_go.contains(&desired.key));
        let mut tries = 1;
        loop {
            let plan = self.look(&set);
            let outcome = self.carry_out(&plan, true);
            if outcome.moved.is_empty() {
                return plan;
            }
            if tries >= TRIES {
                self.errors.extend(outcome.moved.iter().map(boot::moving));
                set.parameters.retain(|d| !outcome.moved.iter().any(|(key, ..)| *key == d.key));
            }
            tries += 1;
        }
    }

    /// Refreshes our files, where `plan`, the last look, would change them: what became of the
    /// drop-in, and of the numbers made from RAM.
    fn files(&mut self, set: &DesiredSet, plan: &mut Plan) -> [DropinOutcome; 2] {
        let mut moving: Vec<Key> = Vec::new();
        for _ in 0..TRIES {
            // What the kernel refuses is tried once more, and then not persisted; what has moved
            // has had its chance, and keeps no file from being written.
            let refused = |key: &Key| self.failed.contains_key(key) && !moving.contains(key);
            plan.retain_steps(|_, step| refused(&step.key));
            let foreign = [set_aside(&mut plan.dropin), set_aside(&mut plan.host_file)];
            let mut ended = [DropinOutcome::Unchanged, DropinOutcome::Unchanged];
            if plan.files().any(Dropin::changes) {
                let outcome = self.carry_out(plan, false);
                moving.extend(outcome.moved.iter().map(|(key, ..)| key.clone()));
                if outcome.moved.is_empty() {
                    ended = [outcome.dropin, outcome.host_file];
                }
                if !outcome.steps.is_empty() || !outcome.moved.is_empty() {
                    *plan = self.look(set);
                }
                if !outcome.moved.is_empty() {
                    continue;
                }
            } else {
                apply::clear_away(plan, &self.cli.root);
            }
            let [dropin, host_file] = ended;
            let [foreign_dropin, foreign_host] = foreign;
            return [foreign_dropin.unwrap_or(dropin), foreign_host.unwrap_or(host_file)];
        }
        let failed = || DropinOutcome::Failed("parameters keep moving while it is written".into());
        [failed(), failed()]
    }
}

/// Leaves a file alone that is not ours, and says so where it is not as it should be.
fn set_aside(file: &mut Dropin) -> Option<DropinOutcome> {
    let foreign = file.foreign.filter(|_| file.differs())?;
    file.before = Some(file.text.clone().into_bytes());
    Some(DropinOutcome::Failed(report::foreign(foreign, file.path)))
}
