//! Reads any number of reports with all processors: cut into records, whatever file, directory or
//! packed stream they come in, and in little memory.

mod blocks;
mod gzip;
mod lines;
mod source;
mod work;
mod zstd;

pub use lines::LONGEST;
pub use source::{Source, Unread, size, sources};
pub use work::{Found, Lines, Problem, Progress, read};
