//! The task against its schema, and what it says.
//!
//! The schema is `task.xsd`: the whole of what Microsoft publishes, written out anew, as no package of Debian, `PyPI`, npm or the crates' registry brings it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;

use model::world::Moment;

use super::*;
use crate::due::due;
use crate::not_tried::not_tried;

fn task(program: &str) -> Task {
    Task { starts: Starts::Agent(program.to_owned()), minute: 754, sign_in_delay: 420, on_battery: true }
}

/// Whether xmllint finds the text good by the schema; `None` on a machine without it.
fn by_schema(xml: &str) -> Option<bool> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&utf16(xml)).unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/src/due/task.xsd");
    let checked = Command::new("xmllint").args(["--noout", "--schema", schema]).arg(file.path()).output();
    let Ok(output) = checked else {
        not_tried("no task was held against its schema: there is no xmllint here", Some("package libxml2-utils"));
        return None;
    };
    // 3: it is not as the schema says. 1: it is no XML. Anything else would be the schema's own fault.
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.status.success())
}

/// Asserts that each change makes something of it that the schema refuses.
#[track_caller]
fn refused(good: &str, changes: &[(&str, &str)]) {
    for (from, to) in changes {
        assert!(good.contains(from), "there is no {from}");
        assert_eq!(by_schema(&good.replacen(from, to, 1)), Some(false), "{from} -> {to}");
    }
}

#[test]
fn the_task_is_good_by_the_schema_and_the_schema_bites() {
    let xml = task(r"C:\Program Files\Rehome & <Co>\rehome.exe").xml();
    let Some(good) = by_schema(&xml) else { return };
    assert!(good, "{xml}");
    // What the schema cannot say: a task of 1.3 has nothing that came with 1.4.
    assert!(xml.contains("version=\"1.3\""));
    assert!(!xml.contains("MaintenanceSettings") && !xml.contains("Volatile"));

    let long = format!(r"C:\{}", "x".repeat(260));
    let trigger =
        xml.lines().skip_while(|line| !line.contains("<LogonTrigger>")).take(4).collect::<Vec<_>>().join("\n");
    let triggers = format!("{}</Triggers>", trigger.repeat(47));
    refused(
        &xml,
        &[
            // Numbers, times and words that are none.
            ("<DaysInterval>1<", "<DaysInterval>0<"),
            ("<DaysInterval>1<", "<DaysInterval>366<"),
            ("PT4H", "4 hours"),
            ("PT4H", "PT"),
            ("PT420S", "420"),
            ("<Interval>PT1H", "<Interval>hourly"),
            ("<Interval>PT1H", "<Interval>PT59S"),
            ("<Interval>PT1H", "<Interval>P32D"),
            ("<Duration>P1D", "<Duration>PT59S"),
            ("2026-01-01T12:34:00", "2026-01-01 12:34"),
            ("2026-01-01T12:34:00", "2026-02-30T12:34:00"),
            ("<Priority>7", "<Priority>0"),
            ("<Priority>7", "<Priority>11"),
            ("<WakeToRun>false", "<WakeToRun>no"),
            ("<Hidden>false", "<Hidden>False"),
            ("IgnoreNew", "IgnoreOld"),
            ("IgnoreNew", "ignorenew"),
            ("LeastPrivilege", "MostPrivilege"),
            ("version=\"1.3\"", "version=\"1.5\""),
            ("version=\"1.3\"", "version=\"1\""),
            // Too little, too long, too many.
            ("S-1-5-32-545", ""),
            (r"C:\Program", &long),
            (r"C:\Program Files\Rehome &amp; &lt;Co&gt;\rehome.exe", ""),
            ("</Triggers>", &triggers),
            // What there is not, what is there twice, what is missing, and what stands elsewhere.
            ("<Author>", "<Owner>x</Owner><Author>"),
            ("<LogonTrigger>", "<PowerTrigger/><LogonTrigger>"),
            ("<Exec>", "<Run/><Exec>"),
            ("<Exec>", "<Exec start=\"now\">"),
            ("<Hidden>false</Hidden>", "<Hidden>false</Hidden><Hidden>false</Hidden>"),
            ("<Settings>", "<Settings/><Settings>"),
            ("<ScheduleByDay>", "<ScheduleByWeek/><ScheduleByDay>"),
            ("<Interval>PT1H</Interval>", ""),
            (r"<Command>C:\Program Files\Rehome &amp; &lt;Co&gt;\rehome.exe</Command>", ""),
            ("<Delay>PT420S</Delay>", "<Delay>PT420S</Delay><Enabled>true</Enabled>"),
            ("<RandomDelay>PT4H</RandomDelay>", "<Delay>PT4H</Delay>"),
            ("<LogonTrigger>", "<LogonTrigger><StateChange>SessionLock</StateChange>"),
            // Whose it is.
            ("Context=\"Users\"", "Context=\"Nobody\""),
            ("<Exec>", "<Exec id=\"Users\">"),
            ("2004/02/mit/task", "2004/02/mit/tusk"),
            ("&amp;", "&"),
        ],
    );
}

