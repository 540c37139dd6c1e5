//! Values of policies, as they stand in the registry: Rehome's own and Windows'.

use std::collections::BTreeMap;

use model::policy::installed::{INSTALLED_KEY, PROPERTIES};
use model::policy::windows::{SETTING_SYNC, shown};
use model::policy::{Given, Hive, POLICIES, Values};

use super::{Reader, number};
use crate::codec::text_of;
use crate::registry::RawValue;

/// Reads every value that the agent knows. The server's policy is not in the registry and stays empty.
pub(super) fn read(reader: &mut Reader<'_>) -> (Values, BTreeMap<&'static str, Given>) {
    let mut values = Values::default();
    for policy in POLICIES {
        for &hive in policy.hives() {
            if let Some(raw) = reader.raw(hive, policy.key, policy.value) {
                values.own.insert((hive, policy.id), given(&raw));
            }
        }
        for twin in policy.twins {
            // `DoNotSync` twins stand at several policies; once is enough.
            if !values.windows.contains_key(twin.value)
                && let Some(raw) = reader.raw(Hive::Machine, SETTING_SYNC, twin.value)
            {
                values.windows.insert(twin.value, given(&raw));
            }
        }
    }
    for known in PROPERTIES {
        let Some(id) = known.policy else { continue };
        if let Some(raw) = reader.raw(Hive::Machine, INSTALLED_KEY, known.value) {
            values.installed.insert(id, given(&raw));
        }
    }
    let shown = shown().filter_map(|shown| {
        let said = [Some(shown.key), shown.mdm].into_iter().flatten().filter_map(|key| {
            let raw = reader.raw(Hive::Machine, key, shown.value)?;
            Some(given(&raw))
        });
        // Where both say something, that of which comes less: what one of them forbids does not happen.
        Some((shown.value, said.min_by_key(|said| if let Given::Number(number) = said { *number } else { u32::MAX })?))
    });
    let shown = shown.collect();
    (values, shown)
}

fn given(raw: &RawValue) -> Given {
    if let Some(number) = number(raw) {
        return Given::Number(number);
    }
    match (raw.reg_type, text_of(&raw.bytes)) {
        (1 | 2, Some(text)) => Given::Text(text),
        (1 | 2, None) => Given::Other("a text that is damaged".to_owned()),
        (4, _) => Given::Other("a number that is damaged".to_owned()),
        (3, _) => Given::Other("REG_BINARY".to_owned()),
        (7, _) => Given::Other("REG_MULTI_SZ".to_owned()),
        (11, _) => Given::Other("REG_QWORD".to_owned()),
        (other, _) => Given::Other(format!("of type {other}")),
    }
}
