//! A person's registry of which each key is read once.
//!
//! Settings, things that are not carried, and the choice of a picture look into the same keys. To open a key and to see that it is no link takes Windows as
//! long as to read two values, so whatever a backup wants of a key is read in one go.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use model::catalog::Root;

use crate::registry::memory::fold;
use crate::registry::{RawValue, Registry, RegistryError};

/// The values of a key by their folded names.
type Values = BTreeMap<String, Option<RawValue>>;

/// What a registry says, as it was when each key was first asked for. Meant for one backup, not to be kept.
pub(super) struct Once<'a> {
    registry: &'a dyn Registry,
    wanted: BTreeMap<(Root, String), BTreeSet<&'static str>>,
    read: RefCell<BTreeMap<(Root, String), Values>>,
}

impl<'a> Once<'a> {
    /// These values will be asked for; nothing is read yet.
    pub(super) fn new(
        registry: &'a dyn Registry,
        wanted: impl IntoIterator<Item = (Root, &'static str, &'static str)>,
    ) -> Self {
        let mut keys: BTreeMap<_, BTreeSet<&'static str>> = BTreeMap::new();
        for (root, key, name) in wanted {
            keys.entry((root, fold(key))).or_default().insert(name);
        }
        Self { registry, wanted: keys, read: RefCell::default() }
    }

    /// All that is wanted of the key; nothing if the key as a whole cannot be read.
    fn of_key(&self, root: Root, key: &str, names: &BTreeSet<&str>) -> Values {
        let names: Vec<&str> = names.iter().copied().collect();
        let found = self.registry.read(root, key, &names).unwrap_or_default();
        names.iter().map(|name| fold(name)).zip(found).collect()
    }
}

impl Registry for Once<'_> {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        let place = (root, fold(key));
        let Some(wanted) = self.wanted.get(&place) else { return self.registry.read(root, key, names) };
        let mut read = self.read.borrow_mut();
        let values = read.entry(place).or_insert_with(|| self.of_key(root, key, wanted));
        let found: Option<Vec<_>> = names.iter().map(|name| values.get(&fold(name)).cloned()).collect();
        // One damaged value costs only itself; and the error is that of what was asked for.
        found.map_or_else(|| self.registry.read(root, key, names), Ok)
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        self.registry.values(root, key)
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        self.registry.subkeys(root, key)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A key whose value `Two` is damaged if it is said so; counts how often it is asked.
    struct Pc {
        damaged: bool,
        asked: Cell<u32>,
    }

    impl Registry for Pc {
        fn read(&self, _: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
            self.asked.set(self.asked.get() + 1);
            if self.damaged && names.contains(&"Two") {
                return Err(RegistryError::Damaged { key: key.to_owned(), what: "cut".to_owned() });
            }
            let value =
                |name: &&str| (*name != "None").then(|| RawValue { reg_type: 1, bytes: name.as_bytes().to_vec() });
            Ok(names.iter().map(value).collect())
        }

        fn values(&self, _: Root, _: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
            Ok(Vec::new())
        }

        fn subkeys(&self, _: Root, _: &str) -> Result<Vec<String>, RegistryError> {
            Ok(Vec::new())
        }
    }

    const WANTED: [(Root, &str, &str); 3] =
        [(Root::User, "Key", "One"), (Root::User, "KEY", "Two"), (Root::User, "Key", "None")];

    fn is(found: Result<Vec<Option<RawValue>>, RegistryError>, text: &str) -> bool {
        found.is_ok_and(|found| found == [Some(RawValue { reg_type: 1, bytes: text.as_bytes().to_vec() })])
    }

    #[test]
    fn all_that_is_wanted_of_a_key_is_read_at_once() {
        let pc = Pc { damaged: false, asked: Cell::new(0) };
        let once = Once::new(&pc, WANTED);
        assert!(is(once.read(Root::User, "Key", &["One"]), "One"));
        assert!(is(once.read(Root::User, "key", &["Two"]), "Two"));
        assert_eq!(once.read(Root::User, "Key", &["None"]).unwrap(), [None]);
        assert_eq!(pc.asked.get(), 1);
        assert!(is(once.read(Root::User, "Key", &["Other"]), "Other"), "what nobody announced is asked for");
        assert!(is(once.read(Root::Classes, "Key", &["One"]), "One"), "and the other root is another key");
        assert_eq!(pc.asked.get(), 3);
    }

    #[test]
    fn a_damaged_value_costs_only_itself() {
        let pc = Pc { damaged: true, asked: Cell::new(0) };
        let once = Once::new(&pc, WANTED);
        assert!(is(once.read(Root::User, "Key", &["One"]), "One"));
        assert!(once.read(Root::User, "Key", &["Two"]).is_err());
        assert_eq!(pc.asked.get(), 3, "the key in vain, and each value");
    }
}
