//! `GET /api/v1/policies/{policy}`: one of them. The `ETag` is its version.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::PolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
) -> Result<Response, Refusal> {
    let found = apart(move || app.store.policy(&view, id)).await?;
    Ok(tagged(StatusCode::OK, found.version, &found))
}
