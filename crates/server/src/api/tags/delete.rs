//! `DELETE /api/v1/scope-tags/{tag}`: deletes a scope tag that nothing carries.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::TagId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_tag(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
