//! The book's terminal sessions: typed into real shells, recorded, compared.
//!
//! A session's file says what is typed; a real shell on a real terminal, in namespaces of its own,
//! gets it. What came of it is kept twice: as a cast, which a page plays, and as a transcript, which
//! everybody can read and two runs are compared by. The program is `scripts/record`'s. The machine in
//! the page (`book/guest`) sets the same stage for a reader, who types there.
//!
//! # Layout
//!
//! - [`session`]: the grammar of a session's file.
//! - [`isolation`]: a session's namespaces; [`stage`]: the machine as it finds it; [`cgroup`].
//! - [`terminal`]: a terminal with a shell; [`prompt`]: how a shell says that it waits.
//! - [`perform`]: types the session; [`event`]: what happened.
//! - [`transcript`] and [`cast`]: what is made of it; [`results`]: the files.
//! - [`machine`]: the virtual machine in which the book's are made.
//! - [`masks`] and [`compare`]: whether two recordings tell the same; [`played`]: whether a machine in
//!   a page does.

pub mod cast;
pub mod cgroup;
pub mod compare;
pub mod event;
pub mod isolation;
pub mod machine;
pub mod masks;
pub mod perform;
pub mod played;
pub mod prompt;
pub mod results;
pub mod session;
pub mod stage;
pub mod terminal;
pub mod transcript;
