//! The program `rehome-server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::commands::main()
}
