//! `rehome machine`: what the installer calls, as the system, before and after its files. Not for people, so not in the help.
//!
//! Windows Installer could write these values itself, and would write them into its log too. Here they are checked first, and the enrollment token
//! is in no log.

use std::path::Path;

use clap::{Args, Subcommand};
use device::facts::EnrolmentToken;
use device::installer::{CA_BYTES_MAX, Told};
use model::policy::installed::{NO_BATTERY_VALUE, NO_START};
use model::reason::Reason;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::logs::{self, Act};
use crate::run::Run;

/// The longest token that is read from a file, in bytes.
const TOKEN_BYTES_MAX: u64 = 1024;

/// Remember what the installer was told about this PC
#[derive(Debug, Args)]
pub struct MachineArgs {
    #[command(subcommand)]
    what: What,
}

impl MachineArgs {
    /// What it sets about; nothing where it only checks what the next call remembers.
    pub fn act(&self) -> Option<Act> {
        match &self.what {
            What::Token(args) if args.check => None,
            What::Schedule => Some(Act::Task),
            _ => Some(Act::Machine),
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
enum What {
    /// Check and remember the installer's properties
    Install(Box<InstallArgs>),
    /// Remember the enrollment token
    Token(TokenArgs),
    /// Register the scheduled task
    Schedule,
    /// Remove the task, what was remembered and what lies in people's profiles
    Remove(RemoveArgs),
}

/// The installer's properties; an empty one was not given.
#[derive(Debug, Args)]
struct InstallArgs {
    #[arg(long, default_value = "")]
    server_url: String,
    #[arg(long, default_value = "")]
    tenant: String,
    #[arg(long, default_value = "")]
    ca_file: String,
    #[arg(long, default_value = "")]
    certificate_pin: String,
    #[arg(long, default_value = "")]
    proxy: String,
    #[arg(long, default_value = "")]
    bypass: String,
    #[arg(long, default_value = "")]
    log_level: String,
    #[arg(long, default_value = "")]
    channel: String,
    #[arg(long, default_value = "")]
    no_ui: String,
    #[arg(long, default_value = "")]
    no_start: String,
    #[arg(long, default_value = "")]
    keep_data: String,
}

/// The token, or a file that holds it.
#[derive(Args)]
struct TokenArgs {
    #[arg(long, default_value = "")]
    token: String,
    #[arg(long, default_value = "")]
    token_file: String,
    /// Only look whether it could be remembered
    #[arg(long)]
    check: bool,
}

/// A token is never shown, not even by a debugger's print.
impl std::fmt::Debug for TokenArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenArgs")
    }
}

/// Whether something stays.
#[derive(Debug, Args)]
struct RemoveArgs {
    #[arg(long, default_value = "")]
    keep_data: String,
}

/// Does what was asked.
pub fn run(args: &MachineArgs, run: &Run) -> Result<Exit, Failure> {
    match &args.what {
        What::Install(args) => install(args, run),
        What::Token(args) => token(args, run),
        What::Schedule => schedule(run),
        What::Remove(args) => Ok(remove(args, run)),
    }
}

fn install(args: &InstallArgs, run: &Run) -> Result<Exit, Failure> {
    let ca_pem = match args.ca_file.trim() {
        "" => String::new(),
        path => crate::file::read_text(Path::new(path), CA_BYTES_MAX)?,
    };
    let told = Told {
        server_url: args.server_url.clone(),
        tenant: args.tenant.clone(),
        ca_pem,
        pin: args.certificate_pin.clone(),
        proxy_url: args.proxy.clone(),
        proxy_bypass: args.bypass.clone(),
        log_level: args.log_level.clone(),
        channel: args.channel.clone(),
        no_ui: args.no_ui.clone(),
        no_start: args.no_start.clone(),
        install_folder: folder().unwrap_or_default(),
        keep_data: args.keep_data.clone(),
    };
    let given = told.checked().map_err(|error| {
        Failure::of(&error, Reason::ConfigInvalid).hint("give the installer's property another value, or leave it out")
    })?;
    for (property, text) in &given {
        place::set(property.value, text)?;
    }
    run.screen.say(&format!("Remembered {} properties of the installer", given.len()));
    Ok(Exit::Success)
}

/// Where this program lies.
fn folder() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    program.parent().map(|folder| folder.display().to_string())
}

fn token(args: &TokenArgs, run: &Run) -> Result<Exit, Failure> {
    if args.check {
        // That it can be used is nothing that was done; that it cannot ends the installation.
        return match usable(args) {
            Ok(_) => Ok(Exit::Success),
            Err(failure) => logs::doing(Act::Machine, &run.clock, || Err(failure)),
        };
    }
    place::set_token(&usable(args)?)?;
    run.screen.say("Remembered the enrollment token");
    Ok(Exit::Success)
}

