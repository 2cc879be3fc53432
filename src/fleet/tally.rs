//! What is counted over many reports: one folded in after the other, sums put together.

use std::collections::HashMap;

use crate::wire::fleet::FleetHosts;

use super::hosts::{FINDINGS, sum};
use super::memo::{Item, Known, Memo};
use super::names::{Name, Names, without_numbers};
use super::record::{Event, Parameter, Record, Writer};
use super::roster::{Roster, begin};
use super::selection::Selection;
use super::table::{Changes, Group, Holders, Key, Renaming, Sum as _, Table};
use super::time::SECOND;

/// Silent hosts that are named.
const SILENT: usize = 100;
/// Hours that changes are counted by.
pub const HOURS: usize = 24;
/// Roles, by the numbers of their names, that known parameters are counted for, and places for these
/// counts.
const MOST_ROLES: usize = 1 << 10;
const MOST_PLACES: usize = 1 << 15;
/// What a value made from the host's memory is called where it is as desired.
const FROM_RAM: &str = "(as its memory asks)";

/// What is judged by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The time, in microseconds since 1970.
    pub now: u64,
    /// A report older than this makes its host silent, in microseconds since 1970.
    pub silent_before: u64,
    /// A report from then on comes of a wrong clock.
    pub ahead_from: u64,
    /// From this share of the last 10 s on, in percent, a host is under memory pressure.
    pub pressure_from: f64,
    /// So many hosts of each finding are named.
    pub named: usize,
    /// The hosts of which all are named.
    pub selection: Option<Selection>,
}

/// Who made changes, as far as hosts have it in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The process's name.
    pub comm: Option<Name>,
    /// Its unit.
    pub unit: Option<Name>,
    /// `process`, `container`, `kernel`, `unknown`.
    pub cause: Name,
}

impl Key for Who {
    fn renamed(&self, to: &mut Renaming<'_>) -> Option<Self> {
        let (comm, unit, cause) = (self.comm, self.unit, self.cause).renamed(to)?;
        Some(Self { comm, unit, cause })
    }
}

/// A value among peers: roles, key, value, and whether it is drift.
pub type Read = (Name, Name, Name, bool);
/// A drifted key: the key, what it reads, its status.
pub type Drifted = (Name, Option<Name>, Name);
/// A key at the next boot: the key, its status, the file, and whether tunectl-boot corrects it.
pub type AtBoot = (Name, Name, Option<Name>, bool);

/// Everything that is counted.
#[derive(Default)]
pub struct Tally {
    /// The texts of the tables below.
    pub names: Names,
    /// Hosts by what is true of them.
    pub hosts: FleetHosts,
    /// The same of the silent ones alone.
    pub stale: FleetHosts,
    /// Hosts by finding, in the order of `FINDINGS`.
    pub found: [Roster; FINDINGS.len()],
    /// Hosts whose baseline cannot be used, and the first of their errors.
    pub failed: Roster<Box<str>>,
    /// Hosts that were asked for.
    pub selected: Roster,
    /// Hosts by name and hash of the baseline.
    pub baselines: Table<(Name, Name), Holders>,
    /// Hosts by version of tunectl.
    pub versions: Table<Name, Group>,
    /// Hosts by what has drifted.
    pub drifted: Table<Drifted, Group>,
    /// Changes by key.
    pub changed: Table<Name, Changes>,
    /// Changes by key and writer.
    pub writers: Table<(Name, Who), Changes>,
    /// Hosts by contested key.
    pub contested: Table<Name, Group>,
    /// Changes by contested key and writer.
    pub contenders: Table<(Name, Who), Changes>,
    /// Hosts by what the next boot leaves wrong.
    pub boot: Table<AtBoot, Group>,
    /// Hosts by pending key.
    pub pending: Table<Name, Group>,
    /// Hosts by blocked key and why.
    pub blocked: Table<(Name, Name), Group>,
    /// Hosts by roles, key and value.
    pub values: Table<Read, Group>,
    /// Silent hosts: time and name, longest silent first.
    pub silent: Vec<(u64, Box<str>)>,
    /// Changes by hour, the newest hour first.
    pub hours: [u64; HOURS],
    /// Hosts by roles and known parameter, until these are put among the values.
    plain: Vec<Vec<Option<Plain>>>,
    /// Places that these have.
    places: usize,
}

/// The value of a known parameter.
struct Plain {
    read: Read,
    group: Group,
}

