//! `DELETE /api/v1/policies/{policy}`: deletes a policy with its history. PCs go by the others from their next check-in on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::PolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_policy(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
