//! Sources that are no live PC: a `.reg` export, and hives of a disk.

use model::catalog::Root;
use model::policy::Hive;

use super::Places;
use crate::registry::hive::HiveFile;
use crate::registry::{MemoryRegistry, RawValue, Registry, RegistryError};

/// What a `.reg` export says: its `HKEY_LOCAL_MACHINE` and the person's branch. What it does not hold is not there: facts are only looked at, and
/// a part of a PC's registry is a good enough way to ask what such a PC would be told.
pub struct RegPlaces<'a>(pub &'a MemoryRegistry);

impl Places for RegPlaces<'_> {
    fn value(&self, hive: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
        match hive {
            Hive::Machine => Ok(self.0.machine_value(key, name).cloned()),
            Hive::User => if_exported(one(self.0, key, name)),
        }
    }

    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        match hive {
            Hive::Machine => Ok(self.0.machine_values(key)),
            Hive::User => if_exported(self.0.values(Root::User, key)),
        }
    }

    fn subkeys(&self, hive: Hive, key: &str) -> Result<Vec<String>, RegistryError> {
        match hive {
            Hive::Machine => Ok(self.0.machine_subkeys(key)),
            Hive::User => if_exported(self.0.subkeys(Root::User, key)),
        }
    }
}

/// Facts that an export leaves out are not known, as those of a hive that is not there; they were not lost in reading.
fn if_exported<T: Default>(found: Result<T, RegistryError>) -> Result<T, RegistryError> {
    match found {
        Err(RegistryError::NotExported { .. }) => Ok(T::default()),
        found => found,
    }
}

/// What hives say: the person's, and the PC's `SOFTWARE` and `SYSTEM` if they are there.
pub struct HivePlaces<'a> {
    /// The person's registry.
    pub user: &'a dyn Registry,
    /// `SOFTWARE`.
    pub software: Option<&'a HiveFile>,
    /// `SYSTEM`.
    pub system: Option<&'a HiveFile>,
    /// Number of the control set that `CurrentControlSet` stands for: `Current` in the key `Select` of `SYSTEM`.
    pub control_set: u32,
}

impl HivePlaces<'_> {
    /// The hive that a key of the PC's half lies in, and its path there.
    fn at(&self, key: &str) -> Option<(&HiveFile, String)> {
        let (first, rest) = key.split_once('\\')?;
        if first.eq_ignore_ascii_case("SOFTWARE") {
            return Some((self.software?, rest.to_owned()));
        }
        let below = rest.strip_prefix(r"CurrentControlSet\").filter(|_| first.eq_ignore_ascii_case("SYSTEM"))?;
        Some((self.system?, format!(r"ControlSet{:03}\{below}", self.control_set)))
    }
}

impl Places for HivePlaces<'_> {
    fn value(&self, hive: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
        match (hive, self.at(key)) {
            (Hive::User, _) => one(self.user, key, name),
            (Hive::Machine, Some((file, path))) => Ok(file.read(&path, &[name])?.pop().flatten()),
            (Hive::Machine, None) => Ok(None),
        }
    }

    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        match (hive, self.at(key)) {
            (Hive::User, _) => self.user.values(Root::User, key),
            (Hive::Machine, Some((file, path))) => file.values(&path),
            (Hive::Machine, None) => Ok(Vec::new()),
        }
    }

    fn subkeys(&self, hive: Hive, key: &str) -> Result<Vec<String>, RegistryError> {
        match (hive, self.at(key)) {
            (Hive::User, _) => self.user.subkeys(Root::User, key),
            (Hive::Machine, Some((file, path))) => file.subkeys(&path),
            (Hive::Machine, None) => Ok(Vec::new()),
        }
    }
}

fn one(registry: &dyn Registry, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
    Ok(registry.read(Root::User, key, &[name])?.pop().flatten())
}
