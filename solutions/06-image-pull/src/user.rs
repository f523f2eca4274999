//! Who the command runs as.
