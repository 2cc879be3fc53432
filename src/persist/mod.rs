//! The files that carry parameters across a reboot: listed, read, and our own written atomically.

pub mod conf;
pub mod damaged;
pub mod events;
pub mod holds;
pub mod ledger;
mod lock;
mod made;
pub mod originals;
pub mod placed;
pub mod presence;
pub mod reports;
mod staged;
pub mod state;
pub mod trial;

pub use ledger::Ledger;
pub use lock::{Holder, LOCK, Lock, LockError, Turn};
pub use staged::{PersistError, Removal, Staged, clear_away, remove, rights};
