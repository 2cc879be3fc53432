//! Tells others of an event: the journal, a command of the operator's, readers of the report and of
//! the streams.

mod command;
mod journal;
mod renewal;
mod unwaiting;

pub use command::{OnDrift, Settled};
pub use journal::{Journal, JournalError, MESSAGE_IDS, NATIVE_SOCKET};
pub use renewal::Renewal;
pub use unwaiting::{Stream, Unwaiting};
