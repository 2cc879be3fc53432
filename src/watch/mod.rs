//! What tells of changes as they happen, and the clock, timer and signals beside it.
