//! What the PC itself remembers of runs: a rotating file, and on Windows the event log.
//!
//! An event tells what became of an [`Act`], whoever began it: the command line says what a run sets about ([`asked`]), and what it does on the way, such as
//! the backup of a scheduled run, is remembered where it is done ([`doing`], [`did`]). What only looks is told at the level `debug`, in the file.
//!
//! An [`Entry`] has fields for a verb, an exit code, a reason and a duration, and none for text: no value of a setting, no token and no path of
//! a person's file can get into a log, because there is nowhere to put it. Event ids are stable and stand in `docs/guides/admin.md`.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use device::due::failed::is_wanted;
use device::state::ServerPolicy;
use model::reason::Reason;
use model::world::{Clock, Moment};
use serde::Serialize;

use crate::cli::Verb;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::when::rfc3339;

/// The largest log file, in bytes: about 6,000 lines.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How many older files are kept beside it.
const OLD_FILES: u32 = 4;

/// What happened: each with its event id, in blocks of a hundred. Ids stay below 1,000, where `EventCreate.exe` of Windows has a message for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A backup was confirmed by the server.
    BackedUp,
    /// A backup was confirmed, and something was not read.
    BackedUpPartly,
    /// A backup was refused by policy or a prerequisite.
    BackupRefused,
    /// A backup did not work.
    BackupFailed,
    /// A restore was done.
    Restored,
    /// A restore was done, and something was not written.
    RestoredPartly,
    /// A restore was refused.
    RestoreRefused,
    /// A restore did not work.
    RestoreFailed,
    /// A restore was taken back.
    Undone,
    /// Taking a restore back did not work.
    UndoFailed,
    /// Apps of a restore were installed.
    AppsInstalled,
    /// Apps of a restore were tried and are not here, for now or for good.
    AppsNotInstalled,
    /// The scheduled task ran and did something.
    ScheduleRan,
    /// What the scheduled task began did not work.
    ScheduleFailed,
    /// The scheduled task ran, and nothing was due.
    ScheduleIdle,
    /// The scheduled task was registered or removed.
    TaskSet,
    /// The scheduled task could not be registered or removed.
    TaskFailed,
    /// The PC was connected with a server.
    Enrolled,
    /// The PC could not be connected with a server.
    EnrolFailed,
    /// All checks are well.
    ChecksPassed,
    /// A check failed or warned.
    ChecksFailed,
    /// What the installer was told was remembered or removed.
    MachineSet,
    /// What the installer was told was refused, or something could not be removed.
    MachineFailed,
    /// A preview, a list or a question: nothing was to change.
    Looked,
}

/// What a run sets about, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To back up.
    Backup,
    /// To restore.
    Restore,
    /// To take a restore back.
    Undo,
    /// To install apps of a restore.
    Apps,
    /// To do what is due.
    Schedule,
    /// To register or remove the scheduled task.
    Task,
    /// To connect the PC with a server.
    Enrol,
    /// To check whether the PC takes part.
    Checks,
    /// To remember or remove what the installer was told.
    Machine,
    /// To show something, and change nothing.
    Look,
}

impl Event {
    /// All events, by id.
    #[cfg(test)]
    pub const ALL: [Event; 24] = [
        Self::BackedUp,
        Self::BackedUpPartly,
        Self::BackupRefused,
        Self::BackupFailed,
        Self::Restored,
        Self::RestoredPartly,
        Self::RestoreRefused,
        Self::RestoreFailed,
        Self::Undone,
        Self::UndoFailed,
        Self::AppsInstalled,
        Self::AppsNotInstalled,
        Self::ScheduleRan,
        Self::ScheduleFailed,
        Self::ScheduleIdle,
        Self::TaskSet,
        Self::TaskFailed,
        Self::Enrolled,
        Self::EnrolFailed,
        Self::ChecksPassed,
        Self::ChecksFailed,
        Self::MachineSet,
        Self::MachineFailed,
        Self::Looked,
    ];

