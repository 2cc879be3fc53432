//! `tunectl fleet`.
#![allow(clippy::disallowed_methods, reason = "the time")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::fleet::{self, Gate, Memo, Namesakes, Record, Selection, Tally, Terms, Told};
use crate::intake::{
    self, Failed, Found, LONGEST, Looking, Newest, Place, Problem, Progress, SHORTEST, Seen,
    Sought, Sources,
};
use crate::report::{fleet as report, fleet_page};
use crate::wire::fleet::{Fleet, FleetNamesake, FleetReports, FleetUnreadable};

use super::Exit;
use super::args::{FleetArgs, Format};
use super::failure::Failure;
use super::outfile::OutFile;
use super::ui::{Bar, Ui};

/// What cannot be read is named so often, and so are hosts of a finding; the rest is counted.
const NAMED: usize = 100;
/// And so often on standard error.
const TOLD: usize = 10;
/// Reports of which is kept in memory when they were and where they stand, of each 24 bytes.
const IN_MEMORY: usize = 1 << 17;

/// Puts many hosts' reports into one answer.
///
/// # Errors
/// The gate cannot be understood, or the page cannot be written.
pub fn run(args: &FleetArgs, ui: &Ui) -> Result<Exit, Failure> {
    let gate = args.gate.as_deref().map(Gate::parse).transpose().map_err(|why| {
        Failure::new(format!("--gate {why}")).help(
            "such as --gate 'drift<=1% and contested=0'; `tunectl fleet --help` lists the terms",
        )
    })?;
    let terms = terms(args, ui)?;
    let page = Page::place(args, ui)?;
    let Sought { sources, unread, unread_count } =
        intake::sources(&args.reports).map_err(|failed| {
            Failure::new(format!("cannot list the files: {failed}"))
                .help("let TMPDIR name a directory with room: some 20 bytes for each file")
        })?;
    if sources.len() > Place::SOURCES {
        return Err(Failure::new(format!(
            "these are {} files, and at most {} can be told apart",
            sources.len(),
            Place::SOURCES
        ))
        .help("put them together: `cat FILE… | tunectl fleet -`"));
    }
    let Gathered { mut answer, broken, selected } = gather(&sources, &terms, ui)?;
    let mut broken = broken + unread_count;
    answer.reports.sources = sources.len() as u64;
    answer.reports.unreadable += unread_count;
    let listed = unread.into_iter().map(|unread| FleetUnreadable {
        source: unread.source,
        line: None,
        column: None,
        error: unread.why.to_string(),
    });
    answer.unreadable.splice(0..0, listed);
    answer.unreadable.truncate(NAMED);
    answer.gate = gate.map(|gate| gate.judge(&answer));
    tell(&answer, ui);
    for warning in report::clocks(&answer) {
        ui.warning(&warning);
    }
    for namesake in answer.namesakes.iter().take(TOLD) {
        ui.warning(&report::namesake(namesake));
    }
    if answer.hosts.total == 0 {
        ui.warning("no report was found: one is what `tunectl report --format json` prints");
    }
    if let Some(Page::To(place)) = &page {
        place.write(fleet_page::page(&answer).as_bytes())?;
    }
    match (ui.format(), page) {
        _ if terms.selection.is_some() => broken += names(&selected, ui)?,
        (_, Some(Page::Printed)) => ui.result(&fleet_page::page(&answer))?,
        (Format::Json, _) => ui.json(&answer)?,
        (Format::Text, _) => ui.result(&report::text(&answer, ui.layout(), args.top))?,
    }
    Ok(match &answer.gate {
        Some(gate) if !gate.passed => Exit::Differs,
        _ if broken > 0 || answer.hosts.total == 0 => Exit::Error,
        _ => Exit::Done,
    })
}

