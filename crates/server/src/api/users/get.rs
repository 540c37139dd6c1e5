//! `GET /api/v1/users/{user}`: one of them. The `ETag` is its version.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::UserId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
) -> Result<Response, Refusal> {
    let found = apart(move || app.store.listed_person(&view, id)).await?;
    Ok(tagged(StatusCode::OK, found.version, &super::shape(found)))
}
