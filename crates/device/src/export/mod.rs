//! Export: a snapshot in a form that works without Rehome.
//!
//! [`as_reg`] makes a `.reg` file that regedit imports; it holds what a registry file can hold by itself, and says what it leaves out.
//! [`dsc::as_dsc`] says the same as desired state, for DSC and WinGet. [`csv::as_csv`] is for spreadsheets. [`as_json`] has everything, for programs.

pub mod csv;
pub mod dsc;

use std::collections::BTreeMap;

use model::catalog::Root;
use model::reason::Reason;
use model::snapshot::{Reading, Snapshot};
use serde::Serialize;

use crate::codec;
use crate::plan::{Table, check};
use crate::registry::{MemoryRegistry, RawValue, Registry, RegistryWrite};

/// A snapshot as a `.reg` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegExport {
    /// The file: UTF-16LE with its mark, as regedit writes it.
    pub bytes: Vec<u8>,
    /// How many settings it holds.
    pub settings: usize,
    /// The settings that it does not hold.
    pub left_out: Vec<LeftOut>,
}

/// A setting that a `.reg` file does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Setting id.
    pub id: String,
    /// What people call it; the id if this version does not know it.
    pub title: String,
    /// Why.
    pub reason: Reason,
}

/// The settings of a snapshot as a `.reg` file.
///
/// Settings that nothing was stored for have no line: importing then leaves alone what the other PC has. Pictures and the bits of packed values
/// whose other bits nobody knows cannot be written alone, and are reported.
pub fn as_reg(snapshot: &Snapshot) -> RegExport {
    as_reg_in(Table::compiled(), snapshot)
}

pub(crate) fn as_reg_in(table: Table, snapshot: &Snapshot) -> RegExport {
    let gathered = gather(table, snapshot);
    RegExport { bytes: gathered.registry.to_reg_file(), settings: gathered.settings, left_out: gathered.left_out }
}

/// Where a stored value belongs, and which settings are in it.
pub(crate) struct StoredAt {
    pub(crate) root: Root,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) settings: Vec<String>,
}

/// What of a snapshot the registry can hold by itself.
pub(crate) struct Gathered {
    registry: MemoryRegistry,
    settings: usize,
    pub(crate) values: Vec<(StoredAt, RawValue)>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Encodes every setting that stands for itself.
pub(crate) fn gather(table: Table, snapshot: &Snapshot) -> Gathered {
    let mut registry = MemoryRegistry::new();
    let (mut settings, mut left_out) = (0, Vec::new());
    let mut places: BTreeMap<(String, String), StoredAt> = BTreeMap::new();
    for (id, reading) in &snapshot.readings {
        match add(table, (id, reading), &mut registry) {
            Ok(None) => {}
            Ok(Some((key, name))) => {
                settings += 1;
                let place = (key.to_ascii_lowercase(), name.to_ascii_lowercase());
                let (key, name) = (key.to_owned(), name.to_owned());
                let stored = StoredAt { root: Root::User, key, name, settings: Vec::new() };
                places.entry(place).or_insert(stored).settings.push(id.clone());
            }
            Err(reason) => {
                let title = table.find(id).map_or(id.as_str(), |setting| setting.title).to_owned();
                left_out.push(LeftOut { id: id.clone(), title, reason });
            }
        }
    }
    let stored = |place: StoredAt| {
        let raw = registry.read(place.root, &place.key, &[&place.name]).ok()?.pop().flatten()?;
        Some((place, raw))
    };
    let values = places.into_values().filter_map(stored).collect();
    Gathered { registry, settings, values, left_out }
}

/// The key and name that were written, if there was something to write.
fn add(
    table: Table,
    (id, reading): (&str, &Reading),
    registry: &mut MemoryRegistry,
) -> Result<Option<(&'static str, &'static str)>, Reason> {
    let value = match reading {
        Reading::Set { value } | Reading::Default { value } => value,
        Reading::Absent => return Ok(None),
        Reading::Refused { reason } => return Err(*reason),
    };
    let setting = table.find(id).ok_or(Reason::NotInCatalog)?;
    let (Some(key), Some(name)) = (setting.key(), setting.name()) else { return Err(Reason::NotInThisFormat) };
    check(setting, value)?;
    let current = registry.read(Root::User, key, &[name]).map_err(|_| Reason::Internal)?.pop().flatten();
    // Only a packed value whose base is not known can fail now.
    let raw = codec::encode(setting, value, current.as_ref()).map_err(|_| Reason::NotInThisFormat)?;
    registry.set(Root::User, key, name, &raw).map_err(|_| Reason::Internal)?;
    Ok(Some((key, name)))
}

/// The shape of [`as_json`]'s document, of which `docs/schema/export-1.json` is the schema. Fields are only ever added.
const JSON_FORMAT: &str = "rehome-export-1";

#[derive(Serialize)]
struct JsonExport<'a> {
    format: &'static str,
    #[serde(flatten)]
    snapshot: &'a Snapshot,
}

