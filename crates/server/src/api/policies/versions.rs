//! `GET /api/v1/policies/{policy}/versions`: the states that a policy was in, newest first, each with what it changed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, PolicyVersion};
use model::ids::PolicyId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
) -> Result<Json<Listing<PolicyVersion>>, Refusal> {
    let items = apart(move || app.store.policy_versions(&view, id)).await?;
    Ok(Json(Listing { items, next_cursor: None }))
}
