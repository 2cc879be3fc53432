//! What a baseline asks of one host once everything is resolved.

use std::borrow::Cow;
use std::fmt;

use crate::catalogue::{Parameter, Special};
use crate::diagnostic::{Source, Span};
use crate::key::{Key, Pattern, Selector};
use crate::observed::Errno;
use crate::value::{Shape, agrees};

use super::schema::{OnDrift, Text};

/// Everything that a baseline asks of one host.
#[derive(Clone, Debug, Default)]
pub struct DesiredSet {
    /// The baseline's name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// SHA-256 of the texts it was made of, one behind the other, in hexadecimal.
    pub sha256: String,
    /// Those texts, the named baseline first.
    pub sources: Vec<Source>,
    /// Parameters, by key.
    pub parameters: Vec<Desired>,
    /// Patterns that stand behind some of them, the one that wins last.
    pub patterns: Vec<DesiredPattern>,
    /// Keys that the patterns leave out.
    pub excludes: Vec<Selector>,
    /// Verbs, to be run on request.
    pub actions: Vec<Desired>,
    /// Waivers whose last day is past.
    pub expired_waivers: Vec<Exception>,
    /// Waivers in force that end soon, each with the days after today.
    pub ending_waivers: Vec<(Exception, u32)>,
    /// `when` blocks that do not count on the host, each with the conditions that it does not meet.
    pub left_out: Vec<(Span, String)>,
}

impl DesiredSet {
    /// What is asked of `key`, if anything is.
    pub fn get(&self, key: &Key) -> Option<&Desired> {
        let at = self.parameters.binary_search_by(|desired| desired.key.cmp(key));
        at.ok().and_then(|at| self.parameters.get(at))
    }
}

/// What is asked of one parameter.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The parameter.
    pub key: Key,
    /// Its value, or the bounds of it.
    pub requirement: Requirement,
    /// The form of its text.
    pub shape: Shape,
    /// What the catalogue knows of it.
    pub known: Option<Parameter>,
    /// Where the baseline asks for it.
    pub origin: Span,
    /// The pattern that it matched, where it was not named itself.
    pub pattern: Option<Pattern>,
    /// Why.
    pub reason: Option<Text>,
    /// The public document that the value comes from.
    pub reference: Option<Text>,
    /// The module that brings it.
    pub module: Option<Text>,
    /// Guards that the baseline overrides for it.
    pub allow: Vec<String>,
    /// What the daemon does when it drifts.
    pub on_drift: OnDrift,
    /// How a number made from the host's memory, or clamped, came about.
    pub arithmetic: Option<String>,
    /// Whether another amount of memory would lead to another number.
    pub from_ram: bool,
    /// Whether nothing is missed where the kernel has no such parameter.
    pub optional: bool,
    /// The exception that covers it today.
    pub waiver: Option<Exception>,
    /// The known key that it is like, in dots, where nobody knows it.
    pub near: Option<Box<str>>,
    /// What a layer above the one that names it asks of it by a pattern, and in vain.
    pub unreached: Option<Box<Unreached>>,
}

/// What a pattern asks of a parameter that it does not reach, because a lower layer names it.
#[derive(Clone, Debug)]
pub struct Unreached {
    /// The pattern.
    pub pattern: Pattern,
    /// What it asks; `None`: to leave the parameter alone.
    pub requirement: Option<Requirement>,
    /// Where.
    pub origin: Span,
}

/// A pattern with the value to persist for it.
#[derive(Clone, Debug)]
pub struct DesiredPattern {
    /// The pattern.
    pub pattern: Pattern,
    /// What is asked of each match.
    pub requirement: Requirement,
    /// Every existing match, also those that another entry or an exception takes out.
    pub matches: Vec<Key>,
    /// Paths of what exists and matches, but for what is excluded, and that no key can name: nothing
    /// is done about it.
    pub unnamed: Vec<String>,
    /// Why more may exist that match, where not all could be looked at: nothing is known of those.
    pub unseen: Option<Errno>,
    /// Where the baseline asks for it.
    pub origin: Span,
    /// Why.
    pub reason: Option<Text>,
}

/// A waiver, in force or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// What it covers.
    pub selector: Selector,
    /// Its last day.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub span: Span,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// This, in the kernel's own words.
    Exact(String),
    /// One number within bounds, both included.
    Within {
        /// Not less than this.
        at_least: Option<i128>,
        /// Not more than this.
        at_most: Option<i128>,
        /// The number that is no amount to be compared with them.
        special: Option<Special>,
    },
}

impl Requirement {
    /// Whether a parameter of that shape which reads `text` is as required.
    pub fn satisfied_by(&self, shape: Shape, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => agrees(shape, wanted, text),
            Self::Within { at_least, at_most, special } => Special::read(*special, shape, text)
                .is_some_and(|n| {
                    at_least.is_none_or(|least| !shape.falls_short(n, least))
                        && at_most.is_none_or(|most| !shape.exceeds(n, most))
                }),
        }
    }

    /// The text to write: the exact value, or the bound that `current` violates. `None` when
    /// `current` satisfies it and there is nothing to write.
    pub fn target(&self, shape: Shape, current: Option<&str>) -> Option<Cow<'_, str>> {
        match self {
            Self::Exact(wanted) => Some(wanted.into()),
            Self::Within { at_least, at_most, special } => {
                let number = current.and_then(|text| Special::read(*special, shape, text));
                match (number, at_least, at_most) {
                    (Some(n), Some(least), _) if shape.falls_short(n, *least) => {
                        Some(least.to_string().into())
                    }
                    (Some(n), _, Some(most)) if shape.exceeds(n, *most) => {
                        Some(most.to_string().into())
                    }
                    (None, Some(bound), _) | (None, None, Some(bound)) => {
                        Some(bound.to_string().into())
                    }
                    (Some(_), ..) | (None, None, None) => None,
                }
            }
        }
    }

    /// The exact value, where there is one.
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(text) => Some(text),
            Self::Within { .. } => None,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.pad(text),
            Self::Within { at_least, at_most, .. } => match (at_least, at_most) {
                (Some(l), Some(m)) if l == m => f.pad(&l.to_string()),
                (Some(l), Some(m)) => f.pad(&format!("{l} to {m}")),
                (Some(l), None) => f.pad(&format!(">= {l}")),
                (None, Some(m)) => f.pad(&format!("<= {m}")),
                (None, None) => f.pad("any"),
            },
        }
    }
}
