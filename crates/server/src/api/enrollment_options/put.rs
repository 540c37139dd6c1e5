//! `PUT /api/v1/enrollment-options`: puts others in their place.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::EnrolmentOptions;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    IfMatch(version): IfMatch,
    Input(options): Input<EnrolmentOptions>,
) -> Result<Response, Refusal> {
    let wanted = options.clone();
    let version = apart(move || app.store.change_enrolment_options(&view, version, wanted, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, version, &options))
}
