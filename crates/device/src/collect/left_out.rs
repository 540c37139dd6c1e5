//! What the person has set and Rehome does not carry, so that a restore can say so instead of leaving it to be missed.

use std::collections::BTreeMap;

use model::catalog::{LeftOut, Root};
use model::reason::Reason;

use crate::codec::text_of;
use crate::registry::{RawValue, Registry};

/// Where `HKEY_CURRENT_USER` continues in a hive of its own.
const CLASSES: &str = r"Software\Classes\";

/// The entries that this person has customised, with the reason of each. What cannot be read is not reported: nobody knows whether
/// it is there.
pub(super) fn of(registry: &dyn Registry, entries: &'static [LeftOut]) -> BTreeMap<String, Reason> {
    let customised =
        entries.iter().filter(|entry| stored(registry, entry).is_some_and(|raw| !entry.is_default(&in_words(&raw))));
    customised.map(|entry| (entry.id.to_owned(), entry.reason)).collect()
}

/// Where the registry has an entry: root, key, and the value's name.
pub(super) fn place(entry: &'static LeftOut) -> (Root, &'static str, &'static str) {
    let in_classes = entry.key.get(..CLASSES.len()).is_some_and(|start| start.eq_ignore_ascii_case(CLASSES));
    let (root, key) = if in_classes { (Root::Classes, &entry.key[CLASSES.len()..]) } else { (Root::User, entry.key) };
    (root, key, entry.value)
}

fn stored(registry: &dyn Registry, entry: &'static LeftOut) -> Option<RawValue> {
    let (root, key, name) = place(entry);
    registry.read(root, key, &[name]).ok()?.pop().flatten()
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
