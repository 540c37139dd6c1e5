//! `DELETE /api/v1/roles/{role}`: deletes a role that is not assigned.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::RoleId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_role(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