/// What is true of a host.
#[derive(Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "one host can have each of them")]
struct Flags {
    drift: bool,
    boot: bool,
    contested: bool,
    pending: bool,
    blocked: bool,
    waived: bool,
    let_go: bool,
}

impl Tally {
    /// Counts a host's newest report.
    pub fn add(&mut self, record: &Record<'_>, memo: &Memo, terms: &Terms) {
        let mut flags = Flags::default();
        let roles = self.roles(record);
        for item in &record.parameters {
            match item {
                Item::Known(known) => self.known(roles, *known, memo, &record.host),
                Item::Read(parameter) => self.parameter(parameter, record, roles, &mut flags),
            }
        }
        for (key, value) in &record.others {
            self.value(roles, key, value, false, &record.host);
        }
        self.events(record, terms);
        self.host(record, terms, flags);
    }

    fn roles(&mut self, record: &Record<'_>) -> Option<Name> {
        match (record.roles.as_slice(), &record.baseline) {
            ([], Some((name, _))) => self.names.of(name),
            ([], None) => self.names.of("none"),
            ([one], _) => self.names.of(one),
            (several, _) => self.names.of(&several.join(", ")),
        }
    }

    fn value(&mut self, roles: Option<Name>, key: &str, value: &str, drift: bool, host: &str) {
        let read = match (roles, self.names.of(key), self.names.of(value)) {
            (Some(roles), Some(key), Some(value)) => Some((roles, key, value, drift)),
            _ => None,
        };
        if let Some(group) = self.values.at(read) {
            group.add(host);
        }
    }

    /// A parameter that is as required and bears no mark: only its value counts. Where that counts
    /// is looked up once for each of the roles.
    fn known(&mut self, roles: Option<Name>, known: Known, memo: &Memo, host: &str) {
        let slot = roles.map(|roles| (roles as usize, known as usize));
        let slots = slot.and_then(|(roles, known)| {
            if self.plain.len() <= roles && roles < MOST_ROLES {
                self.plain.resize_with(roles + 1, Vec::new);
            }
            let slots = self.plain.get_mut(roles)?;
            if slots.len() <= known && self.places + known < MOST_PLACES {
                self.places += known + 1 - slots.len();
                slots.resize_with(known + 1, || None);
            }
            slots.get_mut(known)
        });
        let Some(slot) = slots else {
            let (key, value) = memo.get(known);
            return self.value(roles, key, value, false, host);
        };
        if slot.is_none() {
            let (key, value) = memo.get(known);
            let read = self.names.of(key).zip(self.names.of(value));
            *slot = read.zip(roles).map(|((key, value), roles)| Plain {
                read: (roles, key, value, false),
                group: Group::default(),
            });
        }
        match slot {
            Some(plain) => plain.group.add(host),
            None => self.values.beyond += 1,
        }
    }

    /// Puts the values of known parameters where the others are.
    fn settle(&mut self) {
        for plain in std::mem::take(&mut self.plain).into_iter().flatten().flatten() {
            if let Some(group) = self.values.at(Some(plain.read)) {
                group.sum(&plain.group);
            }
        }
    }

    fn parameter(
        &mut self,
        parameter: &Parameter<'_>,
        record: &Record<'_>,
        roles: Option<Name>,
        flags: &mut Flags,
    ) {
        let host: &str = &record.host;
        let marks = parameter.marks;
        let in_sync = parameter.live_status == "in_sync";
        let pending = parameter.live_status == "pending";
        let spared = marks.waived || marks.let_go;
        let drift = !in_sync && !pending && !spared;
        if let Some(live) = &parameter.live {
            // What is made from each host's memory is alike where it is as desired.
            let value = if marks.from_ram && in_sync { FROM_RAM } else { live };
            self.value(roles, &parameter.key, value, drift, host);
        }
        flags.waived |= marks.waived;
        flags.let_go |= marks.let_go;
        flags.contested |= marks.contested;
        if in_sync && parameter.boot_status == "same" && !marks.contested && !marks.refused {
            return;
        }
        let key = self.names.of(&parameter.key);
        let status = self.names.of(&parameter.live_status);
        if drift {
            flags.drift = true;
            let value = parameter.live.as_ref().and_then(|live| self.names.of(live));
            let drifted = key.zip(status).map(|(key, status)| (key, value, status));
            if let Some(group) = self.drifted.at(drifted) {
                group.add(host);
            }
        }
        if pending && !spared {
            flags.pending = true;
            if let Some(group) = self.pending.at(key) {
                group.add(host);
            }
        }
        let impossible = drift && parameter.live_status != "differs";
        if impossible || marks.refused && !spared {
            flags.blocked = true;
            let why = if impossible { status } else { self.names.of("refused") };
            if let Some(group) = self.blocked.at(key.zip(why)) {
                group.add(host);
            }
        }
        if parameter.boot_status != "same" && !marks.waived && !marks.let_go_at_boot {
            flags.boot = true;
            let status = self.names.of(&parameter.boot_status);
            let source = parameter.source.as_ref().and_then(|s| self.names.of(file(s)));
            let left = key.zip(status).map(|(key, status)| (key, status, source, marks.boot_unit));
            if let Some(group) = self.boot.at(left) {
                group.add(host);
            }
        }
        if marks.contested {
            self.contest(key, parameter, record);
        }
    }

