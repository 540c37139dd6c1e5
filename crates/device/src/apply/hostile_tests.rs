//! The claim of the threat model (2.2), tried on hostile snapshots: whatever a snapshot says, only places of the compiled catalog are
//! written, with their own type, a value that the catalog allows, and no text that could be taken for a path. And undo takes it all back.
//!
//! The snapshots are structured: mostly real setting ids with values of every sort, a good part of them nearly valid, over a PC that holds valid,
//! strange or no values. The source of chance is seeded with the number of the case, so a failure names its case. `REHOME_HOSTILE_CASES` asks for more
//! cases: the stage `hostile snapshots` of `cargo xtask ci` for a million.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use model::catalog::{Alphabet, Kind, Place, RegType, Root, Setting};
use model::ids::BlobId;
use model::snapshot::{Reading, Snapshot};
use model::value::{Colour, Value};

use super::crash_tests::{Dice, Face, Noon, World};
use super::*;
use crate::codec;
use crate::plan::{Here, plan_in};
use crate::registry::{DryRun, MemoryRegistry, RawValue, Registry, Write};
use crate::sample;
use crate::target::Unseen;

/// Cases of one run of the tests: seconds. A longer run is asked for by the environment.
const CASES: u64 = 20_000;

/// Texts that somebody who wants code to run, or credentials to leave, would write; and some that are harmless.
const TEXTS: &[&str] = &[
    r"\\host\share",
    "//host/share",
    r"\\?\UNC\host\s",
    r"\??\C:\x",
    r"\\.\pipe\x",
    r"C:\Windows\system32\calc.exe",
    "C:/x",
    "c:x",
    "file:///c:/x",
    "file:x",
    "http://host/x",
    "shell:startup",
    "ms-settings:x",
    "search-ms:query=x",
    "%TEMP%",
    "%x%\\y",
    "..",
    "../x",
    r"..\x",
    "@shell32.dll,-1",
    r"@\\host\x.dll,-1",
    "a\0b",
    "a\nb",
    "CON",
    "nul.txt",
    "x.lnk",
    "x.exe",
    "x.theme",
    "x::$DATA",
    "\u{202e}exe",
    "\u{ff3c}\u{ff3c}host\u{ff3c}x",
    "{20D04FE0-3AEA-1069-A2D8-08002B30309D}",
    "calc",
    "",
    "de-DE",
    "en-GB",
    "dd.MM.yyyy",
    "dd/MM/yyyy",
    "HH:mm:ss",
    "h:mm tt",
    "3;0",
    "00000407",
    "Consolas",
    "Segoe UI",
    "\u{20ac}",
    "left",
    "on",
    "1",
    "-1",
    "4294967296",
];

/// Files that a snapshot might bring.
const FILES: &[&[u8]] = &[
    b"MZ\x90\0",
    b"",
    b"[Theme]\nx",
    b"\xff\xd8\xff\xe0 picture",
    b"\x89PNG\r\n\x1a\n picture",
    b"\xff\xd8",
    b"{\\rtf1",
];

/// Ids that are not in the catalog.
const IDS: &[&str] = &[
    "",
    ".",
    "system.run",
    r"Software\Microsoft\Windows\CurrentVersion\Run",
    r"HKEY_LOCAL_MACHINE\SAM",
    "taskbar.Alignment",
    "a\0b",
    "../../x",
    "taskbar.alignment ",
];

#[test]
fn a_hostile_snapshot_writes_only_what_the_catalog_allows() {
    let cases = std::env::var("REHOME_HOSTILE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let middle = cases / 2;
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| play_all(middle..cases));
        (play_all(0..middle), other.join().expect("its half of the cases holds"))
    });
    let (writes, pictures) = (one.0 + other.0, one.1 + other.1);
    eprintln!("{cases} hostile snapshots (seeds 0 to {cases}), {writes} allowed writes, {pictures} pictures");
    assert!(writes as u64 > cases && pictures > 0, "a test that writes nothing shows nothing");
}

