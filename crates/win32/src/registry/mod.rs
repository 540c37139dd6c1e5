//! The registry of the person who is signed in, as they may read and write it: never elevated, never another person's.
//!
//! [`LiveRegistry`] opens every key for reading only, so that a backup cannot write even by mistake: Windows itself would refuse.
//! [`LiveRegistryWrite`] is the one that a restore gets. Types and bytes go in and out exactly as they are stored. Hives of other people and
//! of dead PCs are read by `device::registry::hive` and never loaded here.

mod key;

use std::collections::BTreeMap;

use device::registry::memory::fold;
use device::registry::{RawValue, Registry, RegistryError, RegistryWrite};
use model::catalog::Root;

use key::Access;
pub(crate) use key::Key;

/// The largest value that is read, in bytes: Microsoft advises 2,048, and what Windows itself keeps in a user's hive stays under a megabyte.
const VALUE_BYTES_MAX: u32 = 4 << 20;

/// Up to so many values are asked for one by one; of more, it is looked first whether to list all that the key has takes fewer calls.
const FEW: usize = 4;

/// The signed-in person's registry, to read from.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveRegistry;

/// The signed-in person's registry, to write to.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveRegistryWrite;

impl Registry for LiveRegistry {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        match Key::open(root, key, Access::Read)?.map(Key::left_open) {
            Some(key) if names.len() > FEW => match key.count()? {
                count if count as usize <= names.len() => {
                    let all: BTreeMap<String, RawValue> =
                        key.values(count)?.into_iter().map(|(name, raw)| (fold(&name), raw)).collect();
                    Ok(names.iter().map(|name| all.get(&fold(name)).cloned()).collect())
                }
                _ => names.iter().map(|name| key.value(name)).collect(),
            },
            Some(key) => names.iter().map(|name| key.value(name)).collect(),
            None => Ok(vec![None; names.len()]),
        }
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        Key::open(root, key, Access::Read)?.map(Key::left_open).map_or(Ok(Vec::new()), |key| key.values(u32::MAX))
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        Key::open(root, key, Access::Read)?.map(Key::left_open).map_or(Ok(Vec::new()), |key| key.subkeys(u32::MAX))
    }
}

impl Registry for LiveRegistryWrite {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        LiveRegistry.read(root, key, names)
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        LiveRegistry.values(root, key)
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        LiveRegistry.subkeys(root, key)
    }
}

impl RegistryWrite for LiveRegistryWrite {
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        Key::create(root, key)?.set(name, value)
    }

    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError> {
        Key::open(root, key, Access::Write)?.map_or(Ok(()), |key| key.remove(name))
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        key::flush()
    }
}
