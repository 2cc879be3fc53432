//! `tunectl watch`.
#![allow(clippy::disallowed_methods, reason = "it asks who has started it")]

use std::path::Path;
use std::time::Duration;

use crate::announce::{Journal, NATIVE_SOCKET, OnDrift};
use crate::daemon::{self, Daemon, Options, Records};
use crate::drift::Contest;
use crate::persist::events::{EventLog, Limits};
use crate::plan::Plan;
use crate::probe::{self, Fact};
use crate::report::event::{When, line};
use crate::wire::event::Event;

use super::Exit;
use super::args::{Cli, WatchArgs};
use super::drift;
use super::failure::Failure;
use super::host;
use super::ui::Ui;

/// Holds the host's own baseline until it is told to end.
///
/// # Errors
/// This is not root, the baseline is broken from the start, or nothing can be watched.
pub fn run(cli: &Cli, args: &WatchArgs, ui: &Ui) -> Result<Exit, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("only root can hold parameters")
            .help("`tunectl plan` shows what would be done"));
    }
    let facts = probe::probe_for(&cli.root, &[Fact::BootId])
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut host = HostBaseline { cli, ui, boot_id: facts.boot_id };
    let mut records = Told::open(cli, args, ui)?;
    let options = Options {
        sweep: Duration::from_secs(u64::from(args.sweep)),
        contest: args.contest_after.0.map(|(corrections, within)| Contest { corrections, within }),
        bpf: !args.no_bpf,
    };
    let failed = |error: daemon::DaemonError| Failure::new(error.to_string());
    let mut daemon = Daemon::start(&mut host, &mut records, options).map_err(failed)?;
    daemon.run().map_err(failed)?;
    Ok(Exit::Done)
}

/// The host's own baseline, read anew for each plan.
struct HostBaseline<'a> {
    cli: &'a Cli,
    ui: &'a Ui,
    boot_id: String,
}

impl daemon::Host for HostBaseline<'_> {
    fn root(&self) -> &Path {
        &self.cli.root
    }

    fn boot_id(&self) -> &str {
        &self.boot_id
    }

    fn plan(&mut self) -> Result<Plan, String> {
        let made = || -> Result<Plan, Failure> {
            let loaded = host::load(self.cli, None, true)?;
            let host = host::open(self.cli, &host::wanted_facts(self.cli, &loaded))?;
            let set = host::resolve(loaded, &host, self.ui)?;
            Ok(host::plan(self.cli, &host, set))
        };
        made().map_err(|failure| failure.problems().join("; "))
    }
}

/// Where events go: the log, the journal or standard error, and the operator's command.
struct Told<'a> {
    ui: &'a Ui,
    user: Box<dyn Fn(u32) -> Option<String>>,
    events: EventLog,
    /// Under systemd. Without it, the lines go to standard error.
    journal: Option<Journal>,
    command: Option<OnDrift>,
}

impl<'a> Told<'a> {
    fn open(cli: &Cli, args: &WatchArgs, ui: &'a Ui) -> Result<Self, Failure> {
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
        Ok(Self { ui, user: Box::new(drift::users(cli)), events, journal, command })
    }
}

impl Records for Told<'_> {
    fn record(&mut self, event: &Event) {
        let text = line(event, When::Left, &self.user);
        let sent = self.journal.as_mut().map(|journal| journal.send(event, &text));
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
    }

    fn stands(&mut self, line: &str) {
        log::info!("{line}");
    }
}
