//! How the daemon stands, for whoever asks: the service manager, `tunectl status`.

use crate::report::counted;
use crate::wire::{WATCH_SCHEMA, Watch};

use super::Daemon;

/// The numbers of it. Only where one of them has changed there is something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    held: usize,
    waiting: usize,
    pub contested: usize,
    prevented: usize,
    pub corrections: u64,
    refused: bool,
    seen_by: &'static str,
}

impl Daemon<'_> {
    /// Says how it stands, if that is not as it was.
    pub(super) fn stands(&mut self) {
        let count =
            |which: fn(&super::Slot) -> bool| self.slots.iter().filter(|s| which(s)).count();
        let standing = Standing {
            held: count(|s| s.held.is_ok() && !s.let_go),
            waiting: count(|s| s.held.is_err()),
            contested: count(|s| s.state.is_contested()),
            prevented: self.eyes.prevented.len(),
            corrections: self.counts.restored,
            refused: self.force.is_some() && self.refused.is_some(),
            seen_by: self.eyes.name(),
        };
        if self.standing == Some(standing) {
            return;
        }
        self.standing = Some(standing);
        let watch = self.described(standing);
        let mut line = format!(
            "{}: {} held, {} not there, {} contested, {}; seen by {}",
            watch.baseline,
            counted(watch.held, "parameter"),
            watch.waiting,
            watch.contested,
            counted(watch.corrections, "correction"),
            watch.seen_by
        );
        if watch.refused.is_some() {
            line.push_str("; the baseline on disk is refused, this one stays in force");
        }
        self.say(&format!("STATUS={line}"));
        self.records.stands(&watch, &line);
    }

    /// How it stands, once it holds something.
    pub fn how_it_stands(&self) -> Option<Watch> {
        self.standing.map(|standing| self.described(standing))
    }

    fn described(&self, standing: Standing) -> Watch {
        Watch {
            schema: WATCH_SCHEMA.into(),
            boot_id: self.host.boot_id().to_owned(),
            running: true,
            pid: self.service.process(),
            since: self.began.clone(),
            baseline: self.force.as_ref().map_or("nothing", |f| f.name.as_str()).to_owned(),
            refused: self.refused.clone().filter(|_| standing.refused),
            seen_by: standing.seen_by.to_owned(),
            why_not: self.eyes.why_not.clone(),
            sweep_every: self.options.sweep.as_secs(),
            held: standing.held,
            waiting: standing.waiting,
            contested: standing.contested,
            corrections: standing.corrections,
            prevented: self.eyes.prevented.iter().map(ToString::to_string).collect(),
            pinned: self.eyes.is_pinned(),
        }
    }
}
