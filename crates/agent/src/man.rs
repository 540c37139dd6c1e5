//! `rehome man`: the manual pages, made from the same definitions as the command line itself.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::writing;
use crate::run::Run;

/// Print the manual page, or write one for each command into a folder
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of all commands here, as packages do; made if it is not there
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages.
pub fn run(args: &ManArgs, run: &Run) -> Result<Exit, Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page).expect("memory takes every byte");
        run.screen.text(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Success);
    };
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        Failure::new(writing(&error), format!("could not write the pages to `{}`: {error}", folder.display()))
    })?;
    run.screen.say(&format!("Wrote the pages to {}", folder.display()));
    Ok(Exit::Success)
}
