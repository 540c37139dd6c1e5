//! `PUT /api/v1/retention`: other rules of the organisation's own. Takes somebody who reaches everything.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::OwnRules;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionWrite>,
    State(app): State<Arc<App>>,
    IfMatch(version): IfMatch,
    Input(input): Input<OwnRules>,
) -> Result<Response, Refusal> {
    let rules = input.rules;
    let version = apart(move || app.store.change_rules(&view, version, rules, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, version, &OwnRules { rules }))
}
