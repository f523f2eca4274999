//! All that runs in the machine in the page: one program with many names.
//!
//! As programs of their own these would share nothing, and each would bring the standard library once
//! more over the network. So there is one, and the name by which it is called says what it is.
//!
//! ```text
//!   page                             guest
//!   machine.js  ── ttyS0, JSON ────  desk    (process 1: begins sessions, sets the clock)
//!                                     └─ session  (PID 1 of a session's namespaces)
//!               ── ttyS1, bytes ────────┤   carries bytes between the page and the terminals
//!                                       ├─ bash   (one for each terminal)
//!                                       └─ the answers to the desk's questions, a process each
//!   the kernel's messages: ttyS2
//! ```
//!
//! # Layout
//!
//! * [`boot`]: from the kernel's start to the desk.
//! * [`desk`]: what the page can ask for. [`line`](mod@line): a line of JSON, another line of JSON.
//! * [`session`]: a session's first process. [`terminals`]: its terminals, all on one serial line.
//! * [`kept`]: what sessions need not make again.
//! * [`programs`]: the finished chapters, and `coracle`.
//! * [`answer`]: the questions that take a process of their own. [`foreground`]: whom they are about.

mod answer;
mod boot;
mod desk;
mod foreground;
mod kept;
mod line;
mod programs;
mod session;
mod sys;
mod terminals;

// As the chapters call each other.
extern crate sol00_process as process;
extern crate sol01_chroot_jail as chroot_jail;
extern crate sol02_pid_namespace as pid_namespace;
extern crate sol03_uts_net as uts_net;
extern crate sol04_cgroup_limits as cgroup_limits;

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = match name.as_str() {
        "init" if env::var_os(session::MARK).is_some() => session::run(),
        "init" => boot::boot().and_then(desk::serve),
        answer::NAME => {
            answer::print(&env::args().skip(1).collect::<Vec<_>>());
            Ok(())
        }
        _ => {
            let Some(program) = programs::named(&name) else {
                eprintln!("{name}: the machine's program has no such name");
                return ExitCode::from(127);
            };
            return program();
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
