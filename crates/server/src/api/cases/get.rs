//! `GET /api/v1/cases/{case}`: one case, with what was read in it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::ApprovalId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::cases::shape;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::CaseRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ApprovalId>,
) -> Result<Response, Refusal> {
    let found = apart(move || app.store.case(&view, id, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, found.approval.version, &shape(found)))
}