    /// The stable id.
    pub fn id(self) -> u32 {
        match self {
            Self::BackedUp => 100,
            Self::BackedUpPartly => 101,
            Self::BackupRefused => 110,
            Self::BackupFailed => 111,
            Self::Restored => 200,
            Self::RestoredPartly => 201,
            Self::RestoreRefused => 210,
            Self::RestoreFailed => 211,
            Self::Undone => 220,
            Self::UndoFailed => 221,
            Self::AppsInstalled => 230,
            Self::AppsNotInstalled => 231,
            Self::ScheduleRan => 300,
            Self::ScheduleFailed => 311,
            Self::ScheduleIdle => 320,
            Self::TaskSet => 330,
            Self::TaskFailed => 331,
            Self::Enrolled => 400,
            Self::EnrolFailed => 411,
            Self::ChecksPassed => 500,
            Self::ChecksFailed => 510,
            Self::MachineSet => 600,
            Self::MachineFailed => 611,
            Self::Looked => 700,
        }
    }

    /// What it says, without a final stop.
    pub fn title(self) -> &'static str {
        match self {
            Self::BackedUp => "backed up",
            Self::BackedUpPartly => "backed up, with warnings",
            Self::BackupRefused => "backup refused",
            Self::BackupFailed => "backup failed",
            Self::Restored => "restored",
            Self::RestoredPartly => "restored, with warnings",
            Self::RestoreRefused => "restore refused",
            Self::RestoreFailed => "restore failed",
            Self::Undone => "restore taken back",
            Self::UndoFailed => "taking back a restore failed",
            Self::AppsInstalled => "apps of a restore installed",
            Self::AppsNotInstalled => "apps of a restore not installed",
            Self::ScheduleRan => "scheduled run done",
            Self::ScheduleFailed => "scheduled run failed",
            Self::ScheduleIdle => "scheduled run had nothing to do",
            Self::TaskSet => "scheduled task registered or removed",
            Self::TaskFailed => "scheduled task not registered or removed",
            Self::Enrolled => "connected with a server",
            Self::EnrolFailed => "connecting with a server failed",
            Self::ChecksPassed => "all checks passed",
            Self::ChecksFailed => "checks failed, warned or could not tell",
            Self::MachineSet => "what the installer was told was remembered or removed",
            Self::MachineFailed => "what the installer was told was refused or not removed",
            Self::Looked => "preview, list or question: nothing was to change",
        }
    }

    /// The event of what ended so.
    fn of(act: Act, exit: Exit) -> Self {
        let [done, partly, refused, failed] = match act {
            Act::Backup => [Self::BackedUp, Self::BackedUpPartly, Self::BackupRefused, Self::BackupFailed],
            Act::Restore => [Self::Restored, Self::RestoredPartly, Self::RestoreRefused, Self::RestoreFailed],
            Act::Undo => [Self::Undone, Self::Undone, Self::UndoFailed, Self::UndoFailed],
            Act::Apps => [Self::AppsInstalled, Self::AppsNotInstalled, Self::AppsNotInstalled, Self::AppsNotInstalled],
            Act::Schedule => [Self::ScheduleRan, Self::ScheduleRan, Self::ScheduleFailed, Self::ScheduleFailed],
            Act::Task => [Self::TaskSet, Self::TaskSet, Self::TaskFailed, Self::TaskFailed],
            Act::Enrol => [Self::Enrolled, Self::Enrolled, Self::EnrolFailed, Self::EnrolFailed],
            Act::Checks => [Self::ChecksPassed, Self::ChecksFailed, Self::ChecksFailed, Self::ChecksFailed],
            Act::Machine => [Self::MachineSet, Self::MachineFailed, Self::MachineFailed, Self::MachineFailed],
            Act::Look => [Self::Looked; 4],
        };
        match exit {
            Exit::Success | Exit::SignOutNeeded => done,
            Exit::Warnings => partly,
            Exit::Refused => refused,
            _ => failed,
        }
    }

    /// The event of a run that was to do this, at its end; `None` if what it did on the way says it all.
    fn at_the_end(act: Act, exit: Exit, has_done_something: bool) -> Option<Self> {
        let came_through = matches!(exit, Exit::Success | Exit::SignOutNeeded | Exit::Warnings);
        match act {
            Act::Look | Act::Apps if has_done_something => None,
            // Warnings are about apps that were given up before.
            Act::Apps if came_through => Some(Self::Looked),
            Act::Schedule if came_through && !has_done_something => Some(Self::ScheduleIdle),
            _ => Some(Self::of(act, exit)),
        }
    }
}

