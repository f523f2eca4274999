//! The words of `store`.