fn terms(args: &FleetArgs, ui: &Ui) -> Result<Terms, Failure> {
    let selection = args
        .hosts
        .as_deref()
        .map(Selection::parse)
        .transpose()
        .map_err(|why| Failure::new(format!("--hosts: {why}")).help("such as --hosts drift"))?;
    if selection.is_some() && ui.format() == Format::Json {
        return Err(Failure::new("--hosts prints plain names, and no JSON")
            .help("`findings` of the JSON has names, all of them with -v"));
    }
    let now = Timestamp::now();
    let now = u64::try_from(now.as_microsecond()).unwrap_or(0);
    let silent_before = if let Some(since) = &args.since {
        // A day is meant from its beginning.
        let day = format!("{since}T00:00:00Z").parse().ok();
        let time: Timestamp = day.map_or_else(|| since.parse(), Ok).map_err(|error| {
            Failure::new(format!("--since {since:?} is no time: {error}"))
                .help("a day such as 2026-11-26, or RFC 3339, such as 2026-11-26T12:00:00Z")
        })?;
        u64::try_from(time.as_microsecond()).unwrap_or(0)
    } else {
        let after = u64::try_from(args.silent_after.as_micros()).unwrap_or(u64::MAX);
        now.saturating_sub(after)
    };
    let named = if ui.layout().verbose { usize::MAX } else { NAMED };
    let ahead_from = now.saturating_add(AHEAD);
    Ok(Terms { now, silent_before, ahead_from, pressure_from: args.pressure, named, selection })
}

/// A report that is dated so far ahead, in microseconds, comes of a wrong clock.
const AHEAD: u64 = 3_600_000_000;
/// What is not comes before all that is: more than any time.
const IN_TIME: u64 = 1 << 60;

/// What a thread has found.
struct Worker<L> {
    memo: Memo,
    tally: Tally,
    /// By what it knows which report of a host counts.
    look: L,
    read: u64,
    /// Reports that are dated ahead.
    ahead: u64,
    damage: Damage,
    failed: Option<Failed>,
}

impl<L> Worker<L> {
    fn new(look: L) -> Self {
        Self {
            memo: Memo::default(),
            tally: Tally::default(),
            look,
            read: 0,
            ahead: 0,
            damage: Damage::default(),
            failed: None,
        }
    }

    fn fail(&mut self, failed: Failed) -> ControlFlow<()> {
        self.failed = Some(failed);
        ControlFlow::Break(())
    }
}

impl Worker<Seen> {
    /// Counts a report, the first time that its source is read.
    fn first(&mut self, found: Found<'_>, terms: &Terms) -> ControlFlow<()> {
        // It is no report, and why is told of the first ones alone.
        if found.record.is_ok_and(|bytes| bytes.len() < SHORTEST) && !self.damage.names(&found) {
            self.damage.count += 1;
            return ControlFlow::Continue(());
        }
        match record(&found, &mut self.memo) {
            Ok(record) => {
                let place = Place::new(found.source, found.offset);
                self.tally.add(&record, &self.memo, terms);
                self.read += 1;
                // One that a wrong clock has dated must not hide all that come after it.
                let is_ahead = record.time >= terms.ahead_from;
                self.ahead += u64::from(is_ahead);
                let rank = if is_ahead { record.time } else { record.time.saturating_add(IN_TIME) };
                let added = self.look.add(&record.host, rank, place);
                self.memo.done(record);
                if let Err(failed) = added {
                    return self.fail(failed);
                }
            }
            Err((column, error)) => self.damage.add(&found, column, error),
        }
        ControlFlow::Continue(())
    }
}

impl Worker<Looking> {
    /// Counts a report, the second time, if it is its host's newest.
    fn second(
        &mut self,
        found: Found<'_>,
        terms: &Terms,
        newest: &Newest,
        namesakes: &Mutex<Namesakes>,
    ) -> ControlFlow<()> {
        let text = found.record.ok().and_then(|bytes| std::str::from_utf8(bytes).ok());
        if let Some(told) = text.and_then(|text| Told::read(text, terms.ahead_from)) {
            namesakes.lock().unwrap_or_else(PoisonError::into_inner).add(&told);
        }
        match newest.has(Place::new(found.source, found.offset), &mut self.look) {
            Ok(true) => match record(&found, &mut self.memo) {
                Ok(record) => {
                    self.tally.add(&record, &self.memo, terms);
                    self.memo.done(record);
                }
                Err((column, error)) => self.damage.add(&found, column, error),
            },
            Ok(false) => {}
            Err(failed) => return self.fail(failed),
        }
        ControlFlow::Continue(())
    }
}

