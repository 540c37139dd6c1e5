//! `PUT /api/v1/retention-policies/{retention_policy}`: other terms of a retention policy.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewRetentionPolicy;
use model::ids::RetentionPolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RetentionPolicyId>,
    IfMatch(version): IfMatch,
    Input(mut input): Input<NewRetentionPolicy>,
) -> Result<Response, Refusal> {
    let tags = input.tags.take();
    let change = (super::terms(input), tags);
    let changed =
        apart(move || app.store.change_retention_policy(&view, (id, version), change, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
