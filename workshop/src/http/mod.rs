//! A small HTTP server (RFC 9110, RFC 9112), for the registry and for the web server in its images.
//!
//! It answers GET and HEAD with bytes or with a part of a file, and nothing else. What it has to be
//! is hard to upset: thirty laptops pull at once, one of them over a bad network, and whoever can
//! reach the port can send what he likes. So each limit stands in one place: how long a request may
//! be and take to come ([`connection`]), how many connections are served at once ([`server`]).
//!
//! # Layout
//!
//! - [`connection`]: reads requests from one connection, and writes the answers.
//! - [`request`]: one request. [`answer`]: one answer.
//! - [`range`]: the part of a file that a request asks for.
//! - [`server`]: the port, the threads, and the end.
//!
//! # Why it stands here
//!
//! The parser is `httparse`, which hyper uses as well. The servers without an async runtime that we
//! looked at leave out what matters here. tiny_http 0.12 has no time-outs, reads a header line of
//! any length into memory and starts a thread for every connection; oxhttp 0.3 sends a body after
//! HEAD and can't announce the length of a file.
//!
//! # What is left out
//!
//! Bodies of requests, TLS, compression, several ranges in one request (the whole file is the
//! answer to that, as the RFC allows), names with `%` in them.

pub mod answer;
pub mod connection;
pub mod range;
pub mod request;
pub mod server;

pub use answer::Answer;
pub use request::{Method, Request};
pub use server::Server;