/// The word of a command line, and what it sets about; `None` for what no log tells of.
fn asked(verb: &Verb) -> (&'static str, Option<Act>) {
    match verb {
        Verb::Enroll(_) => ("enroll", Some(Act::Enrol)),
        Verb::Backup(_) => ("backup", Some(Act::Backup)),
        Verb::Snapshots(_) => ("snapshots", Some(Act::Look)),
        Verb::Show(_) => ("show", Some(Act::Look)),
        Verb::Diff(_) => ("diff", Some(Act::Look)),
        Verb::Plan(_) => ("plan", Some(Act::Look)),
        Verb::Restore(args) => ("restore", Some(args.act())),
        Verb::Undo(args) => ("undo", Some(args.act())),
        Verb::Apps(args) => ("apps", args.act()),
        Verb::Import(args) => ("import", Some(args.act())),
        Verb::Openings(_) => ("openings", Some(Act::Look)),
        Verb::Status(_) => ("status", Some(Act::Look)),
        // What the server asks for is told where it is done.
        Verb::CheckIn(_) => ("check-in", None),
        Verb::Doctor(_) => ("doctor", Some(Act::Checks)),
        Verb::Schedule(args) => ("schedule", args.act()),
        Verb::Welcome(args) => ("welcome", args.act()),
        Verb::Machine(args) => ("machine", args.act()),
        _ => ("", None),
    }
}

/// How loud an entry is, and how loud an administrator wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It did not work.
    Error,
    /// It worked partly, or was refused.
    Warn,
    /// It worked.
    Info,
    /// Nothing was to be done.
    Debug,
}

impl Level {
    fn of(event: Event, exit: Exit) -> Self {
        match exit {
            _ if matches!(event, Event::Looked | Event::ScheduleIdle) => Self::Debug,
            Exit::Success | Exit::SignOutNeeded => Self::Info,
            Exit::Warnings | Exit::Refused | Exit::Busy | Exit::Nothing => Self::Warn,
            _ => Self::Error,
        }
    }

    /// What the policy's word lets through.
    fn wanted(word: &str) -> Self {
        match word {
            "error" => Self::Error,
            "warn" => Self::Warn,
            "debug" => Self::Debug,
            _ => Self::Info,
        }
    }
}

/// One line of the log.
#[derive(Debug, Serialize)]
struct Entry {
    ts: String,
    level: Level,
    event: u32,
    msg: &'static str,
    /// Which command it was, at the level `debug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<&'static str>,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    dur_ms: i64,
    version: &'static str,
}

