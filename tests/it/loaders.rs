//! Tests of loaders.
