//! `tunectl watch`.
#![allow(clippy::disallowed_methods, reason = "it asks who has started it")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::announce::{Journal, NATIVE_SOCKET, OnDrift, Renewal};
use crate::daemon::{self, Daemon, Options, Records, Swept};
use crate::drift::Contest;
use crate::persist::events::{EventLog, Limits, newest};
use crate::persist::presence::Presence;
use crate::persist::reports;
use crate::persist::{Holder, LockError};
use crate::plan::Plan;
use crate::probe::Fact;
use crate::report::event::{When, line};
use crate::report::{SECRET, tally};
use crate::watch::{clock, priority};
use crate::wire::event::Event;
use crate::wire::{TALLY_SCHEMA, Tally, Watch};

use super::Exit;
use super::apply::this_boot;
use super::args::{Cli, WatchArgs};
use super::drift;
use super::failure::Failure;
use super::host::{self, By};
use super::report;
use super::ui::{Ui, stripped};

/// So many events at most are looked at for what was told before.
const LOOKED_AT: usize = 5_000;
/// The report is renewed that often even where nothing happens.
const RENEWED: Duration = Duration::from_secs(300);

/// Holds the host's own baseline until it is told to end.
///
/// # Errors
/// This is not root, the baseline is broken from the start, or nothing can be watched.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &WatchArgs, ui: &Ui) -> Result<Exit, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("only root can hold parameters")
            .help("`tunectl plan` shows what would be done"));
    }
    let boot_id = this_boot(cli)?;
    let mut host = HostBaseline { cli, ui, boot_id };
    if args.check {
        return host.check();
    }
    let presence = Presence::take(&cli.root).map_err(|error| match error {
        LockError::Busy(who) => {
            let who = match who {
                Holder::Alone(Some(who)) => format!(" ({who})"),
                Holder::Alone(None) | Holder::Sharing => String::new(),
            };
            Failure::refused(format!("another tunectl watch holds this host{who}"))
                .help("`tunectl status` says how it stands; `systemctl stop tunectl` ends it")
        }
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })?;
    if let Err(error) = priority::all_descriptors() {
        log::warn!("no more files can be open than are allowed at first: {error}");
    }
    let mut records = Told::open(cli, args, ui, &host.boot_id, presence)?;
    let options = Options {
        sweep: Duration::from_secs(u64::from(args.sweep)),
        contest: args.contest_after.0.map(|(corrections, within)| Contest { corrections, within }),
        bpf: !args.no_bpf,
        pin: args.pin,
    };
    let failed = |error: daemon::DaemonError| Failure::new(error.to_string());
    let mut daemon = Daemon::start(&mut host, &mut records, options).map_err(failed)?;
    // Until something happens nothing else tells that it runs, and what it sees by.
    if let Some(watch) = daemon.how_it_stands() {
        ui.hint(&crate::report::begins(&watch));
    }
    daemon.run().map_err(failed)?;
    let stays = daemon.stays_prevented();
    drop(daemon);
    // Nobody corrects any more, so nobody fights.
    records.tally.contested.clear();
    records.keep_tally();
    if stays.is_empty() {
        records.presence.leave();
    } else {
        log::warn!(
            "still prevented while tunectl watch does not run: {}; `tunectl unlock` lets one go",
            stays.join(", ")
        );
    }
    Ok(Exit::Done)
}

/// The host's own baseline, read anew for each plan.
struct HostBaseline<'a> {
    cli: &'a Cli,
    ui: &'a Ui,
    boot_id: String,
}

impl HostBaseline<'_> {
    fn planned(&self) -> Result<Plan, Failure> {
        let loaded = host::load(self.cli, None, true)?;
        let mut wanted = host::wanted_facts(self.cli, &loaded);
        // The day is remembered with what there was before.
        wanted.extend([Fact::BootId, Fact::Today]);
        let host = host::open(self.cli, &wanted)?;
        let set = host::resolve(loaded, &host, self.ui)?;
        let plan = host::plan(self.cli, &host, set, By::Unit);
        // What was rolled back would be set again.
        if host.missed.has_holds() {
            host.missed.refuse()?;
        }
        host.missed.lines().iter().for_each(|why| log::warn!("{why}"));
        Ok(plan)
    }

    /// What a daemon that runs would say to it.
    fn check(&self) -> Result<Exit, Failure> {
        let plan = self.planned()?;
        let refusals: Vec<String> = plan
            .refusals()
            .map(|(item, refusal)| {
                format!("{}: {}", item.desired.key, crate::report::refusal(refusal))
            })
            .collect();
        if refusals.is_empty() {
            Ok(Exit::Done)
        } else {
            Err(Failure::refused(refusals.join("\n")))
        }
    }
}

