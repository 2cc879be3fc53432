//! Baselines: from their texts, layer by layer, to what is desired of one host.
#![forbid(unsafe_code)]

mod alike;
mod amount;
pub mod builtin;
mod desired;
mod elsewhere;
mod exceptions;
mod interpret;
mod joint;
mod layers;
mod merge;
mod misnamed;
mod mistaken;
mod prepared;
mod read;
mod resolve;
mod schema;
mod sorted;
mod special;
mod spelling;
mod syntax;
mod unreached;
mod when;
mod yaml;

pub use desired::{Desired, DesiredPattern, DesiredSet, Exception, Requirement, Unreached};
pub use layers::{Found, Layers, NotFound, Wanted, load};
pub use merge::other_half;
pub use resolve::{Host, resolve, sha256};
pub use schema::{FIELDS, FactName, OnDrift};
pub use spelling::nearest_known;
pub use yaml::MAX_BYTES;

#[cfg(test)]
mod tests;
