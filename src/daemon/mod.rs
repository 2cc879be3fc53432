//! Holds what a baseline asks for: one thread, one loop, corrections first and records after.
//!
//! An event says that a parameter was written to; one read shows whether it still is as required,
//! and one write puts it right. Everything that can wait (who it was, the log, the next wake-up)
//! waits until all values of a batch are right. The sweep looks at every parameter and is the truth
//! for whatever raised no event.

mod bystanders;
mod correct;
mod eyes;
mod files;
mod index;
mod keepsake;
mod let_go;
mod links;
mod once;
mod reload;
mod remember;
mod settle;
mod slot;
mod soon;
mod standing;
mod storm;
mod sweep;
mod told;
mod witness;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::baseline::DesiredPattern;
use crate::drift::Contest;
use crate::key::Key;
use crate::persist::Turn;
use crate::plan::Plan;
use crate::procsys::ProcSys;
use crate::watch::clock::{self, Jumps, Timer};
use crate::watch::kmsg::KernelLog;
use crate::watch::link::Links;
use crate::watch::memory;
use crate::watch::poll::Poll;
use crate::watch::priority::lock_memory;
use crate::watch::service::Service;
use crate::watch::signals::{Asked, Signals};
use crate::wire::Watch;
use crate::wire::event::Event;

use bystanders::Bystander;
use eyes::Eyes;
use files::Files;
use index::Index;
use reload::Why;
use slot::{Slot, TEXT};
use soon::Soon;
use witness::Witness;

/// How the daemon is to work.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often everything is looked at.
    pub sweep: Duration,
    /// When corrections become a fight.
    pub contest: Option<Contest>,
    /// Whether BPF is tried.
    pub bpf: bool,
    /// Whether what it prevents stays prevented when the daemon ends.
    pub pin: bool,
}

/// What the daemon asks of the host besides its kernel.
pub trait Host {
    /// The root that all paths lie below.
    fn root(&self) -> &Path;
    /// The boot.
    fn boot_id(&self) -> &str;
    /// Reads the baseline and all files anew, and plans.
    ///
    /// # Errors
    /// What is wrong with it, each problem with its place.
    fn plan(&mut self) -> Result<Plan, String>;
}

/// Where events go.
pub trait Records {
    /// One event, once the value is right again.
    fn record(&mut self, event: &Event);
    /// What is to be done now and then: children that have ended, say.
    fn tend(&mut self);
    /// When that is to be done at the latest; a monotonic time.
    fn due(&self) -> Option<Duration>;
    /// How the daemon stands; the same in one line.
    fn stands(&mut self, watch: &Watch, line: &str);
    /// Everything was looked at.
    fn swept(&mut self, swept: &Swept<'_>);
}

/// What there is to say once everything was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Swept<'a> {
    /// Parameters that somebody else keeps changing.
    pub contested: &'a [&'a Key],
    /// How changes are seen, in a word.
    pub seen_by: &'static str,
    /// Whether something is otherwise than before which no event tells of: files, holds.
    pub changed: bool,
}

/// Why the daemon cannot work.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The baseline is broken from the start.
    #[error("{0}")]
    Baseline(String),
    /// The system denies something without which nothing can be watched.
    #[error("cannot {doing}: {error}")]
    Failed {
        /// What was to be done.
        doing: &'static str,
        /// The system's answer.
        error: io::Error,
    },
}

/// Numbers of what the loop waits for.
mod source {
    pub const SIGNALS: u64 = 0;
    pub const SWEEP: u64 = 1;
    pub const KEYS: u64 = 2;
    pub const BPF: u64 = 3;
    pub const FILES: u64 = 4;
    pub const LINKS: u64 = 5;
    pub const JUMPS: u64 = 6;
}

/// The daemon.
pub struct Daemon<'a> {
    host: &'a mut dyn Host,
    records: &'a mut dyn Records,
    options: Options,
    service: Service,
    root: PathBuf,
    kernel: ProcSys,
    poll: Poll,
    signals: Signals,
    timer: Timer,
    jumps: Jumps,
    eyes: Eyes,
    files: Option<Files>,
    links: Option<Links>,
    log: Option<KernelLog>,
    turn: Turn,
    witness: Witness,
    /// What is in force; `None` until a baseline could be used.
    force: Option<Force>,
    slots: Vec<Slot>,
    /// The number that the next slot gets.
    next_id: u64,
    bystanders: Vec<Bystander>,
    keepsakes: Vec<keepsake::Keepsake>,
    /// What was left in each parameter, as it is written down.
    left: BTreeMap<Key, String>,
    unwritten: remember::Unwritten,
    index: Index,
    buffer: Box<[u8; TEXT]>,
    /// What is to be done, and when.
    soon: Soon,
    counts: Counts,
    mem_total_kb: Option<u64>,
    /// The day that the baseline was read on.
    day: u64,
    /// Why the baseline was refused the last time, so that the same is told once.
    refused: Option<String>,
    /// The host's memory has changed since the last sweep.
    memory_changed: bool,
    /// How long the machine has slept since the boot.
    asleep: Duration,
    /// What was told and is not told again.
    told_once: once::Told,
    /// When it began, and what it last said of how it stands.
    began: String,
    standing: Option<standing::Standing>,
    real_time: bool,
    end: bool,
}

