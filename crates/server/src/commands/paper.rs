//! `rehome-server man` and `rehome-server completions`: what packages ship beside the program, made from the same definitions.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Failure, Line, print};

/// Prints the manual page, or writes one for each command into `folder`.
pub(super) fn man(folder: Option<&Path>) -> Result<ExitCode, Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(Line::command()).render(&mut page).expect("memory takes every byte");
        return print_bytes(&page);
    };
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Line::command(), folder));
    written.map_err(|error| {
        Failure::io(&error, format!("could not write the pages to `{}`: {error}", folder.display()))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what a shell needs to complete the command line.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "rehome-server", &mut script);
    print_bytes(&script)
}

fn print_bytes(bytes: &[u8]) -> Result<ExitCode, Failure> {
    print(&[String::from_utf8_lossy(bytes).trim_end().to_owned()])
}
