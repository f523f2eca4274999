//! The words of `unpack`.