impl daemon::Host for HostBaseline<'_> {
    fn root(&self) -> &Path {
        &self.cli.root
    }

    fn boot_id(&self) -> &str {
        &self.boot_id
    }

    fn plan(&mut self) -> Result<Plan, String> {
        self.planned().map_err(|failure| failure.problems().join("; "))
    }
}

/// Where events go: the log, the journal or standard error, the operator's command, and the report.
struct Told<'a> {
    cli: &'a Cli,
    ui: &'a Ui,
    user: Box<dyn Fn(u32) -> Option<String>>,
    events: EventLog,
    /// Under systemd. Without it, the lines go to standard error.
    journal: Option<Journal>,
    command: Option<OnDrift>,
    presence: Presence,
    tally: Tally,
    renewal: Option<Renewal>,
    /// When the report was renewed last.
    renewed: Option<Instant>,
    /// The report no longer is what it would be now.
    outdated: bool,
    /// Why it was not renewed the last time, so that the same is told once.
    trouble: Option<String>,
    /// What the daemon before has told last of each parameter, until this one has looked at all.
    before: BTreeMap<String, (String, Option<String>)>,
}

impl<'a> Told<'a> {
    fn open(
        cli: &'a Cli,
        args: &WatchArgs,
        ui: &'a Ui,
        boot_id: &str,
        presence: Presence,
    ) -> Result<Self, Failure> {
        let limits = Limits::default();
        let events = match EventLog::open(&cli.root, limits) {
            Ok((events, repaired)) => {
                if repaired.removed > 0 {
                    log::warn!("the event log's last line was not whole and is removed");
                }
                events
            }
            Err(error) => {
                log::warn!("events are not kept for now: {error}");
                EventLog::closed(&cli.root, limits).map_err(|e| Failure::new(e.to_string()))?
            }
        };
        let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| {
            Journal::new(Path::new(NATIVE_SOCKET)).map_err(|error| log::warn!("{error}")).ok()
        });
        let command = args.on_drift.as_deref().map(OnDrift::new);
        let tally = report::tally(cli, boot_id).unwrap_or_else(|| Tally {
            schema: TALLY_SCHEMA.into(),
            boot_id: boot_id.to_owned(),
            ..Tally::default()
        });
        let renewal = Renewal::new(renewing(cli, args))
            .map_err(|error| log::warn!("the report is not renewed: {error}"));
        Ok(Self {
            cli,
            ui,
            user: Box::new(drift::users(cli)),
            events,
            journal,
            command,
            presence,
            tally,
            renewal: renewal.ok(),
            renewed: None,
            outdated: true,
            trouble: None,
            before: told_before(cli, boot_id),
        })
    }

    /// Keeps what is counted, for a report and for the next daemon of this boot. It lies in memory:
    /// no disk is waited for.
    fn keep_tally(&mut self) {
        let kept =
            serde_json::to_vec(&self.tally).map_err(|error| error.to_string()).and_then(|bytes| {
                let written = reports::write(&self.cli.root, reports::TALLY, &bytes);
                written.map_err(|error| error.to_string())
            });
        if let Err(why) = kept {
            self.trouble(format!("what is counted is lost: {why}"));
        }
    }

    /// Whether an event of the start tells only what the daemon before has told in this boot.
    fn is_told(&self, event: &Event) -> bool {
        let stands = matches!(event.action.as_str(), "reported" | "yielded");
        let found = event.from.is_none() && event.writer.is_none();
        // Of a secret nobody can say whether it is another one.
        if !stands || !found || event.to.as_deref() == Some(SECRET) {
            return false;
        }
        let last = event.key.as_ref().and_then(|key| self.before.get(key));
        last.is_some_and(|(action, to)| (action, to) == (&event.action, &event.to))
    }

    fn renew(&mut self) {
        let Some(renewal) = &mut self.renewal else { return };
        match renewal.start() {
            Ok(true) => (self.outdated, self.renewed) = (false, Some(Instant::now())),
            // It is tried again at the next sweep.
            Ok(false) => {}
            Err(error) => self.trouble(format!("the report is not renewed: {error}")),
        }
    }

    fn trouble(&mut self, why: String) {
        if self.trouble.as_ref() != Some(&why) {
            log::warn!("{why}");
            self.trouble = Some(why);
        }
    }
}

