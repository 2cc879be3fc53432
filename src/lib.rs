//! tunectl: kernel-parameter baselines for Linux hosts, planned, applied, persisted and held.
//!
//! The rooms, from words to commands, and what each may know, are in the README's section
//! "Architecture".

// Words.
pub mod diagnostic;
pub mod key;
pub mod value;
// Knowledge.
pub mod catalogue;
pub mod observed;
// Core.
pub mod baseline;
pub mod bootview;
pub mod diff;
pub mod drift;
pub mod fleet;
pub mod plan;
// Edges.
pub mod announce;
pub mod below;
pub mod intake;
pub mod persist;
pub mod probe;
pub mod procsys;
pub mod sources;
pub mod spawn;
pub mod watch;
// Effects.
pub mod apply;
mod cli;
pub mod daemon;
pub mod report;
pub mod trial;
pub mod wire;

pub use cli::{command, main};

/// musl's own allocator maps and unmaps memory for nearly every size class, which costs a
/// short run more than its work does.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
