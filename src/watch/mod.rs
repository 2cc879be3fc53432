//! What tells of changes as they happen, and the clock, timer and signals beside it.

pub mod clock;
pub mod fanotify;
pub mod inotify;
pub mod kmsg;
pub mod link;
pub mod poll;
pub mod priority;
pub mod service;
pub mod signals;
