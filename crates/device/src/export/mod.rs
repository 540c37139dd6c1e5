//! Export: a snapshot in a form that works without Rehome.
//!
//! [`as_reg`] makes a `.reg` file that regedit imports; it holds what a registry file can hold by itself, and says what it leaves out.
//! [`as_json`] has everything, for programs.

use model::catalog::Root;
use model::reason::Reason;
use model::snapshot::{Reading, Snapshot};
use serde::Serialize;

use crate::codec;
use crate::plan::{Table, check};
use crate::registry::{MemoryRegistry, Registry, RegistryWrite};

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
    let mut registry = MemoryRegistry::new();
    let (mut settings, mut left_out) = (0, Vec::new());
    for (id, reading) in &snapshot.readings {
        match add(table, (id, reading), &mut registry) {
            Ok(added) => settings += usize::from(added),
            Err(reason) => {
                let title = table.find(id).map_or(id.as_str(), |setting| setting.title).to_owned();
                left_out.push(LeftOut { id: id.clone(), title, reason });
            }
        }
    }
    RegExport { bytes: registry.to_reg_file(), settings, left_out }
}

/// Whether there was something to write.
fn add(table: Table, (id, reading): (&str, &Reading), registry: &mut MemoryRegistry) -> Result<bool, Reason> {
    let value = match reading {
        Reading::Set { value } | Reading::Default { value } => value,
        Reading::Absent => return Ok(false),
        Reading::Refused { reason } => return Err(*reason),
    };
    let setting = table.find(id).ok_or(Reason::NotInCatalog)?;
    let (Some(key), Some(name)) = (setting.key(), setting.name()) else { return Err(Reason::NotInThisFormat) };
    check(setting, value)?;
    let current = registry.read(Root::User, key, &[name]).map_err(|_| Reason::Internal)?.pop().flatten();
    // Only a packed value whose base is not known can fail now.
    let raw = codec::encode(setting, value, current.as_ref()).map_err(|_| Reason::NotInThisFormat)?;
    registry.set(Root::User, key, name, &raw).map_err(|_| Reason::Internal)?;
    Ok(true)
}

/// A snapshot as JSON, indented, in a fixed order.
pub fn as_json(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(snapshot).expect("a snapshot holds nothing that JSON cannot say");
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
