//! What people read: plans, results, snapshots, lists. Every function here turns a value into text and does nothing else.

pub mod apps;
pub mod diff;
pub mod plan;
pub mod snapshot;
pub mod table;
pub mod value;

use std::fmt::{self, Write as _};

/// Adds formatted text to a text, which cannot fail.
pub fn put(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}
