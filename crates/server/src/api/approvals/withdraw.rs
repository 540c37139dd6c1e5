//! `POST /api/v1/approvals/{approval}/withdraw`: takes a request back, by who made it.

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
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ApprovalRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ApprovalId>,
) -> Result<Response, Refusal> {
    let taken = apart(move || app.store.withdraw(&view, id, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, taken.version, &super::shape(taken)))
}
