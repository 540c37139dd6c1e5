//! `rehome status`: what this PC is connected with, and whether its last backup is still there.

use clap::Args;
use device::state::Remembered;
use device::upload::check::{Latest, check};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::DIGITS_SHOWN;
use crate::paint::tame;
use crate::render::table::Table;
use crate::run::{Connection, Run};
use crate::when::rfc3339;

/// Show what this PC is connected with and its last backup
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// End with exit code 1 unless the server still has this PC's last backup
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct StatusDocument<'a> {
    server: &'a str,
    organisation: &'a str,
    user: &'a str,
    device_name: &'a str,
    last_backup: Option<BackupDocument>,
    on_server: &'static str,
}

#[derive(Serialize)]
struct BackupDocument {
    snapshot: String,
    seq: u64,
    committed_at: String,
}

/// Prints the status. A server that cannot be reached is part of it, and then also the error.
pub fn run(args: &StatusArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let enrolment = &connection.enrolment;
    let last = state.last_backup(&enrolment.receipt_key())?;
    let on_server = ask(run, &connection, &last);
    let document = StatusDocument {
        server: &enrolment.server,
        organisation: &enrolment.tenant_name,
        user: &enrolment.user_name,
        device_name: &enrolment.device_name,
        last_backup: match &last {
            Remembered::Last(last) => Some(BackupDocument {
                snapshot: last.receipt.snapshot.to_string(),
                seq: last.receipt.seq,
                committed_at: rfc3339(last.receipt.committed_at),
            }),
            Remembered::Nothing | Remembered::Damaged => None,
        },
        on_server: on_server.as_ref().map_or("unknown", |answer| word(answer.as_ref())),
    };
    if !run.screen.wants_json() || on_server.is_ok() {
        run.screen.data(&document, || text(run, &connection, &last, on_server.as_ref().ok().map(Option::as_ref)))?;
    }
    let there = matches!(on_server?, Some(Latest::AsKnown));
    Ok(if args.exit_code && !there { Exit::Failure } else { Exit::Success })
}

/// Whether the server still has the last backup; `None` if there was none.
fn ask(run: &Run, connection: &Connection, last: &Remembered) -> Result<Option<Latest>, Failure> {
    let Remembered::Last(last) = last else { return Ok(None) };
    let answer = check(&connection.server(run), connection.enrolment.profile, last.receipt.seq, last.receipt.snapshot)?;
    Ok(Some(answer))
}

fn word(answer: Option<&Latest>) -> &'static str {
    match answer {
        Some(Latest::AsKnown) => "kept",
        Some(Latest::Other(_)) => "another",
        Some(Latest::Nothing) => "nothing",
        None => "never",
    }
}

fn text(run: &Run, connection: &Connection, last: &Remembered, answer: Option<Option<&Latest>>) -> String {
    let enrolment = &connection.enrolment;
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([run.screen.paint.dim(name), value]);
    row("Server", enrolment.server.clone());
    row("Organisation", tame(&enrolment.tenant_name, 64));
    row("Account", tame(&enrolment.user_name, 64));
    row("This PC", tame(&enrolment.device_name, 64));
    row(
        "Last backup",
        match last {
            Remembered::Last(last) => {
                let id = &last.receipt.snapshot.to_string()[..DIGITS_SHOWN];
                format!("{}, snapshot {id}", run.when().said(last.receipt.committed_at))
            }
            Remembered::Nothing => "none yet".to_owned(),
            Remembered::Damaged => "unknown: its record is damaged; the next backup is sent in full".to_owned(),
        },
    );
    let on_server = match answer {
        None => "not known, it cannot be asked",
        Some(Some(Latest::AsKnown)) => "still there",
        Some(Some(Latest::Other(_))) => "has another one; the next backup puts that right",
        Some(Some(Latest::Nothing)) => "no longer there; the next backup sends it again",
        Some(None) => "nothing to ask for",
    };
    row("On the server", on_server.to_owned());
    table.to_text("")
}
