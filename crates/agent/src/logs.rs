//! What the PC itself remembers of runs: a rotating file, and on Windows the event log.
//!
//! An [`Entry`] has fields for a verb, an exit code, a reason and a duration, and none for text: no value of a setting, no token and no path of
//! a person's file can get into a log, because there is nowhere to put it. Event ids are stable and stand in `docs/guides/admin.md`.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use device::state::ServerPolicy;
use model::reason::Reason;
use model::world::Moment;
use serde::Serialize;

use crate::cli::Verb;
use crate::exit::Exit;
use crate::when::rfc3339;

/// The largest log file, in bytes: about 6,000 runs.
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
    /// The scheduled task ran: it backed up, or nothing was due.
    ScheduleRan,
    /// What the scheduled task began did not work.
    ScheduleFailed,
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
}

impl Event {
    /// All events, by id.
    #[cfg(test)]
    pub const ALL: [Event; 18] = [
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
        Self::ScheduleRan,
        Self::ScheduleFailed,
        Self::Enrolled,
        Self::EnrolFailed,
        Self::ChecksPassed,
        Self::ChecksFailed,
        Self::MachineSet,
        Self::MachineFailed,
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
            Self::ScheduleRan => 300,
            Self::ScheduleFailed => 311,
            Self::Enrolled => 400,
            Self::EnrolFailed => 411,
            Self::ChecksPassed => 500,
            Self::ChecksFailed => 510,
            Self::MachineSet => 600,
            Self::MachineFailed => 611,
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
            Self::ScheduleRan => "scheduled run done",
            Self::ScheduleFailed => "scheduled run failed",
            Self::Enrolled => "connected with a server",
            Self::EnrolFailed => "connecting with a server failed",
            Self::ChecksPassed => "all checks passed",
            Self::ChecksFailed => "checks failed or warned",
            Self::MachineSet => "what the installer was told was remembered or removed",
            Self::MachineFailed => "what the installer was told was refused or not removed",
        }
    }

    /// The event of a verb that ended so; `None` for verbs that only show something.
    fn of(verb: &Verb, exit: Exit) -> Option<Self> {
        let [done, partly, refused, failed] = match verb {
            Verb::Backup(_) => [Self::BackedUp, Self::BackedUpPartly, Self::BackupRefused, Self::BackupFailed],
            Verb::Restore(_) => [Self::Restored, Self::RestoredPartly, Self::RestoreRefused, Self::RestoreFailed],
            Verb::Undo(_) => [Self::Undone, Self::Undone, Self::UndoFailed, Self::UndoFailed],
            Verb::Schedule(_) => [Self::ScheduleRan, Self::ScheduleRan, Self::ScheduleFailed, Self::ScheduleFailed],
            Verb::Enroll(_) => [Self::Enrolled, Self::Enrolled, Self::EnrolFailed, Self::EnrolFailed],
            Verb::Doctor(_) => [Self::ChecksPassed, Self::ChecksFailed, Self::ChecksFailed, Self::ChecksFailed],
            Verb::Machine(_) => [Self::MachineSet, Self::MachineFailed, Self::MachineFailed, Self::MachineFailed],
            _ => return None,
        };
        Some(match exit {
            Exit::Success | Exit::SignOutNeeded => done,
            Exit::Warnings => partly,
            Exit::Refused => refused,
            _ => failed,
        })
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
}

impl Level {
    fn of(exit: Exit) -> Self {
        match exit {
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
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    dur_ms: i64,
    version: &'static str,
}

/// How a run ended.
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

/// Remembers how a verb ended. That a log cannot be written is no reason to fail: nothing is said then.
pub fn remember(verb: &Verb, ended: &Ended, (folder, server): (Option<&Path>, &ServerPolicy)) {
    let Some(event) = Event::of(verb, ended.exit) else { return };
    let level = Level::of(ended.exit);
    let wanted = crate::here::known().map_or(Level::Info, |mut known| {
        server.join(&mut known.values);
        Level::wanted(known.policy().log_level().value)
    });
    let reason = ended.reason.map(Reason::code);
    if let Some(folder) = folder.filter(|_| level <= wanted) {
        let entry = Entry {
            ts: rfc3339(ended.over),
            level,
            event: event.id(),
            msg: event.title(),
            exit: ended.exit.code(),
            reason,
            dur_ms: ended.over.0.saturating_sub(ended.began.0),
            version: env!("CARGO_PKG_VERSION"),
        };
        drop(append(&folder.join("logs"), &entry));
    }
    report(event, level, ended.exit, reason);
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
fn report(event: Event, level: Level, exit: Exit, reason: Option<&str>) {
    use win32::eventlog::{Kind, write};
    let kind = match level {
        Level::Error => Kind::Error,
        Level::Warn => Kind::Warning,
        Level::Info => Kind::Information,
    };
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    write(event.id(), kind, &format!("Rehome: {}{reason}, exit code {}", event.title(), exit.code()));
}

#[cfg(not(windows))]
fn report(_event: Event, _level: Level, _exit: Exit, _reason: Option<&str>) {}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own inputs")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn entry() -> Entry {
        Entry {
            ts: rfc3339(Moment(0)),
            level: Level::Info,
            event: 100,
            msg: "backed up",
            exit: 0,
            reason: None,
            dur_ms: 5,
            version: "0",
        }
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
