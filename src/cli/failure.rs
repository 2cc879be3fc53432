//! Why a command ended without a result, and with which exit code.

use crate::diagnostic::{Diagnostic, Position, Source};

use super::Exit;

/// A failure as people are told of it.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Single problems with their places, told before the message.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: Vec<Source>,
    exit: Exit,
}

impl Failure {
    /// An error.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            diagnostics: Vec::new(),
            sources: Vec::new(),
            exit: Exit::Error,
        }
    }

    /// A refusal: a guard, a stale plan, a busy lock.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, ..Self::new(message) }
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do, where that is known.
    pub fn help_if(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// What to do where it only could not be told what was done.
    pub fn after(self, done: impl std::fmt::Display) -> Self {
        self.help(format!("{done} all the same"))
    }

    /// Adds problems with their places.
    pub fn with(mut self, diagnostics: Vec<Diagnostic>, sources: Vec<Source>) -> Self {
        self.diagnostics = diagnostics;
        self.sources = sources;
        self
    }

    /// What is wrong, a line each problem, with its place.
    pub fn problems(&self) -> Vec<String> {
        let errors: Vec<String> = self
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .map(|d| match d.span {
                Some(span) => format!("{}: {}", Position::of(span, &self.sources), d.message),
                None => d.message.clone(),
            })
            .collect();
        if errors.is_empty() { vec![self.message.clone()] } else { errors }
    }

    /// The exit code.
    pub fn code(&self) -> Exit {
        self.exit
    }
}
