//! Rules while they are written: whether they are understood, whom they would take in, and why.

pub(crate) mod explain;
pub(crate) mod preview;
pub(crate) mod validate;

use ::rules::Kind;
use serde::Deserialize;

/// A rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// Its language.
    kind: Kind,
    /// Its text.
    rule: String,
    /// How many members are named.
    limit: Option<usize>,
}
