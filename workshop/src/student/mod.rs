//! The student's loop: where am I, what is next, a hint, the finished lines, my own lines back.
//!
//! # Layout
//!
//! - [`standing`]: how far the student is; [`overview`]: the same, shown.
//! - [`hint`]: one step at a time.
//! - [`solve`]: the finished lines, the open exercise, or an earlier version; [`diff`]: what is
//!   different.
//! - [`watch`]: all of that at each save.
//! - [`exercise`], `region`: the exercises, and their lines in files that somebody works on.
//! - [`progress`]: what is remembered; [`kept`]: copies of what was replaced; `files`, `whole`: how
//!   files are read, and written so that none is ever half there.
//! - `texts`: the words.

pub mod diff;
pub mod exercise;
mod files;
pub mod hint;
pub mod kept;
pub mod overview;
pub mod progress;
mod region;
pub mod solve;
pub mod standing;
mod texts;
pub mod watch;
mod whole;
