//! `DELETE /api/v1/retention-policies/{retention_policy}`: deletes a retention policy. Whom it was for is kept by the others, or by the organisation's own rules.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::RetentionPolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RetentionPolicyId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_retention_policy(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
