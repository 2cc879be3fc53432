//! Lists and reads the sysctl.d files of a host.
