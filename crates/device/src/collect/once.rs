//! A person's registry of which each key is read once.
//!
//! Settings, things that are not carried, and the choice of a picture look into the same keys. To open a key and to see that it is no link takes Windows as
//! long as to read two values, so whatever a backup wants of a key is read in one go.

use std::cell::RefCell;
use std::ops::Range;

use model::catalog::Root;

use crate::registry::memory::fold;
use crate::registry::{RawValue, Registry, RegistryError};

/// A value that will be asked for: its key and its name, folded, and the name as it is asked for.
type Wanted = (Root, String, String, &'static str);

/// What became of a value that is wanted.
#[derive(Clone)]
enum Slot {
    /// Nobody has asked for its key yet.
    Unread,
    /// The key as a whole could not be read.
    Failed,
    /// It was read, or is not there.
    Read(Option<RawValue>),
}

/// What a registry says, as it was when each key was first asked for. Meant for one backup, not to be kept.
pub(super) struct Once<'a> {
    registry: &'a dyn Registry,
    /// In order, so that the values of a key stand together. Lists and no maps: there are some hundred, and each map is code that every PC carries.
    wanted: Vec<Wanted>,
    slots: RefCell<Vec<Slot>>,
}

impl<'a> Once<'a> {
    /// These values will be asked for; nothing is read yet.
    pub(super) fn new(
        registry: &'a dyn Registry,
        wanted: impl IntoIterator<Item = (Root, &'static str, &'static str)>,
    ) -> Self {
        let mut wanted: Vec<Wanted> =
            wanted.into_iter().map(|(root, key, name)| (root, fold(key), fold(name), name)).collect();
        wanted.sort_unstable();
        wanted.dedup_by(|a, b| (a.0, &a.1, &a.2) == (b.0, &b.1, &b.2));
        let slots = RefCell::new(vec![Slot::Unread; wanted.len()]);
        Self { registry, wanted, slots }
    }

    /// Where the values of a key stand.
    fn range(&self, root: Root, key: &str) -> Range<usize> {
        let key = fold(key);
        let place = (root, key.as_str());
        let start = self.wanted.partition_point(|wanted| (wanted.0, wanted.1.as_str()) < place);
        let length = self.wanted[start..].partition_point(|wanted| (wanted.0, wanted.1.as_str()) == place);
        start..start + length
    }

    /// Reads all that is wanted of a key, if that was not done yet.
    fn fill(&self, root: Root, key: &str, range: Range<usize>) {
        let mut slots = self.slots.borrow_mut();
        if !matches!(slots.get(range.start), Some(Slot::Unread)) {
            return;
        }
        let names: Vec<&str> = self.wanted[range.clone()].iter().map(|wanted| wanted.3).collect();
        match self.registry.read(root, key, &names) {
            Ok(found) => slots[range].iter_mut().zip(found).for_each(|(slot, value)| *slot = Slot::Read(value)),
            Err(_) => slots[range].fill(Slot::Failed),
        }
    }
}

impl Registry for Once<'_> {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        let range = self.range(root, key);
        self.fill(root, key, range.clone());
        let slots = self.slots.borrow();
        let value = |name: &&str| {
            let name = fold(name);
            let at = self.wanted[range.clone()].binary_search_by(|wanted| wanted.2.cmp(&name)).ok()?;
            match &slots[range.start + at] {
                Slot::Read(value) => Some(value.clone()),
                Slot::Unread | Slot::Failed => None,
            }
        };
        // One damaged value costs only itself; and the error is that of what was asked for.
        names.iter().map(value).collect::<Option<_>>().map_or_else(|| self.registry.read(root, key, names), Ok)
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
