//! What happens to the parameters of the running kernel, and who did it.

pub mod bpf;
