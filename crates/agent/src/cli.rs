//! The command line: global flags and the list of verbs. Each verb is one file, and its arguments' comments are its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use device::upload::pin::Pin;

use crate::{
    apps, backup, baseline, catalog, check_in, completions, diff, doctor, enroll, explain, explorer, export, forget,
    import, machine, man, openings, pin, plan, rehearse, remember, report, restore, schedule, show, snapshots, status,
    undo, version, welcome,
};

/// Back up the settings and app list of a Windows PC, and give them back on another
#[derive(Debug, Parser)]
#[command(name = "rehome", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What applies to every verb.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print one JSON document on stdout, also for errors
    #[arg(long, global = true)]
    pub json: bool,
    /// Print progress as JSON lines on stderr
    #[arg(long, global = true)]
    pub json_lines: bool,
    /// Show no progress bars
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Print results and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more; name everything that is otherwise counted
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print without colours, as `NO_COLOR` does
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Give up on a request after this time, such as `30s` or `2m`
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Use another of this PC's enrolments
    #[arg(long, global = true, value_name = "NAME", default_value = "default", env = "REHOME_PROFILE")]
    pub profile: String,
    /// Keep enrolment, receipts and journals in this folder
    #[arg(long, global = true, value_name = "FOLDER", env = "REHOME_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE", env = "REHOME_CA_CERT")]
    pub ca_cert: Option<PathBuf>,
    /// Trust the one server with this SHA-256 fingerprint, as `rehome-server` prints it, and no other
    #[arg(long, global = true, value_name = "sha256:DIGITS", env = "REHOME_PIN", conflicts_with = "ca_cert")]
    pub pin: Option<Pin>,
    /// Allow a server address without encryption
    #[arg(long, global = true, env = "REHOME_ALLOW_HTTP", value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_http: bool,
}

/// The verbs, in the order of a person's first day.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Enroll(enroll::EnrollArgs),
    Backup(backup::BackupArgs),
    Remember(remember::RememberArgs),
    Snapshots(snapshots::SnapshotsArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Plan(plan::PlanArgs),
    Restore(restore::RestoreArgs),
    Undo(undo::UndoArgs),
    RestartExplorer(explorer::RestartExplorerArgs),
    Apps(apps::AppsArgs),
    Baseline(baseline::BaselineArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Report(report::ReportArgs),
    Openings(openings::OpeningsArgs),
    Rehearse(rehearse::RehearseArgs),
    Pin(pin::PinArgs),
    Forget(forget::ForgetArgs),
    Status(status::StatusArgs),
    CheckIn(check_in::CheckInArgs),
    Doctor(doctor::DoctorArgs),
    Schedule(schedule::ScheduleArgs),
    Welcome(welcome::WelcomeArgs),
    #[command(hide = true)]
    Machine(machine::MachineArgs),
    Catalog(catalog::CatalogArgs),
    Explain(explain::ExplainArgs),
    Version(version::VersionArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Reads `500ms`, `30s`, `2m`; zero would mean "never", so it is refused.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err("write a number and a unit, such as `500ms`, `30s` or `2m`".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write a number and a unit, such as `30s`".to_owned())?;
    match number.checked_mul(millis) {
        Some(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
        _ => Err("choose a time between `1ms` and a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_one_line_of_help_without_a_stop() {
        for verb in Cli::command().get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(
                !about.is_empty() && !about.ends_with('.') && !about.contains('\n'),
                "{}: {about}",
                verb.get_name()
            );
        }
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["", "30", "s", "0s", "1.5s", "-1s", "99999999999999999999s", "2 d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
