//! Groups of people and of PCs.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod devices;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::Group;
use store::Source;

fn shape(group: store::Group) -> Group {
    let managed_by = match group.source {
        Source::Admins => "admins",
        Source::Provider => "provider",
        Source::Rule => "rule",
    };
    Group {
        id: group.id,
        name: group.name,
        description: group.description,
        of: group.of,
        rule: group.rule,
        evaluating: group.evaluating,
        managed_by: managed_by.to_owned(),
        member_count: group.members,
        members: None,
        scope_tags: group.tags,
        created_at: group.created_at,
    }
}
