//! `rehome schedule`: the task that backs up by itself. Registering it needs an administrator; running it is what the task calls.

use clap::{Args, Subcommand};
use device::apply::journal::{self, FolderJournals, Summary};
use device::apps::queue::Queue;
use device::doctor::refusal;
use device::due::failed::{Failed, Failures};
use device::due::task::{Starts, TASK_PATH, Task};
use device::due::{Due, Record, due};
use device::facts::EnrolmentToken;
use device::state::State;
use device::state::StateError;
use device::target::THIS_PC;
use model::prerequisite::Activity;
use model::reason::Reason;
use model::world::Clock;
use serde::Serialize;

use crate::apps;
use crate::backup::{self, BackupArgs};
use crate::check_in;
use crate::enroll::EnrollArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::logs::{self, Act};
use crate::paint::tame;
use crate::remember::{GroupDocument, groups};
use crate::render::table::Table;
use crate::render::value::count;
use crate::restore::end_earlier_runs;
use crate::run::Run;
use crate::when::rfc3339;

/// Back up by itself: install, look at, remove or run the scheduled task
#[derive(Debug, Args)]
pub struct ScheduleArgs {
    #[command(subcommand)]
    what: What,
}

impl ScheduleArgs {
    /// What it sets about, as far as a log tells of it.
    pub fn act(&self) -> Option<Act> {
        match &self.what {
            What::Install(args) if args.print => Some(Act::Look),
            What::Install(_) | What::Remove => Some(Act::Task),
            What::Status => Some(Act::Look),
            What::Told(_) => None,
            What::Run(_) => Some(Act::Schedule),
        }
    }
}

/// What to do with the task.
#[derive(Debug, Subcommand)]
enum What {
    /// Register the task for everybody who signs in to this PC, or bring it up to date
    Install(InstallArgs),
    /// Say whether the task is registered and when a backup is due
    Status,
    /// Remove the task
    Remove,
    /// Remember that the person was told why backups fail; what the window calls
    Told(ToldArgs),
    /// Check in and back up if that is due; what the task calls
    Run(Box<RunArgs>),
}

/// How to register.
#[derive(Debug, Args)]
struct InstallArgs {
    /// Only print the task as XML
    #[arg(long)]
    print: bool,
    /// Do not start on battery
    #[arg(long)]
    no_battery: bool,
}

/// What was told.
#[derive(Debug, Args)]
struct ToldArgs {
    /// The code of the cause, as `rehome schedule status --json` has it
    #[arg(value_name = "CODE")]
    code: String,
}

/// How to run.
#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    backup: BackupArgs,
}

#[derive(Serialize)]
struct StatusDocument {
    task: &'static str,
    registered: Option<bool>,
    interval_hours: u32,
    last_success: Option<String>,
    #[serde(flatten)]
    due: Due,
    /// Why backups fail, if that does not pass by itself.
    last_failure: Option<FailedDocument>,
    /// Why no backup may begin here.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<RefusedDocument>,
    /// What a backup carries, by category and the list of apps.
    groups: Vec<GroupDocument>,
    /// Which of Desktop, Documents and Pictures OneDrive keeps; nothing where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    onedrive_folders: Option<Vec<&'static str>>,
}

/// What became of registering or removing the task.
#[derive(Serialize)]
struct TaskDocument {
    task: &'static str,
    registered: bool,
}

/// What was kept in mind.
#[derive(Serialize)]
struct ToldDocument {
    told: Reason,
}

/// A scheduled run that makes no backup now. One that does has the document of `rehome backup`.
#[derive(Serialize)]
struct NoRunDocument {
    /// `not_due`, or `waits_for_network`.
    outcome: &'static str,
    #[serde(flatten)]
    due: Due,
}

/// A cause that stands in the way of backups.
#[derive(Serialize)]
pub struct FailedDocument {
    code: Reason,
    message: &'static str,
    hint: &'static str,
    since: String,
    at: String,
    /// Whether the person was told.
    told: bool,
}

impl FailedDocument {
    /// For a person.
    pub fn said(&self) -> String {
        format!("{}; {}", self.message, self.hint)
    }
}

/// What stands in the way of backups, if anything does.
pub fn last_failure(state: &State) -> Result<Option<FailedDocument>, StateError> {
    let document = |Failed { reason, since, at, told }| FailedDocument {
        code: reason,
        message: reason.title(),
        hint: reason.next(),
        since: rfc3339(since),
        at: rfc3339(at),
        told,
    };
    Ok(Failures::of(state).read()?.map(document))
}

#[derive(Serialize)]
struct RefusedDocument {
    code: Reason,
    message: String,
}

/// Does what was asked.
pub fn run(args: &ScheduleArgs, run: &Run) -> Result<Exit, Failure> {
    match &args.what {
        What::Install(args) => install(args, run),
        What::Status => status(run),
        What::Remove => remove(run),
        What::Told(args) => told(args, run),
        What::Run(args) => run_if_due(args, run),
    }
}

