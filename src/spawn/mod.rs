//! Programs that are started: the keeper of a trial, the operator's health command, and children
//! in groups of their own.

mod detached;
mod group;
mod health;

pub use detached::{Held, KEEP, NotStarted, detach, start};
pub use group::{kill_group, shell, start_group};
pub use health::{Health, Verdict};
