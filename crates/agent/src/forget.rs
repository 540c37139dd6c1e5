//! `rehome forget`: deletes a backup from the server; without `--yes` it only says which.

use clap::Args;
use device::list;
use device::state::Remembered;
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::{Found, find};
use crate::paint::tame;
use crate::render::value::count;
use crate::run::Run;

/// Delete a backup for good; says which unless `--yes` is given
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The first digits of a snapshot's id, or `latest`
    id: String,
    /// Of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
    /// Do it
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Only say what would be deleted; the default
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(Serialize)]
struct ForgetDocument {
    deleted: bool,
    snapshot: String,
    device_name: String,
}

/// Deletes the snapshot.
pub fn run(args: &ForgetArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let server = connection.server(run);
    let found = find(&connection, &server, &args.id, args.from_device.as_deref())?;
    let (profile, snapshot) = (found.snapshot.profile, found.snapshot.snapshot);
    if profile != connection.enrolment.profile {
        let name = tame(&found.device_name, 64);
        let why = format!("the backup was made by `{name}`, and a PC deletes only its own");
        return Err(Failure::new(Reason::NotPermitted, why)
            .hint(format!("run `rehome forget {}` on that PC, or ask your administrator", found.short_id())));
    }
    if args.yes {
        let _lock = state.lock()?;
        list::forget(&server, profile, snapshot)?;
        // What this PC believes to be kept is not any more: the next backup is sent in full, and is no sign of a loss.
        let last = state.last_backup(&connection.enrolment.receipt_key())?;
        if matches!(last, Remembered::Last(last) if last.receipt.snapshot == snapshot) {
            state.forget_last_backup()?;
        }
    }
    let document =
        ForgetDocument { deleted: args.yes, snapshot: snapshot.to_string(), device_name: found.device_name.clone() };
    run.screen.data(&document, || said(run, &found, args.yes))?;
    if !args.yes {
        run.screen.hint("nothing was deleted; add `--yes` to delete it for good");
    }
    Ok(Exit::Success)
}

fn said(run: &Run, found: &Found, deleted: bool) -> String {
    let verb = if deleted { "Deleted" } else { "Would delete" };
    let when = run.when().said(found.snapshot.taken_at);
    let settings = count(found.snapshot.settings as usize, "setting");
    format!(
        "{verb} the snapshot {} of {}, taken {when}, with {settings}\n",
        found.short_id(),
        tame(&found.device_name, 64)
    )
}
