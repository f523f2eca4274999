//! # The workshop
//!
//! What stands behind the `coracle` command. Each of its verbs is a module that can be called, and
//! tested, without a command line.
//!
//! # Layout
//!
//! - [`project`]: where the workshop's folder is, and which chapters it has.
//! - [`check`]: is it right?
//! - [`student`]: where am I, what is next, a hint, the finished lines; and at each save again.
//! - [`lessons`]: what the chapters teach.
//! - [`observe`]: what the kernel knows of a process; what two of them share.
//! - [`inspect`]: a container beside the host, whichever runtime made it.
//! - [`tour`]: the whole story, live.
//! - [`doctor`]: can this machine do every chapter, and if not, what helps?
//! - [`run`]: build the student's chapter and become it.
//! - [`xray`]: the system calls that make a container, of any runtime.
//! - [`registry`]: a registry that needs no network; and [`web`], what its images run.
//! - [`book`]: the book on localhost.
//! - [`http`]: the server that these three are.
//! - [`author`]: make chapters/ (what the student writes) from solutions/ (the only source).
//! - `table`: what a process sees beside what the host sees.
//! - [`texts`]: every word that is shown to people.

pub mod author;
pub mod book;
pub mod build;
pub mod check;
pub mod doctor;
pub mod http;
pub mod inspect;
pub mod lessons;
pub mod observe;
pub mod piped;
pub mod project;
pub mod registry;
pub mod run;
pub mod sandbox;
pub mod student;
mod table;
pub mod texts;
pub mod tour;
pub mod web;
pub mod xray;