impl Entry {
    fn of(told: Told, verb: Option<&'static str>) -> Self {
        let Told { event, ended } = told;
        Self {
            ts: rfc3339(ended.over),
            level: Level::of(event, ended.exit),
            event: event.id(),
            msg: event.title(),
            verb,
            exit: ended.exit.code(),
            reason: ended.reason.map(Reason::code),
            dur_ms: ended.over.0.saturating_sub(ended.began.0),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// How a run ended, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub exit: Exit,
    /// Why it could not go on, if so.
    pub reason: Option<Reason>,
    /// When it began.
    pub began: Moment,
    /// When it was over.
    pub over: Moment,
}

impl Ended {
    /// What began then has just come to this.
    pub fn of(result: &Result<Exit, Failure>, began: Moment, clock: &dyn Clock) -> Self {
        let (exit, reason) = match result {
            Ok(exit) => (*exit, None),
            Err(failure) => (failure.exit(), failure.reason()),
        };
        Self { exit, reason, began, over: clock.now() }
    }
}

/// What the logs are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    event: Event,
    ended: Ended,
}

thread_local! {
    /// What this run has done on the way, in the order in which it was over. One process is one run, and all that it does is done on one thread.
    static DID: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// Remembers what a run did on the way, or failed to do.
pub fn did(act: Act, ended: Ended) {
    let event = Event::of(act, ended.exit);
    DID.with_borrow_mut(|did| did.push(Told { event, ended }));
}

/// Does something on the way, and remembers how it ended, whatever the rest of the run makes of that.
pub fn doing(act: Act, clock: &dyn Clock, work: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    let began = clock.now();
    let result = work();
    did(act, Ended::of(&result, began, clock));
    result
}

/// Forgets what failed for this reason: it is tried again.
pub fn forget_failed(reason: Reason) {
    DID.with_borrow_mut(|did| did.retain(|told| told.ended.reason != Some(reason)));
}

/// Writes down what a run did, now that it has ended so. That a log cannot be written is no reason to fail: nothing is said then.
pub fn remember(verb: &Verb, ended: Ended, (folder, server): (Option<&Path>, &ServerPolicy)) {
    let (word, act) = asked(verb);
    let all = to_tell(act, ended, DID.take());
    if all.is_empty() {
        return;
    }
    let wanted = crate::here::known().map_or(Level::Info, |mut known| {
        server.join(&mut known.values);
        Level::wanted(known.policy().log_level().value)
    });
    for told in all {
        let entry = Entry::of(told, (wanted == Level::Debug).then_some(word));
        if let Some(folder) = folder.filter(|_| entry.level <= wanted) {
            drop(append(&folder.join("logs"), &entry));
        }
        // The policy is about the file: what is written here does not depend on it.
        if entry.level < Level::Debug {
            report(&entry);
        }
    }
}

/// What it did on the way, and what it was to do.
fn to_tell(act: Option<Act>, ended: Ended, mut did: Vec<Told>) -> Vec<Told> {
    if act == Some(Act::Schedule) && ended.reason.is_some_and(is_wanted) {
        // The task meets the same each hour until somebody wants it otherwise. Whoever asks by hand is told, and so is their log.
        did.retain(|told| told.ended.reason != ended.reason);
        did.push(Told { event: Event::ScheduleIdle, ended });
        return did;
    }
    let last = act.and_then(|act| Event::at_the_end(act, ended.exit, !did.is_empty()));
    did.extend(last.map(|event| Told { event, ended }));
    did
}

fn append(folder: &Path, entry: &Entry) -> io::Result<()> {
    let open = || File::options().create(true).append(true).open(folder.join("agent.log"));
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()?
        }
        opened => opened?,
    };
    if file.seek(SeekFrom::End(0))? >= FILE_BYTES_MAX {
        drop(file);
        rotate(folder)?;
        file = open()?;
    }
    let mut line = serde_json::to_vec(entry).map_err(io::Error::other)?;
    line.push(b'\n');
    // One write of one line: lines of two runs do not mix.
    file.write_all(&line)
}