/// What was told last of each parameter in this boot: the action, and what was found.
fn told_before(cli: &Cli, boot_id: &str) -> BTreeMap<String, (String, Option<String>)> {
    let of_boot = |event: &Event| event.boot_id == boot_id && event.key.is_some();
    let recent = newest(&cli.root, LOOKED_AT, LOOKED_AT, &of_boot).unwrap_or_default();
    let last = |event: Event| Some((event.key?, (event.action, event.to)));
    recent.events.into_iter().filter_map(last).collect()
}

/// The arguments with which this program renews the report.
fn renewing(cli: &Cli, args: &WatchArgs) -> Vec<OsString> {
    let every = RENEWED.max(Duration::from_secs(u64::from(args.sweep))).as_secs().to_string();
    let mut words: Vec<OsString> = vec!["--root".into(), cli.root.clone().into()];
    words.extend(["report", "--save", "--quiet", "--every", &every].map(OsString::from));
    if let Some(directory) = &args.textfile {
        // The child begins in `/`.
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.into());
        words.extend(["--textfile".into(), directory.into()]);
    }
    for selector in &args.also {
        words.extend(["--also".into(), selector.to_string().into()]);
    }
    words
}

impl Records for Told<'_> {
    fn record(&mut self, event: &Event) {
        if self.is_told(event) {
            return;
        }
        self.outdated = true;
        tally::add(&mut self.tally, event);
        let text = line(event, When::Left, &self.user);
        let sent = self.journal.as_mut().map(|journal| journal.send(event, &stripped(&text)));
        match sent {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                log::warn!("{error}");
                self.ui.event(event, &text);
            }
            None => self.ui.event(event, &text),
        }
        if let Err(error) = self.events.append(event) {
            log::warn!("{error}");
        }
        if let Some(Err(error)) = self.command.as_mut().map(|command| command.tell(event)) {
            log::warn!("the command of --on-drift cannot be started: {error}");
        }
    }

    fn tend(&mut self) {
        for failed in self.command.iter_mut().flat_map(OnDrift::settle) {
            log::warn!("the command of --on-drift (pid {}): {}", failed.pid, failed.how);
        }
        if let Some(skipped) = self.command.as_mut().and_then(OnDrift::skipped) {
            let skipped = crate::report::counted(skipped, "event");
            log::warn!(
                "the command of --on-drift was not told of {skipped}: too many waited for it"
            );
        }
        if let Some(failed) = self.renewal.as_mut().and_then(Renewal::settle) {
            // The process itself has said why. It is tried again when it is due.
            self.trouble(format!("the report was not renewed: {}", failed.how));
        }
    }

    fn due(&self) -> Option<Duration> {
        let left = self.command.as_ref()?.due()?.saturating_duration_since(Instant::now());
        Some(clock::monotonic() + left)
    }

    fn stands(&mut self, watch: &Watch, line: &str) {
        log::info!("{line}");
        if let Err(error) = self.presence.say(watch) {
            log::warn!("{error}");
        }
    }

    fn swept(&mut self, swept: &Swept<'_>) {
        // From here on whatever is told is new.
        self.before = BTreeMap::new();
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed();
        self.tally.swept = since_1970.map_or(0, |time| time.as_secs());
        if self.tally.seen_by != swept.seen_by {
            swept.seen_by.clone_into(&mut self.tally.seen_by);
        }
        let contested = swept.contested.iter().map(ToString::to_string);
        if !contested.clone().eq(self.tally.contested.iter().cloned()) {
            self.tally.contested = contested.collect();
            self.outdated = true;
        }
        self.outdated |= swept.changed;
        if self.outdated || self.renewed.is_none_or(|then| then.elapsed() >= RENEWED) {
            self.keep_tally();
            self.renew();
        }
    }
}
