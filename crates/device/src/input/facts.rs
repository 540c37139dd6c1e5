//! What a PC says about itself in its own hives: name, model, version of Windows.
//!
//! Places: `Microsoft\Windows NT\CurrentVersion` of `SOFTWARE` has build, revision and edition; `SYSTEM` has the name in
//! `Control\ComputerName` and the model in `Control\SystemInformation` of the control set that its key `Select` calls current
//! (Microsoft, "HKLM\SYSTEM\CurrentControlSet"). All of it is a convenience: what is missing stays unknown.

use std::path::Path;

use model::snapshot::DeviceFacts;

use super::file::read_hive;
use super::profile::Machine;
use crate::codec::text_of;
use crate::registry::RawValue;
use crate::registry::hive::HiveFile;

const VERSION_KEY: &str = r"Microsoft\Windows NT\CurrentVersion";

/// The longest name that is taken over; Windows allows 63 characters for a PC, makers use up to 64 for a model.
const NAME_CHARS_MAX: usize = 64;

/// The facts that the PC's hives tell.
pub(super) fn of(machine: &Machine, warnings: &mut Vec<String>) -> DeviceFacts {
    let mut facts = DeviceFacts::default();
    if let Some(software) = machine.software.as_deref().and_then(|path| open(path, warnings)) {
        let found = software.read(VERSION_KEY, &["CurrentBuildNumber", "UBR", "EditionID"]).unwrap_or_default();
        let mut found = found.into_iter();
        facts.build = found.next().and_then(text).and_then(|build| build.parse().ok());
        facts.revision = found.next().and_then(number);
        facts.edition = found.next().and_then(text);
    }
    if let Some(system) = machine.system.as_deref().and_then(|path| open(path, warnings)) {
        let current = number(one(&system, "Select", "Current")).unwrap_or(1);
        let control = format!(r"ControlSet{current:03}\Control");
        let name = text(one(&system, &format!(r"{control}\ComputerName\ComputerName"), "ComputerName"));
        facts.name = name.unwrap_or_default();
        facts.model = text(one(&system, &format!(r"{control}\SystemInformation"), "SystemProductName"));
    }
    facts
}

/// Opens one of the PC's hives; what stands in the way becomes a warning.
pub(super) fn open(path: &Path, warnings: &mut Vec<String>) -> Option<HiveFile> {
    let opened = read_hive(path).map_err(|error| error.to_string());
    match opened.and_then(|bytes| HiveFile::open(bytes).map_err(|error| error.to_string())) {
        Ok(file) => Some(file),
        Err(error) => {
            warnings.push(format!("facts about the PC are missing: {error}"));
            None
        }
    }
}

fn one(file: &HiveFile, key: &str, name: &str) -> Option<RawValue> {
    file.read(key, &[name]).ok()?.pop().flatten()
}

fn text(raw: Option<RawValue>) -> Option<String> {
    let text = text_of(&raw.filter(|raw| raw.reg_type == 1)?.bytes)?;
    let text = text.trim();
    let is_name = !text.is_empty() && text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned())
}

fn number(raw: Option<RawValue>) -> Option<u32> {
    let raw = raw.filter(|raw| raw.reg_type == 4)?;
    raw.bytes.as_slice().try_into().ok().map(u32::from_le_bytes)
}
