//! `POST /api/v1/policies/{policy}/rollback`: puts back what a policy said in an earlier version. That is a new version, and can be taken back as well.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::PolicyId;
use model::permission::may;
use serde::Deserialize;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

/// Which version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct To {
    version: u64,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    IfMatch(version): IfMatch,
    Input(to): Input<To>,
) -> Result<Response, Refusal> {
    let changed = apart(move || app.store.roll_back_policy(&view, (id, version), to.version, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &changed))
}
