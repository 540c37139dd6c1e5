//! `PUT /api/v1/profiles/{profile}/snapshots/{snapshot}/pin`: retention keeps it from now on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::{ProfileId, SnapshotId};

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::Within;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, snapshot): Within<ProfileId, SnapshotId>,
) -> Result<StatusCode, Refusal> {
    super::set(app, scope, (profile, snapshot), true).await
}