/// How many values and pictures these cases wrote.
fn play_all(cases: Range<u64>) -> (usize, usize) {
    let tables = [Table::compiled(), sample::table()];
    let (mut writes, mut pictures) = (0, 0);
    for case in cases {
        let table = tables[usize::try_from(case % 8 / 7).unwrap()];
        let (written, picture) = play(table, case).unwrap_or_else(|problem| panic!("case {case}: {problem}"));
        writes += written;
        pictures += usize::from(picture);
    }
    (writes, pictures)
}

/// Restores one hostile snapshot and takes it back. Gives how many values were written and whether a picture was.
fn play(table: Table, case: u64) -> Result<(usize, bool), String> {
    let mut dice = Dice(case);
    let settings: Vec<&'static Setting> = match table.settings() {
        [] => Vec::new(),
        all => (0..=dice.roll(12)).map(|_| &all[dice.roll(all.len())]).collect(),
    };
    let beneath = lived_in(&settings, &mut dice);
    let here = read(&settings, &beneath);
    let old = hostile(&settings, &mut dice);
    let file = FILES[dice.roll(FILES.len())];
    let mut files = Face(Rc::new(RefCell::new(World::default())));
    let mut journals = files.clone();
    let mut dry = DryRun::new(&beneath);

    let mut target = Target { name: "a.reg", registry: &mut dry, files: &mut files, effects: &mut Unseen };
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| {} };
    let plan = plan_in(table, &old, &Here::bare(&here), &Choice::all());
    let fetch = |_: FileRole, _: &FileRef| Ok(file.to_vec());
    let outcome = apply_in(table, &plan, &fetch, (&mut target, &mut work)).map_err(|error| error.to_string())?;
    let written = dry.writes().len();
    for write in dry.writes() {
        check(table, write, &beneath)?;
    }
    let picture = files.0.borrow().wallpaper.clone();
    if picture.as_deref().is_some_and(|bytes| picture_ending(bytes).is_none()) {
        return Err("a file that is no picture was written".to_owned());
    }
    if outcome.journal.is_some() {
        let mut target = Target { name: "a.reg", registry: &mut dry, files: &mut files, effects: &mut Unseen };
        let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| {} };
        let undone =
            undo_in(table, None, &Choice::all(), (&mut target, &mut work)).map_err(|error| error.to_string())?;
        if !undone.failed.is_empty() {
            return Err(format!("not undone: {:?}", undone.failed));
        }
    }
    for write in dry.writes() {
        let now = dry.read(Root::User, &write.key, &[&write.name]).map_err(|error| error.to_string())?;
        if now != beneath.read(Root::User, &write.key, &[&write.name]).map_err(|error| error.to_string())? {
            return Err(format!("undo left {write:?}"));
        }
    }
    Ok((written, picture.is_some()))
}

/// Whether a write is in the finite set that the catalog allows.
fn check(table: Table, write: &Write, beneath: &MemoryRegistry) -> Result<(), String> {
    let owners: Vec<_> = table.settings().iter().filter(|setting| is_at(setting, write)).collect();
    if write.root != Root::User || owners.is_empty() {
        return Err(format!("outside the catalog: {write:?}"));
    }
    let Some(raw) = &write.value else { return Ok(()) };
    if owners.iter().any(|setting| setting.reg_type().is_none_or(|reg_type| reg_type as u32 != raw.reg_type)) {
        return Err(format!("of another type: {write:?}"));
    }
    if !owners.iter().any(|setting| codec::decode(setting, raw).is_ok()) {
        return Err(format!("not a value of its setting: {write:?}"));
    }
    let is_text = raw.reg_type == RegType::Sz as u32 || raw.reg_type == RegType::MultiSz as u32;
    let units: Vec<u16> = raw.bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    if is_text && units.split(|&unit| unit == 0).any(|text| looks_like_a_path(&String::from_utf16(text).unwrap())) {
        return Err(format!("like a path: {write:?}"));
    }
    match owners[..] {
        [Setting { kind: Kind::Guids(known), .. }] => only_known_guids(known, write, raw),
        _ => keeps_other_bits(&owners, write, raw, beneath),
    }
}

