//! Facts about a PC and what its organisation has decided for it, from any registry: the live one, hives of a dead disk, a `.reg` export.
//!
//! [`Places`] is what a source has to offer: values of the PC's half and the person's half. [`read`] takes everything from it that the
//! prerequisites, the policies and `rehome doctor` need. What Windows itself says through its API, which only the live PC can ask,
//! comes in as [`Asked`] and goes before the registry. Nothing here is needed for a backup: what is missing stays unknown.
//!
//! Places of facts: `SOFTWARE\Microsoft\Windows NT\CurrentVersion` (build, `UBR`, `DisplayVersion`, `EditionID`), `HARDWARE\DESCRIPTION\
//! System\BIOS` or `Control\SystemInformation` (maker, model), `Control\ComputerName`, `Control\Session Manager\Environment`
//! (`PROCESSOR_ARCHITECTURE`), `Control\CloudDomainJoin\JoinInfo` (Entra), `Services\Tcpip\Parameters` (`Domain`) with `Netlogon` and
//! `W32Time` beside it, `SOFTWARE\Microsoft\Enrollments` (device management), `SharedPC\NodeValues` (shared mode), and in the person's half `WorkplaceJoin\JoinInfo`, `User Shell Folders`,
//! `AssignedAccessConfiguration` (kiosks) and OneDrive's own account key.

mod installed;
mod join;
mod managed;
mod narrow;
mod once;
mod onedrive;
mod policies;
mod shared;
pub mod smbios;
mod sources;

use std::collections::BTreeMap;

use model::policy::windows::Shown;
use model::policy::{Effective, Given, Hive, Values, evaluate};
use model::prerequisite::{Build, Join};
use model::snapshot::DeviceFacts;
use serde::Serialize;

use crate::codec::text_of;
use crate::registry::{RawValue, RegistryError};

pub use installed::{EnrolmentToken, Installed, enrolment_token, installed};
pub use managed::Managed;
pub use narrow::narrow;
pub use once::Once;
pub use sources::{HivePlaces, RegPlaces};

const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const BIOS: &str = r"HARDWARE\DESCRIPTION\System\BIOS";
const CONTROL: &str = r"SYSTEM\CurrentControlSet\Control";

/// The longest text that is taken over, in characters; names of PCs and models are shorter.
const TEXT_CHARS_MAX: usize = 128;

/// The longest text of a snapshot's facts; Windows allows 63 characters for a PC, makers use up to 64 for a model.
const SNAPSHOT_CHARS_MAX: usize = 64;

/// Reads the two halves of a PC's registry. Keys are named below `HKEY_LOCAL_MACHINE` or `HKEY_CURRENT_USER`.
pub trait Places {
    /// A value; `None` if it is not there, or the source does not have that part of the registry.
    fn value(&self, hive: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError>;

    /// All values of a key with their names; empty if it is not there.
    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError>;

    /// The names of the keys right below a key; empty if it is not there.
    fn subkeys(&self, hive: Hive, key: &str) -> Result<Vec<String>, RegistryError>;
}

/// What Windows says when it is asked through its API: only the live PC can be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How the PC is joined.
    pub join: Option<Join>,
    /// The raw table of the firmware (SMBIOS), for maker, model and serial number.
    pub firmware: Vec<u8>,
    /// The name of the PC.
    pub name: Option<String>,
    /// Whether the network in use has a price.
    pub metered: Option<bool>,
    /// Whether this program runs elevated.
    pub elevated: Option<bool>,
    /// The security identifier of the person's account, as Windows writes it (`S-1-5-21-...`).
    pub person: Option<String>,
}

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Windows' API.
    Windows,
    /// The registry.
    Registry,
}

