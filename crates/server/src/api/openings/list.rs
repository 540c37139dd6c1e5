//! `GET /api/v1/openings`: who has opened the content of this PC's person, when, why, and what of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Openings;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::apart;
use crate::cases::openings;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
) -> Result<Json<Openings>, Refusal> {
    Ok(Json(openings(apart(move || app.store.openings(&scope, app.clock.now())).await?)))
}