/// A task with something of everything that there is.
const EVERYTHING: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Actions Context="person">
    <Exec id="first"><WorkingDirectory>C:\</WorkingDirectory><Command>a.exe</Command></Exec>
    <ComHandler><ClassId>{01234567-89ab-CDEF-0123-456789abcdef}</ClassId></ComHandler>
    <SendEmail>
      <Server>mail</Server><To>a@example</To>
      <HeaderFields><HeaderField><Value/><Name>X</Name></HeaderField></HeaderFields>
      <Attachments><File>a.txt</File></Attachments>
    </SendEmail>
    <ShowMessage><Body>b</Body><Title>a</Title></ShowMessage>
  </Actions>
  <Principals>
    <Principal id="person">
      <UserId>LOCAL SERVICE</UserId><LogonType>S4U</LogonType><DisplayName/><ProcessTokenSidType>Unrestricted</ProcessTokenSidType>
      <RequiredPrivileges><Privilege>SeBackupPrivilege</Privilege></RequiredPrivileges>
    </Principal>
  </Principals>
  <Settings>
    <Volatile>1</Volatile><DisallowStartOnRemoteAppSession>0</DisallowStartOnRemoteAppSession><NetworkProfileName/>
    <RestartOnFailure><Count>255</Count><Interval>P31D</Interval></RestartOnFailure>
    <IdleSettings><Duration>PT1M</Duration><WaitTimeout>PT1M</WaitTimeout><StopOnIdleEnd>true</StopOnIdleEnd></IdleSettings>
    <NetworkSettings><Name>n</Name><Id>{01234567-89ab-cdef-0123-456789abcdef}</Id></NetworkSettings>
    <MaintenanceSettings><Period>P1D</Period><Deadline>P2D</Deadline><Exclusive>true</Exclusive></MaintenanceSettings>
    <DeleteExpiredTaskAfter>PT0S</DeleteExpiredTaskAfter><Priority>10</Priority>
  </Settings>
  <Triggers>
    <BootTrigger id="start"><ExecutionTimeLimit>PT1H</ExecutionTimeLimit><Delay>PT1M</Delay></BootTrigger>
    <RegistrationTrigger><Delay>PT1M</Delay></RegistrationTrigger>
    <IdleTrigger/>
    <TimeTrigger>
      <EndBoundary>2026-01-01T00:00:00Z</EndBoundary>
      <Repetition><StopAtDurationEnd>true</StopAtDurationEnd><Interval>PT1M</Interval></Repetition>
      <RandomDelay>PT1M</RandomDelay>
    </TimeTrigger>
    <EventTrigger>
      <Subscription>q</Subscription><PeriodOfOccurrence>PT1M</PeriodOfOccurrence><NumberOfOccurrences>32</NumberOfOccurrences>
      <MatchingElement>m</MatchingElement><ValueQueries><Value name="n">v</Value></ValueQueries>
    </EventTrigger>
    <LogonTrigger><UserId>u</UserId></LogonTrigger>
    <SessionStateChangeTrigger><StateChange>RemoteConnect</StateChange></SessionStateChangeTrigger>
    <CalendarTrigger>
      <ScheduleByWeek><DaysOfWeek><Sunday/><Monday/></DaysOfWeek><WeeksInterval>52</WeeksInterval></ScheduleByWeek>
    </CalendarTrigger>
    <CalendarTrigger>
      <ScheduleByMonth><Months><May/><April/></Months><DaysOfMonth><Day>31</Day><Day>Last</Day></DaysOfMonth></ScheduleByMonth>
    </CalendarTrigger>
    <CalendarTrigger>
      <ScheduleByMonthDayOfWeek><Weeks><Week>4</Week></Weeks><DaysOfWeek><Friday/></DaysOfWeek></ScheduleByMonthDayOfWeek>
    </CalendarTrigger>
  </Triggers>
  <RegistrationInfo>
    <Date>2026-01-01T00:00:00</Date><Source/><Version/><Documentation/>
  </RegistrationInfo>
