//! `PATCH /api/v1/scope-tags/{tag}`: renames a scope tag.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewTag;
use model::ids::TagId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    IfMatch(version): IfMatch,
    Input(input): Input<NewTag>,
) -> Result<Response, Refusal> {
    let changed = apart(move || app.store.rename_tag(&view, (id, version), input.name, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
