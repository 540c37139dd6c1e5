//! `rehome plan`: what a restore would do. The same as `rehome restore` without `--yes`, for scripts.

use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::restore::{self, Wanted};
use crate::run::Run;

/// Show what a restore would do
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    wanted: Wanted,
    /// End with exit code 1 if something would change
    #[arg(long)]
    exit_code: bool,
}

/// Prints the plan.
pub fn run(args: &PlanArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let planned = restore::plan(&args.wanted, run, (&connection, &state), false)?;
    let exit = restore::show(&planned, run, None)?;
    restore::tell_next(&planned.preview.plan, run);
    Ok(if args.exit_code && planned.preview.plan.changes() > 0 { Exit::Failure } else { exit })
}
