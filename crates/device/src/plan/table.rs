//! The catalog that planning, applying and exporting look settings up in.
//!
//! Outside tests there is exactly one, the compiled one, and no way to hand in another: which settings there are is the security boundary
//! (rule R1 of the threat model). Tests bring a small table with one setting of each kind, so that they do not hang on today's entries.

use model::catalog::{self, Setting};

/// Settings, sorted by id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table(&'static [Setting]);

impl Table {
    /// The catalog of this program.
    pub(crate) fn compiled() -> Self {
        Self(catalog::SETTINGS)
    }

    /// A catalog for tests.
    #[cfg(test)]
    pub(crate) fn of(settings: &'static [Setting]) -> Self {
        assert!(settings.is_sorted_by(|a, b| a.id < b.id), "the table is searched by halving");
        Self(settings)
    }

    /// The setting with that id.
    pub(crate) fn find(self, id: &str) -> Option<&'static Setting> {
        self.0.binary_search_by(|setting| setting.id.cmp(id)).ok().map(|index| &self.0[index])
    }

    /// All settings, in the order of their ids.
    pub(crate) fn settings(self) -> &'static [Setting] {
        self.0
    }
}
