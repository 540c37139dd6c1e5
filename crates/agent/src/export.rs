//! `rehome export`: a backup in a form that works without Rehome.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use device::export::{as_json, as_reg};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::value::count;
use crate::run::Run;
use crate::screen::data_bytes;
use crate::show::{open, tell_damage};

/// Write a backup as a file that works without Rehome
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The first digits of a snapshot's id, or `latest`
    #[arg(default_value = "latest")]
    id: String,
    /// Of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
    /// In which form
    #[arg(long = "as", value_enum)]
    form: Form,
    /// The file to write; stdout without it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A registry file that regedit imports
    Reg,
    /// Everything, for programs
    Json,
}

#[derive(Serialize)]
struct ExportDocument<'a> {
    output: &'a PathBuf,
    bytes: usize,
}

/// Writes the file.
pub fn run(args: &ExportArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let (_, fetched) = open(run, &connection, &args.id, args.from_device.as_deref())?;
    let snapshot = &fetched.opened.snapshot;
    let mut exit = tell_damage(run, &fetched);
    let bytes = match args.form {
        Form::Json => as_json(snapshot),
        Form::Reg => {
            let export = as_reg(snapshot);
            for one in &export.left_out {
                run.screen.detail(&format!("left out: {} ({})", one.title, one.reason));
            }
            if !export.left_out.is_empty() {
                exit = exit.max(Exit::Warnings);
                run.screen.warn(&format!("{} left out; `-v` names them", count(export.left_out.len(), "setting")));
            }
            export.bytes
        }
    };
    match &args.output {
        None => data_bytes(&bytes)?,
        Some(output) => {
            crate::file::replace(output, &bytes)?;
            if run.screen.wants_json() {
                run.screen.document(&ExportDocument { output, bytes: bytes.len() })?;
            }
            run.screen.say(&format!("Wrote {}", output.display()));
        }
    }
    Ok(exit)
}
