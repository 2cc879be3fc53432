//! Reads any number of reports with all processors: cut into records, whatever file, directory or
//! packed stream they come in, and in little memory; and tells which of a host's is the newest.

mod blocks;
mod count;
mod gzip;
mod inside;
mod lines;
mod paths;
mod scratch;
mod seen;
mod sorted;
mod source;
mod walk;
mod work;
mod zstd;

pub use count::Lines;
pub use lines::{LONGEST, SHORTEST};
pub use scratch::Failed;
pub use seen::{Looking, Newest, Place, Seen};
pub use source::{Sources, size};
pub use walk::{Sought, Unread, reads, sources};
pub use work::{Found, Problem, Progress, read};