fn install(args: &InstallArgs, run: &Run) -> Result<Exit, Failure> {
    let device = run.state()?.enrolment().ok().map(|enrolment| enrolment.device.to_string());
    let task = task(device, !args.no_battery)?;
    if args.print {
        run.screen.text(&task.xml())?;
        return Ok(Exit::Success);
    }
    register(&task)?;
    remember(run, true, task.on_battery);
    run.screen.done(
        &TaskDocument { task: TASK_PATH, registered: true },
        &format!(
            "Registered the task `{TASK_PATH}`: each hour and at sign-in it looks whether a check-in or a backup is due"
        ),
    )?;
    Ok(Exit::Success)
}

/// The task of this PC. `spread` differs from PC to PC, so that a fleet does not start in the same minute; a PC that is not connected yet
/// has no id, and its name does as well.
pub fn task(spread: Option<String>, on_battery: bool) -> Result<Task, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of(&error, Reason::Internal))?;
    let name = || here::known().and_then(|known| known.facts.name).unwrap_or_default();
    let window = program.with_file_name("rehome-backup.exe");
    let starts = if window.is_file() {
        Starts::Window(window.display().to_string())
    } else {
        Starts::Agent(program.display().to_string())
    };
    Ok(Task::of(&spread.unwrap_or_else(name), starts, on_battery))
}

fn remove(run: &Run) -> Result<Exit, Failure> {
    unregister()?;
    remember(run, false, true);
    run.screen
        .done(&TaskDocument { task: TASK_PATH, registered: false }, &format!("Removed the task `{TASK_PATH}`"))?;
    Ok(Exit::Success)
}

/// For the next upgrade. What was done is done, also where that cannot be remembered.
fn remember(run: &Run, wanted: bool, on_battery: bool) {
    let remembered = crate::machine::remember_task(wanted, on_battery);
    if let Some((message, ..)) = remembered.err().and_then(|failure| failure.to_text()) {
        run.screen.warn(&format!("an upgrade will not know of it: {message}"));
    }
}

fn status(run: &Run) -> Result<Exit, Failure> {
    let last = Record::of(&run.state()?).read()?;
    let known = here::known_under(run);
    let policy = known.policy();
    let hours = policy.interval_hours().value;
    let refused = refusal(Activity::Backup, &policy, here::known().map(|known| known.facts).as_ref());
    let refused = refused.map(|found| RefusedDocument { code: found.reason, message: found.message });
    let due = due(last, run.clock.now(), hours);
    let registered = is_registered();
    let last_failure = last_failure(&run.state()?)?;
    let last_success = last.map(rfc3339);
    let document = StatusDocument {
        task: TASK_PATH,
        registered,
        interval_hours: hours,
        last_success,
        due,
        last_failure,
        refused,
        groups: groups(&policy, &run.state()?.wishes()),
        onedrive_folders: known.facts.onedrive_folders,
    };
    run.screen.data(&document, || {
        let mut table = Table::default();
        let mut row = |name: &str, value: String| table.row([run.screen.paint.dim(name), value]);
        let registered = registered
            .map_or("there is no task service here", |there| if there { "registered" } else { "not registered" });
        row("Task", registered.to_owned());
        row("Interval", format!("{hours} hours"));
        row("Last success", last.map_or_else(|| "none yet".to_owned(), |last| run.when().said(last)));
        row("Next backup", said(run, due));
        if let Some(failure) = &document.last_failure {
            row("Backups fail", failure.said());
        }
        table.to_text("")
    })?;
    Ok(Exit::Success)
}

fn told(args: &ToldArgs, run: &Run) -> Result<Exit, Failure> {
    let unknown = || Failure::new(Reason::Usage, format!("no reason has the code `{}`", tame(&args.code, 64)));
    let reason = Reason::from_code(&args.code)
        .ok_or_else(|| unknown().hint("`rehome schedule status --json` has it as `last_failure.code`"))?;
    Failures::of(&run.state()?).tell(reason)?;
    run.screen.data(&ToldDocument { told: reason }, String::new)?;
    Ok(Exit::Success)
}

fn said(run: &Run, due: Due) -> String {
    match due {
        Due::NotYet { at } => format!("due {}", run.when().said(at)),
        Due::First => "due now: there was none yet".to_owned(),
        Due::Old => "due now".to_owned(),
        Due::ClockChanged => "due now: the clock was changed".to_owned(),
    }
}

