//! All the words that this chapter says, by what they are about.

pub mod manifest;
pub mod registry;
pub mod run;
pub mod store;
pub mod unpack;
