//! One entry of the catalogue, and the words it is described with.

use crate::key::{Key, glob_matches, has_wildcard};
use crate::observed::Release;
use crate::value::{Shape, Unit, kernel_number};

/// What is known of one parameter, or of one name in every place that its `*` stands for, as the
/// tables say it; [`super::Parameter`] is what the program has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Canonical slash path; `*` is one component.
    pub key: &'static str,
    /// What it does, in one sentence without a final full stop.
    pub summary: &'static str,
    /// Where the facts come from: a document or source file of the kernel.
    pub source: &'static str,
    /// The form of its text.
    pub shape: Shape,
    /// What one unit counts.
    pub unit: Unit,
    /// Least and greatest value, for each number; newest kernels first.
    pub ranges: &'static [Range],
    /// What sort of thing it is.
    pub kind: Kind,
    /// Of a latch: what only a reboot takes back.
    pub latch: Option<Latch>,
    /// Whose value it is.
    pub scope: Scope,
    /// The last component of the parameter that is zeroed by a write to this one, and the reverse.
    pub pair: Option<&'static str>,
    /// What must be written before it, or after it.
    pub order: &'static [Order],
    /// What else a write to it changes.
    pub effects: &'static [Effect],
    /// The module that brings it, where it is not always there.
    pub module: Option<&'static str>,
    /// First release that has it; `None`: older than 4.4.
    pub since: Option<Release>,
    /// First release that no longer has it.
    pub until: Option<Release>,
    /// What can go wrong.
    pub hazard: Option<Hazard>,
    /// The number that stands for no limit at all.
    pub unlimited: Option<i8>,
    /// Whether the kernel makes the value that it starts with from the memory or the processors of
    /// the machine.
    pub sized_at_boot: bool,
    /// What reads back differently from what was written, and why.
    pub reads_back: Option<&'static str>,
    /// Programs that are known to set it by themselves.
    pub owners: &'static [&'static str],
}

/// Least and greatest accepted number, on kernels before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Least accepted value.
    pub min: i128,
    /// Greatest accepted value.
    pub max: i128,
    /// First release that has another range; `None`: the newest.
    pub until: Option<Release>,
    /// Whether its ends depend on the machine: nothing outside is taken, but not all that is within.
    pub outer: bool,
}

/// What sort of thing a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It holds a value.
    Setting,
    /// A write makes the kernel do something once; there is no value to hold.
    Action,
    /// What is set may be there until the next boot.
    Latch,
    /// The kernel counts or reports here; a written value does not stay, or cannot be written.
    Counter,
    /// A setting whose value must not be shown.
    Secret,
}

/// Which values of a latch only a reboot takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latch {
    /// That one; the others are settings.
    At(i64),
    /// That one, and the kernel takes no other, not even the one it starts with.
    Only(i64),
    /// That one on some machines; on others it can be taken back.
    Perhaps(i64),
    /// Each: the kernel takes no negative number, and none that is not lower than what is there;
    /// -1, which it starts with, sets no limit.
    Falls,
    /// Each: of two masks nothing comes back that was taken away.
    Clears,
}

/// Whose value a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole host's.
    Host,
    /// Each network namespace's own.
    NetNs,
    /// Each IPC namespace's own.
    Ipc,
    /// Each UTS namespace's own.
    Uts,
    /// Each user namespace's own.
    User,
    /// Each PID namespace's own.
    Pid,
}