fn run_if_due(args: &RunArgs, run: &Run) -> Result<Exit, Failure> {
    connect_if_new(run)?;
    let state = run.state()?;
    check_in::if_due(run, &state, &args.backup);
    let known = here::known_under(run);
    let policy = known.policy();
    let now = run.clock.now();
    go_on_with_restore(run, &state);
    go_on_with_apps(run, &state);
    let due = due(Record::of(&state).read()?, now, policy.interval_hours().value);
    if !due.is_due() {
        let document = NoRunDocument { outcome: "not_due", due };
        run.screen.done(&document, &format!("Nothing to do: the next backup is {}", said(run, due)))?;
        return Ok(Exit::Success);
    }
    if known.facts.metered == Some(true) && !policy.metered().value {
        let document = NoRunDocument { outcome: "waits_for_network", due };
        run.screen.done(&document, "Waiting for another network: this one has a price")?;
        return Ok(Exit::Success);
    }
    backup::run_as_due(&args.backup, run)
}

/// A restore of this PC that was broken off half-way is brought to its end, as the person may not know that it was (`security.md` 3.4). Whatever comes of that, the backup is due all the same.
fn go_on_with_restore(run: &Run, state: &State) {
    let journals = FolderJournals::new(state.journals());
    let is_broken_off = |one: &Summary| one.state.is_broken_off() && one.target == THIS_PC;
    if !journal::list(&journals).is_ok_and(|all| all.iter().any(is_broken_off)) {
        return;
    }
    // Another run that is at work ends it itself.
    let Ok(_lock) = state.lock() else { return };
    let ended = here::target(run, None).and_then(|mut target| end_earlier_runs(&mut *target, run, state, None));
    if let Some((message, ..)) = ended.err().and_then(|failure| failure.to_text()) {
        run.screen.warn(&format!("a restore that was broken off could not be ended: {message}"));
    }
}

/// Apps of a restore that still wait: the task comes by each day and at sign-in, also after a restart in the middle of them. Whatever comes of that, the
/// backup is due all the same.
fn go_on_with_apps(run: &Run, state: &State) {
    let waits = Queue::read(state).is_ok_and(|queue| queue.waiting() > 0);
    // Another run that is at it goes on with them.
    let Some(_lock) = waits.then(|| state.lock_apps().ok()).flatten() else { return };
    match apps::install(run, state, false) {
        Ok(queue) => run.screen.say(&format!("{} still wait to be installed", count(queue.waiting(), "app"))),
        Err(error) => run.screen.warn(&format!("apps could not be gone on with: {error}")),
    }
}

/// The first run on a PC that the installer was given a token for, or a policy has one: it connects the person who is signed in, and the installer's token goes.
pub fn connect_if_new(run: &Run) -> Result<(), Failure> {
    if !matches!(run.state()?.enrolment(), Err(StateError::NotEnrolled)) {
        return Ok(());
    }
    let of_policy = || here::known_under(run).policy().enrolment_token().map(|token| EnrolmentToken(token.to_owned()));
    let Some(token) = here::enrolment_token().or_else(of_policy) else { return Ok(()) };
    logs::doing(Act::Enrol, &run.clock, || {
        let enrolment = crate::enroll::connect(&EnrollArgs::by_token(token), run)?;
        here::forget_enrolment_token();
        let user = tame(&enrolment.user_name, 64);
        run.screen.say(&format!("Connected this PC with {} as {user}", enrolment.server));
        Ok(Exit::Success)
    })?;
    Ok(())
}

/// Whether the task is there; `None` where there is no task service.
#[cfg(windows)]
pub fn is_registered() -> Option<bool> {
    win32::schedule::is_registered(TASK_PATH).ok()
}

/// Whether the task is there; `None` where there is no task service.
#[cfg(not(windows))]
pub fn is_registered() -> Option<bool> {
    None
}

/// Registers the task, or replaces it.
#[cfg(windows)]
pub fn register(task: &Task) -> Result<(), Failure> {
    win32::schedule::register(TASK_PATH, &task.file()).map_err(|error| failed(&error))
}

/// Removes the task.
#[cfg(windows)]
pub fn unregister() -> Result<(), Failure> {
    win32::schedule::remove(TASK_PATH).map_err(|error| {
        // Its code does not say so either.
        if is_registered() == Some(false) {
            return Failure::new(Reason::NotFound, format!("no task `{TASK_PATH}` is registered"))
                .hint("nothing; it is gone");
        }
        failed(&error)
    })
}

#[cfg(windows)]
fn failed(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Failure::of(error, Reason::PermissionDenied)
            .hint("run it again as an administrator; `rehome schedule install --print` shows the task"),
        _ => Failure::of(error, Reason::TaskRefused),
    }
}

/// Registers the task, or replaces it.
#[cfg(not(windows))]
pub fn register(_task: &Task) -> Result<(), Failure> {
    Err(no_service())
}

/// Removes the task.
#[cfg(not(windows))]
pub fn unregister() -> Result<(), Failure> {
    Err(no_service())
}

#[cfg(not(windows))]
fn no_service() -> Failure {
    Failure::new(Reason::Usage, "scheduled tasks are a matter of Windows")
        .hint("`rehome schedule install --print` shows the task; `rehome schedule run` is what it calls")
}
