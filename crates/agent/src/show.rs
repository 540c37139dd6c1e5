//! `rehome show`: what is in a backup.

use clap::Args;
use device::list::{Fetched, fetch};
use model::snapshot::Snapshot;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::{DIGITS_SHOWN, Found, find};
use crate::paint::tame;
use crate::render::snapshot::{View, device};
use crate::render::value::count;
use crate::run::{Connection, Run};
use crate::when::rfc3339;

/// Show the settings and apps of a backup
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The first digits of a snapshot's id, or `latest`
    #[arg(default_value = "latest")]
    id: String,
    /// Of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
}

#[derive(Serialize)]
struct ShowDocument<'a> {
    snapshot: String,
    seq: u64,
    taken_at: String,
    #[serde(flatten)]
    content: &'a Snapshot,
    damaged: Vec<DamagedDocument>,
}

#[derive(Serialize)]
struct DamagedDocument {
    part: &'static str,
    reason: &'static str,
}

/// Fetches, opens and prints a snapshot.
pub fn run(args: &ShowArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let (found, fetched) = open(run, &connection, &args.id, args.from_device.as_deref())?;
    let content = &fetched.opened.snapshot;
    let document = ShowDocument {
        snapshot: fetched.header.snapshot.to_string(),
        seq: fetched.header.seq,
        taken_at: rfc3339(fetched.header.taken_at),
        content,
        damaged: damaged(&fetched),
    };
    let view = View { paint: run.screen.paint, all: run.screen.wants_all() };
    run.screen.data(&document, || format!("{}\n\n{}", heading(run, &found, &fetched), view.snapshot(content)))?;
    Ok(tell_damage(run, &fetched))
}

/// Finds, fetches and opens a snapshot.
pub fn open(run: &Run, connection: &Connection, id: &str, device: Option<&str>) -> Result<(Found, Fetched), Failure> {
    let server = connection.server(run);
    let found = find(connection, &server, id, device)?;
    let progress = run.progress();
    let wanted = (found.snapshot.profile, found.snapshot.snapshot);
    Ok((found, fetch(&server, &connection.enrolment, wanted, &progress)?))
}

fn heading(run: &Run, found: &Found, fetched: &Fetched) -> String {
    let paint = run.screen.paint;
    let mut facts = fetched.opened.snapshot.device.clone();
    if facts.name.is_empty() {
        facts.name.clone_from(&found.device_name);
    }
    let content = &fetched.opened.snapshot;
    let counts = format!("{}, {}", count(content.settings_set(), "setting"), count(content.apps_restorable(), "app"));
    let when = run.when().said(fetched.header.taken_at);
    let id = &fetched.header.snapshot.to_string()[..DIGITS_SHOWN];
    format!("{}\nSnapshot {id}, taken {when}: {counts}", paint.bold(tame(&device(&facts), 160)))
}

fn damaged(fetched: &Fetched) -> Vec<DamagedDocument> {
    let damaged = fetched.opened.damaged.iter();
    damaged.map(|(part, reason)| DamagedDocument { part: part.title(), reason: reason.code() }).collect()
}

/// Says which parts could not be opened; the exit code then says so too.
pub fn tell_damage(run: &Run, fetched: &Fetched) -> Exit {
    let opened = &fetched.opened;
    for (part, reason) in &opened.damaged {
        run.screen.warn(&format!("the part `{}` of the backup could not be opened: {reason}", part.title()));
    }
    if !opened.unknown_kinds.is_empty() {
        let number = count(opened.unknown_kinds.len(), "part");
        run.screen.warn(&format!(
            "{number} of the backup were made by a newer Rehome and are left out; update Rehome on this PC"
        ));
    }
    if opened.damaged.is_empty() && opened.unknown_kinds.is_empty() { Exit::Success } else { Exit::Warnings }
}
