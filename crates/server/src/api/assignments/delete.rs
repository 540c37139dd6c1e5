//! `DELETE /api/v1/role-assignments/{assignment}`: takes a role away. An owner always stays.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::AssignmentId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.unassign(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