    /// A contested key: who contests it say the events, or else the parameter's last writer.
    fn contest(&mut self, key: Option<Name>, parameter: &Parameter<'_>, record: &Record<'_>) {
        if let Some(group) = self.contested.at(key) {
            group.add(&record.host);
        }
        let mut found = Vec::new();
        for event in record.events.iter().filter(|e| e.key == parameter.key) {
            put(&mut found, self.who(event.writer.as_ref(), &event.cause), event.count);
        }
        if found.is_empty() {
            found.push((self.who(parameter.writer.as_ref(), "unknown"), 0));
        }
        for (who, count) in found {
            if let Some(changes) = self.contenders.at(key.zip(who)) {
                changes.add(count);
            }
        }
    }

    fn events(&mut self, record: &Record<'_>, terms: &Terms) {
        let (mut keys, mut writers) = (Vec::new(), Vec::new());
        // A write that was refused has changed nothing.
        for event in record.events.iter().filter(|event| event.action != "prevented") {
            let key = self.names.of(&event.key);
            let who = self.who(event.writer.as_ref(), &event.cause);
            put(&mut keys, key, event.count);
            put(&mut writers, key.zip(who), event.count);
            self.hour(event, terms);
        }
        for (key, count) in keys {
            if let Some(changes) = self.changed.at(key) {
                changes.add(count);
            }
        }
        for (writer, count) in writers {
            if let Some(changes) = self.writers.at(writer) {
                changes.add(count);
            }
        }
    }

    fn hour(&mut self, event: &Event<'_>, terms: &Terms) {
        let ago = event.last.and_then(|last| terms.now.checked_sub(last));
        let hour = ago.and_then(|ago| usize::try_from(ago / (3600 * SECOND)).ok());
        if let Some(hour) = hour.and_then(|hour| self.hours.get_mut(hour)) {
            hour.sum(&event.count);
        }
    }

    fn who(&mut self, writer: Option<&Writer<'_>>, cause: &str) -> Option<Who> {
        let comm = writer.and_then(|w| w.comm.as_ref());
        let unit = writer.and_then(|w| w.unit.as_ref());
        let cause = match cause {
            _ if writer.is_some_and(|w| w.container.is_some()) => "container",
            _ if comm.is_some() => "process",
            "kernel" => "kernel",
            _ => "unknown",
        };
        // What finds no room is not mixed up with what is not known.
        let comm = comm.map(|comm| self.names.of(comm));
        let unit = unit.map(|unit| self.names.of(&without_numbers(unit)));
        Some(Who {
            comm: comm.map_or(Some(None), |name| name.map(Some))?,
            unit: unit.map_or(Some(None), |name| name.map(Some))?,
            cause: self.names.of(cause)?,
        })
    }

