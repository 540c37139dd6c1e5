//! Scope tags.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::Tag;

fn shape(tag: store::Tag) -> Tag {
    Tag { id: tag.id, name: tag.name }
}