/// What is known of a PC. `None`: the source does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Windows build, such as 26100.
    pub build: Option<u32>,
    /// Update build revision, such as 4946.
    pub revision: Option<u32>,
    /// Such as `24H2`.
    pub display_version: Option<String>,
    /// Edition id, such as `Enterprise`.
    pub edition: Option<String>,
    /// Such as `AMD64`.
    pub architecture: Option<String>,
    /// The PC's name.
    pub name: Option<String>,
    /// Its maker.
    pub maker: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number. Many makers fill in nonsense: shown to people, never used as a key.
    pub serial: Option<String>,
    /// How it is joined.
    pub join: Option<Join>,
    /// Where the join state comes from.
    pub join_source: Option<Source>,
    /// Whether it is a kiosk, or shared by people whose accounts come and go; `None`: nothing says so.
    pub shared: Option<bool>,
    /// Which management it is enrolled in: `MS DM Server` is Intune's name for itself.
    pub management: Vec<String>,
    /// Which of Desktop, Documents and Pictures OneDrive has taken over; `None`: the source has no person's half.
    pub onedrive_folders: Option<Vec<&'static str>>,
    /// Whether the network in use has a price.
    pub metered: Option<bool>,
    /// Whether this program runs elevated.
    pub elevated: Option<bool>,
}

impl Facts {
    /// What a snapshot carries of them. The model is the maker's word alone, as people know it; names that are longer than a snapshot holds are
    /// left out.
    pub fn for_snapshot(&self) -> DeviceFacts {
        let short = |text: &Option<String>| text.clone().filter(|text| text.chars().count() <= SNAPSHOT_CHARS_MAX);
        DeviceFacts {
            name: short(&self.name).unwrap_or_default(),
            model: short(&self.model),
            build: self.build,
            revision: self.revision,
            edition: short(&self.edition),
        }
    }

    /// Build and revision, if both are known.
    pub fn exact_build(&self) -> Option<Build> {
        Some(Build { build: self.build?, revision: self.revision? })
    }
}

/// Everything that a source says of its PC.
#[derive(Clone, Default)]
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// Values of policies as they were found.
    pub values: Values,
    /// Windows' own policies that are only shown, by value name.
    pub shown: BTreeMap<&'static str, Given>,
    /// What the installer was told.
    pub installed: Installed,
    /// The settings that the organisation decides itself.
    pub managed: Managed,
    /// What could not be read, a sentence each.
    pub unread: Vec<String>,
}

impl Known {
    /// What holds.
    pub fn policy(&self) -> Effective {
        evaluate(&self.values)
    }

    /// The number of a Windows policy that is only shown.
    pub fn shown_number(&self, shown: &Shown) -> Option<u32> {
        match self.shown.get(shown.value) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// Reads everything that the source says.
pub fn read(places: &dyn Places, asked: &Asked) -> Known {
    let mut reader = Reader { places, unread: Vec::new() };
    let facts = reader.facts(asked);
    // Facts are a value or two of a key each; policies are all values of theirs.
    let places = &Once::new(places);
    let mut reader = Reader { places, unread: reader.unread };
    let (values, shown) = policies::read(&mut reader);
    let managed = managed::read(&mut reader, asked.person.as_deref());
    Known { facts, values, shown, managed, installed: installed(places), unread: reader.unread }
}

/// Reads single values and remembers what could not be read.
struct Reader<'a> {
    places: &'a dyn Places,
    unread: Vec<String>,
}

impl Reader<'_> {
    fn raw(&mut self, hive: Hive, key: &str, name: &str) -> Option<RawValue> {
        match self.places.value(hive, key, name) {
            Ok(found) => found,
            Err(error) => {
                self.unread.push(error.to_string());
                None
            }
        }
    }

    fn text(&mut self, hive: Hive, key: &str, name: &str) -> Option<String> {
        clean(&self.whole_text(hive, key, name)?)
    }

