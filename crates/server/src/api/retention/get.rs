//! `GET /api/v1/retention`: the organisation's own rules. The `ETag` is their version; 0 where it has none, and the standard counts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::OwnRules;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let (rules, version) = apart(move || app.store.versioned_rules(view.tenant_scope())).await?;
    Ok(tagged(StatusCode::OK, version, &OwnRules { rules }))
}