/// The whole value is ours: GUIDs that the catalog names, each once, and not a byte besides.
fn only_known_guids(known: &[(&str, [u8; 16])], write: &Write, raw: &RawValue) -> Result<(), String> {
    let guids: Vec<&[u8]> = raw.bytes.chunks(16).collect();
    let is_known = |guid: &&[u8]| known.iter().any(|(_, one)| one[..] == **guid);
    let once = guids.iter().enumerate().all(|(at, guid)| !guids[..at].contains(guid));
    if once && guids.iter().all(is_known) { Ok(()) } else { Err(format!("no list of known GUIDs: {write:?}")) }
}

fn is_at(setting: &Setting, write: &Write) -> bool {
    matches!(setting.place, Place::Value { key, name, .. }
        if key.eq_ignore_ascii_case(&write.key) && name.eq_ignore_ascii_case(&write.name))
}

/// Bits that no setting owns are as they were.
fn keeps_other_bits(
    owners: &[&Setting],
    write: &Write,
    raw: &RawValue,
    beneath: &MemoryRegistry,
) -> Result<(), String> {
    let before = beneath.read(Root::User, &write.key, &[&write.name]).map_err(|error| error.to_string())?.remove(0);
    let Some(before) = before.filter(|_| raw.reg_type == RegType::Binary as u32) else { return Ok(()) };
    for (at, (old, new)) in before.bytes.iter().zip(&raw.bytes).enumerate() {
        for bit in (0..8).filter(|bit| (old ^ new) >> bit & 1 == 1) {
            let number = u32::try_from(at * 8 + bit).unwrap();
            let is_owned = owners.iter().any(|setting| {
                matches!(setting.kind, Kind::Bits { first, count, .. } if (first..first + count).contains(&number))
            });
            if !is_owned {
                return Err(format!("bit {number} is nobody's: {write:?}"));
            }
        }
    }
    Ok(())
}

/// Rule R4, written down a second time so that a gap in the first is noticed.
fn looks_like_a_path(text: &str) -> bool {
    let lower = text.to_lowercase();
    let has_scheme = ["file:", "http:", "https:", "shell:", "ms-", "search-ms:"].iter().any(|s| lower.starts_with(s));
    let (drive, rest) = text.split_at(text.char_indices().nth(1).map_or(text.len(), |(at, _)| at));
    let has_drive = drive.chars().all(char::is_alphabetic) && (rest.starts_with(":/") || rest.starts_with(":\\"));
    has_scheme
        || has_drive
        || text.starts_with('@')
        || text.contains(['\\', '%', '\0', '\n', '\r'])
        || text.contains("//")
        || text.contains("..")
}

