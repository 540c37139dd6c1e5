//! `DELETE /api/v1/filters/{filter}`: deletes a filter that no policy uses.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::FilterId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_filter(&view, (id, version), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
