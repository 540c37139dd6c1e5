//! What genuine Windows stored: no value of a real hive may be of another type than its entry says, nor outside of what it allows.
//!
//! The listings beside the hives of the shared test data hold every value with its type and bytes.

#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use model::catalog::{ColourLayout, Kind, LEFT_OUT, RegType, SETTINGS, Setting};
use not_tried::not_tried;

const HIVES: [&str; 3] = ["win10-2004-default", "win10-22h2-admin", "win81-bperry"];

type Place = (String, String);
type Stored = (u32, Vec<u8>);
type Values = BTreeMap<Place, Stored>;

/// The values of a hive by key and name in lower case; `None`, said aloud, without the shared data.
fn values(hive: &str) -> Option<Values> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hives");
    let Ok(text) = fs::read_to_string(folder.join(format!("{hive}.NTUSER.DAT.expected.tsv"))) else {
        not_tried(&format!("the shared hive {hive} is absent"), None);
        return None;
    };
    Some(text.lines().filter_map(value).collect())
}

fn value(line: &str) -> Option<(Place, Stored)> {
    let mut columns = line.split('\t');
    let (key, name, reg_type) = (columns.next()?, columns.next()?, columns.next()?);
    let digits = columns.next().unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<_>>>()?;
    Some((
        (key.replace("%25", "%").to_lowercase(), name.replace("%25", "%").to_lowercase()),
        (reg_type.parse().ok()?, bytes),
    ))
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16(&units).expect("genuine texts are UTF-16")
}

fn number(reg_type: RegType, bytes: &[u8]) -> Option<i64> {
    match reg_type {
        RegType::Dword => Some(i64::from(u32::from_le_bytes(bytes.try_into().ok()?))),
        RegType::Sz => text(bytes).parse().ok(),
        _ => None,
    }
}

/// Whether the entry allows what is stored.
fn fits(setting: &Setting, reg_type: RegType, bytes: &[u8]) -> bool {
    let number = number(reg_type, bytes);
    match setting.kind {
        _ if setting.also.iter().any(|&(stored, _)| number == Some(i64::from(stored))) => true,
        Kind::Switch { on, off } => number == Some(i64::from(on)) || number == Some(i64::from(off)),
        Kind::Number { min, max } => number.is_some_and(|number| (min..=max).contains(&number)),
        Kind::Choice(choices) => choices.iter().any(|&(_, stored)| number == Some(stored)),
        Kind::Word(words) => words.iter().any(|(_, stored)| stored.eq_ignore_ascii_case(&text(bytes))),
        Kind::Bits { bytes: width, .. } if reg_type == RegType::Binary => bytes.len() == width as usize,
        Kind::Bits { .. } => number.is_some_and(|number| u32::try_from(number).is_ok()),
        Kind::Colour(ColourLayout::Decimal) => {
            text(bytes).split(' ').filter_map(|part| part.parse::<u8>().ok()).count() == 3
        }
        Kind::Colour(ColourLayout::ColorRef) => bytes.len() == 4 && bytes[3] == 0,
        Kind::Colour(_) => bytes.len() == 4,
        Kind::Text { max, alphabet } => text(bytes).chars().count() <= max as usize && alphabet.allows(&text(bytes)),
        Kind::Texts { max, alphabet, .. } => {
            let all = String::from_utf16_lossy(
                &bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect::<Vec<_>>(),
            );
            all.split('\0')
                .filter(|item| !item.is_empty())
                .all(|item| item.chars().count() <= max as usize && alphabet.allows(item))
        }
        Kind::Guids(known) => {
            let (guids, rest) = bytes.as_chunks::<16>();
            rest.is_empty() && guids.iter().all(|guid| known.iter().any(|(_, one)| one == guid))
        }
        Kind::Picture | Kind::Dictionary => false,
    }
}

#[test]
fn what_real_windows_stored_is_of_the_type_and_range_that_the_catalog_says() {
    for hive in HIVES {
        let Some(values) = values(hive) else { return };
        let mut seen = 0;
        for setting in SETTINGS {
            let (Some(key), Some(name), Some(reg_type)) = (setting.key(), setting.name(), setting.reg_type()) else {
                continue;
            };
            let Some((stored_type, bytes)) = values.get(&(key.to_lowercase(), name.to_lowercase())) else { continue };
            seen += 1;
            assert_eq!(*stored_type, reg_type.number(), "{hive}: {} is stored with another type", setting.id);
            assert!(fits(setting, reg_type, bytes), "{hive}: {} refuses {bytes:02x?}", setting.id);
        }
        eprintln!("{hive}: {seen} of {} settings are stored", SETTINGS.len());
        assert!(seen > 100, "{hive}: only {seen} settings are found");
    }
}

#[test]
fn a_person_who_customised_nothing_is_told_of_nothing_but_pins() {
    // The default profile is what every new account starts as.
    let Some(values) = values("win10-2004-default") else { return };
    for entry in LEFT_OUT {
        let Some((reg_type, bytes)) = values.get(&(entry.key.to_lowercase(), entry.value.to_lowercase())) else {
            continue;
        };
        let stored = match reg_type {
            1 | 2 => text(bytes),
            4 => number(RegType::Dword, bytes).unwrap_or_default().to_string(),
            _ => model::ids::to_hex(bytes),
        };
        assert!(entry.is_default(&stored), "{} bothers everyone: {stored}", entry.id);
    }
}
