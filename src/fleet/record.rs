//! One host's report, `tunectl/report/1`, as it stands in a line: only what a fleet is asked about,
//! and without a copy of it.

use std::borrow::Cow;

use super::memo::Item;

/// Of a report with more parts the space is not kept for the next.
const KEPT: usize = 256;

/// A text of the line.
pub type Text<'a> = Cow<'a, str>;

/// A host's report.
#[derive(Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// When the host was looked at, in microseconds since 1970.
    pub time: u64,
    /// The host's name.
    pub host: Text<'a>,
    /// Its roles as they are written, an array; hosts with the same are peers.
    pub roles: Vec<Text<'a>>,
    /// The tunectl that wrote the report.
    pub version: Text<'a>,
    /// The baseline's name and hash, without the host's own layers where the report tells that.
    pub baseline: Option<(Text<'a>, Text<'a>)>,
    /// Whether that asks for something else than what was applied last.
    pub unapplied: bool,
    /// Whether the host has a baseline that cannot be used.
    pub failed: bool,
    /// The first of the errors.
    pub error: Option<Text<'a>>,
    /// Share of the last 10 s in which some task waited for memory, in percent.
    pub pressure: Option<f64>,
    /// Changes of the last 24 hours.
    pub last_day: u64,
    /// What has changed.
    pub events: Vec<Event<'a>>,
    /// The parameters of the baseline.
    pub parameters: Vec<Item<'a>>,
    /// Further parameters and what they read.
    pub others: Vec<(Text<'a>, Text<'a>)>,
}

/// A change, or several alike.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The key, in dots.
    pub key: Text<'a>,
    /// What became of it.
    pub action: Text<'a>,
    /// What is behind it, where no process is known.
    pub cause: Text<'a>,
    /// Who did it.
    pub writer: Option<Writer<'a>>,
    /// How often.
    pub count: u64,
    /// When the newest was, in microseconds since 1970.
    pub last: Option<u64>,
}

/// Who changed a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The process's name.
    pub comm: Option<Text<'a>>,
    /// Its systemd unit.
    pub unit: Option<Text<'a>>,
    /// Its container.
    pub container: Option<Text<'a>>,
}

/// A parameter of the baseline.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The key, in dots.
    pub key: Text<'a>,
    /// What it reads.
    pub live: Option<Text<'a>>,
    /// The live status, as in `tunectl/plan/1`, or one that is newer.
    pub live_status: Text<'a>,
    /// The line that sets it at boot.
    pub source: Option<Text<'a>>,
    /// The boot status.
    pub boot_status: Text<'a>,
    /// Marks on top.
    pub marks: Marks,
    /// Who changed it last.
    pub writer: Option<Writer<'a>>,
}

/// The marks that are asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "marks stand beside each other")]
pub struct Marks {
    /// Covered by a waiver.
    pub waived: bool,
    /// Refused by a guard.
    pub refused: bool,
    /// Fought over.
    pub contested: bool,
    /// The desired value was made from the host's memory.
    pub from_ram: bool,
    /// tunectl-boot sets it whatever the files say.
    pub boot_unit: bool,
    /// Nobody holds it, on purpose: what it reads is no drift.
    pub let_go: bool,
    /// Nor is what a boot leaves: it was rolled back, or is tried.
    pub let_go_at_boot: bool,
}

impl Record<'_> {
    /// An empty one of any lifetime, in the same space: of vectors that are collected from
    /// themselves the space stays.
    pub(super) fn emptied<'b>(self) -> Record<'b> {
        Record {
            roles: emptied(self.roles),
            events: emptied(self.events),
            parameters: emptied(self.parameters),
            others: emptied(self.others),
            ..Record::default()
        }
    }
}

fn emptied<A, B>(all: Vec<A>) -> Vec<B> {
    let mut all: Vec<B> = all.into_iter().filter_map(|_| None).collect();
    all.shrink_to(KEPT);
    all
}
