//! Tests of kernel.