/// An ordering constraint between two parameters, by the other's canonical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// This one is written after the other.
    After(&'static str),
    /// This one is written after the parameter of that last name beside it.
    AfterBeside(&'static str),
    /// This one must never exceed the other's first number (EINVAL at either write), so which goes
    /// first depends on the values. The numbers are those that the kernel starts with, of this one
    /// and of the other.
    AtMost(&'static str, (i64, i64), Checked),
    /// This one is refused while the other has one of these values.
    RefusedWhile(&'static str, &'static [i64]),
    /// This one reads 0 while the other one is 0, whatever it is set to.
    ZeroWhileZero(&'static str),
    /// This one takes that value only once a secret is set: that of the last name beside it, or the
    /// named one, which is the same for all.
    NeedsSecret(i64, &'static str, &'static str),
}

/// Which kernels check an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// All that have both parameters.
    Always,
    /// New ones; since which release is not known.
    Lately,
}

/// What a write to a parameter changes besides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Every parameter that matches the glob takes the same value.
    Copies(&'static str),
    /// Of those that match the glob every interface's takes the same value, but not those of `all`
    /// and `default`.
    CopiesToInterfaces(&'static str),
    /// Of those that match the glob every interface's becomes 0 when this one is set to 0.
    ClearsInterfaces(&'static str),
    /// The named parameter becomes 0 when this one is set to non-zero, else 1.
    Inverts(&'static str),
    /// The parameter of that last name beside this one becomes that, whatever this one is set to.
    SetsBeside(&'static str, &'static str),
    /// The parameter of that last name beside this one, a list of words, has this one's value among
    /// them from then on.
    AddsWordBeside(&'static str),
    /// Of those that match the glob every interface's becomes that, whatever this one is set to.
    SetsInterfaces(&'static str, &'static str),
    /// The named parameter becomes 0 when this one is set to 0, else what it was set to by itself,
    /// which nobody can read.
    Gates(&'static str),
    /// The parameter of that last name beside this one is the same in another unit: its number is
    /// this one's, multiplied and divided; `None` where the factor differs from kernel to kernel.
    Rescales(&'static str, Option<(i64, i64)>),
}

/// What can go wrong with a parameter. The names in [`Hazard::guard`] are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// Too high a share of RAM stops the machine at once.
    MinFree,
    /// Strict overcommit: programs may be unable to start.
    OvercommitStrict,
    /// Its value is run, or leads to a program that is run, as root.
    ExecutesCode,
    /// It cannot be undone without a reboot.
    OneWay,
    /// A wrong value cuts remote sessions off.
    CutsNetwork,
    /// It takes memory away from everything else.
    TakesMemory,
    /// Below what is in use, new work is refused.
    Starves,
}

impl Hazard {
    /// Every guard's name.
    pub const GUARDS: [&'static str; 7] = [
        Self::MinFree.guard(),
        Self::OvercommitStrict.guard(),
        Self::ExecutesCode.guard(),
        Self::OneWay.guard(),
        Self::CutsNetwork.guard(),
        Self::TakesMemory.guard(),
        Self::Starves.guard(),
    ];

    /// The name under which a baseline allows it: `allow: [NAME]`.
    pub const fn guard(self) -> &'static str {
        match self {
            Self::MinFree => "min-free-above-5-percent",
            Self::OvercommitStrict => "overcommit-strict",
            Self::ExecutesCode => "exec-key",
            Self::OneWay => "one-way",
            Self::CutsNetwork => "cuts-network",
            Self::TakesMemory => "takes-memory",
            Self::Starves => "starves",
        }
    }
}

impl Entry {
    /// A host-wide setting of that shape without a unit; the methods below refine it.
    pub const fn new(
        key: &'static str,
        shape: Shape,
        summary: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            key,
            summary,
            source,
            shape,
            unit: Unit::None,
            ranges: &[],
            kind: Kind::Setting,
            latch: None,
            scope: Scope::Host,
            pair: None,
            order: &[],
            effects: &[],
            module: None,
            since: None,
            until: None,
            hazard: None,
            unlimited: None,
            sized_at_boot: false,
            reads_back: None,
            owners: &[],
        }
    }

    /// What one unit counts.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Accepted numbers, newest kernels first.
    pub const fn ranges(mut self, ranges: &'static [Range]) -> Self {
        self.ranges = ranges;
        self
    }

    /// What sort of thing it is.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// A latch, which is guarded.
    pub const fn latch(mut self, latch: Latch) -> Self {
        self.kind = Kind::Latch;
        self.hazard = Some(Hazard::OneWay);
        self.latch = Some(latch);
        self
    }

    /// Whose value it is.
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The last component of its other half.
    pub const fn pair(mut self, leaf: &'static str) -> Self {
        self.pair = Some(leaf);
        self
    }

    /// Ordering constraints.
    pub const fn order(mut self, order: &'static [Order]) -> Self {
        self.order = order;
        self
    }

    /// Side effects.
    pub const fn effects(mut self, effects: &'static [Effect]) -> Self {
        self.effects = effects;
        self
    }

    /// The module that brings it.
    pub const fn module(mut self, module: &'static str) -> Self {
        self.module = Some(module);
        self
    }

    /// First release that has it.
    pub const fn since(mut self, major: u16, minor: u16) -> Self {
        self.since = Some(Release::new(major, minor));
        self
    }

    /// First release that no longer has it.
    pub const fn until(mut self, major: u16, minor: u16) -> Self {
        self.until = Some(Release::new(major, minor));
        self
    }

    /// What can go wrong.
    pub const fn hazard(mut self, hazard: Hazard) -> Self {
        self.hazard = Some(hazard);
        self
    }

    /// The number that stands for no limit at all.
    pub const fn unlimited(mut self, number: i8) -> Self {
        self.unlimited = Some(number);
        self
    }

    /// The kernel makes its first value from the machine's memory or processors.
    pub const fn sized_at_boot(mut self) -> Self {
        self.sized_at_boot = true;
        self
    }

    /// What reads back differently, and why.
    pub const fn reads_back(mut self, why: &'static str) -> Self {
        self.reads_back = Some(why);
        self
    }

    /// Programs that set it by themselves.
    pub const fn owners(mut self, owners: &'static [&'static str]) -> Self {
        self.owners = owners;
        self
    }
}

impl Effect {
    /// Whether a write to the parameter, or the glob, at the path `from` changes `key` in this way.
    pub fn reaches(self, from: &str, key: &Key) -> bool {
        match self {
            Self::Copies(glob) => glob_matches(glob, key.as_path()),
            Self::CopiesToInterfaces(glob)
            | Self::ClearsInterfaces(glob)
            | Self::SetsInterfaces(glob, _) => {
                let everywhere = ["all", "default"];
                glob_matches(glob, key.as_path())
                    && !key.components().any(|part| everywhere.contains(&part))
            }
            Self::Inverts(path) | Self::Gates(path) => path == key.as_path(),
            Self::Rescales(leaf, ..) | Self::SetsBeside(leaf, _) | Self::AddsWordBeside(leaf) => {
                let beside = |(parent, name): (&str, &str)| {
                    let from = from.rsplit_once('/').map_or("", |(parent, _)| parent);
                    name == leaf && glob_matches(from, parent)
                };
                key.as_path().rsplit_once('/').is_some_and(beside)
            }
        }
    }

    /// Whether it is what a switch does to others; the rest are two names of one variable, what a
    /// secret does, and a word in a list.
    pub fn is_of_a_switch(self) -> bool {
        match self {
            Self::Copies(glob) => has_wildcard(glob),
            Self::CopiesToInterfaces(_) | Self::ClearsInterfaces(_) | Self::Inverts(_) => true,
            Self::Rescales(..)
            | Self::SetsBeside(..)
            | Self::AddsWordBeside(_)
            | Self::SetsInterfaces(..)
            | Self::Gates(_) => false,
        }
    }

    /// Whether the kernel brings it about by a change alone, and not by a write of the value that
    /// is there already: so it does with IPv4's forwarding, but not with IPv6's.
    pub fn needs_a_change(self) -> bool {
        match self {
            Self::Copies(glob) => has_wildcard(glob) && glob.starts_with("net/ipv4/"),
            Self::CopiesToInterfaces(_) | Self::Inverts(_) => true,
            Self::ClearsInterfaces(_)
            | Self::Gates(_)
            | Self::Rescales(..)
            | Self::SetsBeside(..)
            | Self::AddsWordBeside(_)
            | Self::SetsInterfaces(..) => false,
        }
    }

    /// What the other parameter, which held `before`, holds once `written` is in this one, but for
    /// what the kernel rounds; `None` where that is not known.
    pub fn leaves(self, written: &str, before: Option<&str>) -> Option<String> {
        let number = || kernel_number(written.trim());
        match self {
            Self::Copies(_) | Self::CopiesToInterfaces(_) => Some(written.to_owned()),
            Self::ClearsInterfaces(_) | Self::Gates(_) => (number()? == 0).then(|| "0".to_owned()),
            Self::Inverts(_) => Some(i32::from(number()? == 0).to_string()),
            Self::SetsBeside(_, value) | Self::SetsInterfaces(_, value) => Some(value.to_owned()),
            Self::AddsWordBeside(_) => {
                let (before, word) = (before?.trim(), written.trim());
                let is_there = before.split_whitespace().any(|one| one == word);
                let after = if is_there { before.to_owned() } else { format!("{before} {word}") };
                Some(after.trim().to_owned())
            }
            Self::Rescales(_, factor) => {
                let (times, over) = factor?;
                Some((number()? * i128::from(times) / i128::from(over)).to_string())
            }
        }
    }
}

impl Range {
    /// A range of the newest kernels.
    pub const fn new(min: i128, max: i128) -> Self {
        Self { min, max, until: None, outer: false }
    }

    /// What no machine goes beyond, where each has a range of its own.
    pub const fn within(min: i128, max: i128) -> Self {
        Self { min, max, until: None, outer: true }
    }

    /// The range of kernels before that release.
    pub const fn before(major: u16, minor: u16, min: i128, max: i128) -> Self {
        Self { min, max, until: Some(Release::new(major, minor)), outer: false }
    }

    /// What no kernel before that release goes beyond.
    pub const fn within_before(major: u16, minor: u16, min: i128, max: i128) -> Self {
        Self { min, max, until: Some(Release::new(major, minor)), outer: true }
    }

    /// Whether a number lies in it.
    pub fn contains(&self, number: i128) -> bool {
        (self.min..=self.max).contains(&number)
    }
}
