//! `GET /api/v1/profiles/{profile}/snapshots`: newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Snapshots;
use model::ids::ProfileId;
use model::reason::Reason;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::Profile;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Profile(profile): Profile<ProfileId>,
) -> Result<Json<Snapshots>, Refusal> {
    let snapshots = app.store.snapshots(&scope, profile)?;
    Ok(Json(Snapshots { snapshots: snapshots.ok_or_else(|| Refusal::not_found(Reason::NotFound))? }))
}
