//! `GET /api/v1/profiles`: what the person could restore from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Profiles;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
) -> Result<Json<Profiles>, Refusal> {
    Ok(Json(Profiles { profiles: app.store.profiles(&scope)? }))
}
