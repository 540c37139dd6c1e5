//! A source of facts of which each key is read once.
//!
//! Hundreds of policies stand in a few dozen keys, most of which no PC has. To ask for them one by one opens the same key a hundred times, and that
//! is what a backup on Windows spent most of its time with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use model::policy::Hive;

use super::Places;
use crate::registry::memory::fold;
use crate::registry::{RawValue, RegistryError};

/// The values of a key by their folded names; `None` if the key as a whole could not be read.
type Values = Option<Rc<BTreeMap<String, RawValue>>>;

/// What [`Places`] says, as it was when each key was first asked for. Meant for one reading of a PC's facts, not to be kept.
pub struct Once<'a> {
    places: &'a dyn Places,
    keys: RefCell<BTreeMap<(Hive, String), Values>>,
    /// The key that was asked for last, as it was written: policies of a key stand together.
    last: RefCell<Option<(Hive, String, Values)>>,
}

impl<'a> Once<'a> {
    /// Nothing is read yet.
    pub fn new(places: &'a dyn Places) -> Self {
        Self { places, keys: RefCell::default(), last: RefCell::default() }
    }

    fn of_key(&self, hive: Hive, key: &str) -> Values {
        if let Some((last_hive, last_key, values)) = &*self.last.borrow()
            && (*last_hive, last_key.as_str()) == (hive, key)
        {
            return values.clone();
        }
        let read = || {
            let values = self.places.values(hive, key).ok()?;
            Some(Rc::new(values.into_iter().map(|(name, raw)| (fold(&name), raw)).collect()))
        };
        let values = self.keys.borrow_mut().entry((hive, fold(key))).or_insert_with(read).clone();
        *self.last.borrow_mut() = Some((hive, key.to_owned(), values.clone()));
        values
    }
}

impl Places for Once<'_> {
    fn value(&self, hive: Hive, key: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
        match self.of_key(hive, key) {
            Some(values) if values.is_empty() => Ok(None),
            Some(values) => Ok(values.get(&fold(name)).cloned()),
            // One damaged value costs only itself; and the error is that of the value that was asked for.
            None => self.places.value(hive, key, name),
        }
    }

    fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        self.places.values(hive, key)
    }

    fn subkeys(&self, hive: Hive, key: &str) -> Result<Vec<String>, RegistryError> {
        self.places.subkeys(hive, key)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A PC with one key, whose second value is damaged if it is said so; counts how often it is asked.
    struct Pc {
        damaged: bool,
        asked: Cell<u32>,
    }

    fn number(number: u32) -> RawValue {
        RawValue { reg_type: 4, bytes: number.to_le_bytes().to_vec() }
    }

    fn damage() -> RegistryError {
        RegistryError::Damaged { key: "Key".to_owned(), what: "cut".to_owned() }
    }

    impl Places for Pc {
        fn value(&self, _: Hive, _: &str, name: &str) -> Result<Option<RawValue>, RegistryError> {
            self.asked.set(self.asked.get() + 1);
            match name {
                "One" => Ok(Some(number(1))),
                "Two" if self.damaged => Err(damage()),
                _ => Ok(None),
            }
        }

        fn values(&self, hive: Hive, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
            self.asked.set(self.asked.get() + 1);
            let is_there = hive == Hive::Machine && key.eq_ignore_ascii_case("Key");
            match (is_there, self.damaged) {
                (true, true) => Err(damage()),
                (true, false) => Ok(vec![("One".to_owned(), number(1)), ("Two".to_owned(), number(2))]),
                (false, _) => Ok(Vec::new()),
            }
        }

        fn subkeys(&self, _: Hive, _: &str) -> Result<Vec<String>, RegistryError> {
            Ok(vec!["Below".to_owned()])
        }
    }

    #[test]
    fn a_key_is_asked_for_once_whether_it_is_there_or_not() {
        let pc = Pc { damaged: false, asked: Cell::new(0) };
        let once = Once::new(&pc);
        assert_eq!(once.value(Hive::Machine, "Key", "one").unwrap(), Some(number(1)));
        assert_eq!(once.value(Hive::Machine, "KEY", "Two").unwrap(), Some(number(2)));
        assert_eq!(once.value(Hive::Machine, "Key", "Three").unwrap(), None);
        assert_eq!(pc.asked.get(), 1);
        assert_eq!(once.value(Hive::User, "Key", "One").unwrap(), None, "the other half is another key");
        assert_eq!(once.value(Hive::User, "Key", "Two").unwrap(), None);
        assert_eq!(pc.asked.get(), 2);
        assert_eq!(once.subkeys(Hive::Machine, "Key").unwrap(), ["Below"]);
        assert_eq!(once.values(Hive::Machine, "Key").unwrap().len(), 2);
    }

    #[test]
    fn a_damaged_value_costs_only_itself() {
        let pc = Pc { damaged: true, asked: Cell::new(0) };
        let once = Once::new(&pc);
        assert_eq!(once.value(Hive::Machine, "Key", "One").unwrap(), Some(number(1)));
        assert!(once.value(Hive::Machine, "Key", "Two").is_err());
        assert_eq!(pc.asked.get(), 3, "the key in vain, and each value");
    }
}
