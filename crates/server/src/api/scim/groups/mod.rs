//! Groups.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod put;

use model::ids::{GroupId, UserId};
use store::{AdminError, Group, GroupChange, GroupLookup, Slice, Source, Store, View};

use crate::scim::{ScimType, Wrong};

/// Text that is no id is an id that nothing has.
fn id(text: &str) -> Result<GroupId, Wrong> {
    text.parse().map_err(|_| Wrong::not_found())
}

type Read = (Group, Vec<(UserId, String)>);

/// A group that a provider manages; those of admins are not its business.
fn read(store: &Store, view: &View, id: GroupId) -> Result<Read, AdminError> {
    let found = store.group(view, id)?;
    if found.0.source == Source::Provider { Ok(found) } else { Err(AdminError::NotFound) }
}

/// The same without who is in it.
fn head(store: &Store, view: &View, id: GroupId) -> Result<Group, AdminError> {
    let one = Slice { limit: 1, ..Slice::default() };
    store.scim_groups(view, &GroupLookup::Id(id), one)?.items.pop().ok_or(AdminError::NotFound)
}

/// A group as it is to be.
fn change((name, external_id, members): (String, Option<String>, Vec<UserId>)) -> GroupChange {
    GroupChange { name: Some(name), external_id: Some(external_id), members: Some(members), ..GroupChange::default() }
}

/// A member who is not there is the request's mistake, not a group that is not found.
fn wrong(error: AdminError) -> Wrong {
    match error {
        AdminError::NotFound => Wrong::new(ScimType::InvalidValue, "a member is no user of this organisation"),
        other => other.into(),
    }
}
