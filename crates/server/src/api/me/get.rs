//! `GET /api/v1/me`: who has signed in, and what they may do somewhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::Me;

use crate::App;
use crate::access::{Allowed, FRESH_MILLIS, SignedIn};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed((person, signed_in_at)): Allowed<SignedIn>,
    State(app): State<Arc<App>>,
) -> Result<Json<Me>, Refusal> {
    let (tenant, user) = (person.tenant(), person.user());
    let authority = apart(move || app.store.authority(&person, app.clock.now())).await?;
    let permissions = authority.map(|authority| authority.permissions().into_iter().collect()).unwrap_or_default();
    Ok(Json(Me { tenant, user, permissions, fresh_until_at: signed_in_at.plus_millis(FRESH_MILLIS) }))
}
