//! Finding entries in the compiled table.

use super::{Category, LEFT_OUT, LeftOut, PACKED, SETTINGS, Setting, WINDOWS_POLICIES, WindowsPolicy};

/// The setting with that id.
pub fn find(id: &str) -> Option<&'static Setting> {
    SETTINGS.binary_search_by(|setting| setting.id.cmp(id)).ok().map(|index| &SETTINGS[index])
}

/// All settings of a category, in the order of their ids.
pub fn in_category(category: Category) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.category == category)
}

/// What is known and not carried, in the order of ids.
pub fn left_out() -> &'static [LeftOut] {
    LEFT_OUT
}

/// What a packed value holds when nothing is stored, as [`super::Packed::base`] says it; `None`: it is only ever changed, never made.
/// Key and name are compared without case.
pub fn packed_base(key: &str, name: &str) -> Option<u64> {
    let row = PACKED.iter().find(|row| row.key.eq_ignore_ascii_case(key) && row.name.eq_ignore_ascii_case(name))?;
    Some(row.base)
}

/// The policy of Windows with that id.
pub fn windows_policy(id: &str) -> Option<&'static WindowsPolicy> {
    WINDOWS_POLICIES.binary_search_by(|policy| policy.id.cmp(id)).ok().map(|index| &WINDOWS_POLICIES[index])
}
