//! `POST /api/v1/policies/reach`: how many devices a policy applies to, excludes, and finds another policy on. Changes nothing: editors ask while somebody types.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Assignments, NewPolicy, PolicyReach};
use model::ids::PolicyId;
use model::permission::may;
use serde::Deserialize;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// For whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    assignments: Assignments,
    /// The policy that is edited, if there is one yet.
    #[serde(default)]
    policy: Option<PolicyId>,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<PolicyReach>, Refusal> {
    let terms = NewPolicy { assignments: wanted.assignments, ..NewPolicy::default() };
    Ok(Json(apart(move || app.store.policy_reach(&view, &terms, wanted.policy, app.clock.now())).await?))
}
