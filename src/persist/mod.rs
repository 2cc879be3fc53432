//! The files that carry parameters across a reboot: listed, read, and our own drop-in written.

pub mod conf;
