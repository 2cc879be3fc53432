//! Programs that are started: the keeper of a trial, and the operator's health command.

mod detached;
mod health;

pub use detached::{Held, KEEP, NotStarted, detach, start};
pub use health::{Health, Verdict};
