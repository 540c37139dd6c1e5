//! The places that may be written, and the only way to write one.
//!
//! A [`Slot`] comes from the catalog and from nowhere else: plans name settings by id, and what a journal says is looked up here before it is
//! believed. All writes of a restore, a roll-back and an undo go through [`ValueSlot::write`], so the finite set of rule R1 holds by construction.

use model::catalog::{FileRole, Place, Root, Setting};
use model::reason::Reason;

use super::journal::{StepPlace, reason_of_write};
use crate::plan::Table;
use crate::registry::{RawValue, Registry, RegistryError, RegistryWrite};

/// A place that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Value(ValueSlot),
    File(FileRole),
}

/// A value of the person's registry that may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueSlot {
    key: &'static str,
    name: &'static str,
}

impl Slot {
    /// Where the setting lives.
    pub(crate) fn of(setting: &'static Setting) -> Self {
        match setting.place {
            Place::Value { key, name, .. } => Self::Value(ValueSlot { key, name }),
            Place::File(role) => Self::File(role),
        }
    }

    /// The place that a journal names, if the catalog has it.
    pub(crate) fn find(table: Table, place: &StepPlace) -> Option<Self> {
        table.settings().iter().map(Self::of).find(|slot| match (slot, place) {
            (Self::Value(slot), StepPlace::Value { key, name }) => slot.is(key, name),
            (Self::File(slot), StepPlace::File { role }) => slot == role,
            _ => false,
        })
    }

    /// How a journal names the place.
    pub(crate) fn place(self) -> StepPlace {
        match self {
            Self::Value(ValueSlot { key, name }) => StepPlace::Value { key: key.to_owned(), name: name.to_owned() },
            Self::File(role) => StepPlace::File { role },
        }
    }
}

impl ValueSlot {
    /// Windows compares keys and names without case; those of the catalog are ASCII.
    fn is(self, key: &str, name: &str) -> bool {
        self.key.eq_ignore_ascii_case(key) && self.name.eq_ignore_ascii_case(name)
    }

    /// What is stored there; `None` if nothing is.
    pub(crate) fn read(self, registry: &dyn Registry) -> Result<Option<RawValue>, Reason> {
        let mut found = registry.read(Root::User, self.key, &[self.name]).map_err(|error| reason_of(&error))?;
        Ok(found.pop().flatten())
    }

    /// Stores a value, or removes what is stored.
    pub(crate) fn write(self, registry: &mut dyn RegistryWrite, value: Option<&RawValue>) -> Result<(), Reason> {
        let done = match value {
            Some(value) => registry.set(Root::User, self.key, self.name, value),
            None => registry.remove(Root::User, self.key, self.name),
        };
        done.map_err(|error| reason_of(&error))
    }
}

impl PartialEq for ValueSlot {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.key, other.name)
    }
}

impl Eq for ValueSlot {}

/// The reason that a person is told when a registry could not be read or written.
pub(crate) fn reason_of(error: &RegistryError) -> Reason {
    match error {
        RegistryError::Write { source, .. } => reason_of_write(source),
        unread => unread.reason(),
    }
}
