//! `tunectl watch`.
#![allow(clippy::disallowed_methods, reason = "it asks which user it runs as")]

use std::path::Path;
use std::time::Duration;

use crate::daemon::{self, Daemon, Options, Records};
use crate::drift::Contest;
use crate::persist::events::{EventLog, Limits};
use crate::plan::Plan;
use crate::probe::{self, Fact};
use crate::report;
use crate::wire::event::Event;

use super::Exit;
use super::args::{Cli, Format, WatchArgs};
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
    let mut records = Log::open(cli, ui)?;
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
        made().map_err(|failure| {
            let problems = &failure.diagnostics;
            let shown = report::diagnostics::render(problems, &failure.sources, false, 100);
            format!("{shown}{}", failure.message)
        })
    }

    fn mem_total_kb(&self) -> Option<u64> {
        probe::probe_for(&self.cli.root, &[]).ok().map(|facts| facts.mem_total_kb)
    }
}

/// The event log and standard error.
struct Log<'a> {
    ui: &'a Ui,
    events: EventLog,
}

impl<'a> Log<'a> {
    fn open(cli: &Cli, ui: &'a Ui) -> Result<Self, Failure> {
        let limits = Limits::default();
        let events = match EventLog::open(&cli.root, limits) {
            Ok((events, _)) => events,
            Err(error) => {
                log::warn!("events are not kept for now: {error}");
                EventLog::closed(&cli.root, limits).map_err(|e| Failure::new(e.to_string()))?
            }
        };
        Ok(Self { ui, events })
    }
}

impl Records for Log<'_> {
    fn record(&mut self, event: &Event) {
        if self.ui.format() == Format::Text {
            self.ui.hint(&line(event));
        }
        if let Err(error) = self.events.append(event) {
            log::warn!("{error}");
        }
    }

    fn tend(&mut self) {}

    fn stands(&mut self, line: &str) {
        self.ui.hint(line);
    }
}

fn line(event: &Event) -> String {
    let none = String::new();
    let mut line = event.action.clone();
    if let Some(key) = &event.key {
        line = format!("{key}: {line}");
    }
    if let Some(to) = &event.to {
        let from = event.from.as_ref().unwrap_or(&none);
        line.push_str(&format!(" {from} -> {to}"));
    }
    if let Some(writer) = &event.writer {
        let comm = writer.comm.as_ref().unwrap_or(&none);
        line.push_str(&format!(" by {comm} (pid {})", writer.pid.unwrap_or(0)));
    }
    if let Some(us) = event.latency_us {
        line.push_str(&format!(" in {us} us"));
    }
    if let Some(detail) = &event.detail {
        line.push_str(": ");
        line.push_str(detail);
    }
    line
}