/// The token that was given, if it can be one.
fn usable(args: &TokenArgs) -> Result<EnrolmentToken, Failure> {
    let token = match args.token_file.trim() {
        "" => args.token.trim().to_owned(),
        path => crate::file::read_text(Path::new(path), TOKEN_BYTES_MAX)?.trim().to_owned(),
    };
    if token.is_empty() || token.len() as u64 > TOKEN_BYTES_MAX || token.chars().any(char::is_control) {
        let message = format!("ENROLLTOKEN: it is empty, longer than {TOKEN_BYTES_MAX} bytes, or of several lines");
        return Err(Failure::new(Reason::ConfigInvalid, message));
    }
    Ok(EnrolmentToken(token))
}

/// As `rehome schedule install`, without looking into a state: the system has none, and would leave one behind. An upgrade calls this as the first installation does, so
/// what was said then counts, or what somebody did since with `rehome schedule`.
fn schedule(run: &Run) -> Result<Exit, Failure> {
    let installed = crate::here::installed();
    if installed.no_start {
        run.screen.say("No scheduled task: the installer was told `NOSTART`");
        return Ok(Exit::Success);
    }
    crate::schedule::register(&crate::schedule::task(None, !installed.no_battery)?)?;
    run.screen.say("Registered the scheduled task");
    Ok(Exit::Success)
}

/// Remembers for the next upgrade whether the task is wanted, and whether it starts on battery.
pub fn remember_task(wanted: bool, on_battery: bool) -> Result<(), Failure> {
    let word = |no: bool| if no { "1" } else { "0" };
    place::set(NO_START.value, word(!wanted))?;
    place::set(NO_BATTERY_VALUE, word(!on_battery))
}

/// Goes on whatever fails: half an uninstallation is worse than a leftover, which is said.
fn remove(args: &RemoveArgs, run: &Run) -> Exit {
    let mut left = Vec::new();
    if crate::schedule::is_registered() != Some(false) && crate::schedule::unregister().is_err() {
        left.push("the scheduled task");
    }
    // What is said now goes before what was said when it was installed.
    let keeps = match args.keep_data.trim() {
        "" => crate::here::installed().keep_data,
        said => said != "0",
    };
    if !keeps {
        left.extend(place::forget());
    }
    if left.is_empty() {
        return Exit::Success;
    }
    run.screen.warn(&format!("could not be removed: {}", left.join(", ")));
    Exit::Warnings
}

#[cfg(windows)]
mod place {
    use device::facts::EnrolmentToken;
    use model::reason::Reason;

    use crate::failure::Failure;

    /// The agent's folder in `AppData\Local` of each profile. The pictures that it has restored, in `Rehome.files` beside it, are the person's: their desktop
    /// shows one of them, and Windows' list of former backgrounds and saved themes may name it too. Who removes programs cannot look into
    /// the registry of people who are not signed in, and has no say about it.
    const FOLDERS: [&str; 1] = ["Rehome"];

    pub(super) fn set(name: &str, text: &str) -> Result<(), Failure> {
        win32::machine::set(name, text).map_err(|error| failed(&error))
    }

    pub(super) fn set_token(token: &EnrolmentToken) -> Result<(), Failure> {
        win32::machine::set_token(&token.0).map_err(|error| failed(&error))
    }

    /// Forgets everything; what is left.
    pub(super) fn forget() -> Vec<&'static str> {
        let settings = win32::machine::forget().is_err().then_some("the installer's values");
        let folders = (win32::profiles::clear(&FOLDERS) > 0).then_some("folders in people's profiles");
        settings.into_iter().chain(folders).collect()
    }

    fn failed(error: &std::io::Error) -> Failure {
        let reason = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
            _ => Reason::ReadOnlyTarget,
        };
        Failure::of(error, reason).hint("run it as an administrator; the installer does")
    }
}

#[cfg(not(windows))]
mod place {
    use device::facts::EnrolmentToken;
    use model::reason::Reason;

    use crate::failure::Failure;

    pub(super) fn set(_name: &str, _text: &str) -> Result<(), Failure> {
        Err(no_windows())
    }

    pub(super) fn set_token(_token: &EnrolmentToken) -> Result<(), Failure> {
        Err(no_windows())
    }

    pub(super) fn forget() -> Vec<&'static str> {
        Vec::new()
    }

    fn no_windows() -> Failure {
        Failure::new(Reason::Usage, "this is not Windows: there is no installer's place here")
    }
}