/// A snapshot as JSON, indented, in a fixed order.
pub fn as_json(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(&JsonExport { format: JSON_FORMAT, snapshot })
        .expect("a snapshot holds nothing that JSON cannot say");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use model::ids::BlobId;
    use model::value::{FileRef, Value};

    use super::*;
    use crate::sample::{self, KEY};

    fn snapshot(readings: &[(&str, Value)]) -> Snapshot {
        let set = |value: &Value| Reading::Set { value: value.clone() };
        let readings = readings.iter().map(|(id, value)| ((*id).to_owned(), set(value))).collect();
        Snapshot { readings, ..Snapshot::default() }
    }

    #[test]
    fn a_reg_file_reads_as_the_settings_that_were_exported() {
        let values = [
            ("accessibility.contrast", Value::Int(70)),
            ("language.preferred", Value::List(vec!["de-DE".to_owned(), "en-GB".to_owned()])),
            ("taskbar.alignment", Value::Choice("left".to_owned())),
        ];
        let mut old = snapshot(&values);
        old.readings.insert("taskbar.clock".to_owned(), Reading::Absent);
        let export = as_reg_in(sample::table(), &old);
        assert_eq!((export.settings, export.left_out.as_slice()), (3, &[][..]));
        let registry = MemoryRegistry::parse(&export.bytes).unwrap();
        for (id, value) in values {
            let setting = sample::table().find(id).unwrap();
            let raw = registry.read(Root::User, KEY, &[setting.name().unwrap()]).unwrap().pop().flatten().unwrap();
            assert_eq!(codec::decode(setting, &raw), Ok(value), "{id}");
        }
        assert_eq!(registry.values(Root::User, KEY).unwrap().len(), 3, "nothing else is in the file");
    }

    #[test]
    fn what_cannot_be_written_alone_is_reported() {
        let picture = Value::File(FileRef { blob: BlobId([1; 32]), size: 9 });
        let old = snapshot(&[
            ("desktop.shadow", Value::Bool(true)),
            ("no.such", Value::Bool(true)),
            ("personalization.wallpaper", picture),
            ("taskbar.clock", Value::Int(1)),
        ]);
        let export = as_reg_in(sample::table(), &old);
        let left_out: Vec<_> = export.left_out.iter().map(|left| (left.title.as_str(), left.reason)).collect();
        let expected = [
            ("Shadows", Reason::NotInThisFormat),
            ("no.such", Reason::NotInCatalog),
            ("Background picture", Reason::NotInThisFormat),
            ("Clock in the taskbar", Reason::WrongType),
        ];
        assert_eq!((export.settings, left_out.as_slice()), (0, &expected[..]));
    }

    #[test]
    fn json_reads_as_the_snapshot_that_was_exported() {
        let old = snapshot(&[("taskbar.clock", Value::Bool(true))]);
        assert_eq!(serde_json::from_slice::<Snapshot>(&as_json(&old)).unwrap(), old);
    }
}