/// Prints the names of hosts for another program, a line each; says how many are left out: of
/// whatever origin a report is, no name is to be an option, or two words, of a command.
fn names(hosts: &[String], ui: &Ui) -> Result<u64, Failure> {
    let is_name = |host: &&String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
        !host.starts_with('-') && host.bytes().all(plain)
    };
    let (plain, odd): (Vec<&String>, Vec<&String>) = hosts.iter().partition(is_name);
    for host in odd.iter().take(TOLD) {
        ui.warning(&format!("left out, as no host is called like that: {host:?}"));
    }
    if let Some(more) = odd.len().checked_sub(TOLD).filter(|more| *more > 0) {
        ui.warning(&format!("and {more} more"));
    }
    ui.result(&plain.into_iter().flat_map(|host| [host.as_str(), "\n"]).collect::<String>())?;
    Ok(odd.len() as u64)
}

/// What is put aside on disk could not be.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn no_room(failed: Failed) -> Failure {
    Failure::new(format!("cannot tell which report of each host is its newest: {failed}")).help(
        "let TMPDIR name a directory with room: 64 bytes for each report, of more than 100,000",
    )
}

/// The report of a record, or the byte in it and what is wrong there.
fn record<'a>(found: &Found<'a>, memo: &mut Memo) -> Result<Record<'a>, (Option<usize>, String)> {
    let bytes = found.record.map_err(|problem| match problem {
        Problem::Long => (None, format!("a report of more than {} KiB", LONGEST >> 10)),
        Problem::Empty => (None, "it is empty".to_owned()),
        Problem::Unread(why) => (None, why.to_string()),
    })?;
    let text = std::str::from_utf8(bytes)
        .map_err(|error| (Some(error.valid_up_to()), "no UTF-8".to_owned()))?;
    Record::read(text, memo).map_err(|bad| (Some(bad.at), bad.what.to_owned()))
}

/// What could not be read: how much, and where it was first.
#[derive(Default)]
struct Damage {
    count: u64,
    /// Of these, sources that could not be read, or not to their ends.
    broken: u64,
    named: Vec<Damaged>,
}

/// A source, a piece and a line in it, a line and a byte in the record, and what is wrong there.
type Damaged = (usize, Option<(u64, u64)>, Option<(u64, u64)>, String);

impl Damage {
    fn add(&mut self, found: &Found<'_>, column: Option<usize>, error: String) {
        self.count += 1;
        self.broken += u64::from(matches!(found.record, Err(Problem::Unread(_))));
        // A record of several lines: the line that it is in, and the byte in that.
        let within = column.map(|at| {
            let before = found.record.map_or(&[][..], |bytes| &bytes[..at.min(bytes.len())]);
            let mut lines = before.split(|b| *b == b'\n');
            let last = lines.next_back().unwrap_or_default();
            (lines.count() as u64, last.len() as u64 + 1)
        });
        if self.put((found.source, found.line, within, error)) {
            found.ask_line();
        }
    }

    /// Whether it would be named.
    fn names(&self, found: &Found<'_>) -> bool {
        let after = |last: &Damaged| (last.0, last.1) <= (found.source, found.line);
        self.named.len() < NAMED || !self.named.last().is_some_and(after)
    }

    /// Names a place, if it is among the first; says whether it is.
    fn put(&mut self, place: Damaged) -> bool {
        let at = self.named.partition_point(|known| (known.0, known.1) <= (place.0, place.1));
        if at < NAMED {
            self.named.insert(at, place);
            self.named.truncate(NAMED);
        }
        at < NAMED
    }
}

/// What the reports say.
struct Gathered {
    answer: Fleet,
    /// Sources that could not be read, or not to their ends.
    broken: u64,
    /// Hosts that were asked for, by name.
    selected: Vec<String>,
}

