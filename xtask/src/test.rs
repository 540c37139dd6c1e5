//! `cargo xtask test`: all tests, as a developer runs them.

use std::process::ExitCode;

use crate::{process, repo};

/// What to test
#[derive(clap::Args)]
pub struct Args {
    /// Handed on to `cargo test`, such as `-p hive`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs `cargo test` over the workspace, doc tests included.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let mut cargo = repo::cargo();
    cargo.args(["test", "--locked"]);
    if !args.rest.iter().any(|arg| arg == "-p" || arg.starts_with("--package")) {
        cargo.arg("--workspace");
    }
    let status = process::run(cargo.args(&args.rest), "")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