fn hostile(settings: &[&'static Setting], dice: &mut Dice) -> Snapshot {
    let mut readings = BTreeMap::new();
    for setting in settings {
        readings.insert(setting.id.to_owned(), reading(setting, dice));
    }
    for _ in 0..dice.roll(3) {
        let value = any_value(dice);
        readings.insert(IDS[dice.roll(IDS.len())].to_owned(), Reading::Set { value });
    }
    Snapshot { readings, ..Snapshot::default() }
}

fn reading(setting: &'static Setting, dice: &mut Dice) -> Reading {
    match dice.roll(10) {
        0 => Reading::Absent,
        1 => Reading::Default { value: any_value(dice) },
        2..=4 => Reading::Set { value: any_value(dice) },
        _ => Reading::Set { value: near_value(setting, dice) },
    }
}

/// A value of any type.
fn any_value(dice: &mut Dice) -> Value {
    let mut text = || TEXTS[dice.roll(TEXTS.len())].to_owned();
    let (first, second) = (text(), text());
    match dice.roll(7) {
        0 => Value::Bool(dice.roll(2) == 0),
        1 => Value::Int([i64::MIN, -1, 0, 1, 2, 255, 1 << 31, 1 << 32, i64::MAX][dice.roll(9)]),
        2 => Value::Choice(first),
        3 => Value::Colour(colour(dice)),
        4 => Value::Text(first.repeat([1, 1, 1, 300][dice.roll(4)])),
        5 => Value::List(vec![first, second]),
        _ => Value::File(FileRef { blob: BlobId([7; 32]), size: FILES[dice.roll(FILES.len())].len() as u64 }),
    }
}

/// A value of the setting's own type, mostly one that it may have.
fn near_value(setting: &Setting, dice: &mut Dice) -> Value {
    match setting.kind {
        Kind::Switch { .. } | Kind::Bits { names: [], .. } => Value::Bool(dice.roll(2) == 0),
        Kind::Number { min, max } => {
            Value::Int([min, max, min.saturating_sub(1), max.saturating_add(1), min / 2 + max / 2][dice.roll(5)])
        }
        Kind::Choice(names) | Kind::Bits { names, .. } => Value::Choice(names[dice.roll(names.len())].0.to_owned()),
        Kind::Word(words) => Value::Choice(words[dice.roll(words.len())].0.to_owned()),
        Kind::Colour(_) => Value::Colour(colour(dice)),
        Kind::Text { alphabet, .. } => Value::Text(near_text(alphabet, dice)),
        Kind::Texts { alphabet, .. } => Value::List((0..dice.roll(4)).map(|_| near_text(alphabet, dice)).collect()),
        // Some of them twice, some that are none.
        Kind::Guids(known) => Value::List(
            (0..dice.roll(5))
                .map(|_| match dice.roll(8) {
                    0 => TEXTS[dice.roll(TEXTS.len())].to_owned(),
                    _ => known[dice.roll(known.len())].0.to_owned(),
                })
                .collect(),
        ),
        Kind::Picture | Kind::Dictionary => {
            Value::File(FileRef { blob: BlobId([7; 32]), size: FILES[dice.roll(FILES.len())].len() as u64 })
        }
    }
}

fn near_text(alphabet: Alphabet, dice: &mut Dice) -> String {
    let good = match alphabet {
        Alphabet::LanguageTag => "pt-BR",
        Alphabet::LayoutId => "00000809",
        Alphabet::Format => "d. MMMM yyyy",
        Alphabet::Digits => "3;2;0",
        Alphabet::Name => "Cascadia Mono",
    };
    let bad = TEXTS[dice.roll(TEXTS.len())];
    match dice.roll(4) {
        0 => bad.to_owned(),
        1 => format!("{good}{bad}"),
        _ => good.to_owned(),
    }
}

fn colour(dice: &mut Dice) -> Colour {
    let mut byte = || u8::try_from(dice.roll(256)).unwrap();
    let (red, green, blue) = (byte(), byte(), byte());
    Colour { red, green, blue, alpha: [255, byte()][dice.roll(2)] }
}

/// A registry that holds valid, strange or no values for these settings.
fn lived_in(settings: &[&'static Setting], dice: &mut Dice) -> MemoryRegistry {
    let mut registry = MemoryRegistry::new();
    for setting in settings {
        let (Some(key), Some(name)) = (setting.key(), setting.name()) else { continue };
        let raw = match dice.roll(4) {
            0 => RawValue {
                reg_type: u32::try_from(dice.roll(12)).unwrap(),
                bytes: (0..dice.roll(12)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect(),
            },
            1 => continue,
            _ => match codec::encode(setting, &near_value(setting, dice), None) {
                Ok(raw) => raw,
                Err(_) => packed(setting, dice),
            },
        };
        registry.set(Root::User, key, name, &raw).unwrap();
    }
    registry
}

/// Chance bits in the form of the setting's packed value.
fn packed(setting: &Setting, dice: &mut Dice) -> RawValue {
    let width = match setting.kind {
        Kind::Bits { bytes, .. } if bytes > 0 => usize::try_from(bytes).unwrap(),
        _ => 4,
    };
    let reg_type = setting.reg_type().map_or(0, |reg_type| reg_type as u32);
    RawValue { reg_type, bytes: (0..width).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect() }
}

/// What collect would read of these settings.
fn read(settings: &[&'static Setting], registry: &MemoryRegistry) -> Snapshot {
    let mut here = Snapshot::default();
    for setting in settings {
        let stored = setting.key().zip(setting.name());
        let raw = stored.and_then(|(key, name)| registry.read(Root::User, key, &[name]).unwrap().remove(0));
        let reading = match raw.map(|raw| codec::decode(setting, &raw)) {
            None => Reading::Absent,
            Some(Ok(value)) => Reading::Set { value },
            Some(Err(reason)) => Reading::Refused { reason },
        };
        here.readings.insert(setting.id.to_owned(), reading);
    }
    here
}
