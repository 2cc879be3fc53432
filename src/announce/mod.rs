//! Tells others of an event: the journal, a command of the operator's, and readers of the report.

mod command;
mod journal;
mod renewal;

pub use command::{OnDrift, Settled};
pub use journal::{Journal, JournalError, MESSAGE_IDS, NATIVE_SOCKET};
pub use renewal::Renewal;
