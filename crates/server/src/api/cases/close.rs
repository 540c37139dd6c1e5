//! `POST /api/v1/cases/{case}/close`: ends a case for good, by who asked for it or by who could approve it.
//!
//! It takes no fresh sign-in: closing should never be the harder thing.

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
    let closed = apart(move || app.store.close_case(&view, id, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, closed.approval.version, &shape(closed)))
}
