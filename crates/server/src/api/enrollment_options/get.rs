//! `GET /api/v1/enrollment-options`: what holds for everybody and for the people of some groups.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let (options, version) = apart(move || app.store.enrolment_options(&view)).await?;
    Ok(tagged(StatusCode::OK, version, &options))
}
