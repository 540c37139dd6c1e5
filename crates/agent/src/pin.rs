//! `rehome pin`: has a backup kept whatever the organisation's rules of retention say.

use clap::Args;
use device::upload::tell;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::find;
use crate::paint::tame;
use crate::run::Run;

/// Keep a backup whatever the rules of retention say
#[derive(Debug, Args)]
pub struct PinArgs {
    /// The first digits of a snapshot's id, or `latest`
    id: String,
    /// Of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
    /// Take the pin away: the rules decide again
    #[arg(long)]
    remove: bool,
}

#[derive(Serialize)]
struct PinDocument {
    pinned: bool,
    snapshot: String,
}

/// Pins or unpins.
pub fn run(args: &PinArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let server = connection.server(run);
    let found = find(&connection, &server, &args.id, args.from_device.as_deref())?;
    tell::pin(&server, (found.snapshot.profile, found.snapshot.snapshot), !args.remove)?;
    let document = PinDocument { pinned: !args.remove, snapshot: found.snapshot.snapshot.to_string() };
    run.screen.data(&document, || {
        let what = format!("the snapshot {} of {}", found.short_id(), tame(&found.device_name, 64));
        if args.remove { format!("Left {what} to the rules of retention\n") } else { format!("Pinned {what}\n") }
    })?;
    Ok(Exit::Success)
}
