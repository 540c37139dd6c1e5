//! `GET /api/v1/approvals/{approval}`: one request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::ApprovalId;
use model::permission::may;
use model::reason::Reason;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ApprovalRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ApprovalId>,
) -> Result<Response, Refusal> {
    let found = apart(move || app.store.seen_approval(&view, id)).await?;
    let found = found.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    Ok(tagged(StatusCode::OK, found.version, &super::shape(found)))
}
