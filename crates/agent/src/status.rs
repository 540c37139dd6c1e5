//! `rehome status`: what this PC is connected with, and whether its last backup is still there.

use clap::Args;
use device::state::{LastBackup, LastRehearsal, Remembered};
use device::upload::check::{Latest, check};
use model::device::KeyLevel;
use model::reason::Reason;
use model::report::words;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::DIGITS_SHOWN;
use crate::paint::tame;
use crate::rehearse::RehearsalDocument;
use crate::render::table::Table;
use crate::run::{Connection, Run};
use crate::schedule::{FailedDocument, last_failure};
use crate::when::rfc3339;

/// Show what this PC is connected with and its last backup
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// End with exit code 1 unless the server still has this PC's last backup, and no rehearsal of it failed
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct StatusDocument<'a> {
    server: &'a str,
    organisation: &'a str,
    user: &'a str,
    device_name: &'a str,
    key: &'a str,
    key_made_at: String,
    last_backup: Option<BackupDocument>,
    /// Why backups fail, if that does not pass by itself.
    last_failure: Option<FailedDocument>,
    on_server: OnServer,
}

#[derive(Serialize)]
struct BackupDocument {
    snapshot: String,
    seq: u64,
    committed_at: String,
    rehearsal: RehearsalDocument,
}

/// Whether the server still has the last backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum OnServer {
    Kept,
    Another,
    Nothing,
    NeverBackedUp,
    Unknown,
}

impl OnServer {
    fn title(self) -> &'static str {
        match self {
            Self::Kept => "still there",
            Self::Another => "has another one; the next backup puts that right",
            Self::Nothing => "no longer there; the next backup sends it again",
            Self::NeverBackedUp => "nothing to ask for",
            Self::Unknown => "not known, it cannot be asked",
        }
    }
}

/// Prints the status. A server that cannot be reached is part of it, and then also the error.
pub fn run(args: &StatusArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let enrolment = &connection.enrolment;
    let last = state.last_backup(&enrolment.receipt_key())?;
    let rehearsed = state.last_rehearsal()?;
    let answer = ask(run, &connection, &last);
    let on_server = *answer.as_ref().unwrap_or(&OnServer::Unknown);
    let document = StatusDocument {
        server: &enrolment.server,
        organisation: &enrolment.tenant_name,
        user: &enrolment.user_name,
        device_name: &enrolment.device_name,
        key: enrolment.key.level.word(),
        key_made_at: rfc3339(enrolment.key_made_at),
        last_backup: match &last {
            Remembered::Last(last) => Some(BackupDocument {
                snapshot: last.receipt.snapshot.to_string(),
                seq: last.receipt.seq,
                committed_at: rfc3339(last.receipt.committed_at),
                rehearsal: rehearsal_document(last, rehearsed.as_ref()),
            }),
            Remembered::Nothing | Remembered::Damaged => None,
        },
        last_failure: last_failure(&state)?,
        on_server,
    };
    // With `--json` stdout holds one document: the error, if there is one.
    if !run.screen.wants_json() || answer.is_ok() {
        let failure = document.last_failure.as_ref().map(FailedDocument::said);
        run.screen.data(&document, || text(run, &connection, (&last, rehearsed.as_ref()), (on_server, failure)))?;
    }
    let answer = answer?;
    let failed = rehearsed.is_some_and(|found| found.reason.is_some());
    Ok(if args.exit_code && (answer != OnServer::Kept || failed) { Exit::Failure } else { Exit::Success })
}

fn ask(run: &Run, connection: &Connection, last: &Remembered) -> Result<OnServer, Failure> {
    let Remembered::Last(last) = last else { return Ok(OnServer::NeverBackedUp) };
    let (seq, snapshot) = (last.receipt.seq, last.receipt.snapshot);
    Ok(match check(&connection.server(run), connection.enrolment.profile, seq, snapshot)? {
        Latest::AsKnown => OnServer::Kept,
        Latest::Other(_) => OnServer::Another,
        Latest::Nothing => OnServer::Nothing,
    })
}

/// What is known of the last backup's rehearsal.
fn rehearsal_document(last: &LastBackup, rehearsed: Option<&LastRehearsal>) -> RehearsalDocument {
    match rehearsed.filter(|found| (found.seq, found.snapshot) == (last.receipt.seq, last.receipt.snapshot)) {
        None => RehearsalDocument { outcome: "not_tried", reason: None },
        Some(LastRehearsal { reason: None, .. }) => RehearsalDocument { outcome: "restorable", reason: None },
        Some(LastRehearsal { reason: Some(code), .. }) => RehearsalDocument {
            outcome: "failed",
            reason: Some(Reason::from_code(code).map_or("unknown", Reason::code)),
        },
    }
}

fn rehearsal_said(last: &Remembered, rehearsed: Option<&LastRehearsal>) -> String {
    // A backup that does not open is forgotten, so that the next one is sent in full; its finding is not.
    match (last, rehearsed) {
        (_, Some(LastRehearsal { reason: Some(code), .. })) => {
            format!("FAILED: {}; the next backup sends everything again", words(code).0)
        }
        (Remembered::Last(last), Some(found)) if found.snapshot == last.receipt.snapshot => {
            "the stored backup was opened and could be restored".to_owned()
        }
        _ => "not tried yet".to_owned(),
    }
}

/// Where the key of this PC is, for a person.
fn key_said(level: KeyLevel) -> &'static str {
    match level {
        KeyLevel::File if cfg!(windows) => "in a file that Windows encrypts for you",
        KeyLevel::File => "in a file that only you can read",
        KeyLevel::CngSoftware => "kept by Windows",
        KeyLevel::Tpm | KeyLevel::TpmAttested => "in this PC's TPM",
    }
}

fn text(
    run: &Run,
    connection: &Connection,
    (last, rehearsed): (&Remembered, Option<&LastRehearsal>),
    (on_server, failure): (OnServer, Option<String>),
) -> String {
    let enrolment = &connection.enrolment;
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([run.screen.paint.dim(name), value]);
    row("Server", enrolment.server.clone());
    row("Organisation", tame(&enrolment.tenant_name, 64));
    row("Account", tame(&enrolment.user_name, 64));
    row("This PC", tame(&enrolment.device_name, 64));
    row("Key", format!("{}, {}", key_said(enrolment.key.level), run.when().said(enrolment.key_made_at)));
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
    row("On the server", on_server.title().to_owned());
    row("Rehearsal", rehearsal_said(last, rehearsed));
    if let Some(failure) = failure {
        row("Backups fail", failure);
    }
    table.to_text("")
}
