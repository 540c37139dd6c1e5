//! `PUT /api/v1/profiles/{profile}/snapshots/{snapshot}/rehearsal`: what the device found when it opened what is stored. In its own profile only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;
use model::rehearsal::Rehearsal;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Body, Within, apart};
use crate::problem::Refusal;

/// The largest request: a number, a word, and room for what comes.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, snapshot): Within<ProfileId, SnapshotId>,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<StatusCode, Refusal> {
    let rehearsal: Rehearsal = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    if !rehearsal.is_sound() {
        return Err(Refusal::invalid("a rehearsal that failed has a reason, and one that did not has none"));
    }
    if profile != scope.profile() {
        return Err(Refusal::not_found(Reason::NoSuchSnapshot));
    }
    if let Some(reason) = &rehearsal.reason {
        tracing::warn!(%profile, seq = rehearsal.seq, reason, "a stored snapshot could not be restored");
    }
    let noted = apart(move || app.store.note_rehearsal(&scope, snapshot, &rehearsal, app.clock.now())).await?;
    if noted { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::not_found(Reason::NoSuchSnapshot)) }
}
