//! What the next boot would set: which file and line wins for each key under each loader's rules.
#![forbid(unsafe_code)]
