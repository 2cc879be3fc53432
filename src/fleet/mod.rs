//! Many hosts' reports in, one answer out: a fold that knows neither files nor threads, so that
//! each thread folds what it is given and the sums are put together.
#![forbid(unsafe_code)]

mod answer;
mod bytes;
mod gate;
mod hash;
mod hosts;
mod json;
mod memo;
mod names;
mod namesakes;
mod read;
mod record;
mod roster;
mod selection;
mod table;
mod tally;
mod time;

pub use answer::answer;
pub use gate::Gate;
pub use json::Bad;
pub use memo::Memo;
pub use namesakes::{Namesakes, Told};
pub use record::Record;
pub use selection::Selection;
pub use tally::{Tally, Terms};
pub use time::{micros, text as time_text};
