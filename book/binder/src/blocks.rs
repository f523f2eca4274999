//! The Rust in the book that is not included: rustdoc compiles its blocks as documentation tests of
//! this crate. `binder check` refuses a page with such a block that is not named here.

#[cfg(doctest)]
#[doc = include_str!("../../en/src/01-chroot-jail.md")]
mod chapter_01 {}
