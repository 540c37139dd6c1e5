//! `DELETE /api/v1/service-accounts/{token}`: withdraws a service account, from the next request on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::TokenId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TokenWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TokenId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.revoke_token(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
