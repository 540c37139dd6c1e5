//! Roles: those that every tenant has, and its own.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::Role;
use model::permission::BuiltIn;
use store::Which;

use crate::problem::Refusal;

fn shape(role: store::Role) -> Role {
    Role {
        id: role.id.to_string(),
        name: role.name,
        built_in: false,
        api_only: false,
        permissions: role.permissions.into_iter().collect(),
        scope_tags: role.tags,
    }
}

fn built_in(role: BuiltIn) -> Role {
    Role {
        id: role.word().to_owned(),
        name: role.word().to_owned(),
        built_in: true,
        api_only: role.is_api_only(),
        permissions: role.permissions(),
        scope_tags: Vec::new(),
    }
}

/// A role by its id or word.
pub(crate) fn which(text: &str) -> Result<Which, Refusal> {
    if let Some(role) = BuiltIn::from_word(text) {
        return Ok(Which::BuiltIn(role));
    }
    text.parse()
        .map(Which::Own)
        .map_err(|_| Refusal::invalid(format!("`{text}` is no role: a built-in one's word or an id")))
}
