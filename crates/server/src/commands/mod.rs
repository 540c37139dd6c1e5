//! The command line of `rehome-server`.

mod admin;
mod approval;
mod audit;
mod case;
mod check;
mod device;
mod fingerprint;
mod group;
mod health;
mod keep;
mod key;
mod migrate;
mod moves;
mod own_backup;
mod paper;
mod people;
mod policy;
mod policy_file;
mod rebuild;
mod report;
mod retention;
mod roles;
mod rule;
mod serve;
mod token;
mod validate;

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use model::reason::Reason;

use crate::app::{App, OpenError};
use crate::config::{self, Config, ConfigError, Given, Origins, Shown};
use crate::keyring::KeyringError;
use crate::keyring::provider::ProviderError;
use crate::world::SystemClock;

/// Keeps what devices back up, and gives it back.
#[derive(Parser)]
#[command(name = "rehome-server", version, max_term_width = 100)]
struct Line {
    /// Configuration file, TOML
    #[arg(long, global = true, env = "REHOME_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server
    Serve,
    /// Organisations
    #[command(subcommand)]
    Tenant(admin::TenantVerb),
    /// Built-in accounts
    #[command(subcommand)]
    User(admin::UserVerb),
    /// The first administrator
    #[command(subcommand)]
    Admin(people::AdminVerb),
    /// Passwords and sessions of an account
    #[command(subcommand)]
    Account(people::AccountVerb),
    /// Identity providers: where people sign in
    #[command(subcommand)]
    Provider(people::ProviderVerb),
    /// What an organisation decides about signing in
    #[command(subcommand)]
    SignIn(people::SignInVerb),
    /// Roles and who has them
    #[command(subcommand)]
    Role(roles::RoleVerb),
    /// Scope tags
    #[command(subcommand)]
    Tag(roles::TagVerb),
    /// Service accounts: tokens for programs
    #[command(subcommand)]
    Apitoken(roles::TokenVerb),
    /// Devices
    #[command(subcommand)]
    Device(device::DeviceVerb),
    /// Enrolment tokens
    #[command(subcommand)]
    Token(token::TokenVerb),
    /// What PCs do, for whom: policies, as words and as files
    #[command(subcommand)]
    Policy(policy::PolicyVerb),
    /// Groups of people and of PCs
    #[command(subcommand)]
    Group(group::GroupVerb),
    /// Filters: rules over PCs that narrow what a policy is for
    #[command(subcommand)]
    Filter(group::FilterVerb),
    /// Rules of dynamic groups and filters, without a server
    #[command(subcommand)]
    Rule(rule::RuleVerb),
    /// What is kept and for how long
    #[command(subcommand)]
    Retention(retention::RetentionVerb),
    /// Snapshots: why they are kept, pins and holds
    #[command(subcommand)]
    Snapshot(keep::SnapshotVerb),
    /// Profiles: what one PC has backed up
    #[command(subcommand)]
    Profile(keep::ProfileVerb),
    /// Keys: where they are, how they stand, changing them
    #[command(subcommand)]
    Key(key::KeyVerb),
    /// What restores did
    #[command(subcommand)]
    Report(report::ReportVerb),
    /// Cases: somebody's content opened for a while, with a second administrator's yes
    #[command(subcommand)]
    Case(case::CaseVerb),
    /// What takes a second administrator: see it, approve it, turn it down
    #[command(subcommand)]
    Approval(approval::ApprovalVerb),
    /// The record of who did what: verify it, give it out
    #[command(subcommand)]
    Audit(audit::AuditVerb),
    Migrate(migrate::Migrate),
    BackupServer(own_backup::BackUp),
    RestoreServer(own_backup::Restore),
    Rebuild(rebuild::Rebuild),
    /// Read all data and compare it with its checksums and receipts
    Check,
    /// Print the fingerprint by which PCs can trust this server
    Fingerprint,
    /// The configuration in force
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Ask the running server whether it is ready; for containers
    Healthcheck,
    /// Print the version
    Version,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command into a folder
    Man {
        /// Write the pages of all commands here, as packages do; made if it is not there
        #[arg(long, short, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Print every value in force, as a configuration file; secrets are left out
    Show {
        /// Say behind each value where it comes from: flag, environment, file or default
        #[arg(long)]
        origin: bool,
    },
    /// Look whether a server could start with it: values, files, certificate. Starts and changes nothing
    Validate,
}

/// A failure as a person reads it, with the exit code that scripts read: the table is in `docs/api.md`.
pub(crate) struct Failure {
    exit: u8,
    reason: Reason,
    text: String,
    hint: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(exit: u8, reason: Reason, text: impl Into<String>) -> Self {
        Self { exit, reason, text: text.into(), hint: reason.next().into() }
    }

