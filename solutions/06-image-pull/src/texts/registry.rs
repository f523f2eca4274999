//! The words of `registry`.
