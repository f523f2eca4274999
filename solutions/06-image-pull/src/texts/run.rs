//! The words of `run`.