/// Reads the reports; a second time, where hosts have several.
fn gather(sources: &Sources, terms: &Terms, ui: &Ui) -> Result<Gathered, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut workers: Vec<_> =
        Seen::for_each(threads, IN_MEMORY).into_iter().map(Worker::new).collect();
    let started = |error| Failure::new(format!("cannot start a thread: {error}"));
    let (mut bar, size) = (Bar::new(ui), intake::size(sources));
    let mut show = |progress: Progress| {
        let (share, words) = far(progress, sources.len(), size);
        bar.show(share, &words);
    };
    let (lines, bytes) = intake::read(
        sources,
        false,
        &mut workers,
        |worker, found| worker.first(found, terms),
        &mut show,
    )
    .map_err(started)?;
    let mut tally = Tally::default();
    let mut damage = Damage::default();
    let (mut read, mut ahead, mut seen) = (0, 0, Vec::new());
    for worker in workers {
        if let Some(failed) = worker.failed {
            return Err(no_room(failed));
        }
        tally.merge(worker.tally, terms);
        seen.push(worker.look);
        read += worker.read;
        ahead += worker.ahead;
        damage.count += worker.damage.count;
        damage.broken += worker.damage.broken;
        for place in worker.damage.named {
            damage.put(place);
        }
    }
    let namesakes = Mutex::new(Namesakes::default());
    let older = Seen::older(&mut seen).map_err(no_room)?;
    if older > 0 {
        let newest = Seen::newest(seen).map_err(no_room)?;
        let mut workers: Vec<_> = (0..threads).map(|_| Worker::new(Looking::default())).collect();
        intake::read(
            sources,
            true,
            &mut workers,
            |worker, found| worker.second(found, terms, &newest, &namesakes),
            &mut show,
        )
        .map_err(started)?;
        tally = Tally::default();
        let mut lost = None;
        for worker in workers {
            if let Some(failed) = worker.failed {
                return Err(no_room(failed));
            }
            tally.merge(worker.tally, terms);
            lost = lost.or(worker.damage.named.into_iter().find(|d| !damage.named.contains(d)));
        }
        if let Some((source, .., error)) = lost {
            return Err(Failure::new(format!("{}: {error}", sources.name(source))));
        }
        if tally.hosts.total != newest.hosts() {
            return Err(Failure::new(format!(
                "the reports changed while they were read: {} of {} were found again",
                tally.hosts.total,
                crate::report::counted(newest.hosts(), "host")
            ))
            .help("run it again, on a copy"));
        }
    }
    drop(bar);
    let mut answer = fleet::answer(&tally, terms);
    answer.reports =
        FleetReports { bytes, read, older, ahead, unreadable: damage.count, ..answer.reports };
    let namesakes = namesakes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let named = namesakes.found().into_iter().take(NAMED);
    answer.namesakes =
        named.map(|(host, boots)| FleetNamesake { host: host.into(), boots }).collect();
    answer.unreadable = damage
        .named
        .into_iter()
        .map(|(source, line, within, error)| FleetUnreadable {
            source: sources.name(source),
            line: line.map(|line| lines.line(source, line) + within.map_or(0, |w| w.0)),
            column: within.map(|w| w.1),
            error,
        })
        .collect();
    let selected = tally.selected.names().map(str::to_owned).collect();
    Ok(Gathered { answer, broken: damage.broken, selected })
}

/// How far the reading has come: the share, where it is known, and words.
fn far(progress: Progress, sources: usize, size: Option<u64>) -> (Option<f64>, String) {
    let Progress { bytes, sources: begun } = progress;
    #[allow(clippy::cast_precision_loss, reason = "a bar has 30 cells")]
    let share = match size {
        Some(size) => Some(bytes as f64 / size.max(1) as f64),
        None if sources > 1 => Some(begun as f64 / sources as f64),
        None => None,
    };
    let sources = crate::report::counted(sources, "file");
    (share, format!("{} MB, {begun} of {sources}", bytes / 1_000_000))
}

/// Tells what could not be read.
fn tell(answer: &Fleet, ui: &Ui) {
    for unreadable in answer.unreadable.iter().take(TOLD) {
        ui.warning(&report::unreadable(unreadable));
    }
    let told = answer.unreadable.len().min(TOLD) as u64;
    if answer.reports.unreadable > told {
        ui.warning(&format!("and {} more", answer.reports.unreadable - told));
    }
}

/// Where the page goes.
enum Page<'a> {
    /// To standard output, in place of the text.
    Printed,
    To(OutFile<'a>),
}

impl<'a> Page<'a> {
    /// Looks at the place before anything is read: what is no place for a page is known at once.
    fn place(args: &'a FleetArgs, ui: &Ui) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.html else { return Ok(None) };
        if ["-", "/dev/stdout"].map(Path::new).contains(&path.as_path()) {
            if ui.format() == Format::Json || args.hosts.is_some() {
                let message = "the page and another result cannot both go to standard output";
                return Err(Failure::new(message).help("name a file for the page"));
            }
            return Ok(Some(Self::Printed));
        }
        let place = OutFile::at(path, "the page cannot be written to")?;
        if place.standing().is_some_and(|at| intake::reads(&args.reports, &at)) {
            return Err(place.is_input());
        }
        Ok(Some(Self::To(place)))
    }
}
