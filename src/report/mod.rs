//! What people and scripts get to see: values in, text or JSON out.
#![forbid(unsafe_code)]

pub mod baselines;
mod besides;
pub mod boot;
pub mod diagnostics;
mod dirty;
pub mod drift;
mod errno;
pub mod event;
pub mod fleet;
pub mod fleet_page;
pub mod host;
mod host_text;
mod json;
mod junit;
mod outcome;
pub mod plan;
mod plan_table;
mod prometheus;
mod refusals;
pub mod rollback;
mod secret;
pub mod status;
mod status_text;
mod style;
pub mod tally;
mod trial;
mod words;

pub use errno::errno_text;
pub use host_text::text as host_text;
pub use json::{baseline as baseline_json, outcome as outcome_json, plan as plan_json};
pub use junit::junit;
pub use outcome::outcome as outcome_text;
pub use plan::plan as plan_text;
pub use prometheus::{Made, prometheus};
pub use refusals::{of_guards, refusal};
pub use secret::{SECRET, shown};
pub use status_text::{all_released, begins, text as status_text};
pub use style::{BAD, PLAIN, WARN, harmless, harmless_json};
pub use trial::{cancelled, confirmed, ended as trial_ended, pending};
pub use words::{
    NOTHING_HELD, counted, file_outcome, foreign, left_out, moment, not_listed, remarks,
};
