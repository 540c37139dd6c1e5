//! `PATCH /api/v1/roles/{role}`: changes one of the tenant's own roles, within what the asker holds.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::RolePatch;
use model::ids::RoleId;
use model::permission::may;
use store::RoleChange;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    IfMatch(version): IfMatch,
    Input(input): Input<RolePatch>,
) -> Result<Response, Refusal> {
    let change = RoleChange {
        name: input.name,
        permissions: input.permissions.map(|permissions| permissions.into_iter().collect()),
        tags: input.scope_tags,
    };
    let changed = apart(move || app.store.change_role(&view, (id, version), change, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
