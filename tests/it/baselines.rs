//! Tests of baselines.
