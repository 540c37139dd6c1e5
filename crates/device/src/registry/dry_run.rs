//! A registry that only remembers: what would have been written, over a registry that is not touched.
//!
//! Reading gives what would stand there after the writes, so that the code above it takes the same turns as in a real restore, and cannot
//! tell the difference.

use std::collections::BTreeMap;

use model::catalog::Root;

use super::memory::fold;
use super::{RawValue, Registry, RegistryError, RegistryWrite};

/// Remembers writes instead of carrying them out.
pub struct DryRun<'r> {
    beneath: &'r dyn Registry,
    writes: Vec<Write>,
    /// By folded key and name: where in `writes` its last write is.
    last: BTreeMap<(Root, String, String), usize>,
}

/// A write that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which root.
    pub root: Root,
    /// The key below it.
    pub key: String,
    /// The name of the value.
    pub name: String,
    /// What would be stored; `None`: the value would be removed.
    pub value: Option<RawValue>,
}

impl<'r> DryRun<'r> {
    /// A dry run over this registry.
    pub fn new(beneath: &'r dyn Registry) -> Self {
        Self { beneath, writes: Vec::new(), last: BTreeMap::new() }
    }

    /// What would have been written, in order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    fn write(&mut self, write: Write) {
        self.last.insert((write.root, fold(&write.key), fold(&write.name)), self.writes.len());
        self.writes.push(write);
    }

    fn written(&self, root: Root, key: &str, name: &str) -> Option<&Write> {
        self.last.get(&(root, fold(key), fold(name))).map(|&at| &self.writes[at])
    }
}

impl Registry for DryRun<'_> {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        let mut found = self.beneath.read(root, key, names)?;
        for (value, name) in found.iter_mut().zip(names) {
            if let Some(write) = self.written(root, key, name) {
                value.clone_from(&write.value);
            }
        }
        Ok(found)
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        let mut found = self.beneath.values(root, key)?;
        found.retain(|(name, _)| self.written(root, key, name).is_none());
        let folded = fold(key);
        let here = self.last.iter().filter(|((at, of, _), _)| *at == root && *of == folded);
        found.extend(here.filter_map(|(_, &at)| Some((self.writes[at].name.clone(), self.writes[at].value.clone()?))));
        Ok(found)
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        let mut found = self.beneath.subkeys(root, key)?;
        let below = if key.is_empty() { String::new() } else { format!(r"{}\", fold(key)) };
        for write in self.writes.iter().filter(|write| write.root == root && write.value.is_some()) {
            let Some(rest) = fold(&write.key).strip_prefix(&below).map(|rest| rest.chars().count()) else { continue };
            let skipped = write.key.chars().count() - rest;
            let name: String = write.key.chars().skip(skipped).take_while(|&c| c != '\\').collect();
            if !name.is_empty() && !found.iter().any(|known| fold(known) == fold(&name)) {
                found.push(name);
            }
        }
        Ok(found)
    }
}

impl RegistryWrite for DryRun<'_> {
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        self.write(Write { root, key: key.to_owned(), name: name.to_owned(), value: Some(value.clone()) });
        Ok(())
    }

    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError> {
        if self.read(root, key, &[name])?.first().is_some_and(Option::is_some) {
            self.write(Write { root, key: key.to_owned(), name: name.to_owned(), value: None });
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::MemoryRegistry;

    fn number(number: u8) -> RawValue {
        RawValue { reg_type: 4, bytes: vec![number, 0, 0, 0] }
    }

    #[test]
    fn reads_as_if_written_and_leaves_the_registry_beneath_alone() {
        let mut beneath = MemoryRegistry::new();
        beneath.set(Root::User, r"A\B", "stays", &number(1)).unwrap();
        beneath.set(Root::User, r"A\B", "goes", &number(2)).unwrap();
        let before = beneath.to_reg_file();

        let mut dry = DryRun::new(&beneath);
        dry.set(Root::User, r"a\b", "STAYS", &number(3)).unwrap();
        dry.set(Root::User, r"A\New\Deep", "x", &number(4)).unwrap();
        dry.remove(Root::User, r"A\B", "goes").unwrap();
        dry.remove(Root::User, r"A\B", "was never there").unwrap();
        dry.flush().unwrap();

        let read = dry.read(Root::User, r"A\B", &["stays", "goes", "other"]).unwrap();
        assert_eq!(read, [Some(number(3)), None, None]);
        assert_eq!(dry.values(Root::User, r"A\B").unwrap(), [("STAYS".to_owned(), number(3))]);
        assert_eq!(dry.subkeys(Root::User, "a").unwrap(), ["B", "New"]);
        assert_eq!(dry.subkeys(Root::User, r"A\NEW").unwrap(), ["Deep"]);
        assert_eq!(dry.subkeys(Root::User, "").unwrap(), ["A"]);
        assert_eq!(dry.writes().len(), 3);
        assert_eq!(beneath.to_reg_file(), before);
    }
}
