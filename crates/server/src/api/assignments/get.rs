//! `GET /api/v1/role-assignments/{assignment}`: one of them. The `ETag` is its version.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::AssignmentId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
) -> Result<Response, Refusal> {
    let found = apart(move || app.store.assignment(&view, id)).await?;
    Ok(tagged(StatusCode::OK, found.version, &super::shape(found)))
}
