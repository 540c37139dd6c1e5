//! What a value of another build of Windows means on this one, as the catalog documents it ([`model::catalog::Transform`]).
//!
//! There are two sorts: a value of a setting that this build has under another name, or without that choice; and a setting whose place another
//! one has taken. Whatever no transform names is the same on both builds, or is left out with the reason.

use std::collections::BTreeMap;

use model::catalog::{Setting, Transform};
use model::plan::Transformed;
use model::reason::Reason;
use model::snapshot::{Reading, Snapshot};
use model::value::Value;

use super::{Table, on_this_build};
use crate::codec;

/// The readings of settings that the backup has under the name of another build, by the id that they have on this one.
pub(super) fn moved(table: Table, old: &Snapshot, here: &Snapshot) -> BTreeMap<&'static str, Reading> {
    let build = here.device.build.unwrap_or(0);
    let came = |setting: &'static Setting| {
        if !on_this_build(setting, &here.device) || has_own(setting, old) {
            return None;
        }
        let from = source(setting, build, old)?;
        let was = old.readings.get(from.from)?.value()?;
        Some((setting.id, Reading::Set { value: mapped(table, (setting, from), was)? }))
    };
    table.settings().iter().filter_map(came).collect()
}

/// The reading as it is on this build, and what it was.
pub(super) fn fitting(
    table: Table,
    setting: &'static Setting,
    reading: &Reading,
    (old, here): (&Snapshot, &Snapshot),
) -> (Reading, Option<Transformed>) {
    let build = here.device.build.unwrap_or(0);
    let told = |from: &str, value: &Value| {
        let title = table.find(from).map_or_else(|| from.to_owned(), |setting| setting.title.to_owned());
        Transformed { from: from.to_owned(), title, value: value.clone() }
    };
    if !has_own(setting, old)
        && let Some(from) = source(setting, build, old)
        && let Some(was) = old.readings.get(from.from).and_then(Reading::value)
    {
        return (reading.clone(), Some(told(from.from, was)));
    }
    let own = |one: &&Transform| one.from == setting.id && one.on_build(build);
    let Some(was) = reading.value() else { return (reading.clone(), None) };
    let now = setting.transforms.iter().filter(own).find_map(|one| mapped(table, (setting, one), was));
    match now {
        Some(value) => (Reading::Set { value }, Some(told(setting.id, was))),
        None => (reading.clone(), None),
    }
}

/// Why a setting of the backup is not on this build: another one has its place, or none.
pub(super) fn why_not_here(setting: &Setting, here: &Snapshot) -> Reason {
    let build = here.device.build.unwrap_or(0);
    let takes_its_place = |other: &Setting| {
        other.id != setting.id && other.transforms.iter().any(|one| one.from == setting.id && one.on_build(build))
    };
    let has_moved = Table::compiled().settings().iter().any(takes_its_place);
    if has_moved { Reason::Moved } else { Reason::NotOnThisBuild }
}

/// Whether the backup itself says something of the setting.
fn has_own(setting: &Setting, old: &Snapshot) -> bool {
    old.readings.get(setting.id).is_some_and(|reading| *reading != Reading::Absent)
}

/// The transform by which the setting comes from another one that the backup has.
fn source(setting: &Setting, build: u32, old: &Snapshot) -> Option<&'static Transform> {
    let fits = |one: &&Transform| one.from != setting.id && one.on_build(build) && old.readings.contains_key(one.from);
    setting.transforms.iter().find(fits)
}

/// What the value is on this build; `None` if the transform does not name it.
fn mapped(table: Table, (setting, transform): (&Setting, &Transform), was: &Value) -> Option<Value> {
    let from = table.find(transform.from)?;
    let pair = transform.map.iter().find(|(old, _)| codec::value_of(from, *old).as_ref() == Some(was))?;
    codec::value_of(setting, pair.1)
}
