//! The talk with a registry, good and bad, with scripted ones on loopback.

mod folder;
mod image;
mod login;
mod misbehaviour;
mod server;
mod way;
