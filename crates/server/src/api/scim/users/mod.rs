//! People.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod put;

use model::ids::UserId;

use crate::scim::Wrong;

/// Text that is no id is an id that nobody has.
fn id(text: &str) -> Result<UserId, Wrong> {
    text.parse().map_err(|_| Wrong::not_found())
}
