//! The command line `rehome`: thin. It reads flags, calls the device's stations, and turns values into text.
//!
//! One verb is one file; [`cli`] lists them. [`exit`] and [`failure`] decide how a run ends, in one place.

mod apps;
mod backup;
mod baseline;
mod browser;
mod bundle;
mod catalog;
mod check_in;
mod cli;
mod completions;
mod diff;
mod doctor;
mod enroll;
mod exit;
mod explain;
mod explorer;
mod export;
mod failure;
mod file;
mod find;
mod forget;
mod here;
mod import;
mod keys;
mod logs;
mod machine;
mod man;
mod near;
mod openings;
mod outcome;
mod paint;
mod picture;
mod pin;
mod plan;
mod progress;
mod rehearse;
mod remember;
mod render;
mod report;
mod restore;
mod run;
mod schedule;
mod screen;
mod show;
mod sign_in;
mod snapshots;
mod status;
mod stop;
mod undo;
mod version;
mod welcome;
mod when;
mod world;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use device::state::State;
use model::reason::Reason;
use model::world::Clock;
use seal::random::SystemRandom;

use crate::cli::{Cli, Verb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logs::Ended;
use crate::run::Run;
use crate::screen::Screen;
use crate::world::SystemClock;

#[cfg(windows)]
#[global_allocator]
static MEMORY: win32::Memory = win32::Memory::empty();

fn main() -> ExitCode {
    #[cfg(windows)]
    win32::from_system_only();
    // Before anything else is opened or started: it is to have nothing at hand.
    if let Some(asked) = picture::asked(std::env::args_os()) {
        return ExitCode::from(picture::run(&asked));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error).code()),
    };
    shut_in();
    stop::listen();
    #[cfg(windows)]
    device::folder::ask_by_handle(win32::attributes);
    let run =
        Run { screen: Screen::new(&cli.global), global: cli.global, clock: SystemClock, random: SystemRandom::new() };
    let began = run.clock.now();
    let mut performed = perform(&cli.verb, &run);
    if performed.as_ref().is_err_and(|failure| failure.reason() == Some(Reason::KeyExpired))
        && keys::renew_expired(&run)
    {
        logs::forget_failed(Reason::KeyExpired);
        performed = perform(&cli.verb, &run);
    }
    if let Err(failure) = &performed {
        run.screen.fail(failure);
    }
    let ended = Ended::of(&performed, began, &run.clock);
    // Without a folder for its state there is none for a log; what the installer calls must leave none behind.
    let state = run.state().ok().filter(|_| !matches!(cli.verb, Verb::Machine(_)));
    logs::remember(&cli.verb, ended, (state.as_ref().map(State::folder), &run.server_policy()));
    ExitCode::from(ended.exit.code())
}

/// No core file with the person's keys in it, and no program of theirs that looks into this one. What a system refuses changes nothing else.
#[cfg(unix)]
fn shut_in() {
    use nix::sys::resource::{Resource, setrlimit};
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Not on Windows: a crash there is Windows Error Reporting's, which asks the organisation's policy (`docs/threat-model.md`).
#[cfg(not(unix))]
fn shut_in() {}

fn perform(verb: &Verb, run: &Run) -> Result<Exit, Failure> {
    match verb {
        Verb::Enroll(args) => enroll::run(args, run),
        Verb::Backup(args) => backup::run(args, run),
        Verb::Baseline(args) => baseline::run(args, run),
        Verb::Snapshots(args) => snapshots::run(args, run),
        Verb::Show(args) => show::run(args, run),
        Verb::Diff(args) => diff::run(args, run),
        Verb::Plan(args) => plan::run(args, run),
        Verb::Restore(args) => restore::run(args, run),
        Verb::Undo(args) => undo::run(args, run),
        Verb::RestartExplorer(args) => explorer::run(args, run),
        Verb::Apps(args) => apps::run(args, run),
        Verb::Export(args) => export::run(args, run),
        Verb::Import(args) => import::run(args, run),
        Verb::Report(args) => report::run(args, run),
        Verb::Remember(args) => remember::run(args, run),
        Verb::Openings(args) => openings::run(args, run),
        Verb::Rehearse(args) => rehearse::run(args, run),
        Verb::Pin(args) => pin::run(args, run),
        Verb::Forget(args) => forget::run(args, run),
        Verb::Status(args) => status::run(args, run),
        Verb::CheckIn(args) => check_in::run(args, run),
        Verb::Doctor(args) => doctor::run(args, run),
        Verb::Schedule(args) => schedule::run(args, run),
        Verb::Machine(args) => machine::run(args, run),
        Verb::Welcome(args) => welcome::run(args, run),
        Verb::Catalog(args) => catalog::run(args, run),
        Verb::Explain(args) => explain::run(args, run),
        Verb::Version(args) => version::run(args, run),
        Verb::Completions(args) => completions::run(args, run),
        Verb::Man(args) => man::run(args, run),
    }
}

/// Help, version or a wrong command line: printed by clap, on the stream where each belongs. A script that asked for JSON gets what is wrong as that.
fn usage(error: &clap::Error) -> Exit {
    let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let wants_json = || std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json");
    if !is_asked_for && wants_json() {
        screen::fail_before(&Failure::from(error));
    } else {
        // A reader that went away has no use for help.
        let _ = error.print();
    }
    if is_asked_for { Exit::Success } else { Exit::Usage }
}
