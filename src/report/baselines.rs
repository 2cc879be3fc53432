//! The baselines that a host knows by name.

use std::fmt::Write as _;

use serde::Serialize;

use crate::baseline::builtin::PREFIX;

use super::plan::Layout;
use super::style::{BAD, DIM, HEAD, harmless, styled_line, wrapped};

/// The JSON's schema.
pub const BASELINES_SCHEMA: &str = "tunectl/baselines/1";

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// The name that `-b` takes.
    pub name: String,
    /// The file, or `built-in:NAME`.
    pub place: String,
    /// What it says that it is for.
    pub description: String,
    /// What it extends, as written.
    pub extends: Vec<String>,
    /// Others of that name, which it stands before.
    pub hides: Vec<String>,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// Its text, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Known {
    /// One of that name, of which nothing is known yet.
    pub fn of(name: String) -> Self {
        Self {
            name,
            place: String::new(),
            description: String::new(),
            extends: Vec::new(),
            hides: Vec::new(),
            error: None,
            text: None,
        }
    }
}

/// All of them, or the one that was asked for (schema `tunectl/baselines/1`).
#[derive(Clone, Debug, Serialize)]
pub struct Baselines {
    /// [`BASELINES_SCHEMA`].
    pub schema: &'static str,
    /// In the order of their names.
    pub baselines: Vec<Known>,
}

/// A line for each, what it is for, and what its name hides.
pub fn text(known: &[Known], layout: Layout) -> String {
    let name = |one: &Known| harmless(&one.name).chars().count();
    let width = known.iter().map(name).max().unwrap_or(0);
    let mut out = String::new();
    for one in known {
        let blanks = " ".repeat(width - name(one));
        let is_built_in = one.place.strip_prefix(PREFIX) == Some(&one.name);
        let end = if is_built_in { "built in".to_owned() } else { harmless(&one.place) };
        let head = layout.style(HEAD);
        let _ = writeln!(out, "{head}{}{head:#}{blanks}  {end}", harmless(&one.name));
        if !one.description.is_empty() {
            wrapped(&mut out, 6, layout.width, layout.style(DIM), &one.description);
        }
        if !one.extends.is_empty() {
            let extends = format!("extends {}", one.extends.join(", "));
            wrapped(&mut out, 6, layout.width, layout.style(DIM), &extends);
        }
        if let Some(error) = &one.error {
            wrapped(&mut out, 6, layout.width, layout.style(BAD), error);
        }
        for hidden in &one.hides {
            styled_line(&mut out, layout.style(DIM), &format!("      hides {}", harmless(hidden)));
        }
    }
    out
}