/// `agent.log` becomes `agent.1.log` and so on; the oldest goes.
#[expect(clippy::disallowed_methods, reason = "a log that a power cut puts back by one file is no loss")]
fn rotate(folder: &Path) -> io::Result<()> {
    let name = |number: u32| -> PathBuf {
        folder.join(if number == 0 { "agent.log".to_owned() } else { format!("agent.{number}.log") })
    };
    for number in (0..OLD_FILES).rev() {
        match fs::rename(name(number), name(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(windows)]
fn report(entry: &Entry) {
    use win32::eventlog::{Kind, write};
    let kind = match entry.level {
        Level::Error => Kind::Error,
        Level::Warn => Kind::Warning,
        Level::Info | Level::Debug => Kind::Information,
    };
    let reason = entry.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    write(entry.event, kind, &format!("Rehome: {}{reason}, exit code {}", entry.msg, entry.exit));
}

#[cfg(not(windows))]
fn report(_entry: &Entry) {}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own inputs")]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    /// The ids that are told of a command line that ended so, after it had done this on the way.
    fn ids(line: &str, exit: Exit, on_the_way: &[(Act, Exit)]) -> Vec<u32> {
        let cli = Cli::try_parse_from(["rehome"].into_iter().chain(line.split(' '))).unwrap();
        for &(act, exit) in on_the_way {
            did(act, ended(exit));
        }
        to_tell(asked(&cli.verb).1, ended(exit), DID.take()).into_iter().map(|told| told.event.id()).collect()
    }

    fn ended(exit: Exit) -> Ended {
        Ended { exit, reason: None, began: Moment(0), over: Moment(5) }
    }

    fn entry() -> Entry {
        Entry::of(Told { event: Event::BackedUp, ended: ended(Exit::Success) }, None)
    }

    /// A clock that does not go.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Moment {
            Moment(7)
        }
    }

    /// A PC that nobody has switched on wrote two warnings into the event log each hour.
    #[test]
    fn a_scheduled_run_that_the_organisation_does_not_want_is_no_event() {
        let refused = |reason| Ended { reason: Some(reason), ..ended(Exit::Refused) };
        let told = |act, reason| {
            let did = vec![Told { event: Event::of(Act::Backup, Exit::Refused), ended: refused(reason) }];
            let told = to_tell(Some(act), refused(reason), did);
            told.into_iter().map(|told| (told.event.id(), Level::of(told.event, told.ended.exit))).collect::<Vec<_>>()
        };
        assert_eq!(told(Act::Schedule, Reason::PolicyOff), [(320, Level::Debug)]);
        assert_eq!(told(Act::Schedule, Reason::Revoked), [(110, Level::Warn), (311, Level::Warn)]);
        assert_eq!(told(Act::Backup, Reason::PolicyOff)[0].0, 110, "who asks is told");
    }

    #[test]
    fn what_is_to_do_something_tells_whether_it_did() {
        for (line, [done, partly, refused, failed]) in [
            ("backup --from a", [100, 101, 110, 111]),
            ("restore --to a --yes", [200, 201, 210, 211]),
            ("restore --from-bundle b --to a -y", [200, 201, 210, 211]),
            ("import b --to a --yes", [200, 201, 210, 211]),
            ("undo --yes", [220, 220, 221, 221]),
            ("undo --journal 3 --yes", [220, 220, 221, 221]),
            ("schedule install", [330, 330, 331, 331]),
            ("schedule remove", [330, 330, 331, 331]),
            ("enroll", [400, 400, 411, 411]),
            ("doctor", [500, 510, 510, 510]),
            ("machine schedule", [330, 330, 331, 331]),
            ("machine remove", [600, 611, 611, 611]),
        ] {
            assert_eq!(ids(line, Exit::Success, &[]), [done], "{line}");
            assert_eq!(ids(line, Exit::Warnings, &[]), [partly], "{line}");
            assert_eq!(ids(line, Exit::Refused, &[]), [refused], "{line}");
            assert_eq!(ids(line, Exit::Unreachable, &[]), [failed], "{line}");
        }
        assert_eq!(ids("restore --to a --yes", Exit::SignOutNeeded, &[]), [200]);
    }

    #[test]
    fn what_only_looks_tells_of_nothing_done_and_only_at_debug() {
        for line in [
            "restore --to a",
            "restore --to a --dry-run",
            "restore --from-bundle b --to a",
            "plan --to a",
            "import b",
            "import b --to a",
            "undo",
            "undo -n",
            "undo --list",
            "apps",
            "schedule status",
            "schedule install --print",
            "welcome",
            "welcome --connect",
            "status",
            "snapshots",
            "show",
        ] {
            for exit in [Exit::Success, Exit::SignOutNeeded, Exit::Warnings, Exit::Refused, Exit::Unreachable] {
                assert_eq!(ids(line, exit, &[]), [700], "{line}");
            }
        }
        for exit in Exit::ALL {
            assert_eq!([Event::Looked, Event::ScheduleIdle].map(|event| Level::of(event, exit)), [Level::Debug; 2]);
        }
    }

    #[test]
    fn what_no_log_tells_of_leaves_no_line() {
        for line in [
            "schedule told policy_off",
            "apps --open a",
            "welcome --remember shown",
            "check-in",
            "version",
            "catalog list",
        ] {
            assert!(ids(line, Exit::Success, &[]).is_empty(), "{line}");
            assert!(ids(line, Exit::Failure, &[]).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_scheduled_run_tells_of_its_backup_as_one_by_hand_does() {
        let run = |exit, on_the_way: &[(Act, Exit)]| ids("schedule run --from a", exit, on_the_way);
        assert_eq!(run(Exit::Success, &[]), [320], "nothing was due");
        assert_eq!(run(Exit::Success, &[(Act::Backup, Exit::Success)]), [100, 300]);
        assert_eq!(run(Exit::Warnings, &[(Act::Backup, Exit::Warnings)]), [101, 300]);
        assert_eq!(run(Exit::Refused, &[(Act::Backup, Exit::Refused)]), [110, 311]);
        assert_eq!(run(Exit::Unreachable, &[(Act::Backup, Exit::Unreachable)]), [111, 311]);
        assert_eq!(run(Exit::Success, &[(Act::Apps, Exit::Success)]), [230, 300]);
        assert_eq!(run(Exit::NotEnrolled, &[]), [311], "not even begun");
        assert_eq!(ids("check-in", Exit::Success, &[(Act::Backup, Exit::Success)]), [100], "the server asked for it");
        assert_eq!(ids("welcome --connect", Exit::Success, &[(Act::Enrol, Exit::Success)]), [400]);
    }

    #[test]
    fn apps_are_told_once_by_whoever_installs_them() {
        let run = |exit, on_the_way: &[(Act, Exit)]| ids("apps --continue", exit, on_the_way);
        assert_eq!(run(Exit::Success, &[]), [700], "none waits");
        assert_eq!(run(Exit::Warnings, &[]), [700], "one was given up before");
        assert_eq!(run(Exit::Success, &[(Act::Apps, Exit::Success)]), [230]);
        assert_eq!(run(Exit::Warnings, &[(Act::Apps, Exit::Success), (Act::Apps, Exit::Warnings)]), [230, 231]);
        assert_eq!(run(Exit::Busy, &[]), [231]);
        assert_eq!(run(Exit::Failure, &[(Act::Apps, Exit::Failure)]), [231]);
        assert_eq!(ids("restore --to a --yes", Exit::Success, &[(Act::Apps, Exit::Success)]), [230, 200]);
    }

    #[test]
    fn what_is_done_on_the_way_is_remembered_with_its_own_end_and_a_second_try_takes_its_place() {
        let expired = || Err(Failure::new(Reason::KeyExpired, "geheim"));
        assert_eq!(doing(Act::Backup, &Still, expired).unwrap_err().reason(), Some(Reason::KeyExpired));
        assert_eq!(doing(Act::Enrol, &Still, || Ok(Exit::Success)).unwrap(), Exit::Success);
        forget_failed(Reason::KeyExpired);
        let refused = || Err(Failure::new(Reason::PolicyOff, "geheim"));
        assert_eq!(doing(Act::Backup, &Still, refused).unwrap_err().exit(), Exit::Refused);
        let told = DID.take();
        assert_eq!(told.iter().map(|told| told.event).collect::<Vec<_>>(), [Event::Enrolled, Event::BackupRefused]);
        let (began, over) = (Moment(7), Moment(7));
        let reason = Some(Reason::PolicyOff);
        assert_eq!(told[1].ended, Ended { exit: Exit::Refused, reason, began, over });
    }

    #[test]
    fn each_level_writes_what_the_one_below_does_and_more() {
        let levels = ["error", "warn", "info", "debug"].map(Level::wanted);
        assert!(levels.is_sorted_by(|one, next| one < next));
        let text =
            |verb| serde_json::to_string(&Entry::of(Told { ended: ended(Exit::Success), event: Event::Looked }, verb));
        assert!(!text(None).unwrap().contains("verb"));
        assert!(text(Some("restore")).unwrap().contains(r#""level":"debug","event":700"#));
        assert!(text(Some("restore")).unwrap().contains(r#""verb":"restore""#));
    }

    #[test]
    fn event_ids_are_unique_and_within_what_windows_has_messages_for() {
        let ids: BTreeSet<_> = Event::ALL.into_iter().map(Event::id).collect();
        assert_eq!(ids.len(), Event::ALL.len());
        assert!(ids.iter().all(|id| (1..=1000).contains(id)));
    }

    #[test]
    fn the_admin_guide_has_every_event() {
        let guide = include_str!("../../../docs/guides/admin.md");
        for event in Event::ALL {
            let row = format!("| {} | {} |", event.id(), event.title());
            assert!(guide.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_full_log_makes_room_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..7_u8 {
            let path = folder.path().join("agent.log");
            let filled = usize::try_from(FILE_BYTES_MAX).unwrap();
            fs::write(&path, vec![b'0' + round; filled]).unwrap();
            append(folder.path(), &entry()).unwrap();
        }
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["agent.1.log", "agent.2.log", "agent.3.log", "agent.4.log", "agent.log"]);
        assert_eq!(fs::read(folder.path().join("agent.4.log")).unwrap()[0], b'3');
        let newest = fs::read_to_string(folder.path().join("agent.log")).unwrap();
        assert_eq!(newest.lines().count(), 1);
        assert!(newest.contains("\"event\":100"));
    }
}