    /// A text as it is, however long and whatever is in it: to compare with, not to be shown.
    fn whole_text(&mut self, hive: Hive, key: &str, name: &str) -> Option<String> {
        // REG_SZ and REG_EXPAND_SZ.
        let raw = self.raw(hive, key, name).filter(|raw| matches!(raw.reg_type, 1 | 2))?;
        text_of(&raw.bytes)
    }

    fn machine(&mut self, key: &str, name: &str) -> Option<String> {
        self.text(Hive::Machine, key, name)
    }

    fn subkeys(&mut self, hive: Hive, key: &str) -> Vec<String> {
        self.places.subkeys(hive, key).unwrap_or_else(|error| {
            self.unread.push(error.to_string());
            Vec::new()
        })
    }

    /// Whether a key is there and has a value or a key below it.
    fn has_something(&mut self, hive: Hive, key: &str) -> bool {
        let values = self.places.values(hive, key).unwrap_or_else(|error| {
            self.unread.push(error.to_string());
            Vec::new()
        });
        !values.is_empty() || !self.subkeys(hive, key).is_empty()
    }

    fn facts(&mut self, asked: &Asked) -> Facts {
        let firmware = smbios::system(&asked.firmware);
        let in_registry = join::of(self);
        let own = |found: Option<String>| found.and_then(|text| clean(&text));
        let (maker, model, serial) = (own(firmware.maker), own(firmware.product), own(firmware.serial));
        Facts {
            build: self.machine(VERSION, "CurrentBuildNumber").and_then(|build| build.parse().ok()),
            revision: self.raw(Hive::Machine, VERSION, "UBR").as_ref().and_then(number),
            display_version: self.machine(VERSION, "DisplayVersion"),
            edition: self.machine(VERSION, "EditionID"),
            architecture: self.machine(&format!(r"{CONTROL}\Session Manager\Environment"), "PROCESSOR_ARCHITECTURE"),
            name: asked
                .name
                .clone()
                .or_else(|| self.machine(&format!(r"{CONTROL}\ComputerName\ComputerName"), "ComputerName")),
            maker: maker.or_else(|| self.of_maker("SystemManufacturer")),
            model: model.or_else(|| self.of_maker("SystemProductName")),
            serial,
            join: asked.join.or(in_registry),
            join_source: match (asked.join, in_registry) {
                (Some(_), _) => Some(Source::Windows),
                (None, found) => found.map(|_| Source::Registry),
            },
            shared: shared::of(self),
            management: self.management(),
            onedrive_folders: onedrive::folders(self, asked.person.as_deref()),
            metered: asked.metered,
            elevated: asked.elevated,
        }
    }

    fn of_maker(&mut self, name: &str) -> Option<String> {
        self.machine(BIOS, name).or_else(|| self.machine(&format!(r"{CONTROL}\SystemInformation"), name))
    }

    /// Only enrolments that stand: a key stays behind where one failed or was ended.
    fn management(&mut self) -> Vec<String> {
        const KEY: &str = r"SOFTWARE\Microsoft\Enrollments";
        /// `EnrollmentState` of an enrolled PC (Fleet, "Windows MDM glossary and protocol", by Microsoft Graph's `enrollmentState`).
        const ENROLLED: u32 = 1;
        let ids = self.subkeys(Hive::Machine, KEY);
        let mut found: Vec<_> = ids
            .iter()
            .map(|id| format!(r"{KEY}\{id}"))
            .filter_map(|key| {
                let state = self.raw(Hive::Machine, &key, "EnrollmentState").as_ref().and_then(number);
                state.filter(|state| *state == ENROLLED).and_then(|_| self.machine(&key, "ProviderID"))
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

/// A number stored as `REG_DWORD`.
fn number(raw: &RawValue) -> Option<u32> {
    (raw.reg_type == 4).then(|| raw.bytes.as_slice().try_into().ok().map(u32::from_le_bytes)).flatten()
}

/// The text without blanks around it, if it is one that can be shown.
fn clean(text: &str) -> Option<String> {
    let text = text.trim();
    let is_good = !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    is_good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
