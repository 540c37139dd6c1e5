//! `POST /api/v1/policies/{policy}/duplicate`: another policy that says the same, under another name and switched off.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewPolicy;
use model::ids::PolicyId;
use model::permission::may;
use serde::Deserialize;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, random_id, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

/// Under which name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct As {
    name: String,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    Input(new): Input<As>,
) -> Result<Response, Refusal> {
    let made = apart(move || {
        let there = app.store.policy(&view, id)?;
        let terms = NewPolicy { name: new.name, enabled: false, priority: None, ..there.terms };
        app.store.create_policy(&view, (PolicyId(random_id(&app)), terms), app.clock.now())
    })
    .await?;
    Ok(tagged(StatusCode::CREATED, made.version, &made))
}
