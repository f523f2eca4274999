//! # 06: images
//!
//! Chapter 05 ran containers on layers that somebody had laid out in folders. This chapter fetches
//! them. An *image* is a list of layers and a note that says how to run them. A *registry* is a web
//! server that has all of that by the digest of its bytes. So a pull is four questions: what is
//! behind this name (a manifest); which configuration and layers does that name; may I have each of
//! them; and is what came what was promised?
//!
//! ```text
//!  ubuntu:14.04                                what a person writes
//!     │ name
//!     ▼
//!  docker.io/library/ubuntu:14.04 ──▶ index ──▶ manifest ──┬──▶ configuration
//!                       registry      platform             ├──▶ layer 1 ──▶ folder ─┐
//!                                                          ├──▶ layer 2 ──▶ folder ─┼─▶ overlay
//!                                                          └──▶ layer 3 ──▶ folder ─┘
//!                                                          pull     unpack     store     run
//! ```
//!
//! Nothing in this has to do with the kernel, and all of it with strangers: the registry, the image's
//! author, whoever sits between. So half of the code is about what is not believed.
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`name`]: `ubuntu` is `docker.io/library/ubuntu:latest`. **An exercise.**
//! - [`digest`]: what content is called, and how it is held against that. **An exercise.**
//! - [`manifest`], [`platform`], [`config`]: the documents, and the choice of one for this machine.
//! - [`registry`]: the protocol; [`auth`], [`credentials`]: who asks; [`transport`]: HTTP.
//! - [`compression`], [`unpack`](mod@unpack): a layer becomes a folder. **The main exercises.**
//! - [`store`]: what this machine has, each thing once.
//! - [`pull`](mod@pull): from the registry to the store, in one stream; [`progress`]: what it shows.
//! - [`images`]: the verbs about images that are here.
//! - [`run`]: a container from an image; [`command`], [`user`], [`workdir`], [`volumes`], [`ports`],
//!   [`signal`]: what the image says of it, one thing each.
//! - [`options`]: the command line of `run`, for the later chapters as well. [`texts`]: all the words.
//!
//! # What is left out
//!
//! Pushing and building: chapter 10. Signatures: a digest says that the bytes are the right ones, not
//! that their author is. Layers that are fetched only when they are read. Volumes with names, and
//! containers that go on in the background: chapter 09.

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
