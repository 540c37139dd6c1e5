//! What the person has set and Rehome does not carry, so that a restore can say so instead of leaving it to be missed.

use std::collections::BTreeMap;

use model::catalog::{LeftOut, Root, names};
use model::reason::Reason;
use model::snapshot::Reading;
use model::value::Value;

use crate::codec::text_of;
use crate::registry::{RawValue, Registry, RegistryError};

/// Where `HKEY_CURRENT_USER` continues in a hive of its own.
const CLASSES: &str = r"Software\Classes\";

/// The entries that this person has customised, with the reason of each. What cannot be read is not reported: nobody knows whether
/// it is there.
///
/// The settings that would mean something else without such a thing are taken out of `readings`, whether they are stored or not: a restore leaves them as the
/// new PC has them. So are those of a thing that cannot be read, because it may be there. They bear a reason of their own: the entry's is about the thing.
pub(super) fn of(
    registry: &dyn Registry,
    entries: &'static [LeftOut],
    readings: &mut BTreeMap<String, Reading>,
) -> BTreeMap<String, Reason> {
    let mut found = BTreeMap::new();
    for entry in entries {
        let reason = match is_customised(registry, entry, readings) {
            // A file with a part of a registry, such as what `rehome export` writes, says nothing of what it leaves out.
            Ok(false) | Err(RegistryError::NotExported { .. }) => continue,
            Ok(true) => {
                found.insert(entry.id.to_owned(), entry.reason);
                Reason::HeldBack
            }
            Err(error) => error.reason(),
        };
        hold_back(entry, reason, readings);
    }
    found
}

/// Takes out of `here`, which is what this PC has, the settings that would come to mean something else once `wanted` is written: a thing of this PC that
/// nothing here names counts as soon as what is restored names it, such as a layout that stands in for one of the backup's.
pub(crate) fn hold_back_here(
    registry: &dyn Registry,
    wanted: &BTreeMap<String, Reading>,
    here: &mut BTreeMap<String, Reading>,
) {
    for entry in model::catalog::left_out().iter().filter(|entry| entry.named_by.is_some()) {
        match is_customised(registry, entry, wanted) {
            Ok(false) | Err(RegistryError::NotExported { .. }) => {}
            Ok(true) => hold_back(entry, Reason::HeldBack, here),
            Err(error) => hold_back(entry, error.reason(), here),
        }
    }
}

fn hold_back(entry: &LeftOut, reason: Reason, readings: &mut BTreeMap<String, Reading>) {
    for (_, reading) in readings.iter_mut().filter(|(id, _)| entry.holds_back(id)) {
        if !matches!(reading, Reading::Refused { .. }) {
            *reading = Reading::Refused { reason };
        }
    }
}

fn is_customised(
    registry: &dyn Registry,
    entry: &'static LeftOut,
    readings: &BTreeMap<String, Reading>,
) -> Result<bool, RegistryError> {
    let (root, key, value) = place(entry);
    let texts = readings.iter().filter(|(id, _)| entry.named_by.is_some_and(|pattern| names(pattern, id)));
    let wanted: Vec<&str> = match entry.named_by {
        None => vec![value],
        Some(_) => texts.filter_map(|(_, reading)| text_in(reading)).collect(),
    };
    if wanted.is_empty() {
        return Ok(false);
    }
    let stored = registry.read(root, key, &wanted)?;
    Ok(stored.iter().flatten().any(|raw| !entry.is_default(&in_words(raw))))
}

fn text_in(reading: &Reading) -> Option<&str> {
    match reading.value()? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Where the registry has an entry: root, key, and the value's name.
pub(super) fn place(entry: &'static LeftOut) -> (Root, &'static str, &'static str) {
    let in_classes = entry.key.get(..CLASSES.len()).is_some_and(|start| start.eq_ignore_ascii_case(CLASSES));
    let (root, key) = if in_classes { (Root::Classes, &entry.key[CLASSES.len()..]) } else { (Root::User, entry.key) };
    (root, key, entry.value)
}

/// The stored value in the words of [`LeftOut::is_default`]: texts as they are, numbers in decimal, all else in hexadecimal digits.
fn in_words(raw: &RawValue) -> String {
    let digits = || model::ids::to_hex(&raw.bytes);
    match (raw.reg_type, raw.bytes.as_slice()) {
        (1 | 2, bytes) => text_of(bytes).unwrap_or_else(digits),
        (4, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]).to_string(),
        (11, bytes) => bytes.try_into().map_or_else(|_| digits(), |bytes| u64::from_le_bytes(bytes).to_string()),
        _ => digits(),
    }
}
