//! Groups of people and of PCs.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod devices;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::Group;

fn shape(group: store::Group) -> Group {
    Group {
        id: group.id,
        name: group.name,
        description: group.description,
        of: group.of,
        rule: group.rule,
        evaluating: group.evaluating,
        managed_by: group.source.word().to_owned(),
        member_count: group.members,
        members: None,
        scope_tags: group.tags,
        created_at: group.created_at,
    }
}