/// A baseline that is in force.
struct Force {
    name: String,
    /// Whose matches may change.
    patterns: Vec<DesiredPattern>,
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Corrections.
    pub restored: u64,
    /// How often events of the queue were lost and are not told yet, and when they were last told.
    overflows: (u64, Option<Duration>),
    /// How many attempts BPF has seen that nobody could take in, as told so far.
    missed: u64,
    /// Wake-ups in the present second, for telling a storm; and when that began.
    wakes: (u64, Duration),
    /// When the last sweep was.
    swept: Duration,
    /// Sweeps.
    pub sweeps: u64,
}

/// How long an apply is waited for before it is looked again whether it has ended.
const APPLY: Duration = Duration::from_millis(100);
/// After an edit, more edits may follow.
const EDIT: Duration = Duration::from_millis(100);

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> DaemonError {
    move |error| DaemonError::Failed { doing, error }
}

impl<'a> Daemon<'a> {
    /// Opens everything and puts the host right once.
    ///
    /// # Errors
    /// The baseline is broken, or nothing can be watched.
    pub fn start(
        host: &'a mut dyn Host,
        records: &'a mut dyn Records,
        options: Options,
    ) -> Result<Self, DaemonError> {
        let root = host.root().to_owned();
        let other = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        let kernel = ProcSys::open(&root).map_err(|e| failed("open the parameters")(other(&e)))?;
        let lock = crate::below::resolve_parent(&root, crate::persist::LOCK)
            .map_err(failed("find the lock"))?;
        let turn = Turn::open(&lock).map_err(|e| failed("open the lock")(other(&e)))?;
        let poll = Poll::new().map_err(failed("wait for events"))?;
        let signals = Signals::open().map_err(failed("wait for signals"))?;
        let timer = Timer::every(options.sweep).map_err(failed("set a timer"))?;
        let jumps = Jumps::open().map_err(failed("watch the clock"))?;
        poll.add(&jumps, source::JUMPS).map_err(failed("watch the clock"))?;
        poll.add(&signals, source::SIGNALS).map_err(failed("wait for signals"))?;
        poll.add(&timer, source::SWEEP).map_err(failed("set a timer"))?;
        let eyes = Eyes::open(&poll, options.pin);
        let files = Files::open().map_err(|e| log::warn!("files are not watched: {e}")).ok();
        let links = Links::open().map_err(|e| log::warn!("interfaces are not watched: {e}")).ok();
        let log = KernelLog::open().map_err(|e| log::info!("/dev/kmsg is not read: {e}")).ok();
        let watched = files.as_ref().map(|f| poll.add(f, source::FILES));
        watched.transpose().map_err(failed("watch files"))?;
        let watched = links.as_ref().map(|l| poll.add(l, source::LINKS));
        watched.transpose().map_err(failed("watch interfaces"))?;
        let mut daemon = Self {
            host,
            records,
            options,
            service: Service::from_environment(),
            root,
            kernel,
            poll,
            signals,
            timer,
            jumps,
            eyes,
            files,
            links,
            log,
            turn,
            witness: Witness::new(),
            force: None,
            slots: Vec::new(),
            next_id: 0,
            bystanders: Vec::new(),
            keepsakes: Vec::new(),
            left: BTreeMap::new(),
            unwritten: remember::Unwritten::default(),
            index: Index::default(),
            buffer: Box::new([0; TEXT]),
            soon: Soon { report: true, ..Soon::default() },
            counts: Counts::default(),
            mem_total_kb: None,
            day: clock::day(),
            refused: None,
            memory_changed: false,
            asleep: clock::since_boot().saturating_sub(clock::monotonic()),
            told_once: once::Told::default(),
            began: clock::utc(),
            standing: None,
            real_time: false,
            end: false,
        };
        daemon.counts.swept = clock::monotonic();
        daemon.mem_total_kb = memory::total_kb();
        daemon.reload(Why::Changed);
        if daemon.force.is_none() {
            return Err(DaemonError::Baseline(daemon.refused.take().unwrap_or_default()));
        }
        Ok(daemon)
    }

