//! Groups of people.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::Group;
use store::Source;

fn shape(group: store::Group) -> Group {
    let managed_by = if group.source == Source::Admins { "admins" } else { "provider" };
    Group {
        id: group.id,
        name: group.name,
        managed_by: managed_by.to_owned(),
        member_count: group.members,
        members: None,
        scope_tags: group.tags,
        created_at: group.created_at,
    }
}
