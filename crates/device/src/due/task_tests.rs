//! The task against its schema, and what it says.
//!
//! The schema is `task.xsd`, our own words for the part of Microsoft's that the task uses: no package of Debian, `PyPI`, npm or the crates' registry brings the
//! published one, and a copy of Microsoft's file is not ours to hand on.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;

use model::world::Moment;

use super::*;
use crate::due::due;

fn task(program: &str) -> Task {
    Task { starts: Starts::Agent(program.to_owned()), minute: 754, sign_in_delay: 420, on_battery: true }
}

/// Whether xmllint finds the text good by the schema; `None` on a machine without it, unless it is one that says `CI`.
fn by_schema(xml: &str) -> Option<bool> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&utf16(xml)).unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/src/due/task.xsd");
    let checked = Command::new("xmllint").args(["--noout", "--schema", schema]).arg(file.path()).output();
    if checked.is_err() {
        assert!(std::env::var_os("CI").is_none(), "xmllint is not installed (package libxml2-utils)");
        drop(writeln!(
            std::io::stderr(),
            "SKIPPED: xmllint is not installed; the task was not held against its schema"
        ));
    }
    checked.ok().map(|output| output.status.success())
}

#[test]
fn the_task_is_good_by_the_schema_and_the_schema_bites() {
    let xml = task(r"C:\Program Files\Rehome & <Co>\rehome.exe").xml();
    let Some(good) = by_schema(&xml) else { return };
    assert!(good, "{xml}");
    let wrong = [
        xml.replace("<DaysInterval>1<", "<DaysInterval>0<"),
        xml.replace("PT4H", "4 hours"),
        xml.replace("PT420S", "420"),
        xml.replace("<Interval>PT1H", "<Interval>hourly"),
        xml.replace("IgnoreNew", "IgnoreOld"),
        xml.replace("LeastPrivilege", "MostPrivilege"),
        xml.replace("2026-01-01T12:34:00", "2026-01-01 12:34"),
        xml.replace("version=\"1.3\"", "version=\"1.4\""),
        xml.replace("Context=\"Users\"", "Context=\"Nobody\""),
        xml.replace("S-1-5-32-545", ""),
        xml.replace("<Interval>PT1H", "<Interval>PT59S"),
        xml.replace("C:\\Program", &format!("C:\\{}", "x".repeat(260))),
        xml.replace("&amp;", "&"),
    ];
    for (index, wrong) in wrong.iter().enumerate() {
        assert_ne!(wrong, &xml, "{index}");
        assert_eq!(by_schema(wrong), Some(false), "{index}");
    }
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
