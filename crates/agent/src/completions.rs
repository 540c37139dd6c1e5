//! `rehome completions`: what a shell needs to complete our command line.

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Run;

/// Print the completions for a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &CompletionsArgs, run: &Run) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rehome", &mut script);
    run.screen.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
