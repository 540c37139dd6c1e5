//! `PUT /api/v1/sign-in-rules`: puts others in their place.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::SignInRules;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TenantWrite>,
    State(app): State<Arc<App>>,
    IfMatch(version): IfMatch,
    Input(rules): Input<SignInRules>,
) -> Result<Response, Refusal> {
    let version = apart(move || app.store.change_sign_in_rules(&view, version, rules, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, version, &rules))
}
