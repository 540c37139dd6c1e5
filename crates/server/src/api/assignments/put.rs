//! `PUT /api/v1/role-assignments/{assignment}`: other terms in place of an assignment's.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewAssignment;
use model::ids::AssignmentId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
    IfMatch(version): IfMatch,
    Input(input): Input<NewAssignment>,
) -> Result<Response, Refusal> {
    let terms = super::terms(input)?;
    let changed = apart(move || app.store.reassign(&view, (id, version), terms, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
