//! What a PC says about itself in its own hives: name, model, version of Windows.
//!
//! `SOFTWARE` and `SYSTEM` are opened here and read by [`crate::facts`]; which control set of `SYSTEM` counts is told by its key `Select`
//! (Microsoft, "HKLM\SYSTEM\CurrentControlSet"). All of it is a convenience: what is missing stays unknown.

use std::path::Path;

use model::snapshot::{App, DeviceFacts};

use super::file::read_hive;
use super::profile::Machine;
use crate::apps::machine_programs;
use crate::facts::{Asked, HivePlaces, Known, read};
use crate::own_files::{OwnFiles, Whose, sid_of};
use crate::registry::hive::HiveFile;
use crate::registry::{RawValue, Registry};

/// The facts that the PC's hives tell, what they say of its policies, where the PC keeps the files of the person whose profile this is, and the programs
/// that are installed there for everybody.
pub(super) fn of(
    machine: &Machine,
    (user, profile): (&dyn Registry, &Path),
    warnings: &mut Vec<String>,
) -> (DeviceFacts, Known, OwnFiles, Vec<App>) {
    let software = machine.software.as_deref().and_then(|path| open(path, warnings));
    let system = machine.system.as_deref().and_then(|path| open(path, warnings));
    let control_set = system.as_ref().and_then(|system| number(one(system, "Select", "Current"))).unwrap_or(1);
    let places = HivePlaces { user, software: software.as_ref(), system: system.as_ref(), control_set };
    let sid = sid_of_profile(profile, &places);
    let known = read(&places, &Asked { person: sid.clone(), ..Asked::default() });
    let programs = machine_programs(&places).unwrap_or_else(|error| {
        warnings.push(format!("the list of programs is missing: {error}"));
        Vec::new()
    });
    (known.facts.for_snapshot(), known, files(machine, sid.as_deref(), &places), programs)
}

/// Whose profile a folder is, by its name.
fn sid_of_profile(profile: &Path, places: &HivePlaces<'_>) -> Option<String> {
    let profile = profile.canonicalize().ok()?;
    sid_of(profile.file_name()?, places)
}

fn files(machine: &Machine, sid: Option<&str>, places: &HivePlaces<'_>) -> OwnFiles {
    let whose = sid.map(|sid| Whose { sid, places });
    match (&machine.program_data, &machine.public) {
        (Some(program_data), Some(public)) => OwnFiles::of_pc(program_data, public, whose),
        _ => OwnFiles::default(),
    }
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

fn number(raw: Option<RawValue>) -> Option<u32> {
    let raw = raw.filter(|raw| raw.reg_type == 4)?;
    raw.bytes.as_slice().try_into().ok().map(u32::from_le_bytes)
}
