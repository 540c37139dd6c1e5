//! `PATCH /api/v1/users/{user}`: switches an account off or on, or changes its scope tags.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::UserPatch;
use model::ids::UserId;
use model::permission::may;
use store::PersonChange;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::UserWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    IfMatch(version): IfMatch,
    Input(input): Input<UserPatch>,
) -> Result<Response, Refusal> {
    let change = PersonChange { disabled: input.active.map(|active| !active), tags: input.scope_tags };
    let changed = apart(move || app.store.change_person(&view, (id, version), change, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
