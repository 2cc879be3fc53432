//! Holds what a baseline asks for: one thread, one loop.
