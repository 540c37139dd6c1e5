//! `DELETE /api/v1/groups/{group}`: deletes a group that no role assignment names.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::GroupId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::IfMatch;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.delete_group(&view, (id, version, false), app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
