//! `rehome check-in`: tells the server how this PC is, fetches the policy, and does what was asked for.
//!
//! The scheduled task does the same when it is due. Whatever comes of a command is told to the server at once, and if that fails, at the next check-in.

use std::path::PathBuf;

use clap::Args;
use device::state::{ServerPolicy, State};
use device::upload::check_in::{Here, check_in};
use model::check_in::{Command, Done, Order};
use model::reason::Reason;
use model::world::Clock;
use serde::Serialize;

use crate::backup::{self, BackupArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::render::value::count;
use crate::run::{Connection, Run};
use crate::when::rfc3339;

/// Fetch the policy of the server, and do what it asks for
#[derive(Debug, Args)]
pub struct CheckInArgs {
    /// Tell and fetch everything, changed or not
    #[arg(long)]
    anew: bool,
    /// What to back up if that is asked for, as `rehome backup --from` takes it
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
}

#[derive(Serialize)]
struct CheckInDocument {
    policy: String,
    policy_changed: bool,
    settings: usize,
    requests: u32,
    next_at: Option<String>,
    commands: Vec<CommandDocument>,
}

#[derive(Serialize)]
struct CommandDocument {
    order: String,
    outcome: String,
}

/// What a check-in brought, once its commands were carried out.
struct Over {
    document: CheckInDocument,
    exit: Exit,
}

/// Checks in and says what it brought.
pub fn run(args: &CheckInArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let over = perform(run, &state, (args.anew, &BackupArgs::of(args.from.clone())))?;
    let document = &over.document;
    if run.screen.wants_json() {
        run.screen.document(document)?;
        return Ok(over.exit);
    }
    let what = if document.policy_changed {
        "The policy of the server is new"
    } else {
        "The policy of the server is as before"
    };
    run.screen.say(&format!("{what}: {}", count(document.settings, "setting")));
    for command in &document.commands {
        run.screen.say(&format!("Asked for `{}`: {}", command.order, command.outcome));
    }
    Ok(over.exit)
}

/// Checks in if that is due. What goes wrong is said and stops nothing: the PC goes on by what it knows.
pub fn if_due(run: &Run, state: &State, backup: &BackupArgs) {
    let is_due = state.enrolment().is_ok() && state.server_policy().is_due(run.clock.now());
    if is_due && let Err(failure) = perform(run, state, (false, backup)) {
        run.screen.warn(&format!("the policy of the server could not be fetched: {}", why(&failure)));
    }
}

/// The first check-in of a PC that was just connected. If it does not work the next one does.
pub fn at_enrolment(run: &Run, state: &State) {
    if let Err(failure) = perform(run, state, (true, &BackupArgs::of(None))) {
        run.screen.detail(&format!("the policy of the server could not be fetched yet: {}", why(&failure)));
    }
}

fn why(failure: &Failure) -> String {
    failure.to_text().map(|(message, ..)| crate::paint::tame(&message, 300)).unwrap_or_default()
}

fn perform(run: &Run, state: &State, (anew, backup): (bool, &BackupArgs)) -> Result<Over, Failure> {
    let connection = run.connect(state)?;
    let mut kept = ServerPolicy { profile: Some(connection.enrolment.profile), ..state.server_policy() };
    let before = kept.policy.clone();
    let brought = ask(run, (&connection, state), &mut kept, anew)?;
    let mut requests = brought.requests;
    let (mut commands, mut exit) = (Vec::new(), Exit::Success);
    for command in brought.commands {
        let result = obey(run, (&connection, state), &mut kept, (&command, backup));
        let outcome = match &result {
            Ok(_) => "done".to_owned(),
            Err(failure) => failure.reason().unwrap_or(Reason::Internal).code().to_owned(),
        };
        exit = exit.max(result.unwrap_or(Exit::Warnings));
        kept.done.push(Done { command: command.id, outcome: outcome.clone() });
        commands.push(CommandDocument { order: crate::paint::tame(&command.order, 32), outcome });
        state.save_server_policy(&kept)?;
    }
    if !commands.is_empty() && ask(run, (&connection, state), &mut kept, false).is_ok() {
        requests += 1;
    }
    let document = CheckInDocument {
        policy: kept.policy.mark.clone(),
        policy_changed: kept.policy != before,
        settings: kept.policy.settings.len(),
        requests,
        next_at: kept.next_at.map(rfc3339),
        commands,
    };
    Ok(Over { document, exit })
}

fn ask(
    run: &Run,
    (connection, state): (&Connection, &State),
    kept: &mut ServerPolicy,
    anew: bool,
) -> Result<device::upload::check_in::Brought, Failure> {
    let known = here::known().unwrap_or_default();
    let here = Here { known: &known, key: connection.enrolment.key.level, agent: env!("CARGO_PKG_VERSION") };
    let brought = check_in(&connection.server(run), (&here, kept), anew, run.clock.now())?;
    state.save_server_policy(kept)?;
    Ok(brought)
}

/// Does what was asked for.
fn obey(
    run: &Run,
    (connection, state): (&Connection, &State),
    kept: &mut ServerPolicy,
    (command, backup): (&Command, &BackupArgs),
) -> Result<Exit, Failure> {
    match Order::from_word(&command.order) {
        Some(Order::BackUp) => backup::run_quietly(backup, run),
        Some(Order::CheckIn) => {
            ask(run, (connection, state), kept, true)?;
            Ok(Exit::Success)
        }
        Some(Order::OfferRestore) => {
            let policy = here::known_under(run).policy();
            if !policy.restore_enabled().value {
                return Err(Failure::new(Reason::PolicyOff, "restoring is switched off here"));
            }
            if !policy.restore_page().value {
                return Err(Failure::new(
                    Reason::RestorePageOff,
                    "the page that offers a restore is switched off here",
                ));
            }
            kept.restore_offered_at = Some(run.clock.now());
            run.screen.say("Your organisation offers you a restore: `rehome restore` shows what would come back");
            Ok(Exit::Success)
        }
        None => Err(Failure::new(Reason::NewerVersion, "this version does not know what it is asked for")),
    }
}
