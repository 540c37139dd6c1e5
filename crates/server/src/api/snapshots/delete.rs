//! `DELETE /api/v1/profiles/{profile}/snapshots/{snapshot}`: in the device's own profile only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;

use crate::App;
use crate::api::extract::{Caller, Within, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    Caller(scope): Caller,
    Within(profile, snapshot): Within<ProfileId, SnapshotId>,
) -> Result<StatusCode, Refusal> {
    if profile != scope.profile() {
        return Err(Refusal::not_found(Reason::NoSuchSnapshot));
    }
    let removed = apart(move || app.store.delete_snapshot(&scope, snapshot, app.clock.now())).await?;
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Refusal::not_found(Reason::NoSuchSnapshot))
}
