//! Maps with numbered fields, and what a reader does with fields that it does not know.
//!
//! Keys 0 to 23 are critical: whoever does not know one must not go on. Keys from 24 up are optional and may be left out of account
//! (`docs/format.md`, "Unknown fields"). So a later version can add to a format in either way, and every older reader does the right thing.

use super::Item;

/// The first optional key. Keys below take one byte, and a format that needs more than 24 of them has outgrown itself.
const OPTIONAL_FIRST: u64 = 24;

/// The fields of a map that were not taken yet.
pub(crate) struct Fields<'a>(Vec<(u64, Item<'a>)>);

/// What is wrong with a map's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldsError {
    /// Not a map, or a key that is not a number from 0 up.
    NotFields,
    /// A critical field that this version does not know.
    Newer(u64),
}

impl<'a> Fields<'a> {
    /// The fields of an item.
    pub(crate) fn of(item: Item<'a>) -> Result<Self, FieldsError> {
        let Item::Map(pairs) = item else { return Err(FieldsError::NotFields) };
        let numbered = pairs.into_iter().map(|(key, value)| match key {
            Item::Unsigned(key) => Ok((key, value)),
            _ => Err(FieldsError::NotFields),
        });
        numbered.collect::<Result<_, _>>().map(Self)
    }

    /// Takes a field out, if it is there.
    pub(crate) fn take(&mut self, key: u64) -> Option<Item<'a>> {
        let index = self.0.iter().position(|(other, _)| *other == key)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Ends the reading: what was not taken must be optional.
    pub(crate) fn finish(self) -> Result<(), FieldsError> {
        match self.0.iter().map(|(key, _)| *key).filter(|key| *key < OPTIONAL_FIRST).min() {
            Some(key) => Err(FieldsError::Newer(key)),
            None => Ok(()),
        }
    }
}