    /// What the system refused, told apart as far as a person can do something about it.
    pub(crate) fn io(error: &std::io::Error, text: impl Into<String>) -> Self {
        use std::io::ErrorKind as K;
        let (exit, reason) = match error.kind() {
            K::PermissionDenied => (5, Reason::PermissionDenied),
            K::ReadOnlyFilesystem => (5, Reason::ReadOnlyTarget),
            K::StorageFull | K::QuotaExceeded => (1, Reason::DiskFull),
            K::NotFound => (2, Reason::FileNotFound),
            K::AlreadyExists | K::NotADirectory | K::IsADirectory => (2, Reason::ConfigInvalid),
            _ => (1, Reason::InputFailed),
        };
        let failure = Self::new(exit, reason, text);
        if reason == Reason::ConfigInvalid {
            failure.hint("name a folder where one is wanted, and a file where a file is")
        } else {
            failure
        }
    }

    /// The same with another hint.
    pub(crate) fn hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self::new(2, Reason::ConfigInvalid, error.to_string());
        match error {
            ConfigError::Io { source, .. } => Self::io(&source, failure.text),
            ConfigError::HalfTls => failure.hint("give both or none"),
            ConfigError::TwoTls => failure.hint("leave one of them out"),
            ConfigError::NoHome => failure.hint("name both"),
            ConfigError::TrustedProxy(_) => failure.hint("name the proxy's own address, as the server sees it"),
            ConfigError::Toml { .. }
            | ConfigError::PublicUrl(_)
            | ConfigError::Otlp(_)
            | ConfigError::DrainDelay(_) => failure,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        match error {
            OpenError::Keyring(error) => error.into(),
            OpenError::Store(error) => error.into(),
            OpenError::Io { source, .. } => Self::io(&source, text),
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let (exit, reason) = match &error {
            ProviderError::NotThere { .. } | ProviderError::NotAKey(_) | ProviderError::Missing(_) => {
                (9, Reason::WrongKey)
            }
            ProviderError::InsideData(_) | ProviderError::Address { .. } => (2, Reason::ConfigInvalid),
            ProviderError::Silent { .. } => (6, Reason::KeysUnavailable),
            ProviderError::Refused { .. } => (5, Reason::KeysUnavailable),
            ProviderError::Unwrap(_) => (8, Reason::IntegrityFailed),
            ProviderError::Io { source, .. } => return Self::io(source, error.to_string()),
        };
        Self::new(exit, reason, error.to_string())
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        let text = error.to_string();
        match error {
            KeyringError::WrongRoot(_) => Self::new(9, Reason::WrongKey, text).hint(
                "give the root key that this data was made with (`--root-key`); without it no backup can be opened",
            ),
            KeyringError::Provider(error) => error.into(),
            KeyringError::Store(error) => error.into(),
            KeyringError::Unwrap(_) | KeyringError::Gone => Self::new(8, Reason::IntegrityFailed, text),
        }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError as E;
        let (exit, reason) = match &error {
            E::NewerSchema { .. } => (1, Reason::NewerVersion),
            E::Full => (1, Reason::DiskFull),
            E::ReadOnly => (5, Reason::ReadOnlyTarget),
            E::Damaged(_) => (8, Reason::IntegrityFailed),
            E::Storage { .. } => (6, Reason::StorageUnavailable),
            E::Address { .. } => (2, Reason::ConfigInvalid),
            E::Taken { .. } | E::BadName(_) => (2, Reason::Usage),
            _ => (1, Reason::ServerError),
        };
        Self::new(exit, reason, error.to_string())
    }
}

/// Runs the command line. Data goes to standard output, everything said to standard error.
pub fn main() -> ExitCode {
    crate::process::shut_in();
    let command = Line::command();
    let matches = command.clone().get_matches();
    let mut line = Line::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    line.given.origins = Origins::of_line(&command, &matches);
    match run(line) {
        Ok(code) => code,
        Err(failure) => {
            let mut stderr = anstream::stderr();
            // If even standard error is gone there is nobody to tell.
            drop(writeln!(stderr, "error[{}]: {}\n  hint: {}", failure.reason.code(), failure.text, failure.hint));
            ExitCode::from(failure.exit)
        }
    }
}

fn run(line: Line) -> Result<ExitCode, Failure> {
    let Line { config, given, verb } = line;
    // Read only by verbs that need it: a wrong file does not keep anybody from the manual.
    let config = || -> Result<Config, Failure> {
        // Of those that the packages install one need not be told where it is.
        let standard = Some(Path::new(config::FILE)).filter(|path| path.exists());
        let file = config.as_deref().or(standard).map(config::read).transpose()?.unwrap_or_default();
        Ok(config::resolve(given, file)?)
    };
    match verb {
        Verb::Serve => serve::run(&config()?),
        Verb::Tenant(verb) => admin::tenant(&Arc::new(open(&config()?)?), verb),
        Verb::User(verb) => admin::user(&Arc::new(open(&config()?)?), verb),
        Verb::Admin(verb) => people::admin(&open(&config()?)?, verb),
        Verb::Account(verb) => people::account(&open(&config()?)?, verb),
        Verb::Provider(verb) => {
            let config = config()?;
            people::provider(&open(&config)?, verb, config.settings.site.public_url.as_deref())
        }
        Verb::SignIn(verb) => people::sign_in(&open(&config()?)?, verb),
        Verb::Role(verb) => roles::role(&open(&config()?)?, verb),
        Verb::Tag(verb) => roles::tag(&open(&config()?)?, verb),
        Verb::Apitoken(verb) => roles::token(&open(&config()?)?, verb),
        Verb::Device(verb) => device::run(&open(&config()?)?, verb),
        Verb::Token(verb) => token::run(&open(&config()?)?, verb),
        Verb::Policy(verb) => policy::run(&open(&config()?)?, verb),
        Verb::Group(verb) => group::group(&open(&config()?)?, verb),
        Verb::Filter(verb) => group::filter(&open(&config()?)?, verb),
        Verb::Rule(verb) => rule::run(&verb),
        Verb::Retention(verb) => retention::run(&open(&config()?)?, verb),
        Verb::Snapshot(verb) => keep::snapshot(&open(&config()?)?, verb),
        Verb::Profile(verb) => keep::profile(&Arc::new(open(&config()?)?), verb),
        Verb::Key(verb) => key::run(&config()?, verb),
        Verb::Report(verb) => report::run(&open(&config()?)?, verb),
        Verb::Approval(verb) => approval::run(&open(&config()?)?, verb),
        Verb::Case(verb) => case::run(&open(&config()?)?, verb),
        Verb::Audit(verb) => audit::run(&config()?, verb),
        Verb::Migrate(asked) => migrate::run(&config()?, asked),
        Verb::BackupServer(asked) => own_backup::back_up(&config()?, &asked),
        Verb::RestoreServer(asked) => own_backup::restore(&config()?, &asked),
        Verb::Rebuild(asked) => rebuild::run(&config()?, &asked),
        Verb::Check => check::run(&check::open(&config()?)?),
        Verb::Config(ConfigVerb::Show { origin }) => show(&config()?, origin),
        Verb::Config(ConfigVerb::Validate) => validate::run(&config()?),
        Verb::Fingerprint => fingerprint::run(&config()?),
        Verb::Healthcheck => health::run(&config()?),
        Verb::Version => print(&[format!("rehome-server {}", env!("CARGO_PKG_VERSION"))]),
        Verb::Completions { shell } => paper::completions(shell),
        Verb::Man { out } => paper::man(out.as_deref()),
    }
}

fn open(config: &Config) -> Result<App, Failure> {
    Ok(App::open(&config.settings, Arc::new(SystemClock), Arc::new(seal::random::SystemRandom::new()))?)
}

fn show(config: &Config, origin: bool) -> Result<ExitCode, Failure> {
    let line = |shown: &Shown| if origin { format!("{shown}  # {}", shown.origin) } else { shown.to_string() };
    print(&config.shown.iter().map(line).collect::<Vec<_>>())
}

/// Prints data. A reader that has gone away is no failure.
pub(crate) fn print(lines: &[String]) -> Result<ExitCode, Failure> {
    let mut stdout = anstream::stdout();
    for line in lines {
        match writeln!(stdout, "{line}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(Failure::new(1, Reason::InputFailed, format!("standard output: {error}"))),
            Ok(()) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says something to the person, on standard error.
pub(crate) fn say(text: &str) {
    drop(writeln!(anstream::stderr(), "{text}"));
}
