//! Which settings an organisation decides itself on a PC: the places of the policies that the catalog names, looked at one by one.
//!
//! Group Policy leaves its values below the keys of its templates. Device management and provisioning packages leave theirs below
//! `PolicyManager\current`, for the PC in `device` and for a person under their security identifier (Microsoft, "Policy CSP"; the keys are
//! described under "Diagnose MDM failures"). A policy counts only with a number by which it takes the choice away; one that is set to "the
//! person may choose" does not.

use std::collections::BTreeMap;

use model::catalog::{self, GroupPlace, MdmPlace, WindowsPolicy};
use model::plan::{ManagedBy, Manager};
use model::policy::Hive;

use super::{Reader, number};
use crate::codec::text_of;
use crate::registry::RawValue;

/// What device management has set, by whom it is for.
const POLICY_MANAGER: &str = r"SOFTWARE\Microsoft\PolicyManager\current";

/// Where policies for everybody on the PC are.
const DEVICE: &str = "device";

/// What the identifier of a person's account begins with: one of a domain or of the PC, or one of Microsoft Entra ID.
const PEOPLE: [&str; 2] = ["S-1-5-21-", "S-1-12-1-"];

/// The settings that the organisation decides on a PC, by id, with who does.
pub type Managed = BTreeMap<&'static str, ManagedBy>;

/// Looks at every policy that a setting names. `person` is the identifier of the person's account, if it is known.
pub(super) fn read(reader: &mut Reader<'_>, person: Option<&str>) -> Managed {
    let people = people(reader, person);
    let mut found: BTreeMap<&str, ManagedBy> = BTreeMap::new();
    for policy in catalog::WINDOWS_POLICIES {
        let by = policy.group.and_then(|place| by_group_policy(reader, &place));
        let by = by.or_else(|| policy.mdm.and_then(|place| by_mdm(reader, &place, &people)));
        if let Some(by) = by {
            found.insert(policy.id, told(policy, by));
        }
    }
    let owner = |managed_by: &[&str]| managed_by.iter().find_map(|id| found.get(id).cloned());
    catalog::SETTINGS.iter().filter_map(|setting| Some((setting.id, owner(setting.managed_by)?))).collect()
}

fn told(policy: &WindowsPolicy, by: Manager) -> ManagedBy {
    ManagedBy { policy: policy.id.to_owned(), title: policy.title.to_owned(), by }
}

/// The keys of `PolicyManager\current` that are for this person. Where nobody says who that is, and there is only one, it is them.
fn people(reader: &mut Reader<'_>, person: Option<&str>) -> Vec<String> {
    let is_person = |name: &String| PEOPLE.iter().any(|start| name.to_ascii_uppercase().starts_with(start));
    let mut all: Vec<String> = reader.subkeys(Hive::Machine, POLICY_MANAGER).into_iter().filter(is_person).collect();
    match person {
        Some(person) => all.retain(|name| name.eq_ignore_ascii_case(person)),
        None if all.len() > 1 => all.clear(),
        None => {}
    }
    all
}

fn by_group_policy(reader: &mut Reader<'_>, place: &GroupPlace) -> Option<Manager> {
    let mut owns = |hive| reader.raw(hive, place.key, place.name).is_some_and(|raw| counts(&raw, place.owns));
    if place.machine && owns(Hive::Machine) {
        return Some(Manager::MachinePolicy);
    }
    (place.user && owns(Hive::User)).then_some(Manager::UserPolicy)
}

fn by_mdm(reader: &mut Reader<'_>, place: &MdmPlace, people: &[String]) -> Option<Manager> {
    let scopes = std::iter::once(DEVICE).chain(people.iter().map(String::as_str));
    let mut keys = scopes.map(|scope| format!(r"{POLICY_MANAGER}\{scope}\{}", place.area));
    let owns = |key: String| reader.raw(Hive::Machine, &key, place.name).is_some_and(|raw| counts(&raw, place.owns));
    keys.any(owns).then_some(Manager::DeviceManagement)
}

/// Whether what is stored takes the choice away. Numbers may be stored as text, as some templates do.
fn counts(raw: &RawValue, owns: &[u32]) -> bool {
    let stored =
        number(raw).or_else(|| text_of(&raw.bytes).filter(|_| matches!(raw.reg_type, 1 | 2))?.trim().parse().ok());
    match stored {
        Some(stored) => owns.is_empty() || owns.contains(&stored),
        None => owns.is_empty() && !raw.bytes.is_empty(),
    }
}
