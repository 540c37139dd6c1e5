//! `GET /api/v1/profiles/{profile}/snapshots/{snapshot}`: a whole envelope with all its parts. Leaves an audit row, and counts as a restore of its person's.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::api::ENVELOPE_TYPE;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Within, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, snapshot): Within<ProfileId, SnapshotId>,
) -> Result<Response, Refusal> {
    app.gates.restore(scope.user()).map_err(|seconds| {
        Refusal::limited(format!("more than {} restores an hour", app.bounds.restores_per_hour), seconds)
    })?;
    let envelope = apart(move || app.store.envelope(&scope, profile, snapshot, app.clock.now())).await?;
    let envelope = envelope.ok_or_else(|| Refusal::not_found(Reason::NoSuchSnapshot))?;
    Ok(([(header::CONTENT_TYPE, ENVELOPE_TYPE)], envelope).into_response())
}