</Task>
"#;

#[test]
fn the_schema_is_the_whole_one() {
    let Some(good) = by_schema(EVERYTHING) else { return };
    assert!(good);
    refused(
        EVERYTHING,
        &[
            ("{01234567-89ab-CDEF-0123-456789abcdef}", "01234567-89ab-CDEF-0123-456789abcdef"),
            ("<ClassId>{01234567-89ab-CDEF-0123-456789abcdef}</ClassId>", "<Data/>"),
            ("<Server>mail</Server>", ""),
            ("<Name>X</Name>", "<Name/>"),
            ("<Title>a</Title>", ""),
            ("<ShowMessage>", "<Beep/><ShowMessage>"),
            ("S4U", "Kerberos"),
            ("Unrestricted", "Restricted"),
            ("SeBackupPrivilege", "SeEverythingPrivilege"),
            ("<Privilege>SeBackupPrivilege</Privilege>", ""),
            ("</Principal>", "</Principal><Principal/>"),
            ("<Count>255", "<Count>256"),
            ("<Count>255</Count>", ""),
            ("<Interval>P31D", "<Interval>P31DT1S"),
            ("<WaitTimeout>PT1M", "<WaitTimeout>PT59S"),
            ("<Id>{0", "<Id>{g"),
            ("<Period>P1D", "<Period>PT23H"),
            ("<Period>P1D</Period>", ""),
            ("<Priority>10", "<Priority>+"),
            ("<Volatile>1", "<Volatile>2"),
            (
                "<ExecutionTimeLimit>PT1H</ExecutionTimeLimit><Delay>PT1M</Delay>",
                "<Delay>PT1M</Delay><ExecutionTimeLimit>PT1H</ExecutionTimeLimit>",
            ),
            ("id=\"start\"", "id=\"first\""),
            ("id=\"start\"", "id=\"1st\""),
            ("<IdleTrigger/>", "<IdleTrigger><Delay>PT1M</Delay></IdleTrigger>"),
            ("2026-01-01T00:00:00Z", "tomorrow"),
            ("<Subscription>q</Subscription>", ""),
            ("<NumberOfOccurrences>32", "<NumberOfOccurrences>33"),
            ("<Value name=\"n\">", "<Value>"),
            ("<Value name=\"n\">v</Value>", ""),
            ("RemoteConnect", "RemoteLock"),
            ("<StateChange>RemoteConnect</StateChange>", ""),
            ("<Monday/>", "<Montag/>"),
            ("<Monday/>", "<Monday>x</Monday>"),
            ("<WeeksInterval>52", "<WeeksInterval>53"),
            ("<Day>31", "<Day>32"),
            ("<Week>4", "<Week>5"),
            ("<DaysOfWeek><Friday/></DaysOfWeek>", ""),
            ("<Source/>", "<Source><b/></Source>"),
        ],
    );
}

