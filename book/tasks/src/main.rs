//! `coracle-task`: the tasks of the book's pages, as a command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tasks::command::main()
}
