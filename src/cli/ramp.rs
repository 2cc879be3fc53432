//! What an apply does between its steps: heeds signals, and watches memory while a reserve rises.
#![allow(clippy::disallowed_methods, reason = "it waits, and measures how long")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::apply::When;
use crate::observed::Strain;
use crate::plan::{Plan, Step, Stopped, Strained, Verdict, bearable, verdict};
use crate::probe;

use super::args::Cli;
use super::signals::Signals;
use super::ui::Ui;

/// How often memory is looked at: none of it raises an event.
const LOOK: Duration = Duration::from_millis(50);

/// An apply's companion.
pub struct Pace<'a> {
    ui: &'a Ui,
    root: PathBuf,
    mem_total_kb: u64,
    signals: Signals,
    /// The steps of a raise: how many, and how many were taken.
    rungs: usize,
    taken: usize,
    wanted_kb: String,
    before: Strain,
}

impl<'a> Pace<'a> {
    /// From now on signals are held back.
    pub fn hold(cli: &Cli, ui: &'a Ui, plan: &Plan, mem_total_kb: u64) -> Self {
        let rungs = || plan.steps.iter().filter(|step| step.rung);
        Self {
            ui,
            root: cli.root.clone(),
            mem_total_kb,
            signals: Signals::hold(),
            rungs: rungs().count(),
            taken: 0,
            wanted_kb: rungs().next_back().map(|step| step.value.clone()).unwrap_or_default(),
            before: Strain::default(),
        }
    }

    /// Hears of a step.
    pub fn step(&mut self, when: When, step: &Step) -> Option<Stopped> {
        if when == When::Before {
            log::debug!("writing {}", step.key);
        }
        let stopped = match when {
            _ if !step.rung => None,
            When::Before => {
                self.before = probe::strain(&self.root);
                let reserve_kb = step.expect.clone().unwrap_or_default();
                let why = bearable(step, &self.before, self.mem_total_kb);
                why.map(|why| self.strained(reserve_kb, why))
            }
            When::After => self.settle(step),
        };
        if stopped.is_some() || (when == When::After && self.taken == self.rungs) {
            self.ui.progress(None);
        }
        stopped.or_else(|| self.signals.asked_to_end().map(Stopped::Signal))
    }

    /// Waits until the host has borne a step of a raise.
    fn settle(&mut self, step: &Step) -> Option<Stopped> {
        self.taken += 1;
        let since = Instant::now();
        loop {
            let now = probe::strain(&self.root);
            self.tell(step, &now);
            match verdict(step, &self.before, &now, since.elapsed()) {
                Verdict::Borne => return None,
                Verdict::Stop(why) => return Some(self.strained(step.value.clone(), why)),
                Verdict::Wait => std::thread::sleep(LOOK),
            }
            if let Some(signal) = self.signals.asked_to_end() {
                return Some(Stopped::Signal(signal));
            }
        }
    }

    fn tell(&self, step: &Step, now: &Strain) {
        let kb = |amount: Option<u64>| amount.map_or("?".into(), |kb| kb.to_string());
        self.ui.progress(Some(&format!(
            "{}: step {} of {}, {} of {} kB; {} kB free, {} kB can be had",
            step.key,
            self.taken,
            self.rungs,
            step.value,
            self.wanted_kb,
            kb(now.free_kb),
            kb(now.available_kb)
        )));
    }

    fn strained(&self, reserve_kb: String, why: Strained) -> Stopped {
        Stopped::Strained { reserve_kb, wanted_kb: self.wanted_kb.clone(), why }
    }
}
