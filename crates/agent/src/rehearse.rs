//! `rehome rehearse`: whether a backup could be restored right now, tried on what the server really stored.

use clap::Args;
use device::rehearse::{Depth, Found, Rehearse, RehearseError, is_due};
use device::state::State;
use model::reason::Reason;
use model::receipt::Receipt;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::find;
use crate::paint::tame;
use crate::render::value::count;
use crate::run::{Connection, Run};

/// Fetch a backup, open it and plan it against a fresh Windows, without changing anything
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The first digits of a snapshot's id, or `latest`
    #[arg(default_value = "latest")]
    id: String,
    /// Of the PC with this name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
}

/// What a rehearsal found, as `--json` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct RehearsalDocument {
    /// `restorable`, `failed`, `not_asked`, `skipped`, `done_before`.
    pub outcome: &'static str,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

#[derive(Serialize)]
struct RehearseDocument {
    snapshot: String,
    device_name: String,
    settings: usize,
    apps: usize,
    files: usize,
    #[serde(flatten)]
    rehearsal: RehearsalDocument,
}

/// Rehearses one snapshot: all parts, all files, and the keys as another PC would get them.
pub fn run(args: &RehearseArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let _lock = state.lock()?;
    let server = connection.server(run);
    let found = find(&connection, &server, &args.id, args.from_device.as_deref())?;
    let progress = run.progress();
    let rehearse = Rehearse { server: &server, enrolment: &connection.enrolment, state: &state, progress: &progress };
    let which = (found.snapshot.profile, found.snapshot.snapshot);
    let finding = rehearse.run(which, Depth::Everything)?;
    drop(progress);
    let document = RehearseDocument {
        snapshot: found.snapshot.snapshot.to_string(),
        device_name: found.device_name.clone(),
        settings: finding.settings,
        apps: finding.apps,
        files: finding.files,
        rehearsal: document(&finding),
    };
    run.screen.data(&document, || {
        let name = tame(&found.device_name, 64);
        match finding.reason {
            None => format!(
                "The snapshot {} of {name} can be restored: {} and {} on a fresh Windows\n",
                found.short_id(),
                count(finding.settings, "setting"),
                count(finding.apps, "app"),
            ),
            Some(reason) => format!("The snapshot {} of {name} cannot be restored: {reason}\n", found.short_id()),
        }
    })?;
    if let Some(reason) = finding.reason {
        run.screen.warn(&loud(reason));
    }
    Ok(exit(&finding))
}

/// After a backup: rehearses the newest snapshot unless that was done. Gives what to tell, and how the run ends for it.
pub fn after_backup(run: &Run, connection: &Connection, state: &State, receipt: &Receipt) -> (RehearsalDocument, Exit) {
    let told = |outcome| (RehearsalDocument { outcome, reason: None }, Exit::Success);
    match is_due(state, (receipt.seq, receipt.snapshot)) {
        Ok(false) => return told("done_before"),
        Ok(true) => {}
        Err(error) => return not_asked(run, error.reason()),
    }
    let (server, progress) = (connection.server(run), run.progress());
    let rehearse = Rehearse { server: &server, enrolment: &connection.enrolment, state, progress: &progress };
    let finding = rehearse.run((receipt.profile, receipt.snapshot), Depth::New);
    drop(progress);
    match finding {
        Ok(finding) => {
            if let Some(reason) = finding.reason {
                run.screen.warn(&loud(reason));
            }
            (document(&finding), exit(&finding))
        }
        Err(error) => not_asked(run, error.reason()),
    }
}

/// The backup is kept all the same; the next run rehearses again.
fn not_asked(run: &Run, reason: Reason) -> (RehearsalDocument, Exit) {
    run.screen.say(&format!("note: whether the backup opens could not be tried: {reason}; the next run tries again"));
    (RehearsalDocument { outcome: "not_asked", reason: Some(reason.code()) }, Exit::Success)
}

fn loud(reason: Reason) -> String {
    format!("THE BACKUP CANNOT BE RESTORED: {reason}; the next `rehome backup` sends everything again")
}

fn document(finding: &Found) -> RehearsalDocument {
    let outcome = if finding.reason.is_none() { "restorable" } else { "failed" };
    RehearsalDocument { outcome, reason: finding.reason.map(Reason::code) }
}

/// A backup that does not open is damage, whatever the reason.
fn exit(finding: &Found) -> Exit {
    match finding.reason {
        None => Exit::Success,
        Some(Reason::WrongKey | Reason::KeyErased) => Exit::WrongKey,
        Some(_) => Exit::Integrity,
    }
}

impl From<RehearseError> for Failure {
    fn from(error: RehearseError) -> Self {
        match error {
            RehearseError::Server(error) => error.into(),
            RehearseError::State(error) => error.into(),
        }
    }
}
