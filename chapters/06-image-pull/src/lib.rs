//! # 06: images

pub mod auth;
pub mod command;
pub mod compression;
pub mod config;
pub mod credentials;
pub mod digest;
pub mod images;
pub mod manifest;
pub mod name;
pub mod options;
pub mod platform;
pub mod ports;
pub mod progress;
pub mod pull;
pub mod registry;
pub mod run;
pub mod signal;
pub mod store;
pub mod texts;
pub mod transport;
pub mod unpack;
pub mod user;
pub mod volumes;
pub mod workdir;
