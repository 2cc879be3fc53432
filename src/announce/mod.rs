//! Tells others of an event: the journal, and a command of the operator's.

mod command;
mod journal;

pub use command::{OnDrift, Settled};
pub use journal::{Journal, JournalError, MESSAGE_IDS, NATIVE_SOCKET};
