//! Facts of the running host, and of another one played from a file.
