//! Readings of the settings that are registry values.

use std::collections::BTreeMap;

use model::catalog::{Root, Setting};
use model::reason::Reason;
use model::snapshot::Reading;

use crate::codec::{decode, default_value};
use crate::registry::memory::fold;
use crate::registry::{RawValue, Registry, RegistryError};

/// The readings of these settings, each key read once. Settings that are files are not among them.
pub(super) fn of(registry: &dyn Registry, settings: &[&'static Setting]) -> BTreeMap<String, Reading> {
    let mut keys: BTreeMap<String, Vec<&'static Setting>> = BTreeMap::new();
    for setting in settings {
        if let Some(key) = setting.key() {
            keys.entry(fold(key)).or_default().push(setting);
        }
    }
    keys.values().flat_map(|settings| of_key(registry, settings)).collect()
}

/// The readings of settings that share a key.
fn of_key(registry: &dyn Registry, settings: &[&'static Setting]) -> Vec<(String, Reading)> {
    let key = settings.first().and_then(|setting| setting.key()).unwrap_or_default();
    let mut names: Vec<&str> = settings.iter().filter_map(|setting| setting.name()).collect();
    names.sort_unstable();
    names.dedup();
    let found = values(registry, key, &names);
    let reading = |setting: &Setting| match setting.name().and_then(|name| found.get(name)) {
        Some(Ok(raw)) => reading_of(setting, raw.as_ref()),
        Some(Err(reason)) => Reading::Refused { reason: *reason },
        None => Reading::Absent,
    };
    settings.iter().map(|setting| (setting.id.to_owned(), reading(setting))).collect()
}

/// The named values of a key. If the key as a whole cannot be read, each is tried alone, so that one damaged value costs only itself.
fn values<'n>(
    registry: &dyn Registry,
    key: &str,
    names: &[&'n str],
) -> BTreeMap<&'n str, Result<Option<RawValue>, Reason>> {
    match registry.read(Root::User, key, names) {
        Ok(found) => names.iter().copied().zip(found.into_iter().map(Ok)).collect(),
        Err(RegistryError::Damaged { .. }) if names.len() > 1 => {
            names.iter().flat_map(|&name| values(registry, key, &[name])).collect()
        }
        Err(error) => names.iter().map(|&name| (name, Err(error.reason()))).collect(),
    }
}

fn reading_of(setting: &Setting, raw: Option<&RawValue>) -> Reading {
    let Some(raw) = raw else { return Reading::Absent };
    match decode(setting, raw) {
        Ok(value) if default_value(setting).as_ref() == Some(&value) => Reading::Default { value },
        Ok(value) => Reading::Set { value },
        Err(reason) => Reading::Refused { reason },
    }
}
