//! The scheduled task as Windows' task scheduler takes it: XML of schema version 1.4 (Microsoft, "Task Scheduler Schema").
//!
//! One task for each PC, run as each signed-in member of the group of users, in their own session and without elevation: no password is
//! stored and no service is needed. Elements stand in the order that the schema's sequences demand.

use std::fmt::Write as _;

/// The path of the task in the scheduler's library. Not in a folder: schtasks.exe makes one and cannot remove it, so it would stay for ever.
pub const TASK_PATH: &str = r"\Rehome Backup";

/// The well-known group of all local and domain users, `BUILTIN\Users`.
const USERS: &str = "S-1-5-32-545";
/// A backup of an unchanged PC takes well under a second, a first one over a slow line minutes: what takes an hour hangs.
const TIME_LIMIT: &str = "PT1H";
/// How long the daily start may be put off at random, so that a fleet does not come at once.
const DAILY_DELAY: &str = "PT4H";
/// How often it looks whether a check-in or a backup is due. Most looks end before anything is asked of the network.
const LOOK_EVERY: &str = "PT1H";
/// How long after sign-in at least, in seconds: the desktop comes first.
const SIGN_IN_DELAY_MIN: u16 = 3 * 60;
/// Below how many seconds more: people sign in at the full hour, and a fleet need not come at once. The schema has no random delay for this trigger, so each
/// PC has its own.
const SIGN_IN_SPREAD: u16 = 12 * 60;
/// Who may do what with the task (Microsoft, "Security Descriptor String Format"; the rights of files, as tasks have them): the system and administrators
/// everything, the users whom it runs for may see and start it, and not change what it starts.
const RIGHTS: &str = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FRFX;;;BU)";

/// What the task starts. Windows opens a console's window for a console's program that a task starts in a person's session, and `Hidden` only hides the task in the
/// list of tasks; so it is the window's program, which has no console and runs `rehome` unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Starts {
    /// `rehome-backup.exe`, with its full path.
    Window(String),
    /// `rehome.exe`, with its full path: where there is no window's program beside it.
    Agent(String),
}

/// What the task depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it starts.
    pub starts: Starts,
    /// The minute of the day at which it starts, from 0 to 1439; derived from the device's id, which spreads a fleet besides the random delay.
    pub minute: u16,
    /// How many seconds after a sign-in it starts; derived likewise.
    pub sign_in_delay: u16,
    /// Whether it may start on battery.
    pub on_battery: bool,
}

impl Task {
    /// The task of a device that starts the program. What differs from PC to PC spreads a fleet: its id, or its name as long as it has none.
    pub fn of(spread: &str, starts: Starts, on_battery: bool) -> Self {
        let seed = spread.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        // The remainder of a number that fits, and two that depend on different parts of the seed.
        let below = |seed: u64, count: u16| u16::try_from(seed % u64::from(count)).unwrap_or_default();
        Self {
            starts,
            minute: below(seed, 1440),
            sign_in_delay: SIGN_IN_DELAY_MIN + below(seed / 1440, SIGN_IN_SPREAD),
            on_battery,
        }
    }

    /// The XML as the file that schtasks.exe takes: UTF-16LE with a byte order mark.
    pub fn file(&self) -> Vec<u8> {
        utf16(&self.xml())
    }

    /// The XML, to be written as UTF-16 with a byte order mark or handed to the scheduler as text.
    pub fn xml(&self) -> String {
        let mut xml = String::new();
        let (hour, minute) = (self.minute / 60 % 24, self.minute % 60);
        let (program, arguments) = match &self.starts {
            Starts::Window(program) => (program, "--scheduled"),
            Starts::Agent(program) => (program, "schedule run"),
        };
        // Writing to a text cannot fail.
        let _ = write!(
            xml,
            r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>Rehome</Author>
    <Description>Backs up the settings and the list of apps of whoever is signed in, when it is due.</Description>
    <URI>{TASK_PATH}</URI>
    <SecurityDescriptor>{RIGHTS}</SecurityDescriptor>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>2026-01-01T{hour:02}:{minute:02}:00</StartBoundary>
      <Repetition>
        <Interval>{LOOK_EVERY}</Interval>
        <Duration>P1D</Duration>
      </Repetition>
      <RandomDelay>{DAILY_DELAY}</RandomDelay>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <Delay>PT{sign_in_delay}S</Delay>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Users">
      <GroupId>{USERS}</GroupId>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>{no_battery}</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>{TIME_LIMIT}</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Users">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
            sign_in_delay = self.sign_in_delay,
            no_battery = !self.on_battery,
            program = escaped(program),
        );
        xml
    }
}

/// UTF-16LE with a byte order mark.
fn utf16(text: &str) -> Vec<u8> {
    [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// The text as XML has it between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
