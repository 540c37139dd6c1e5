//! `rehome export`: a backup in a form that works without Rehome, or as a bundle that works without a server.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use device::bundle::{Making, make};
use device::export::csv::as_csv;
use device::export::dsc::{Reader, as_dsc};
use device::export::{LeftOut, as_json, as_reg};
use device::list::Fetched;
use model::reason::Reason;
use model::world::Clock as _;
use seal::bundle::Lock;
use serde::Serialize;

use crate::bundle::{KeyArgs, already_there, write_key};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file;
use crate::render::value::count;
use crate::run::{Connection, Run};
use crate::screen::data_bytes;
use crate::show::{open, tell_damage};

/// Write a backup as a file that works without Rehome, or as a bundle that works without a server
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
    #[arg(long, short, value_name = "FILE", required_if_eq("form", "bundle"))]
    output: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A registry file that regedit imports
    Reg,
    /// Desired state for `dsc config set`
    Dsc,
    /// Desired state for `winget configure`
    Winget,
    /// A table for spreadsheets
    Csv,
    /// Everything, for programs
    Json,
    /// A sealed file that `rehome import` restores from without a server; needs `--key` or `--passphrase`
    Bundle,
}

#[derive(Serialize)]
struct ExportDocument<'a> {
    output: &'a Path,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a Path>,
}

/// Writes the file.
pub fn run(args: &ExportArgs, run: &Run) -> Result<Exit, Failure> {
    if args.form != Form::Bundle && !args.key.is_none() {
        return Err(
            Failure::new(Reason::Usage, "only a bundle has a key").hint("leave the key out, or add `--as bundle`")
        );
    }
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let output = args.output.as_deref();
    if let (Form::Bundle, Some(output)) = (args.form, output) {
        return bundle(args, output, run, &connection);
    }
    let (_, fetched) = open(run, &connection, &args.id, args.from_device.as_deref())?;
    let damage = tell_damage(run, &fetched);
    let (bytes, exit) = form(args.form, &fetched, run);
    match output {
        None => data_bytes(&bytes)?,
        Some(output) => {
            file::replace(output, &bytes)?;
            tell(run, &ExportDocument { output, bytes: bytes.len() as u64, key: None })?;
        }
    }
    Ok(exit.max(damage))
}

/// The bytes of a form, and whether something is not in it.
fn form(form: Form, fetched: &Fetched, run: &Run) -> (Vec<u8>, Exit) {
    let snapshot = &fetched.opened.snapshot;
    let dsc = |reader| {
        let export = as_dsc(snapshot, reader);
        let exit = tell_left_out(&export.left_out, run);
        if export.apps_named > 0 {
            run.screen.warn(&format!("{} named in comments only", count(export.apps_named, "app")));
            return (export.bytes, Exit::Warnings);
        }
        (export.bytes, exit)
    };
    match form {
        Form::Csv => (as_csv(snapshot), Exit::Success),
        Form::Dsc => dsc(Reader::Dsc),
        Form::Winget => dsc(Reader::Winget),
        Form::Reg => {
            let export = as_reg(snapshot);
            let exit = tell_left_out(&export.left_out, run);
            (export.bytes, exit)
        }
        Form::Json | Form::Bundle => (as_json(snapshot), Exit::Success),
    }
}

fn tell_left_out(left_out: &[LeftOut], run: &Run) -> Exit {
    for one in left_out {
        run.screen.detail(&format!("left out: {} ({})", one.title, one.reason));
    }
    if left_out.is_empty() {
        return Exit::Success;
    }
    run.screen.warn(&format!("{} left out; `-v` names them", count(left_out.len(), "setting")));
    Exit::Warnings
}

/// Bundle and key appear together or not at all; neither takes the place of a file that is there.
fn bundle(args: &ExportArgs, output: &Path, run: &Run, connection: &Connection) -> Result<Exit, Failure> {
    for path in [Some(output), args.key.key.as_deref()].into_iter().flatten() {
        if path.symlink_metadata().is_ok() {
            return Err(already_there(path));
        }
    }
    let passphrase = if args.key.key.is_none() { Some(args.key.ask(true)?) } else { None };
    let lock = passphrase.as_deref().map_or(Lock::KeyFile, Lock::Passphrase);
    let (_, fetched) = open(run, connection, &args.id, args.from_device.as_deref())?;
    let failed = |error: std::io::Error| {
        Failure::new(file::writing(&error), format!("could not write `{}`: {error}", output.display()))
    };
    let mut file = tempfile::NamedTempFile::new_in(file::folder_of(output)).map_err(failed)?;
    let server = connection.server(run);
    let making = Making { made_at: run.clock.now(), random: &run.random };
    let mut out = BufWriter::new(file.as_file_mut());
    let key = make(&server, &fetched, (&lock, &mut out), &making)?;
    out.flush().map_err(failed)?;
    drop(out);
    let bytes =
        file.as_file().metadata().and_then(|meta| file.as_file().sync_all().map(|()| meta.len())).map_err(failed)?;
    // The key first: a bundle without its key is of no use, a key without its bundle does no harm.
    if let Some(path) = &args.key.key {
        write_key(path, &key)?;
    }
    if let Err(error) = file.persist_noclobber(output) {
        if let Some(path) = &args.key.key {
            // The bundle is what the person is told about.
            let _ = std::fs::remove_file(path);
        }
        return Err(failed(error.error));
    }
    tell(run, &ExportDocument { output, bytes, key: args.key.key.as_deref() })?;
    if args.key.key.is_some() {
        run.screen.hint("carry the key another way than the bundle: whoever has both can read the backup");
    }
    Ok(tell_damage(run, &fetched))
}

fn tell(run: &Run, document: &ExportDocument<'_>) -> Result<(), Failure> {
    run.screen.done(document, &format!("Wrote {}", document.output.display()))
}
