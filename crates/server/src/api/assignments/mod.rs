//! Role assignments.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;

use model::admin::{Assignment, AssignmentTerms, NewAssignment};
use model::ids::TagId;
use store::{Terms, Which};

use crate::api::roles::which;
use crate::problem::Refusal;

fn shape(assignment: store::Assignment) -> Assignment {
    let terms = assignment.terms;
    let role = match terms.role {
        Which::BuiltIn(role) => role.word().to_owned(),
        Which::Own(id) => id.to_string(),
    };
    Assignment {
        id: assignment.id,
        terms: AssignmentTerms {
            name: terms.name,
            role,
            users: terms.users,
            groups: terms.groups,
            service_accounts: terms.tokens,
            scope_groups: terms.scope_groups,
            scope_tags: terms.scope_tags,
            expires_at: terms.expires_at,
            tags: assignment.tags,
        },
    }
}

fn terms(new: NewAssignment) -> Result<(Terms, Option<Vec<TagId>>), Refusal> {
    let terms = Terms {
        role: which(&new.role)?,
        name: new.name,
        users: new.users,
        groups: new.groups,
        tokens: new.service_accounts,
        scope_groups: new.scope_groups,
        scope_tags: new.scope_tags,
        expires_at: new.expires_at,
    };
    Ok((terms, new.tags))
}
