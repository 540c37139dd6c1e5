//! Looks at the compiled table once more: what `rehome catalog check` prints.

use super::rules::{Entries, Violation, violations};
use super::{Category, LEFT_OUT, PACKED, SETTINGS, VERSION, WINDOWS_POLICIES};

/// What the compiled catalog holds, and which rules it breaks: none, or the build would have failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The catalog's version.
    pub version: u32,
    /// How many settings each category has, and how many left-out things, in the order of the categories.
    pub categories: Vec<(Category, usize, usize)>,
    /// How many settings in all.
    pub settings: usize,
    /// How many left-out things in all.
    pub left_out: usize,
    /// How many areas the block list names.
    pub blocked_areas: usize,
    /// Broken rules.
    pub violations: Vec<Violation>,
}

/// Checks the table that is compiled in against all rules, the block list among them.
pub fn check() -> Report {
    let categories = Category::ALL
        .into_iter()
        .map(|category| {
            let settings = SETTINGS.iter().filter(|setting| setting.category == category).count();
            let left_out = LEFT_OUT.iter().filter(|entry| entry.category == category).count();
            (category, settings, left_out)
        })
        .collect();
    Report {
        version: VERSION,
        categories,
        settings: SETTINGS.len(),
        left_out: LEFT_OUT.len(),
        blocked_areas: super::blocked::BLOCKED.len(),
        violations: violations(&Entries {
            settings: SETTINGS,
            left_out: LEFT_OUT,
            packed: PACKED,
            policies: WINDOWS_POLICIES,
        }),
    }
}