    fn host(&mut self, record: &Record<'_>, terms: &Terms, flags: Flags) {
        let without = record.baseline.is_none() && !record.failed;
        let ahead = record.time >= terms.ahead_from;
        // Of a clock that is ahead nobody knows when the host was last heard of.
        let silent = record.time < terms.silent_before || ahead;
        let right = record.baseline.is_some()
            && !(record.failed || record.unapplied || flags.drift || flags.boot);
        // What was right when a host was last heard of is not known to be so still.
        let in_sync = right && !silent;
        let pressed = record.pressure.is_some_and(|some| some >= terms.pressure_from);
        let one = |holds: bool| u64::from(holds);
        let host = FleetHosts {
            total: 1,
            in_sync: one(in_sync),
            drift: one(flags.drift),
            boot: one(flags.boot),
            contested: one(flags.contested),
            pending: one(flags.pending),
            blocked: one(flags.blocked),
            waived: one(flags.waived),
            let_go: one(flags.let_go),
            changed: one(record.last_day > 0),
            silent: one(silent),
            ahead: one(ahead),
            pressure: one(pressed),
            failed: one(record.failed),
            no_baseline: one(without),
            unapplied: one(record.unapplied),
        };
        self.hosts = sum(self.hosts, host);
        if silent {
            self.stale = sum(self.stale, host);
        }
        if let Some((name, sha256)) = &record.baseline {
            let baseline = self.names.of(name).zip(self.names.of(sha256));
            if let Some(holders) = self.baselines.at(baseline) {
                holders.group.add(&record.host);
                holders.in_sync += one(in_sync);
                holders.drift += one(flags.drift);
                holders.unapplied += one(record.unapplied);
            }
        }
        let version = self.names.of(&record.version);
        if let Some(group) = self.versions.at(version) {
            group.add(&record.host);
        }
        self.name(record, terms, &host);
        if silent {
            self.silence(record.time, (&*record.host).into());
        }
    }

    /// Names a host, of which `host` says what is true, where that is asked for.
    fn name(&mut self, record: &Record<'_>, terms: &Terms, host: &FleetHosts) {
        for (roster, (_, of)) in self.found.iter_mut().zip(&FINDINGS) {
            if of(host) > 0 {
                roster.add(&record.host, terms.named, || ());
            }
        }
        if record.failed {
            let error = || begin(record.error.as_deref().unwrap_or_default());
            self.failed.add(&record.host, terms.named, error);
        }
        if terms.selection.as_ref().is_some_and(|selection| selection.has(record, host)) {
            self.selected.add(&record.host, usize::MAX, || ());
        }
    }

    fn silence(&mut self, time: u64, host: Box<str>) {
        let silent = (time, host);
        let at = self.silent.partition_point(|known| *known < silent);
        if at < SILENT {
            self.silent.insert(at, silent);
            self.silent.truncate(SILENT);
        }
    }

    /// Adds what another thread has counted.
    pub fn merge(&mut self, mut other: Self, terms: &Terms) {
        other.settle();
        for (ours, theirs) in self.found.iter_mut().zip(std::mem::take(&mut other.found)) {
            ours.merge(theirs, terms.named);
        }
        self.failed.merge(std::mem::take(&mut other.failed), terms.named);
        self.selected.merge(std::mem::take(&mut other.selected), usize::MAX);
        let other = &other;
        let mut named: HashMap<Name, Option<Name>> = HashMap::new();
        let names = &mut self.names;
        let to: &mut Renaming<'_> =
            &mut |name| *named.entry(name).or_insert_with(|| names.of(other.names.text(name)));
        self.baselines.merge(&other.baselines, to);
        self.versions.merge(&other.versions, to);
        self.drifted.merge(&other.drifted, to);
        self.changed.merge(&other.changed, to);
        self.writers.merge(&other.writers, to);
        self.contested.merge(&other.contested, to);
        self.contenders.merge(&other.contenders, to);
        self.boot.merge(&other.boot, to);
        self.pending.merge(&other.pending, to);
        self.blocked.merge(&other.blocked, to);
        self.values.merge(&other.values, to);
        for (time, host) in &other.silent {
            self.silence(*time, host.clone());
        }
        for (ours, theirs) in self.hours.iter_mut().zip(&other.hours) {
            ours.sum(theirs);
        }
        self.hosts = sum(self.hosts, other.hosts);
        self.stale = sum(self.stale, other.stale);
    }

    /// Counts that found no room in a table.
    pub fn beyond(&self) -> u64 {
        self.baselines.beyond
            + self.versions.beyond
            + self.drifted.beyond
            + self.changed.beyond
            + self.writers.beyond
            + self.contested.beyond
            + self.contenders.beyond
            + self.boot.beyond
            + self.pending.beyond
            + self.blocked.beyond
            + self.values.beyond
    }
}

/// Adds a count to what a host is already known to have, so that the host counts once.
fn put<K: PartialEq>(found: &mut Vec<(K, u64)>, key: K, count: u64) {
    match found.iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum = sum.saturating_add(count),
        None => found.push((key, count)),
    }
}

/// The file of a `file:line`.
fn file(source: &str) -> &str {
    match source.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|b| b.is_ascii_digit()) => file,
        _ => source,
    }
}
