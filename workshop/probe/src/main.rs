//! What `coracle check` runs inside a student's container.

use std::process::ExitCode;

fn main() -> ExitCode {
    coracle_probe::main()
}