    /// Holds until it is told to end. Values stay as they are.
    ///
    /// # Errors
    /// Waiting itself fails.
    pub fn run(&mut self) -> Result<(), DaemonError> {
        self.set_real_time(true);
        // Whatever is written from now on is told with what was there before.
        self.correct(clock::monotonic(), false);
        self.stands();
        self.tell_swept();
        self.settle()?;
        // Not before: kernels before 5.18 give nothing back that is locked.
        if let Err(error) = lock_memory() {
            log::info!("memory is not locked: {error}");
        }
        self.say("READY=1");
        while !self.end {
            self.turn_once()?;
        }
        self.write_down();
        self.say("STOPPING=1");
        Ok(())
    }

    /// Waits once, and does what there is to do.
    ///
    /// # Errors
    /// Waiting fails.
    pub fn turn_once(&mut self) -> Result<(), DaemonError> {
        self.soon.tend = self.records.due();
        let timeout = if self.soon.dirty || self.soon.overflow {
            Some(Duration::ZERO)
        } else {
            self.soon.next().map(|then| then.saturating_sub(clock::monotonic()))
        };
        self.turn(timeout)
    }

    /// Waits so long at most, and does what there is to do.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<(), DaemonError> {
        let mut ready: u64 = 0;
        self.poll.wait(timeout, &mut |number| ready |= 1 << number).map_err(failed("wait"))?;
        let has = |number: u64| ready & (1 << number) != 0;
        let woken = clock::monotonic();
        if has(source::BPF) || has(source::KEYS) {
            self.see(woken);
            self.correct(woken, false);
            self.watch_for_storm(woken);
        } else if self.soon.dirty {
            self.correct(woken, false);
        }
        // A machine that slept may have changed anything on its way down and up.
        self.soon.look |= has(source::JUMPS) && self.jumps.happened();
        if std::mem::take(&mut self.soon.overflow) {
            self.sweep(true);
            self.tell_overflow(woken);
        } else if std::mem::take(&mut self.soon.look) {
            self.sweep(true);
        }
        if has(source::SIGNALS) {
            self.heed_signals();
        }
        if has(source::LINKS) && self.links.as_ref().is_some_and(Links::changed) {
            self.soon.links.happened(woken);
        }
        if has(source::FILES) {
            self.heed_files(woken);
        }
        if has(source::SWEEP) && self.timer.went_off() {
            let used = std::mem::take(&mut self.soon.settle);
            self.sweep(false);
            self.records.tend();
            self.tell_swept();
            // Not between one event and the next: it takes a while. What is pending, or only
            // reported, is none.
            let quiet = !self.soon.settle && !self.soon.dirty;
            self.soon.settle |= used;
            if used && quiet {
                self.settle()?;
            }
        }
        if self.soon.next().is_some_and(|then| then <= woken) {
            self.do_what_is_due(woken);
        }
        Ok(())
    }

    fn do_what_is_due(&mut self, now: Duration) {
        let is = |then: Option<Duration>| then.is_some_and(|then| then <= now);
        if is(self.soon.feed) {
            self.feed(now);
        }
        if is(self.soon.tend) {
            self.records.tend();
        }
        if is(self.soon.apply_ends) {
            self.soon.apply_ends = None;
            if self.turn.begin() {
                self.turn.end();
                // Its baseline may be this host's from now on.
                self.soon.reload = Some(now);
                self.soon.dirty = true;
            } else {
                self.soon.apply_ends = Some(now + APPLY);
            }
        }
        self.look_at_links(now);
        if is(self.soon.reload) {
            self.soon.reload = None;
            let asked = std::mem::take(&mut self.soon.asked);
            self.reload(if asked { Why::Asked } else { Why::Changed });
        }
        if is(self.soon.hold_ends) {
            self.end_holds();
        }
        if is(self.soon.again) {
            self.soon.again = None;
            self.look_again(now);
        }
        if is(self.soon.due) {
            self.soon.due = None;
            self.end_pauses(now);
        }
    }

    /// Feeds the watchdog, where there is one.
    fn feed(&mut self, now: Duration) {
        self.soon.feed = self.service.watchdog().map(|every| now + every);
        if self.soon.feed.is_some() {
            self.say("WATCHDOG=1");
        }
    }

    fn heed_signals(&mut self) {
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::End => self.end = true,
                Asked::Reload => {
                    self.soon.reload = Some(clock::monotonic());
                    self.soon.asked = true;
                }
                Asked::Child => self.records.tend(),
            }
        }
    }

    fn say(&self, lines: &str) {
        if let Err(error) = self.service.say(lines) {
            log::warn!("the service manager cannot be told {lines}: {error}");
        }
    }

    /// What stays prevented once this daemon has ended.
    pub fn stays_prevented(&self) -> Vec<String> {
        let stays = self.eyes.prevented.iter().filter(|_| self.eyes.is_pinned());
        stays.map(ToString::to_string).collect()
    }

    /// What has happened since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
