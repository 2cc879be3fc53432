//! The files that carry parameters across a reboot: listed, read, and our own written atomically.

pub mod conf;
pub mod events;
mod lock;
pub mod reports;
mod staged;

pub use lock::{Lock, LockError};
pub use staged::{PersistError, Staged};
