//! The baseline format, version 1: documents as they are written, each part with its place.

use std::borrow::Cow;

use crate::diagnostic::Span;
use crate::key::Selector;
use crate::value::Percent;

/// A text of a baseline's: of a built-in one it stays where the program has it.
pub type Text = Cow<'static, str>;

/// The fields of a baseline.
pub const FIELDS: &[&str] = &[
    "name",
    "description",
    "extends",
    "defaults",
    "parameters",
    "exclude",
    "actions",
    "when",
    "waivers",
];

/// One baseline file.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Index among the sources.
    pub source: usize,
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `extends`: built-in names or paths, as written.
    pub extends: Vec<Written<String>>,
    /// `defaults.on_drift`.
    pub on_drift: Option<OnDrift>,
    /// `parameters`.
    pub parameters: Vec<Entry>,
    /// `exclude`.
    pub exclude: Vec<Written<Selector>>,
    /// `actions`.
    pub actions: Vec<Entry>,
    /// `when`.
    pub when: Vec<When>,
    /// `waivers`.
    pub waivers: Vec<Waiver>,
}

/// A value with the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// One line of `parameters` or `actions`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key or pattern.
    pub selector: Selector,
    /// The key's place.
    pub span: Span,
    /// What is wanted of it, and under which terms.
    pub terms: Terms,
}

/// What stands behind a key.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is wanted.
    pub wish: Wish,
    /// Why.
    pub reason: Option<Text>,
    /// The public document that the value comes from (`source`).
    pub reference: Option<Text>,
    /// The module that brings it.
    pub module: Option<Text>,
    /// Guards that are overridden for it, by name.
    pub allow: Vec<Written<String>>,
    /// What the daemon does when it drifts.
    pub on_drift: Option<OnDrift>,
    /// Whether nothing is missed where the kernel has no such parameter.
    pub optional: bool,
}

/// What is wanted of a parameter.
#[derive(Clone, Debug)]
pub enum Wish {
    /// `null`: leave it alone, whatever a lower layer says.
    Leave,
    /// A value or bounds, or both.
    Hold {
        /// `value` or `percent_of_ram`.
        target: Option<Target>,
        /// `at_least`.
        at_least: Option<Literal>,
        /// `at_most`.
        at_most: Option<Literal>,
    },
}

/// An exact target.
#[derive(Clone, Debug)]
pub enum Target {
    /// A single value.
    One(Literal),
    /// A list of values.
    Many(Vec<Literal>),
    /// A share of `MemTotal`.
    PercentOfRam(Written<Percent>),
}

/// A scalar as written.
#[derive(Clone, Debug)]
pub struct Literal {
    /// Its text.
    pub text: Text,
    /// Whether it stood without quotes.
    pub plain: bool,
    /// Its place.
    pub span: Span,
}

/// What the daemon does when a parameter drifts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// Set it back.
    #[default]
    Enforce,
    /// Report it and leave it.
    Report,
    /// Report it once and let the other have it.
    Yield,
    /// Refuse the foreign write in the kernel.
    Prevent,
}

/// A block that counts on some hosts only.
#[derive(Clone, Debug)]
pub struct When {
    /// Place of the block.
    pub span: Span,
    /// Every one must hold.
    pub conditions: Vec<Condition>,
    /// Not all that it asks for could be read: it holds nowhere.
    pub faulty: bool,
    /// The parameters that then count.
    pub parameters: Vec<Entry>,
}

/// One condition of a `when` block.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Which fact.
    pub fact: FactName,
    /// As written, such as `>= 64GiB`.
    pub test: String,
    /// Its place.
    pub span: Span,
}

/// Facts that a condition can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactName {
    /// `MemTotal`.
    Ram,
    /// Number of memory nodes.
    NumaNodes,
    /// Kernel release.
    Kernel,
    /// `none`, `vm`, `container`, or the name of one.
    Virtualization,
    /// Host name, as a glob.
    Hostname,
}

/// An exception with an end.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The key or pattern.
    pub selector: Selector,
    /// Place of the key.
    pub span: Span,
    /// Last day on which it holds, `YYYY-MM-DD`, UTC.
    pub until: String,
    /// Why.
    pub reason: String,
}

impl Document {
    /// Every entry, those of `when` blocks included, and whether it is an action.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, bool)> {
        let conditional = self.when.iter().flat_map(|w| &w.parameters);
        let parameters = self.parameters.iter().chain(conditional).map(|entry| (entry, false));
        parameters.chain(self.actions.iter().map(|entry| (entry, true)))
    }
}

impl OnDrift {
    /// All of them, by the name used in a baseline.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("enforce", Self::Enforce),
        ("report", Self::Report),
        ("yield", Self::Yield),
        ("prevent", Self::Prevent),
    ];

    /// The name used in a baseline.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Report => "report",
            Self::Yield => "yield",
            Self::Prevent => "prevent",
        }
    }
}

impl FactName {
    /// All of them, by the name used in a baseline.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("ram", Self::Ram),
        ("numa_nodes", Self::NumaNodes),
        ("kernel", Self::Kernel),
        ("virtualization", Self::Virtualization),
        ("hostname", Self::Hostname),
    ];
}
