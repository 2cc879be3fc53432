//! What tells of changes to the running kernel's parameters as they happen, and who made them.

pub mod attribution;
pub mod bpf;
pub mod clock;
pub mod fanotify;
pub mod inotify;
pub mod kmsg;
pub mod link;
pub mod memory;
pub mod poll;
pub mod priority;
pub mod process;
pub mod resident;
pub mod service;
pub mod signals;
