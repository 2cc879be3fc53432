//! What happens to parameters as it happens, and who did it.

pub mod attribution;
pub mod bpf;
