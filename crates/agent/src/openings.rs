//! `rehome openings`: who has opened this person's backups on the server, when, why, and what of them; and which were moved to or from them.

use clap::Args;
use device::list;
use model::api::{CaseReading, Moved, Opening};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::paint::tame;
use crate::render::put;
use crate::run::Run;
use crate::when::rfc3339;

/// The longest name and the longest purpose that are printed, in characters: as the server keeps them.
const NAME_CHARS: usize = 100;
const PURPOSE_CHARS: usize = 1_000;

/// Say who has opened your backups on the server, when, why, and what of them; and which were moved to or from you
#[derive(Debug, Args)]
pub struct OpeningsArgs {}

#[derive(Serialize)]
struct Document<'a> {
    openings: Vec<OpeningDocument<'a>>,
    moves: Vec<MovedDocument<'a>>,
}

#[derive(Serialize)]
struct MovedDocument<'a> {
    device_name: &'a str,
    profile: String,
    came: bool,
    organisation: Option<&'a str>,
    asked_by: Option<&'a str>,
    approved_by: Option<&'a str>,
    moved_at: String,
}

#[derive(Serialize)]
struct OpeningDocument<'a> {
    case: String,
    opened_by: Option<&'a str>,
    approved_by: Option<&'a str>,
    purpose: &'a str,
    open_from_at: String,
    open_until_at: String,
    open: bool,
    readings: Vec<ReadingDocument<'a>>,
}

#[derive(Serialize)]
struct ReadingDocument<'a> {
    read_at: String,
    device_name: &'a str,
    profile: String,
    seq: u64,
}

/// Asks the server and prints it.
pub fn run(_: &OpeningsArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let all = list::openings(&connection.server(run))?;
    let document = Document {
        openings: all.openings.iter().map(document).collect(),
        moves: all.moves.iter().map(moved_document).collect(),
    };
    run.screen.data(&document, || {
        let opened = all.openings.iter().map(|opening| text(run, opening));
        opened.chain(all.moves.iter().map(|moved| moved_text(run, moved))).collect()
    })?;
    if all.openings.is_empty() {
        run.screen.say("Nobody has opened your backups but you");
    }
    Ok(Exit::Success)
}

fn text(run: &Run, opening: &Opening) -> String {
    let mut text = String::new();
    let by = who(opening.opened_by.as_deref(), "the server's operator");
    let approved = who(opening.approved_by.as_deref(), "nobody; there was no second administrator");
    let state = if opening.open { "open now" } else { "ended" };
    let heading = format!("{by}, {}", run.when().said(opening.open_from_at));
    put(&mut text, format_args!("{}  {}\n", run.screen.paint.bold(heading), run.screen.paint.dim(state)));
    put(&mut text, format_args!("  what for     {}\n", tame(&opening.purpose, PURPOSE_CHARS)));
    put(&mut text, format_args!("  approved by  {approved}\n"));
    put(&mut text, format_args!("  open until   {}, or until it was closed\n", run.when().said(opening.open_until_at)));
    if opening.readings.is_empty() {
        text.push_str("  read         nothing\n");
    }
    for reading in &opening.readings {
        let CaseReading { read_at, device_name, seq, .. } = reading;
        let (when, device) = (run.when().said(*read_at), tame(device_name, NAME_CHARS));
        put(&mut text, format_args!("  read         backup number {seq} of {device}, {when}\n"));
    }
    text
}

fn moved_text(run: &Run, moved: &Moved) -> String {
    let device = tame(&moved.device_name, NAME_CHARS);
    let other = moved.organisation.as_deref().map(|name| tame(name, NAME_CHARS));
    let what = match (moved.came, other) {
        (true, Some(name)) => format!("the backups of {device} came to you from the organisation {name}"),
        (true, None) => format!("the backups of {device} came to you from another account"),
        (false, Some(name)) => format!("your backups of {device} went to somebody in the organisation {name}"),
        (false, None) => format!("your backups of {device} went to another account"),
    };
    let mut text = String::new();
    let when = run.when().said(moved.moved_at);
    put(&mut text, format_args!("{}  {}\n", run.screen.paint.bold(what), run.screen.paint.dim(when)));
    put(&mut text, format_args!("  asked by     {}\n", who(moved.asked_by.as_deref(), "the server's operator")));
    let nobody = "nobody; there was no second administrator";
    put(&mut text, format_args!("  approved by  {}\n", who(moved.approved_by.as_deref(), nobody)));
    text
}

fn moved_document(moved: &Moved) -> MovedDocument<'_> {
    MovedDocument {
        device_name: &moved.device_name,
        profile: moved.profile.to_string(),
        came: moved.came,
        organisation: moved.organisation.as_deref(),
        asked_by: moved.asked_by.as_deref(),
        approved_by: moved.approved_by.as_deref(),
        moved_at: rfc3339(moved.moved_at),
    }
}

fn who(name: Option<&str>, nobody: &str) -> String {
    name.map_or_else(|| nobody.to_owned(), |name| tame(name, NAME_CHARS))
}

fn document(opening: &Opening) -> OpeningDocument<'_> {
    OpeningDocument {
        case: opening.case.to_string(),
        opened_by: opening.opened_by.as_deref(),
        approved_by: opening.approved_by.as_deref(),
        purpose: &opening.purpose,
        open_from_at: rfc3339(opening.open_from_at),
        open_until_at: rfc3339(opening.open_until_at),
        open: opening.open,
        readings: opening.readings.iter().map(reading_document).collect(),
    }
}

fn reading_document(one: &CaseReading) -> ReadingDocument<'_> {
    ReadingDocument {
        read_at: rfc3339(one.read_at),
        device_name: &one.device_name,
        profile: one.profile.to_string(),
        seq: one.seq,
    }
}