#[test]
fn the_task_says_what_was_decided() {
    let xml = task(r"C:\Rehome\rehome.exe").xml();
    for line in [
        "<StartBoundary>2026-01-01T12:34:00</StartBoundary>",
        "<RandomDelay>PT4H</RandomDelay>",
        "<Interval>PT1H</Interval>",
        "<Duration>P1D</Duration>",
        "<DaysInterval>1</DaysInterval>",
        "<Delay>PT420S</Delay>",
        "<SecurityDescriptor>D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FRFX;;;BU)</SecurityDescriptor>",
        "<Principal id=\"Users\">",
        "<Actions Context=\"Users\">",
        "<GroupId>S-1-5-32-545</GroupId>",
        "<RunLevel>LeastPrivilege</RunLevel>",
        "<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>",
        "<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>",
        "<StartWhenAvailable>true</StartWhenAvailable>",
        "<RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>",
        "<ExecutionTimeLimit>PT1H</ExecutionTimeLimit>",
        r"<Command>C:\Rehome\rehome.exe</Command>",
        "<Arguments>schedule run</Arguments>",
    ] {
        assert_eq!(xml.matches(line).count(), 1, "{line}");
    }
    let unseen = Task { starts: Starts::Window(r"C:\Rehome\rehome-backup.exe".to_owned()), ..task("x") }.xml();
    for line in [r"<Command>C:\Rehome\rehome-backup.exe</Command>", "<Arguments>--scheduled</Arguments>"] {
        assert_eq!(unseen.matches(line).count(), 1, "{line}");
    }
    let careful = Task { on_battery: false, ..task("x") }.xml();
    assert!(careful.contains("<DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>"));
}

/// The id of a device, as text.
fn id(number: u32) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, &number.to_le_bytes());
    model::ids::to_hex(&digest.as_ref()[..16])
}

/// The task of the PC with that number.
fn of(number: u32) -> Task {
    Task::of(&id(number), Starts::Agent("x".to_owned()), true)
}

#[test]
fn a_fleet_starts_at_different_minutes_of_the_day() {
    let minutes: BTreeSet<_> = (0..100_000).map(|number| of(number).minute).collect();
    assert_eq!((minutes.len(), minutes.first(), minutes.last()), (1440, Some(&0), Some(&1439)));
}

/// A thousand people who sign in at eight: 83 of them a minute, from three minutes on for twelve.
#[test]
fn who_signs_in_at_the_full_hour_does_not_come_in_the_same_minute() {
    let mut came = [0_u32; 16];
    for number in 0..1000 {
        came[usize::from(of(number).sign_in_delay) / 60] += 1;
    }
    let (before, spread, after) = (&came[..3], &came[3..15], &came[15..]);
    assert_eq!((before.iter().sum::<u32>(), after.iter().sum::<u32>()), (0, 0), "{came:?}");
    assert!(spread.iter().all(|count| (40..=130).contains(count)), "{came:?}");
}

/// Ten thousand PCs become due in the eight hours in which files have no place; each looks once an hour and is refused. What Windows adds by chance, up to
/// [`DAILY_DELAY`], is left out: it only spreads them further.
#[test]
fn after_a_night_without_a_place_for_files_a_fleet_comes_back_spread_over_the_hour() {
    const PCS: u16 = 10_000;
    const MINUTE: i64 = 60_000;
    let (evening, morning) = (20 * 60, 28 * 60);
    let interval = 192;
    let became_due = |pc: u16| evening + i64::from(pc) * (morning - evening) / i64::from(PCS);
    let since = |pc: u16| Some(Moment((became_due(pc) - i64::from(interval) * 60) * MINUTE));
    let mut last: Vec<Option<Moment>> = (0..PCS).map(since).collect();
    let minutes: Vec<i64> = (0..PCS).map(|pc| i64::from(of(pc.into()).minute)).collect();
    let (mut refused, mut came) = (0_u32, [0_u32; 24]);
    for minute in evening..morning + 120 {
        let now = Moment(minute * MINUTE);
        for pc in 0..PCS {
            let looks = minute % 60 == minutes[usize::from(pc)] % 60;
            if !looks || !due(last[usize::from(pc)], now, interval).is_due() {
                continue;
            }
            if minute < morning {
                refused += 1;
                continue;
            }
            last[usize::from(pc)] = Some(now);
            came[usize::try_from((minute - morning) / 5).unwrap()] += 1;
        }
    }
    let (hour, after) = came.split_at(12);
    let (most, mean) = (*hour.iter().max().unwrap(), u32::from(PCS) / 12);
    assert_eq!((hour.iter().sum::<u32>(), after.iter().sum::<u32>()), (u32::from(PCS), 0), "all within the hour");
    assert!(most < 3 * mean, "{hour:?}");
    assert!(refused > 3 * u32::from(PCS), "they go on asking: {refused}");
}
