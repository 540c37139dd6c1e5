//! `GET /api/v1/sign-in-rules`: of whom a second factor is demanded.

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
    Allowed(view): Allowed<may::TenantRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let (rules, version) = apart(move || app.store.sign_in_rules(&view)).await?;
    Ok(tagged(StatusCode::OK, version, &rules))
}
