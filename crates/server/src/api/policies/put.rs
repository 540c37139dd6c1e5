//! `PUT /api/v1/policies/{policy}`: other terms of a policy. Priority and scope tags that are left out stay as they were.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewPolicy;
use model::ids::PolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    IfMatch(version): IfMatch,
    Input(input): Input<NewPolicy>,
) -> Result<Response, Refusal> {
    let changed = apart(move || app.store.change_policy(&view, (id, version), input, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &changed))
}
